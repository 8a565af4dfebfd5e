"""How soon a client knows that its connection is refused."""

from __future__ import annotations

import json
import sys
from statistics import median

from tests.bench.figures import Figure, Settings, at_most, percentile
from tests.bench.web import nginx
from tests.bench.wires import REFUSED_HOST, Wires
from tests.lab import names

MARK = 10.0
TRIES = 50


def measure(settings: Settings) -> list[Figure]:
    with Wires() as wires, nginx(wires), wires.filtered() as daemon:
        address = names.ipv4_of(REFUSED_HOST)
        argv = [sys.executable, "-m", "tests.bench.handshakes", address, REFUSED_HOST, str(TRIES)]
        waits: list[float] = json.loads(wires.child.run(argv, timeout=120, check=True).stdout)
        refused = daemon.client.call("status")["flows"]["refused"]
        if refused != TRIES:
            raise AssertionError(refused)
    note = f"the slowest of {TRIES}: {percentile(waits, 1):.1f} ms"
    return [at_most("a refused connection fails after, median", median(waits), "ms", MARK, note)]
