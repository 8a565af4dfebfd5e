"""Decides how much of a filter decision is stored, by the profile's log level. Pure: no file, no clock.

| level | stored |
|---|---|
| 0 | nothing per person |
| 1 | counts per day and category |
| 2 | also blocked names |
| 3 | also visited names |

Some reasons override every level. Nothing is stored, not even in a total, of help lines, unfiltered devices,
the Qalqan pages and resolver signals (NEVER). Of names blocked for everyone, only a daily total of the whole
household is stored, without person, device or name. Allowed names that a device needs (BY_ITSELF) are only
counted, also at level 3.
"""

from __future__ import annotations

from enum import IntEnum

from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL
from gateway.policy.values import Reason, Verdict

NAMES_DAYS = 7  # how long names of sites are stored
COUNTS_DAYS = 30


class StoredDetail(IntEnum):
    """How much is stored of one filter decision about a connection or DNS query of a person.

    NAME includes COUNT. HOME_TOTAL is instead of them: the person, device and name are not stored.
    """

    NOTHING = 0
    HOME_TOTAL = 1  # counted in a total of the whole household
    COUNT = 2  # counted for the person, by day and category
    NAME = 3  # and the name, the device and the time


NEVER = frozenset({Reason.HELP, Reason.UNFILTERED, Reason.GATEWAY, Reason.RESOLVER_SIGNAL})
BY_ITSELF = frozenset({Reason.DEVICE_NEEDS})  # background queries of a device, not an act of a person


def detail(level: int, reason: Reason, verdict: Verdict) -> StoredDetail:
    """Return how much of a filter decision to store.

    ``level`` is the profile's log level: 0 nothing, 1 counts, 2 also blocked names, 3 also visited
    names, except those that a device queries in the background; 0 for a device without a child. At
    any level, nothing is stored for the reasons in NEVER, such as help lines, and only a total of
    the household of names that are blocked for everyone.
    """
    if reason in NEVER:
        return StoredDetail.NOTHING
    if reason is Reason.REFUSED_FOR_EVERYONE:
        return StoredDetail.HOME_TOTAL
    if level < KINDS_LEVEL:
        return StoredDetail.NOTHING
    if level >= VISITS_LEVEL and reason not in BY_ITSELF:
        return StoredDetail.NAME
    if level >= NAMES_LEVEL and verdict is Verdict.BLOCK:
        return StoredDetail.NAME
    return StoredDetail.COUNT
