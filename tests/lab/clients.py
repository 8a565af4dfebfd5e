"""Real clients on a device: each try returns what came of it, and after how many milliseconds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.lab import names
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace, stop

# curl(1), EXIT CODES: those that a filter can cause.
_CURL = {
    6: "no such name",
    7: "refused",
    28: "timed out",
    35: "reset",
    52: "closed",
    56: "reset",
    60: "wrong certificate",
}
_READ = 64 << 10
# What comes ends the wait, so it may be long; for what is not to come a test says how long it listens.
PATIENCE_S = 10.0
SILENCE_S = 1.0
EXCHANGE_S = 5.0  # of a connection made by hand
_START_S = 15.0  # until a program of ours has begun, and ended


@dataclass(frozen=True, slots=True)
class Outcome:
    """``reached`` means that the site itself answered; a redirect to the gateway's page is not that."""

    reached: bool
    ms: float
    how: str
    status: int = 0  # of HTTP, where there was an answer
    location: str = ""  # where it redirects to
    body: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What dig saw."""

    status: str  # NOERROR, NXDOMAIN, …; empty when nothing answered
    records: tuple[str, ...]  # the data of the answer section
    ms: float
    text: str  # everything that dig said

    @property
    def ede(self) -> int | None:
        """The Extended DNS Error's code (RFC 8914)."""
        match = re.search(r"EDE: (\d+)", self.text)
        return int(match[1]) if match else None


def curl(
    device: Namespace,
    url: str,
    *,
    home: Home | None = None,
    timeout: float = PATIENCE_S,
    extra: Sequence[str] = (),
) -> Outcome:
    """GET ``url``. With ``home`` the certificate is checked against its authority, else not at all."""
    trust = ["--cacert", str(home.ca)] if home else ["--insecure"]
    shape = r"\n%{http_code} %{time_total} %{redirect_url}"
    began = time.monotonic()
    done = device.run(
        ["curl", "-sS", "--max-time", str(timeout), *trust, "-w", shape, *extra, url], timeout=timeout + 10
    )
    body, _, last = done.stdout.rpartition("\n")
    status, seconds, location = (*last.split(" ", 2), "", "", "")[:3]
    code = int(status) if status.isdigit() else 0
    # Without an address curl counts no time; its whole run is the nearest.
    ms = float(seconds or 0) * 1000 or (time.monotonic() - began) * 1000
    failure = _CURL.get(done.returncode, done.stderr.strip())
    return Outcome(
        reached=done.returncode == 0 and code == 200,
        ms=round(ms, 2),
        how=failure if done.returncode else f"HTTP {code}",
        status=code,
        location=location,
        body=body,
    )


def openssl(
    device: Namespace,
    host: str,
    *,
    address: str | None = None,
    port: int = 443,
    timeout: float = PATIENCE_S,
    extra: Sequence[str] = (),
) -> Outcome:
    """A handshake by ``openssl s_client`` with SNI ``host``."""
    where = address or names.ipv4_of(host)
    connect = f"[{where}]:{port}" if ":" in where else f"{where}:{port}"
    argv = ["openssl", "s_client", "-brief", "-connect", connect, "-servername", host, *extra]
    began = time.monotonic()
    try:
        done = device.run(argv, timeout=timeout, stdin="")
    except subprocess.TimeoutExpired:
        return Outcome(False, round(timeout * 1000, 2), "timed out")
    ms = round((time.monotonic() - began) * 1000, 2)
    said = done.stdout + done.stderr
    reached = "CONNECTION ESTABLISHED" in said
    return Outcome(reached, ms, "handshake" if reached else _openssl_failure(said), body=said)


def _openssl_failure(said: str) -> str:
    if "Connection reset" in said or "errno=104" in said or "unexpected eof" in said:
        return "reset"
    if "Connection refused" in said:
        return "refused"
    return said.strip().splitlines()[-1] if said.strip() else "closed"


