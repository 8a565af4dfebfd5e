"""`make run`: its doors and its sample family alone, and the whole of it with the real daemon."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.policy.rule_text import SAMPLE_MARK
from gateway.store.store import Store
from tests.lab import sample
from tests.lab.daemon import afternoon_zone
from tests.lab.doors import free_ports, open_doors, ssh_line, start_relays
from tests.lab.home import ROOT, Home
from tests.lab.names import NEW
from tests.lab.netns import is_stale, stop
from tests.lab.netns import names as namespace_names
from tests.pace import longest

RUN = [sys.executable, "-m", "tests.lab.run"]


def _run(*arguments: str, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
    )


def left_behind() -> set[str]:
    """Namespaces whose run has ended; those of a run beside this one are none of them."""
    return {name for name in namespace_names() if is_stale(name)}


@pytest.mark.parametrize("hour", range(24))
def test_the_sample_family_is_awake_whatever_the_hour(hour: int) -> None:
    now = datetime(2026, 11, 24, hour, 30, tzinfo=UTC)
    local = now.astimezone(ZoneInfo(afternoon_zone(now)))
    assert 15 <= local.hour < 18


def test_the_history_is_fourteen_days_of_marked_decisions(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    path = tmp_path / "qalqan.db"
    assert sample.write_history(path, now) > 1000
    with closing(sqlite3.connect(path)) as database:
        days = database.execute("SELECT count(DISTINCT day) FROM counts").fetchone()[0]
        rules = [rule for (rule,) in database.execute("SELECT DISTINCT rule FROM decisions")]
        names = [host for (host,) in database.execute("SELECT DISTINCT host FROM decisions")]
        last = database.execute("SELECT max(last) FROM decisions").fetchone()[0]
        audit = database.execute("SELECT what FROM audit").fetchall()
    assert days == sample.DAYS
    assert all(rule.startswith(SAMPLE_MARK) for rule in rules)
    store = Store(path)
    used = store.history.of("daughter", (now - timedelta(days=sample.DAYS)).date(), now.date())
    assert len(used) == sample.DAYS
    assert all(day["all"] == day["category:games"] + day["category:video_sharing"] for day in used.values())
    assert store.history.sample_until() is not None
    store.close()
    assert len(list((tmp_path / "minutes").iterdir())) == 7
    assert "www.tiktok.com" in names
    assert "www.khanacademy.org" not in names, "log level 2 keeps no visited site"
    assert now.timestamp() - last < timedelta(days=2).total_seconds()
    assert ("sample history",) in audit


def test_a_taken_port_is_one_clear_line() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _run("--port", str(port))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"port {port} is taken by another program; stop it" in line
    assert done.stdout == ""


def test_without_root_it_is_one_clear_line() -> None:
    argv = ["setpriv", "--reuid=65534", "--clear-groups", "--", *RUN]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "make run: the virtual home needs root for its network namespaces; run this as root"
    )


def test_ssh_line_forwards_all_three_ports() -> None:
    line = ssh_line("203.0.113.9 51000 198.51.100.7 2222", "ann", 8080)
    assert line.endswith("-p 2222 ann@198.51.100.7")
    assert [f"-L {port}:127.0.0.1:{port}" in line for port in (8080, 8081, 8082)] == [True] * 3
    assert ssh_line("", "ann", 8080) == ""


@pytest.mark.lab
def test_doors_lead_through_each_device() -> None:
    """Each request reaches the gateway from that device's own address, once the device is there."""
    first = free_ports()
    with ExitStack() as stack:
        doors = open_doors(first, stack)
        home = stack.enter_context(Home(absent=[NEW.key], quic=False))
        server = home.gateway.popen([sys.executable, "-c", _SHOW_CLIENT], cwd=ROOT)
        stack.callback(stop, server)
        start_relays(home, doors, stack)
        assert _get(first) == "192.168.77.12"
        assert _get(first + 1) == "192.168.77.10"
        with pytest.raises(urllib.error.HTTPError, match="503"):
            _get(first + 2, wait=False)
        home.join(NEW.key)
        assert NEW.mac in home.leases.read_text()
        assert _get(first + 2) == "192.168.77.13"


