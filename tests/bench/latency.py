"""What the filter adds to a connection on an otherwise idle gateway, against the least that Python adds.

Connections come one by one, 60 a second, so that each finds a processor that was idle. The bare loop accepts
two packets of each connection, as many as reach the daemon, and reads none.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from tests.bench.connections import added, latencies
from tests.bench.figures import Figure, Settings, at_most, percentile
from tests.bench.web import nginx
from tests.bench.wires import Wires, need
from tests.lab.daemon import TEST_CLOCK
from tests.lab.netns import stopping

RATE = 60.0  # connections a second
FLOOR_FACTOR = 2.0
IDLE = 0.015  # seconds between two hellos
IDLE_MARK = 200.0  # microseconds

# The two segments of a hello: the third and the fourth packet of the client.
_FROM_CLIENT = ("--connbytes", "3:4", "--connbytes-mode", "packets", "--connbytes-dir", "original")
_OF_TLS = ("-t", "mangle", "-A", "FORWARD", "-p", "tcp", "--dport", "443", "-m", "connbytes", *_FROM_CLIENT)
_TWO_PACKETS = (*_OF_TLS, "-j", "NFQUEUE", "--queue-num", "0")


def measure(settings: Settings) -> Iterator[Figure]:
    yield from _one_by_one(settings.times(9, 2), settings.times(120, 60))
    yield from _hello(settings.times(400, 100))


def _one_by_one(rounds: int, count: int) -> Iterator[Figure]:
    need("iptables-nft")
    off: list[float] = []
    floor: list[float] = []
    on: list[float] = []
    with Wires() as wires, nginx(wires):
        wires.gateway.run(["sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1"], check=True)
        for _ in range(rounds):
            off += latencies(wires, count, RATE)
            with _bare_loop(wires, 2 * count):
                floor += latencies(wires, count, RATE)
            with wires.filtered():
                on += latencies(wires, count, RATE)
    (least, _) = added("added to a single handshake, bare loop", off, floor)
    yield least
    yield from added("added to a single handshake", off, on, FLOOR_FACTOR * least.measured)


@contextmanager
def _bare_loop(wires: Wires, packets: int) -> Iterator[None]:
    """A loop that accepts two packets of each connection. Raises AssertionError unless it got ``packets``."""
    process = wires.gateway.popen([sys.executable, "-m", "tests.bench.accept_loop"])
    with stopping(process):
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        wires.gateway.run(["iptables-nft", *_TWO_PACKETS], check=True)
        try:
            yield
            row = wires.gateway.run(["cat", "/proc/net/netfilter/nfnetlink_queue"], check=True).stdout
            if int(row.split()[7]) != packets:
                raise AssertionError(row)
        finally:
            # All of the table: an empty chain would cost each later packet too.
            wires.gateway.run(["nft", "delete", "table", "ip", "mangle"], check=True)


def _hello(count: int) -> Iterator[Figure]:
    """Return the time of the daemon's handler for a hello that arrives as one packet."""
    with Wires(offload=True) as wires, nginx(wires), wires.filtered() as daemon:
        daemon.stop()
        argv = [sys.executable, "-m", "tests.bench.hello", str(daemon.config), str(count), str(IDLE)]
        process = wires.gateway.popen(argv, env={**os.environ, TEST_CLOCK: "1"})
        with stopping(process):
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            latencies(wires, 1)
            output = process.stdout.read().decode()
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(output[-2000:])
    taken = json.loads(lines[0])
    note = f"{taken['bytes']} bytes; nine of ten within {percentile(taken['idle'], 0.9):.0f} us"
    yield at_most(
        "handler of a hello after 15 ms of idle, median", median(taken["idle"]), "us", IDLE_MARK, note
    )
    yield at_most("handler of a hello in a loop, median", median(taken["loop"]), "us", None)
