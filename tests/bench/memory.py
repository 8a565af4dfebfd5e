"""What the daemon holds with a million names loaded, and how soon it is ready and filters after a restart."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.app.service import TRIM
from gateway.lists.table import TABLE_NAME
from tests.bench import lookups
from tests.bench.figures import Figure, Settings, at_most
from tests.lab.daemon import Daemon
from tests.lab.home import Home
from tests.lab.restarts import KEEP, seconds_to_serve

NAMES = 1_000_000
CHILD = {
    "name": "Child",
    "band": "10-12",
    "devices": ["02:00:00:00:00:0a"],
    "block": ["service:tiktok"],
    "bedtime": {},
}
STARTS = 3
RESTARTS = 5


def measure(settings: Settings) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as temporary, Home(journal=False, quic=False) as home:
        folder = Path(temporary)
        lookups.write_lists(folder, NAMES // 10 if settings.quick else NAMES)
        lookups.build(folder)
        daemon = Daemon(home, {"child": CHILD})
        daemon.state.mkdir(parents=True, exist_ok=True)
        (folder / TABLE_NAME).rename(daemon.state / TABLE_NAME)
        daemon.options = KEEP  # as the service does
        daemon.start()  # the first start makes the database and the bytecode
        daemon.stop()
        held, private, ready = [], [], []
        for _ in range(STARTS):
            with daemon:
                for _ in range(20):
                    home.devices["tablet"].run(["curl", "-sk", "-o", "/dev/null", "https://www.example.org/"])
                status = daemon.client.call("status")
                time.sleep(3 * TRIM)  # at rest: the table is updated once more after the first addresses
                held.append(resident(daemon.pid))
                private.append(status["memory"]["private"] / 1e6)
                ready.append(daemon.seconds_to_ready)
        yield at_most("start of the daemon until it answers", statistics.median(ready), "s", 2)
        note = f"{status['table']['names']:,} names; the median of {STARTS} starts"
        yield at_most("daemon, resident", statistics.median(held), "MB", 40, note)
        yield at_most("daemon, private", statistics.median(private), "MB", None)
        with daemon:
            times = [seconds_to_serve(daemon, home.devices["tablet"]) for _ in range(RESTARTS)]
            note = f"SIGTERM to the next daemon's first verdict; the median of {RESTARTS}"
            yield at_most("restart until it filters", statistics.median(times), "s", 1, note)
        home.gateway.run(["nft", "destroy", "table", "inet", "qalqan"])


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    lines = Path(f"/proc/{pid}/smaps").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Rss:")) / 1000
