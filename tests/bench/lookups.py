"""The category table: look-ups, bytes a name, and what a build takes."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.lists.table import TABLE_NAME, open_table
from tests.bench.figures import Figure, Settings, at_most

NAMES = 2_600_000
CATEGORIES = ("adult", "gambling", "games", "malware", "proxy_vpn_doh")
PROBES = 200_000

_BUILD = """
import resource, sys
from pathlib import Path
from gateway.lists.build import BuildSource, Canaries, build_table
from gateway.lists.formats import Format
folder = Path(sys.argv[1])
sources = [BuildSource(f.stem, f.stem, f, Format.DOMAINS, True) for f in sorted(folder.glob("*.txt"))]
build_table(sources, folder / "categories.table", built="2026-11-24T00:00:00+00:00", canaries=Canaries([]),
            is_public_suffix={"com", "net", "org"}.__contains__)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def made_up(count: int, seed: int = 1) -> Iterator[str]:
    """Names as public lists have them: 8 to 24 letters, one registered name each."""
    rng = random.Random(seed)
    for number in range(count):
        length = rng.randrange(4, 18)
        letters = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=length))
        yield f"{letters}{number:x}.{'com' if number % 3 else 'net'}"


def write_lists(folder: Path, count: int) -> None:
    files = [(folder / f"{one}.txt").open("w") for one in CATEGORIES]
    for number, name in enumerate(made_up(count)):
        files[number % len(files)].write(name + "\n")
    for file in files:
        file.close()


def table_of(folder: Path) -> Path:
    return folder / TABLE_NAME


def build(folder: Path) -> float:
    """Build the table of the lists in ``folder``; the peak in MB."""
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, str(folder)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) / 1024


def measure(settings: Settings) -> Iterator[Figure]:
    count = NAMES // 10 if settings.quick else NAMES
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if settings.lists is None:
            write_lists(folder, count)
        else:
            for file in settings.lists.glob("*.txt"):
                (folder / file.name).symlink_to(file)
        began = time.perf_counter()
        peak = build(folder)
        seconds = time.perf_counter() - began
        table = open_table(folder)
        listed: list[str] = []
        for file in folder.glob("*.txt"):
            with file.open() as lines:
                listed += [line.strip() for _, line in zip(range(PROBES), lines, strict=False)]
        random.Random(2).shuffle(listed)
        hits = [f"www.{name}" for name in listed[:PROBES]]
        misses = [f"www.{name[::-1].replace('.', 'x')}.org" for name in listed[:PROBES]]
        yield Figure(f"names in the table, of {count:,} lines", len(table), "names")
        yield Figure("look-ups that hit", _rate(table.categories, hits), "/s", 150_000)
        yield Figure("look-ups that miss", _rate(table.categories, misses), "/s", 150_000)
        yield at_most("size of the table", table.info.size / len(table), "bytes/name", 6.5)
        yield at_most("peak of the build", peak, "MB", 64, f"{seconds:.0f} s")
        table.close()


def _rate(look_up: object, hosts: list[str]) -> float:
    assert callable(look_up)
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        for host in hosts:
            look_up(host)
        best = max(best, len(hosts) / (time.perf_counter() - began))
    return best
