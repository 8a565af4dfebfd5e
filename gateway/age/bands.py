"""The six age bands: their order and their ages. What each of them allows is data, in ``profiles/bands``.

The edges are the five age stages of the UK Children's Code (ICO, Age appropriate design) and adulthood; they
fall on the legal steps at 13, 16 and 18.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Band(Enum):
    """An age band; the value is its id in every file, the order is from young to old."""

    AGE_0_5 = "0-5"
    AGE_6_9 = "6-9"
    AGE_10_12 = "10-12"
    AGE_13_15 = "13-15"
    AGE_16_17 = "16-17"
    ADULT = "adult"

    @property
    def ages(self) -> tuple[int, int | None]:
        """The first and the last year of age, both included; None for no last one."""
        return _AGES[self]

    @property
    def rank(self) -> int:
        """0 for the youngest band."""
        return _RANKS[self]

    @property
    def bracket(self) -> str:
        """As systems ask for it (California, AB 1043): the edges are ours, so that each band is in one."""
        return _BRACKETS.get(self, "<13")

    @property
    def is_child(self) -> bool:
        return self is not Band.ADULT

    def __lt__(self, other: Band) -> bool:
        return self.rank < other.rank

    def __le__(self, other: Band) -> bool:
        return self.rank <= other.rank


_AGES: dict[Band, tuple[int, int | None]] = {
    Band.AGE_0_5: (0, 5),
    Band.AGE_6_9: (6, 9),
    Band.AGE_10_12: (10, 12),
    Band.AGE_13_15: (13, 15),
    Band.AGE_16_17: (16, 17),
    Band.ADULT: (18, None),
}
_BRACKETS: dict[Band, str] = {Band.AGE_13_15: "13-15", Band.AGE_16_17: "16-17", Band.ADULT: "18+"}
_RANKS: dict[Band, int] = {band: rank for rank, band in enumerate(Band)}


def youngest(bands: Iterable[Band]) -> Band:
    """The youngest of ``bands``, which must not be empty."""
    return min(bands, key=lambda band: band.rank)