def dig(
    device: Namespace,
    name: str,
    qtype: str = "A",
    *,
    server: str | None = None,
    timeout: int | None = None,
    extra: Sequence[str] = (),
) -> Answer:
    """One question to ``server``, or to the device's own resolver. ``extra``: +tcp, +tls, …

    It asks once more after a while, as a device's resolver does; with ``timeout``, in seconds, only once.
    """
    where = [f"@{server}"] if server else []
    began = time.monotonic()
    wait, tries = (int(PATIENCE_S) // 2, 2) if timeout is None else (timeout, 1)
    flags = [f"+time={wait}", f"+tries={tries}", *extra]
    done = device.run(["dig", *where, *flags, name, qtype], timeout=wait * tries * 4 + 5)
    ms = round((time.monotonic() - began) * 1000, 2)
    status = re.search(r"status: (\w+)", done.stdout)
    answers = re.search(r";; ANSWER SECTION:\n(.*?)(?:\n\n|$)", done.stdout, re.DOTALL)
    lines = answers[1].splitlines() if answers else []
    records = tuple(line.split(None, 4)[4] for line in lines)
    return Answer(status[1] if status else "", records, ms, done.stdout)


def tls(
    device: Namespace, host: str, *, address: str | None = None, port: int = 443, timeout: float = PATIENCE_S
) -> Outcome:
    """Python's TLS client; an empty ``host`` sends no SNI."""
    return _probe(device, "tls", address or names.ipv4_of(host), port, host, timeout)


def h3(
    device: Namespace,
    host: str,
    *,
    address: str | None = None,
    port: int = 443,
    timeout: float = PATIENCE_S,
    version: int = 1,
) -> Outcome:
    """aioquic's HTTP/3 client, QUIC v1 or v2."""
    where = address or names.ipv4_of(host)
    return _probe(device, "h3", where, port, host, timeout, ["--version", str(version)])


def udp(device: Namespace, address: str, port: int = 7, *, timeout: float = PATIENCE_S) -> Outcome:
    """A datagram to an echo server, or to a tunnel's far end on 51820."""
    return _probe(device, "udp", address, port, "", timeout)


def tcp(device: Namespace, address: str, port: int = 7, *, timeout: float = PATIENCE_S) -> Outcome:
    """A plain TCP exchange; on port 22 the server speaks first."""
    return _probe(device, "tcp", address, port, "", timeout)


def _probe(
    device: Namespace,
    kind: str,
    address: str,
    port: int,
    host: str,
    timeout: float,
    extra: Sequence[str] = (),
) -> Outcome:
    argv = [sys.executable, "-m", "tests.lab.probe", kind, address, str(port), "--timeout", str(timeout)]
    named = ["--host", host] if host else []
    done = subprocess.run(
        device.command([*argv, *named, *extra]),
        capture_output=True,
        text=True,
        timeout=timeout + _START_S,
        cwd=ROOT,
        check=True,
    )
    result = json.loads(done.stdout)
    return Outcome(bool(result["reached"]), float(result["ms"]), str(result["how"]))


class Stream:
    """A download that never ends by itself, as a film does. A context manager, or ``close`` it."""

    def __init__(self, device: Namespace, url: str, *, extra: Sequence[str] = ()) -> None:
        self.received = 0
        self.ended_at: float | None = None  # time.monotonic() of its death
        self._arrived = threading.Event()
        self._over = threading.Event()
        argv = ["curl", "-sS", "--insecure", "--no-buffer", "--max-time", "86400", *extra, url]
        self._process = device.popen(argv, stderr=subprocess.DEVNULL)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        source = self._process.stdout
        while data := source.read1(_READ):  # type: ignore[attr-defined]
            self.received += len(data)
            self._arrived.set()
        self.ended_at = time.monotonic()
        self._over.set()

    @property
    def runs(self) -> bool:
        return not self._over.is_set()

    def started(self, timeout: float = 2 * PATIENCE_S) -> bool:
        """Wait for the first bytes; False when none come."""
        self._arrived.wait(timeout)
        return self.received > 0 and self.runs

    def flows(self, within: float = PATIENCE_S) -> bool:
        """True when more bytes arrive within so many seconds."""
        self._arrived.clear()
        return self._arrived.wait(within)

    def death(self, since: float, timeout: float = 3 * PATIENCE_S) -> float | None:
        """Milliseconds from ``since`` (time.monotonic()) to its end; None while it lives."""
        if not self._over.wait(timeout) or self.ended_at is None:
            return None
        return max(0.0, (self.ended_at - since) * 1000)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._reader.join(5.0)
        stop(self._process)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
