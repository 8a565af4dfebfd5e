"""Log levels of a profile: what is stored and shown to a guardian. Each level includes those below."""

from __future__ import annotations

from enum import StrEnum

KINDS_LEVEL = 1  # that something was blocked, its category, and the day
NAMES_LEVEL = 2  # also the name and the time
VISITS_LEVEL = 3  # also the names of what was open


class Sightings(StrEnum):
    """How exactly the times at which a device was seen are shown. DAY, NOTHING: its presence is private."""

    MOMENT = "moment"
    DAY = "day"
    NOTHING = "nothing"
