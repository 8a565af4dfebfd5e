"""Verbs of pauses, extra time, counted minutes and codes on paper."""

from __future__ import annotations

from gateway.control.schema import record


@record
class MinutesOnDevice:
    mac: str
    minutes: int


@record
class UsedOfWeek:
    """The minutes of a weekly limit."""

    minutes: int
    limit: int
    bonus: int
    owner: str


@record
class TimeUsed:
    """The minutes of a limit, today and in this week."""

    target: str
    name: str
    minutes: int
    limit: int | None  # null: no daily limit
    bonus: int
    owner: str
    devices: tuple[MinutesOnDevice, ...]  # two devices may use the same minute
    week: UsedOfWeek | None  # null: no weekly limit
