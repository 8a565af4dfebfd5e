"""How long the daemon works on `status`, which every page asks: no packet gets its verdict meanwhile."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.figures import Figure, Settings, at_most
from tests.lab.daemon import Daemon
from tests.lab.home import Home

CHILDREN = 8


def measure(settings: Settings) -> Iterator[Figure]:
    with Home(journal=False, quic=False) as home, Daemon(home, _family()) as daemon:
        client = daemon.client
        assert len(client.call("status")["profiles"]) == CHILDREN
        taken = []
        for _ in range(settings.times(200, 40)):
            began = time.perf_counter()
            client.call("status")
            taken.append((time.perf_counter() - began) * 1000)
            time.sleep(0.02)
    note = f"over the socket; the slowest of {len(taken)}: {max(taken):.1f} ms"
    name = f"`status` of {CHILDREN} children with two limits and two devices each, median"
    yield at_most(name, statistics.median(taken), "ms", 5, note)


def _family() -> dict[str, dict[str, Any]]:
    return {
        f"child-{number}": {
            "name": f"Child {number}",
            "band": "10-12",
            "devices": [f"02:00:00:00:{number:02}:{device:02}" for device in (1, 2)],
            "limits": {"play": "2h", "service:youtube": "1h"},
        }
        for number in range(CHILDREN)
    }
