"""How much a page says, and in which words: one of three levels, by the band of the child that reads it."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """The name of its templates."""

    LITTLE = "little"  # 0 to 9: pictures and few words
    MIDDLE = "middle"  # 10 to 12
    TEEN = "teen"  # 13 and older: all of it, and how to check it


_LEVELS = {"0-5": Level.LITTLE, "6-9": Level.LITTLE, "10-12": Level.MIDDLE}


def level_of(band: str) -> Level:
    return _LEVELS.get(band, Level.TEEN)
