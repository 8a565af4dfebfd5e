"""What each class of each slot has used since the start, over all elements that counted for it.

An element counts from zero: each time its lease is renewed, another one takes its place. The kernel tells
what an element had counted at the moment it went, so nothing is lost between a reading and a renewal.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.kernel.elements import is_pass, of_set, parse_elements
from gateway.kernel.usage import PassCounters

Pair = tuple[int, int]
"""Slot and class number."""


class Totals:
    """Never fall, whatever becomes of an element between two readings."""

    def __init__(self, counters: PassCounters) -> None:
        self._counters = counters
        self._bytes: dict[Pair, int] = {}
        self._last: dict[bytes, int] = {}  # what the elements that are there had counted at the last reading

    def ended(self, message: memoryview, whole: bool) -> None:
        """The kernel told that elements of some set went, and what they had counted; or the ``whole`` set, of
        whose elements it tells nothing.
        """
        if whole:
            if is_pass(message):
                self._last = {}
            return
        for key, _, size, _ in parse_elements(of_set(message)):
            self._add(key, size - self._last.pop(key, 0))

    def read(self) -> Mapping[Pair, int]:
        """Bytes by slot and class; those that never used anything are missing.

        Raises KernelError where the map cannot be read; what it had counted by the last reading is kept.
        """
        now = self._counters.keys()
        last, pairs, total = self._last, self._counters.pairs, self._bytes
        for key, size in now.items():
            before = last.get(key, 0)
            if size != before:
                pair = pairs.get(key) or self._counters.pair(key)
                # Less than before: another element took its place, and nobody told.
                total[pair] = total.get(pair, 0) + (size - before if size > before else size)
        self._last = now
        return total

    def _add(self, key: bytes, size: int) -> None:
        if size > 0:
            pair = self._counters.pair(key)
            self._bytes[pair] = self._bytes.get(pair, 0) + size

    def position(self) -> Mapping[Pair, int]:
        """What the elements that are there had counted at the last reading."""
        found: dict[Pair, int] = {}
        pairs = self._counters.pairs
        for key, size in self._last.items():
            if size:
                pair = pairs.get(key) or self._counters.pair(key)
                found[pair] = found.get(pair, 0) + size
        return found

    @property
    def bytes(self) -> Mapping[Pair, int]:
        """As they were at the last reading."""
        return self._bytes
