"""The reading level of a child's pages: one of three, by the child's age group."""

from __future__ import annotations

from enum import StrEnum


class ReadingLevel(StrEnum):
    """How much a child's pages show, by its age group. The value is the folder name of the templates."""

    LITTLE = "little"  # 0 to 9: pictures and few words
    MIDDLE = "middle"  # 10 to 12
    TEEN = "teen"  # 13 and older: all details, and how to check them


_LEVELS = {"0-5": ReadingLevel.LITTLE, "6-9": ReadingLevel.LITTLE, "10-12": ReadingLevel.MIDDLE}


def level_of(band: str) -> ReadingLevel:
    return _LEVELS.get(band, ReadingLevel.TEEN)
