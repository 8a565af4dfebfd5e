"""How long a reload, a restore or new data holds up the filter: the longest turn of the event loop."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figures import Figure, Settings, at_most
from tests.lab.home import Home
from tests.lab.reloads import CHILDREN, LongTurns, of_backups, of_reloads, of_verbs

MARK = 50.0  # ms


def measure(_settings: Settings) -> Iterator[Figure]:
    with Home(journal=False, quic=False) as home:
        found = of_reloads(home) | of_verbs(home)
        backups = of_backups(home)
    yield _longest(f"in a reload with {CHILDREN} children", found)
    yield _longest("with the largest and hostile backups", backups)


def _longest(when: str, found: LongTurns) -> Figure:
    longest = {what: max((turn.busy for turn in turns), default=0.0) for what, turns in found.items()}
    what = max(longest, key=lambda what: longest[what])
    note = f"by processor time; the longest of {len(found)} cases: {what}"
    return at_most(f"the longest turn of the event loop {when}", longest[what], "ms", MARK, note)
