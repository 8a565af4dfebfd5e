"""Packets that reach Python: of a connection, by protocol, and of a large download.

The kernel alone carries the rest. Packets of connections are those of the daemon's flow table, divided by the
connections that it decided.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from statistics import median

from tests.bench.figures import Figure, Settings, at_most
from tests.bench.web import DOWNLOAD, nginx
from tests.bench.wires import HOST, Wires, flow_counts, queued
from tests.lab.daemon import Daemon

DOWNLOAD_MARK = 20.0
TLS_MARK = 2.0  # a hello with a post-quantum key share has two segments
MERGED_MARK = 1.0
# The request, the start of its answer, and the answer again: nginx closes the connection, and its FIN, which
# is not queued, overtakes the answer. As many as before the kernel decided by the server's first data.
HTTP_MARK = 3.0
BATCHES, BATCH = 5, 10  # connections


def measure(settings: Settings) -> Iterator[Figure]:
    off = "segmentation offload off"
    with Wires() as wires, nginx(wires), wires.filtered() as daemon:
        yield from _downloads(wires, daemon)
        for name, visit, key, mark in (
            ("a TLS connection", handshakes, "tls", TLS_MARK),
            ("a plain HTTP connection with one request", requests, "http", HTTP_MARK),
            ("a QUIC connection", datagrams, "quic", None),
        ):
            yield at_most(
                f"packets of {name} in Python", _each(wires, daemon, visit, key), "packets", mark, off
            )
    with Wires(offload=True) as wires, nginx(wires), wires.filtered() as daemon:
        each = _each(wires, daemon, handshakes, "tls")
        name = "packets of a TLS connection in Python, merged hello"
        yield at_most(name, each, "packets", MERGED_MARK, "segmentation offload on")


def _downloads(wires: Wires, daemon: Daemon) -> Iterator[Figure]:
    for proto, scheme in (("TLS", "https"), ("plain HTTP", "http")):
        before = queued(daemon)
        got = wires.child.run(
            ["curl", "-sSk", "-o", "/dev/null", "-w", "%{size_download}", f"{scheme}://{HOST}/download"],
            timeout=120,
            check=True,
        ).stdout
        if int(got) != DOWNLOAD:
            raise AssertionError(got)
        name = f"packets of a 100 MB download in Python, {proto}"
        yield at_most(name, queued(daemon) - before, "packets", DOWNLOAD_MARK)


def _each(wires: Wires, daemon: Daemon, visit: Callable[[Wires], None], key: str) -> float:
    """Return the packets of one connection that reach the daemon.

    It is the median of the batches' averages: on a busy machine a client may send a hello again.
    """
    each = []
    for _ in range(BATCHES):
        before = flow_counts(daemon)
        visit(wires)
        after = flow_counts(daemon)
        flows, packets = (after[f"{key}_{what}"] - before[f"{key}_{what}"] for what in ("flows", "packets"))
        if flows != BATCH:
            raise AssertionError(flows)
        each.append(packets / flows)
    return median(each)


def handshakes(wires: Wires) -> None:
    argv = [sys.executable, "-m", "tests.bench.handshakes", wires.address, HOST, str(BATCH)]
    wires.child.run(argv, timeout=120, check=True)


def requests(wires: Wires) -> None:
    """Send one request on each of the connections."""
    urls = f"http://{HOST}/?[1-{BATCH}]"
    argv = ["curl", "-sS", "-H", "Connection: close", "-o", "/dev/null", urls]
    wires.child.run(argv, timeout=120, check=True)


def datagrams(wires: Wires) -> None:
    argv = [sys.executable, "-m", "tests.bench.h3", wires.address, HOST, str(BATCH)]
    wires.child.run(argv, timeout=120, check=True)
