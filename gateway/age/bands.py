"""The six age bands with their order and ages. ``profiles/bands`` has the rules of each band as data.

The bands are the five age stages of the UK Children's Code (ICO, Age appropriate design) and adulthood. They
match the legal ages of 13, 16 and 18.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class AgeBand(Enum):
    """An age group (0-5, 6-9, 10-12, 13-15, 16-17, adult), which has a preset of rules.

    The value is its id in every file; the order is from young to old.
    """

    AGE_0_5 = "0-5"
    AGE_6_9 = "6-9"
    AGE_10_12 = "10-12"
    AGE_13_15 = "13-15"
    AGE_16_17 = "16-17"
    ADULT = "adult"

    @property
    def ages(self) -> tuple[int, int | None]:
        """The first and the last year of age of the group, both inclusive; None if there is no last year."""
        return _AGES[self]

    @property
    def rank(self) -> int:
        """The position in the order by age: 0 for the youngest age group, 5 for adults."""
        return _RANKS[self]

    @property
    def bracket(self) -> str:
        """The age bracket of California's AB 1043 that contains this age group.

        It is ``<13``, ``13-15``, ``16-17`` or ``18+``.
        """
        return _BRACKETS.get(self, "<13")

    @property
    def is_child(self) -> bool:
        return self is not AgeBand.ADULT

    def __lt__(self, other: AgeBand) -> bool:
        return self.rank < other.rank

    def __le__(self, other: AgeBand) -> bool:
        return self.rank <= other.rank


_AGES: dict[AgeBand, tuple[int, int | None]] = {
    AgeBand.AGE_0_5: (0, 5),
    AgeBand.AGE_6_9: (6, 9),
    AgeBand.AGE_10_12: (10, 12),
    AgeBand.AGE_13_15: (13, 15),
    AgeBand.AGE_16_17: (16, 17),
    AgeBand.ADULT: (18, None),
}
_BRACKETS: dict[AgeBand, str] = {AgeBand.AGE_13_15: "13-15", AgeBand.AGE_16_17: "16-17", AgeBand.ADULT: "18+"}
_RANKS: dict[AgeBand, int] = {band: rank for rank, band in enumerate(AgeBand)}


def youngest(bands: Iterable[AgeBand]) -> AgeBand:
    """Return the youngest of the age groups ``bands``, which must not be empty."""
    return min(bands, key=lambda band: band.rank)
