"""The total traffic of each class of each slot since the start, over all elements that counted for it.

An element counts from zero, and each renewal of a lease replaces it. The kernel reports the count of an
element when it is removed, so nothing is lost between a reading and a renewal.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.kernel.elements import is_pass, of_set, parse_elements
from gateway.kernel.usage import PassCounters

Pair = tuple[int, int]
"""Slot and class number."""


class Totals:
    """Totals that never decrease, whatever happens to an element between two readings."""

    def __init__(self, counters: PassCounters) -> None:
        self._counters = counters
        self._bytes: dict[Pair, int] = {}
        self._last: dict[bytes, int] = {}  # counts of the present elements at the last reading

    def ended(self, message: memoryview, whole: bool) -> None:
        """Process a removal: of elements, with their counts, or of the ``whole`` set, for which the kernel
        reports no elements.
        """
        if whole:
            if is_pass(message):
                self._last = {}
            return
        for key, _, size, _ in parse_elements(of_set(message)):
            self._add(key, size - self._last.pop(key, 0))

    def read(self) -> Mapping[Pair, int]:
        """Return bytes by slot and class, without those that never had traffic.

        Raises KernelError if the map cannot be read; the totals of the last reading remain.
        """
        now = self._counters.keys()
        last, pairs, total = self._last, self._counters.pairs, self._bytes
        for key, size in now.items():
            before = last.get(key, 0)
            if size != before:
                pair = pairs.get(key) or self._counters.pair(key)
                # A lower count: another element has replaced it, without a report.
                total[pair] = total.get(pair, 0) + (size - before if size > before else size)
        self._last = now
        return total

    def _add(self, key: bytes, size: int) -> None:
        if size > 0:
            pair = self._counters.pair(key)
            self._bytes[pair] = self._bytes.get(pair, 0) + size

    def position(self) -> Mapping[Pair, int]:
        """Return the counts of the present elements at the last reading."""
        found: dict[Pair, int] = {}
        pairs = self._counters.pairs
        for key, size in self._last.items():
            if size:
                pair = pairs.get(key) or self._counters.pair(key)
                found[pair] = found.get(pair, 0) + size
        return found

    @property
    def bytes(self) -> Mapping[Pair, int]:
        """The totals at the last reading."""
        return self._bytes
