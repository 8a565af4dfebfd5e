"""Which connection gives way where there are too many: at the front and at the pages, by one rule.

A device may have a thousand addresses, and all devices of a home share one prefix: addresses alone tell
nobody from a crowd. What tells is whether a connection was ever answered. So those go first that were silent
for long without an answer, then, where too many have just come, the oldest of these: a crowd of newcomers
pushes out itself, and neither a stream that runs nor one who has just come. Only then one that was answered
goes, the longest silent of whoever has more than a browser needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Protocol, TypeVar

SILENT = 5.0  # seconds without an answer or a word: a first page takes one on a small router
BROWSER = 6  # connections that a browser has to one host; more of one address is a crowd


class Guest(Protocol):
    @property
    def who(self) -> str: ...  # by address

    @property
    def answered(self) -> bool: ...

    @property
    def begun(self) -> float: ...  # seconds, of one clock

    @property
    def last(self) -> float: ...  # when it said or was told something


AGuest = TypeVar("AGuest", bound=Guest)


def first_to_go(found: Collection[AGuest], now: float, coming: int) -> AGuest:
    """``coming``: how many without an answer are let be while others could go. ``found`` is not empty."""
    count = Counter(one.who for one in found)

    def above(one: Guest) -> int:
        return -max(0, count[one.who] - BROWSER)

    waiting = [one for one in found if not one.answered]
    silent = [one for one in waiting if now - one.last > SILENT]
    if silent:
        return min(silent, key=lambda one: (above(one), one.last))
    if len(waiting) > coming or len(waiting) == len(found):
        return min(waiting, key=lambda one: (above(one), one.begun))
    answered = [one for one in found if one.answered]
    return min(answered, key=lambda one: (above(one), one.last))
