"""How long a reload, a restore or new data holds up the filter: the longest turn of the event loop."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figures import Figure, Settings, at_most
from tests.lab.home import Home
from tests.lab.reloads import CHILDREN, of_reloads, of_verbs

MARK = 50.0  # ms


def measure(_settings: Settings) -> Iterator[Figure]:
    with Home(journal=False, quic=False) as home:
        found = of_reloads(home) | of_verbs(home)
    longest = {what: max(turns, default=0.0) for what, turns in found.items()}
    what = max(longest, key=lambda what: longest[what])
    name = f"the longest turn of the event loop in a reload with {CHILDREN} children"
    yield at_most(
        name, longest[what], "ms", MARK, f"by processor time; the longest of {len(found)} cases: {what}"
    )
