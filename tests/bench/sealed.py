"""Sealed lists: what a name costs that was never asked for, and what a list takes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from gateway.policy.sealed.sealed_set import HEAD, SIGNATURE_BYTES, SealedSets
from tests.bench.figures import Figure, Settings, at_most
from tests.sealing import Issuer

NAMES = 50_000
ASKED = 20_000

# In a process of its own, with the hash that the daemon has; private memory before and after.
_LOAD = """
import sys
sys.modules["_hashlib"] = None
from pathlib import Path
from gateway.policy.sealed.sealed_set import parse_set
def private():
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) * 1024 for row in rows if row.startswith("RssAnon"))
parse_set(Path(sys.argv[1]).with_suffix(".small").read_bytes())
before = private()
held = parse_set(Path(sys.argv[1]).read_bytes()).entries
print(private() - before)
"""


def measure(settings: Settings) -> Iterator[Figure]:
    issuer = Issuer()
    made = issuer.make(f"n{one}.invalid" for one in range(NAMES))
    sets = SealedSets((made.opened,))
    hosts = [f"www.example{one}.org" for one in range(settings.times(ASKED, 1_000))]
    best = min(_seconds(sets, hosts) for _ in range(3))
    yield at_most("a new name in a sealed list of 50,000, two candidates", best * 1e6, "us", 40)
    head = HEAD.size + SIGNATURE_BYTES + len("Test hotline") + len("the tests")
    yield at_most("size of a sealed list", (len(made.data) - head) / NAMES, "bytes/name", 10)
    path = settings.folder / "a.set"
    path.write_bytes(made.data)
    path.with_suffix(".small").write_bytes(issuer.make().data)
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(path)], capture_output=True, text=True, check=True
    )
    yield at_most("memory of a sealed list of 50,000", int(done.stdout) / 1e6, "MB", 1.5)


def _seconds(sets: SealedSets, hosts: list[str]) -> float:
    """Of the processor, for one name."""
    began = time.process_time()
    for host in hosts:
        sets.holds(host)
    return (time.process_time() - began) / len(hosts)
