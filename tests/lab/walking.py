"""One Chromium on a device walks through ordinary pages; what each of them got."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from tests.lab import chromium, names
from tests.lab.filtering import until
from tests.lab.home import Home
from tests.lab.internet.walks import FILE
from tests.lab.netns import stop
from tests.pace import longest, within

H2_PORT = 8444
PATIENCE = longest(
    25.0, below=40.0
)  # seconds for one page: the start of a browser, and the ten after which a page gives up
# Of the ranges for documentation and benchmarks, where the pretended internet is, it takes some for a home's.
_FLAGS = ("--disable-features=LocalNetworkAccessChecks", "--remote-debugging-port=0")

_NGINX = """
daemon off; worker_processes 1; pid {folder}/h2.pid; error_log {folder}/h2-error.log;
events {{ worker_connections 4096; }}
http {{
  log_format seen '$server_protocol $ssl_early_data $ssl_session_reused $connection $host';
  access_log {folder}/walk-h2.log seen;
  map $http_upgrade $wanted {{ default upgrade; '' close; }}
  server {{
    listen {port} ssl; listen [::]:{port} ssl; http2 on;
    ssl_certificate {folder}/walk.pem; ssl_certificate_key {folder}/leaf.key;
    ssl_early_data on; ssl_session_cache shared:walk:4m;
    location / {{
      proxy_pass http://127.0.0.1:8080; proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $wanted;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Stop:
    """A page of a walk, and the names that it calls."""

    host: str
    parts: tuple[str, ...]


@contextmanager
def h2_servers(home: Home, together: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """HTTP/2 with one certificate for all: at the address of each key stand its names."""
    folder = home.folder
    (folder / "walk.pem").write_bytes(
        _certificate(home, sorted({one for key in together for one in (key, *together[key])}))
    )
    (folder / "h2.conf").write_text(_NGINX.format(folder=folder, port=H2_PORT))
    process = home.internet.popen(["nginx", "-c", str(folder / "h2.conf")])
    rules = [
        f"{family} daddr {address} tcp dport 443 redirect to :{H2_PORT}"
        for name in together
        for family, address in (("ip", names.ipv4_of(name)), ("ip6", names.ipv6_of(name)))
    ]
    head = ["table inet walk {", "chain called {", "type nat hook prerouting priority dstnat;"]
    home.internet.run(["nft", "-f", "-"], stdin="\n".join([*head, *rules, "}", "}", ""]), check=True)
    try:
        listening = ["ss", "-Hltn", f"sport = :{H2_PORT}"]
        assert until(lambda: bool(home.internet.run(listening).stdout.strip()), 5.0) is not None
        yield
    finally:
        stop(process)
        home.internet.run(["nft", "delete", "table", "inet", "walk"], check=True)


def _certificate(home: Home, covered: Sequence[str]) -> bytes:
    """With the pretended internet's own key, by which its browsers know it."""
    key = load_pem_private_key((home.folder / "leaf.key").read_bytes(), None)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge.example")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())  # type: ignore[arg-type]
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=60))
    san = x509.SubjectAlternativeName([x509.DNSName(one) for one in covered])
    signed = made.add_extension(san, critical=False).sign(key, hashes.SHA256())  # type: ignore[arg-type]
    return signed.public_bytes(Encoding.PEM)


def walk(
    home: Home, device: str, stops: Sequence[Stop], *, quic_hosts: Sequence[str] = ()
) -> dict[str, list[str] | None]:
    """Host → what of its page did not load; None: it did not open at all."""
    rows = [{"host": one.host, "parts": one.parts} for one in stops]
    (home.folder / FILE).write_text(json.dumps(rows))
    shutil.rmtree(chromium.profile_folder(home, device), ignore_errors=True)
    results: dict[str, list[str] | None] = {}
    number = 0
    while number < len(stops):
        number = _from(home, device, stops, number, results, quic_hosts)
    return results


def _from(
    home: Home,
    device: str,
    stops: Sequence[Stop],
    first: int,
    results: dict[str, list[str] | None],
    quic_hosts: Sequence[str],
) -> int:
    """One browser, from page ``first`` until all are done or one does not come; the number to go on with."""
    since, number = time.time() - 0.001, first
    url = f"https://{stops[first].host}/walk/{first}"
    command = [*chromium.command(home, device, quic_hosts=quic_hosts), *_FLAGS]
    process = home.devices[device].popen([*command, url])
    try:
        while number < len(stops):
            told = within(lambda: _told(home, since, number) is not None, PATIENCE, 0.1)  # noqa: B023
            results[stops[number].host] = None if told is None else _told(home, since, number)
            number += 1
            if told is None:
                break
    finally:
        stop(process)
    return number


def _told(home: Home, since: float, number: int) -> list[str] | None:
    said = f'"GET /walked/{number}?failed='
    lines = (home.folder / "internet.jsonl").read_text().rpartition("\n")[0].splitlines()
    for line in reversed(lines):
        if said in line:
            entry = json.loads(line)
            failed = entry["detail"].partition("failed=")[2]
            return [one for one in failed.split(",") if one] if entry["time"] >= since else None
    return None
