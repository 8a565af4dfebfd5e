"""Computes when the lists of sites are fetched next. Pure: times in, a time out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from gateway.policy.config.list_tiers import AUTO_TIER, ListTier
from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node

NIGHT_STARTS = time(2)  # local time; few people use the internet between these two
NIGHT_ENDS = time(5)
# `lists update` leaves a copy alone for two hours. An earlier update would fetch nothing.
MIN_AGE = timedelta(hours=3)
# After the last delay, the next try is in the following night, so that a list server that is down for days
# does not get requests every few hours.
RETRY_DELAYS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
RETRY_JITTER = 0.25  # part of a delay, added to it at most: gateways that failed together retry apart


class UpdateInterval(StrEnum):
    """The interval at which lists are fetched automatically: `lists.update` of `qalqan.yaml`."""

    DAILY = "daily"
    WEEKLY = "weekly"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class UpdateHistory:
    """The result of earlier list updates: last success, last try, and failures since."""

    succeeded: datetime | None = None  # when lists were last fetched; None: never
    tried: datetime | None = None  # when the last update ended; None: none since the daemon started
    failures: int = 0  # updates that failed since the last success


def read_list_settings(node: Node) -> tuple[UpdateInterval, ListTier | None]:
    """Return the update interval and the tier in the YAML node `lists`; tier None for `auto` (the default).

    The tier is the set of published lists. Raises PolicyError for an invalid value or key.
    """
    part = fields.Fields(fields.mapping(node), ("update", "tier"))
    return (
        part.read("update", lambda value: fields.member(value, UpdateInterval), UpdateInterval.DAILY),
        part.read("tier", _tier, None),
    )


def _tier(node: Node) -> ListTier | None:
    word = fields.choice(node, (AUTO_TIER, *ListTier))
    return None if word == AUTO_TIER else ListTier(word)


def next_update(
    now: datetime, interval: UpdateInterval, history: UpdateHistory, zone: ZoneInfo, fraction: float
) -> datetime | None:
    """Return when the next update is due, in UTC; a time that has passed means now. None: never.

    ``now`` and the times of ``history`` are aware. ``fraction`` (0 ≤ fraction < 1) chooses the minute
    of the night and the jitter of a retry. The caller passes the same one until the next update has ended.
    """
    if interval is UpdateInterval.OFF:
        return None
    if history.failures and history.tried is not None:
        return _retry(history, history.tried, zone, fraction)
    succeeded = history.succeeded
    # A time in the future comes from a clock that was wrong.
    if succeeded is None or succeeded - now >= MIN_AGE:
        return now.astimezone(UTC)
    days = 7 if interval is UpdateInterval.WEEKLY else 1
    day = succeeded.astimezone(zone).date() + timedelta(days=days)
    return _in_night(day, succeeded + MIN_AGE, zone, fraction)


def _retry(history: UpdateHistory, tried: datetime, zone: ZoneInfo, fraction: float) -> datetime:
    """Return when to try again after a failed update that ended at ``tried``.

    The delays are RETRY_DELAYS. After the last one it is a time in the following night, unless no update ever
    succeeded.
    """
    if history.failures > len(RETRY_DELAYS) and history.succeeded is not None:
        earliest = tried + RETRY_DELAYS[-1]
        return _in_night(earliest.astimezone(zone).date(), earliest, zone, fraction)
    delay = RETRY_DELAYS[min(history.failures, len(RETRY_DELAYS)) - 1]
    # Whole seconds: `tried` is computed at each call, and differs by microseconds.
    return (tried + delay * (1 + RETRY_JITTER * fraction)).astimezone(UTC).replace(microsecond=0)


def _in_night(day: date, earliest: datetime, zone: ZoneInfo, fraction: float) -> datetime:
    """Return a time (UTC) in the first night from ``day`` on that does not end before ``earliest``."""
    while True:
        # Compare and add in UTC: a night in which clocks change is longer or shorter.
        starts = datetime.combine(day, NIGHT_STARTS, zone).astimezone(UTC)
        ends = datetime.combine(day, NIGHT_ENDS, zone).astimezone(UTC)
        starts = max(starts, earliest.astimezone(UTC))
        if starts < ends:
            minutes = int((ends - starts) / timedelta(minutes=1) * fraction)
            return (starts + timedelta(minutes=minutes)).replace(second=0, microsecond=0)
        day += timedelta(days=1)
