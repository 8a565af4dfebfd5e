"""The progress of an update of the lists: which list is downloaded, and how much of the work is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

DOWNLOADS = 90  # percent of the work; building the table is the rest


@dataclass(frozen=True, slots=True)
class UpdateStep:
    """The progress of an update: the list that is being downloaded, and its bytes so far.

    While the table is being built, ``source`` is empty.
    """

    source: str
    done: int  # bytes
    total: int | None  # bytes; None: the server does not say
    percent: int  # of the whole update


class UpdateProgress:
    """Computes the percentage of an update of the lists and calls ``show`` with each step.

    The percentage never decreases.
    """

    def __init__(self, show: Callable[[UpdateStep], None]) -> None:
        self._show = show
        self._number, self._lists, self._percent = 1, 1, 0

    def begin(self, source: str, number: int, lists: int) -> None:
        """Show that the download of list ``number`` (from 1) of ``lists`` begins. ``source``: its id."""
        self._number, self._lists = number, lists
        self.received(source, 0, None)

    def received(self, source: str, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` bytes of a list have arrived; ``total`` None: unknown."""
        share = min(done / total, 1.0) if total else 0.0
        percent = int(DOWNLOADS * (self._number - 1 + share) / self._lists)
        self._percent = max(self._percent, percent)
        self._show(UpdateStep(source, done, total, self._percent))

    def build(self) -> None:
        """Show that all lists are downloaded and the table is being built."""
        self._percent = max(self._percent, DOWNLOADS)
        self._show(UpdateStep("", 0, None, self._percent))