@pytest.mark.lab
def test_every_key_acts_on_the_real_daemon() -> None:
    """The whole of `make run`, pressed through without a keyboard."""
    before = left_behind()
    done = _run("--port", str(free_ports()), "--script", "w p p b b n v k w=www.tiktok.com q")
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout
    assert "touches no interface of yours" in told
    assert "are marked as samples" in told
    assert re.search(r"www\.tiktok\.com is refused \(\w+\), after \d+ ms", told)
    cut = r"her film stopped after (\d+) ms, Mum's goes on"
    pause = re.search(rf"Mum pauses Daughter: {cut}", told)
    assert pause, told
    assert int(pause[1]) < longest(1.0) * 1000
    # Tomorrow may be free: the night is a later one then.
    assert re.search(r"Mum resumes Daughter\. Open until bedtime at 2[01]:45\.", told)
    assert re.search(rf"past Daughter's bedtime: {cut}", told), told
    assert "The clock is right again." in told
    assert "The new phone: www.example.org opens" in told
    assert "The new phone: www.pornhub.com is refused" in told
    assert "Adult sites" not in told, "what a guest was refused is nobody's business"
    assert "The new phone is a guest" in told
    assert "The tablet looks for a VPN: nordvpn.com is refused" in told
    assert "nordvpn.com is blocked: VPN and proxies." in told
    assert re.search(r"The tablet tries a WireGuard tunnel to [\d.]+: it does not open", told), told
    assert "A VPN is blocked: it would bypass the family's rules. These are the 10-12 rules." in told
    tries = [line.split(", without the daemon: ") for line in told.splitlines() if "without the da" in line]
    without = dict(tries)
    assert "does not open" in without["Daughter's tablet"]
    assert "opens" in without["Son's phone"]
    assert "opens" in without["Mum's phone"]
    assert "Its sign of life lasts 3 s and has run out" in told
    assert re.search(r"The help line [\w.-]+ opens, 3\.\d s after the kill", told), told
    assert "The daemon is back after" in told
    assert "www.tiktok.com, for Daughter: " in told
    assert told.rstrip().endswith("The virtual home is gone.")
    assert left_behind() <= before


@pytest.mark.lab
@pytest.mark.slow
def test_the_order_of_the_keys_does_not_matter() -> None:
    done = _run("--port", str(free_ports()), "--script", "p v w b v p n k b p q")
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout
    assert "Not done" not in told
    assert "None" not in told
    assert re.search(r"Daughter's tablet: The internet is paused until \d\d:\d\d\. Mum set this\.", told)
    assert re.search(r"Daughter's tablet: It is bedtime: the internet is blocked until 0[78]:00\.", told)
    assert "Mum pauses Daughter. Her internet was closed before" in told
    assert "Its clock is right again." in told


@pytest.mark.lab
def test_the_first_refusal_is_seen_within_20_seconds_and_links_open() -> None:
    port, began = free_ports(), time.monotonic()
    with subprocess.Popen([*RUN, "--port", str(port)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        told = []
        for line in run.stdout:
            told.append(line)
            if "is refused" in line:
                assert time.monotonic() - began < longest(20.0)
            if "Ctrl-C ends it" in line:
                break
        link = re.search(r"(http://127\.0\.0\.1:\d+/signin\?code=[\w-]+)", "".join(told))
        assert link, told
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(
            link[1], timeout=10
        ) as answer:
            assert answer.status == 200
            assert answer.url.endswith("/parent/"), "the link did not sign in"
        assert "Daughter" in _get(port + 1)
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 0


@pytest.mark.lab
def test_a_first_run_starts_empty() -> None:
    done = _run("--first-run", "--port", str(free_ports()), "--script", "n p v q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "marked as samples" not in done.stdout
    assert "there is no child yet" in done.stdout
    assert "The tablet is not filtered" in done.stdout


# A web server that answers with the address of whoever asks.
_SHOW_CLIENT = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Show(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())
    def log_message(self, *args):
        pass
HTTPServer(("192.168.77.1", 8080), Show).serve_forever()
"""


def _get(port: int, *, wait: bool = True) -> str:
    """The body of a page behind a door; ``wait`` for what is behind it to start."""
    until = time.monotonic() + longest(5.0)
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                return str(answer.read().decode())
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if not wait or time.monotonic() > until:
                raise
            time.sleep(0.05)
