"""A cost model for routers: what a new TLS connection costs the packet handler, counted and computed.

cachegrind counts instructions and cache misses of the real handler, with the caches of each router. Runs of N
and 2N connections differ by N connections alone. The speed of Python on a Raspberry Pi 4 is known from a
published program, of which the instructions are counted too. Nothing is timed here, so load does not matter.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Figure, Settings, at_most
from tests.bench.wires import need

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-m", "tests.bench.costrun")
WHOLE = 3800  # bytes of a segment: the hello arrives as one packet
SPLIT = 1400

# N-body in Python on a Raspberry Pi 4 at 1.5 GHz, governor "performance": 5,000,000 steps in 158.263 s.
# https://chaitanyamehta.github.io/projects/performance-analysis-of-programming-languages (Raspbian of 2019 or
# 2020, whose Python is 3.7)
STEP_SECONDS = 158.263 / 5_000_000
# Counted with Python 3.7.16 on x86-64: valgrind --tool=cachegrind python3.7 tests/bench/nbody.py N, and 2N.
STEP_INSTRUCTIONS = 85_507


@dataclass(frozen=True, slots=True)
class Cache:
    """One cache of a processor, as cachegrind takes it."""

    size: int  # bytes
    ways: int
    line: int  # bytes

    @property
    def option(self) -> str:
        return f"{self.size},{self.ways},{self.line}"


@dataclass(frozen=True, slots=True)
class Router:
    """A processor. The latencies are typical values, not published ones."""

    name: str
    speed: float  # of one core in interpreted code, as a share of the Raspberry Pi 4's
    first: Cache  # instructions
    data: Cache
    last: Cache
    last_ns: float  # nanoseconds that a miss of a first cache waits for the last one
    memory_ns: float  # nanoseconds that a miss of the last cache waits for memory


# The share of a Cortex-A53 at the same clock: 7-Zip with four threads, 3,670 at 1.4 GHz (Raspberry Pi 3 B+)
# and 5,750 at 1.5 GHz (Raspberry Pi 4 B), https://github.com/ThomasKaiser/sbc-bench Results.md. The clocks of
# the two routers agree with CoreMark of one core: 4,400 on a Cortex-A53 of MediaTek (openwrt/openwrt#22809),
# 7,723 on IPQ8072A (30,892 of four cores, robimarko/openwrt#92).
A53 = (3670 / 1400) / (5750 / 1500)
# The share of a MIPS 1004Kc of a Cortex-A53 at the same clock: Dhrystone, 1.6 and 2.3 DMIPS/MHz, which are
# quoted often but without their conditions.
MIPS = 1.6 / 2.3
KIB = 1024
ROUTERS = (
    Router(
        "Raspberry Pi 4", 1.0,
        Cache(48 * KIB, 3, 64), Cache(32 * KIB, 2, 64), Cache(1024 * KIB, 16, 64), last_ns=14, memory_ns=120,
    ),
    Router(
        "IPQ8072A", A53 * 2200 / 1500,
        Cache(32 * KIB, 2, 64), Cache(32 * KIB, 4, 64), Cache(512 * KIB, 16, 64), last_ns=8, memory_ns=130,
    ),
    Router(
        "MT7981", A53 * 1300 / 1500,
        Cache(32 * KIB, 2, 64), Cache(32 * KIB, 4, 64), Cache(256 * KIB, 16, 64), last_ns=13, memory_ns=130,
    ),
    Router(
        "MT7621", A53 * MIPS * 880 / 1500,
        Cache(32 * KIB, 4, 32), Cache(32 * KIB, 4, 32), Cache(256 * KIB, 8, 32), last_ns=40, memory_ns=170,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Count:
    """What cachegrind counted in a run, or in a connection."""

    instructions: float
    accesses: float  # of data
    first_misses: float  # of both first caches
    last_misses: float

    def less(self, other: Count, connections: int) -> Count:
        """Return the count of one of ``connections``, by which this run is longer than ``other``."""
        return Count(
            (self.instructions - other.instructions) / connections,
            (self.accesses - other.accesses) / connections,
            (self.first_misses - other.first_misses) / connections,
            (self.last_misses - other.last_misses) / connections,
        )


def read_count(text: str) -> Count:
    """Return the totals in an output file of cachegrind. Raises ValueError if they are missing."""
    rows = dict(
        line.split(": ", 1) for line in text.splitlines() if line.startswith(("events: ", "summary: "))
    )
    if rows.keys() != {"events", "summary"}:
        msg = "no totals in the output of cachegrind"
        raise ValueError(msg)
    found = dict(zip(rows["events"].split(), map(int, rows["summary"].split()), strict=True))
    return Count(
        found["Ir"],
        found["Dr"] + found["Dw"],
        found["I1mr"] + found["D1mr"] + found["D1mw"],
        found["ILmr"] + found["DLmr"] + found["DLmw"],
    )


def working(router: Router, count: Count) -> float:
    """Return the seconds that one core of a router computes, without waiting for memory."""
    return count.instructions / (router.speed * STEP_INSTRUCTIONS / STEP_SECONDS)


def waiting(router: Router, count: Count) -> float:
    """Return the seconds that misses of the caches take, if nothing else is done meanwhile."""
    return (count.first_misses * router.last_ns + count.last_misses * router.memory_ns) / 1e9


def measure(settings: Settings) -> Iterator[Figure]:
    need("valgrind")
    number = settings.times(200, 50)
    for router in ROUTERS[: settings.times(len(ROUTERS), 1)]:
        counts = Counts(router, settings.folder, number)
        split, whole = counts.connection(SPLIT), counts.connection(WHOLE)
        if router is ROUTERS[0]:
            for packets, count in (("two packets", split), ("one packet", whole)):
                name = f"counted, a TLS connection in {packets}"
                yield at_most(f"{name}: instructions", count.instructions / 1000, "thousand", None)
                yield at_most(f"{name}: data accesses", count.accesses / 1000, "thousand", None)
        yield from computed(router, split, whole, counts.cold(SPLIT))


def computed(router: Router, split: Count, whole: Count, cold: Count) -> Iterator[Figure]:
    """Yield what follows for a router from the counts of a connection in two packets, in one, and in two
    packets with cold caches.
    """
    work, wait = working(router, split), waiting(router, split)
    name = f"computed, {router.name}"
    one = 1 / (working(router, whole) + waiting(router, whole))
    note = f"{1 / work:,.0f} if no miss waits; {one:,.0f} with hellos in one packet"
    yield Figure(f"{name}: TLS connections/s of the handler", 1 / (work + wait), "/s", note=note)
    note = f"{split.first_misses:,.0f} misses of the first caches, {split.last_misses:,.0f} of the last"
    yield at_most(f"{name}: a connection, after others", (work + wait) * 1e6, "us", None, note)
    note = f"{cold.last_misses * router.last.line / 1000:,.0f} kB from memory"
    later = working(router, cold) + waiting(router, cold)
    yield at_most(f"{name}: a connection, with cold caches", later * 1e6, "us", None, note)


class Counts:
    """Runs the handler with the caches of one router."""

    def __init__(self, router: Router, folder: Path, number: int) -> None:
        self._router = router
        self._file = folder / "cachegrind.out"
        self._number = number
        # The first run may write bytecode, which the others read.
        subprocess.run([*PROGRAM, "1", str(SPLIT), "0"], check=True, cwd=ROOT)

    def connection(self, segment: int) -> Count:
        """Return what a connection costs right after another one."""
        longer = self._run(2 * self._number, segment, 0)
        return longer.less(self._run(self._number, segment, 0), self._number)

    def cold(self, segment: int) -> Count:
        """Return what a connection costs after other programs have used the caches."""
        swept = 2 * self._router.last.size
        handled = self._run(self._number, segment, swept)
        return handled.less(self._run(self._number, segment, swept, "read"), self._number)

    def _run(self, connections: int, segment: int, swept: int, *more: str) -> Count:
        router = self._router
        argv = [
            "valgrind",
            "--tool=cachegrind",
            "--cache-sim=yes",
            f"--I1={router.first.option}",
            f"--D1={router.data.option}",
            f"--LL={router.last.option}",
            f"--cachegrind-out-file={self._file}",
            *PROGRAM,
            *map(str, (connections, segment, swept)),
            *more,
        ]
        # A fixed hash makes the layout of dictionaries, and so each count, the same in all runs.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        subprocess.run(argv, check=True, capture_output=True, cwd=ROOT, env=environment)
        return read_count(self._file.read_text("utf-8"))
