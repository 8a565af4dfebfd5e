"""What the daemon leaves out of a child by its log level; docs/privacy.md."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

MOMENTS = ("first_seen", "last_seen", "first", "last", "at", "answered")


def sightings(level: int) -> str:
    return "moment" if level >= 2 else "day" if level else "nothing"


def device(one: Mapping[str, Any], level: int) -> dict[str, Any]:
    told = {**one, "sightings": sightings(level)}
    if level >= 2:
        return told
    if "history" in told:
        told["history"] = [_days(had, level) for had in told["history"]]
    return _days(told, level) | {"online": None, "ip": None}


def request(one: Mapping[str, Any], level: int) -> dict[str, Any] | None:
    """None: nothing of it is told."""
    if one["state"] == "pending" or level >= 2:
        return {**one, "told": "all"}
    if not level:
        return None
    left_out = {"device": None, "thing": None, "thing_name": None, "since": None, "reason": "", "because": ""}
    return {**_days(one, level), **left_out, "told": "kind"}


def _days(values: Mapping[str, Any], level: int) -> dict[str, Any]:
    return {key: _day(one, level) if key in MOMENTS else one for key, one in values.items()}


def _day(moment: datetime | None, level: int) -> datetime | None:
    return None if moment is None or not level else moment.replace(hour=0, minute=0, second=0)
