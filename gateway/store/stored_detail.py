"""What may be kept of a decision. Pure: no file, no clock.

| level | kept |
|---|---|
| 0 | nothing per person |
| 1 | counts per day and category |
| 2 | and the names that were refused |
| 3 | and the names that were visited |

Two reasons stand above every level. Help leaves no trace at all, not even in a total. What is refused for
everyone leaves a daily total of the whole home, without person, device or name.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import IntEnum

from gateway.policy.profile.log_levels import KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL
from gateway.policy.values import Reason, Verdict


class Detail(IntEnum):
    """How much of one decision is kept; each includes those below it."""

    NOTHING = 0
    HOME_TOTAL = 1  # one more in a total of the whole home
    COUNT = 2  # one more in a person's count of that day and category
    NAME = 3  # and the name, the device and the time


NEVER = frozenset({Reason.HELP, Reason.UNFILTERED, Reason.GATEWAY, Reason.RESOLVER_SIGNAL})
BY_ITSELF = frozenset({Reason.DEVICE_NEEDS})  # what a device asks for by itself says nothing about a person


def detail(level: int, reason: Reason, verdict: Verdict) -> Detail:
    """``level`` is the profile's log level, 0 to 3; 0 for a device that belongs to no child."""
    if reason in NEVER:
        return Detail.NOTHING
    if reason is Reason.REFUSED_FOR_EVERYONE:
        return Detail.HOME_TOTAL
    if level < KINDS_LEVEL:
        return Detail.NOTHING
    if level >= VISITS_LEVEL and reason not in BY_ITSELF:
        return Detail.NAME
    if level >= NAMES_LEVEL and verdict is Verdict.BLOCK:
        return Detail.NAME
    return Detail.COUNT


def family_day(now: datetime, day_starts: timedelta) -> date:
    """The day that a moment counts for; it turns at ``day_starts`` after local midnight."""
    return (now - day_starts).date()
