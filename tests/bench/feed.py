"""A signed data feed on nginx: requests and bytes of one gateway's check, and the web server's CPU time.

nginx and the load are on loopback and share the machine. Each TLS connection has a full handshake.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import NamedTuple

from gateway.feed.client import FeedClient
from tests.bench.figures import Figure, Settings, at_most
from tests.bench.wires import need
from tests.feed.publisher import FIRST, FORMAT, Publisher
from tests.lab.certs import Authority
from tests.lab.netns import LabError, stop
from tests.lists.served import Anywhere
from tests.pace import longest

PLAIN, TLS = 18080, 18443
CONNECTIONS = 32
GATEWAYS, NIGHT = 1_000_000, 3 * 3600  # checks are spread over three hours, in seconds
TICKS = os.sysconf("SC_CLK_TCK")  # a second of CPU time

_CONFIGURATION = """
daemon off; user root; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 1024; }}
http {{
  log_format sizes "$bytes_sent $uri"; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  sendfile on; tcp_nopush on; keepalive_requests 1000000; root {public};
  ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key;
  ssl_protocols TLSv1.3; ssl_session_cache off; ssl_session_tickets off;
  server {{ listen 127.0.0.1:{plain}; access_log {folder}/sizes.log sizes; }}
  server {{ listen 127.0.0.1:{more}; listen 127.0.0.1:{tls} ssl; access_log off; }}
}}
"""


class Served(NamedTuple):
    folder: Path
    process: subprocess.Popen[bytes]

    def sizes(self) -> list[int]:
        """Return the bytes of each answer of the plain server since the last call, with headers."""
        log = self.folder / "sizes.log"
        lines = log.read_text().splitlines()
        log.write_text("")
        return [int(line.partition(" ")[0]) for line in lines]

    def cpu(self) -> float:
        """Return the seconds of CPU time that the worker has used."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        fields = Path(f"/proc/{children[0]}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def measure(settings: Settings) -> Iterator[Figure]:
    need("nginx", "wrk")
    publisher = Publisher(settings.folder / "publisher")
    publisher.publish(FIRST)
    with _serving(settings.folder / "nginx", publisher.public) as served:
        yield from _checks(settings.folder / "gateway", publisher, served)
        yield from _load(served, publisher, settings.times(8, 1))


def _checks(folder: Path, publisher: Publisher, served: Served) -> Iterator[Figure]:
    """Yield requests and bytes of a gateway's first check, which has new data, and of the next."""
    folder.mkdir()
    root = Path(shutil.copy(publisher.root, folder / "root.json"))
    for name, packaged in (("new data", 0), ("nothing new", FIRST)):
        client = FeedClient(folder / "state", [f"http://127.0.0.1:{PLAIN}"], root, outside=Anywhere())
        client.newest(FORMAT, packaged)
        sizes = served.sizes()
        yield at_most(f"feed: requests of a check, {name}", len(sizes), "requests", None)
        yield at_most(f"feed: answers of a check, {name}", sum(sizes) / 1000, "kB", None, "with headers")


def _load(served: Served, publisher: Publisher, seconds: int) -> Iterator[Figure]:
    plain, tls = f"http://127.0.0.1:{PLAIN + 1}", f"https://127.0.0.1:{TLS}"
    bundle = max((publisher.public / "targets").iterdir(), key=lambda file: file.stat().st_size)
    size = f"{bundle.stat().st_size / 1000:.0f} kB"
    stamp, missing = "/metadata/timestamp.json", "/metadata/9999.root.json"
    yield _cost(served, "`timestamp.json`, on an open connection", plain + stamp, seconds)
    absent = _cost(served, "404 to `<n>.root.json`, on an open connection", plain + missing, seconds)
    yield absent
    yield _cost(served, "`timestamp.json`, with a new TCP connection", plain + stamp, seconds, new=True)
    name = "`timestamp.json`, with a new TLS 1.3 connection"
    first = _cost(served, name, tls + stamp, seconds, new=True)
    yield first
    yield _cost(served, "the data, TLS, on an open connection", f"{tls}/targets/{bundle.name}", seconds, size)
    busy = (first.measured + absent.measured) / 1e6 * GATEWAYS / NIGHT
    note = "computed: one check each, with a new TLS connection"
    yield at_most("feed: a million gateways in three hours, nginx", busy * 100, "% of a core", None, note)


def _cost(served: Served, name: str, url: str, seconds: int, note: str = "", *, new: bool = False) -> Figure:
    """Return the CPU time of one request. ``new``: on a connection of its own."""
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", url]
    before = served.cpu()
    output = subprocess.run(
        [*argv, *(["-H", "Connection: close"] if new else [])], check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"(\d+) requests in", output)
    if found is None or not int(found[1]):
        raise AssertionError(output)
    each = (served.cpu() - before) / int(found[1])
    return at_most(f"feed: nginx, {name}", each * 1e6, "us of CPU", None, note)


@contextmanager
def _serving(folder: Path, public: Path) -> Iterator[Served]:
    folder.mkdir()
    Authority(folder)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(folder=folder, public=public, plain=PLAIN, more=PLAIN + 1, tls=TLS)
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(configuration)], stderr=log)
        try:
            _await(folder, process)
            yield Served(folder, process)
        finally:
            stop(process)


def _await(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until nginx has its worker."""
    for _ in range(round(longest(5.0) / 0.05)):
        if process.poll() is not None:
            raise LabError((folder / "nginx.log").read_text())
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        if (folder / "nginx.pid").exists() and children:
            return
        sleep(0.05)
    raise LabError("nginx did not start")
