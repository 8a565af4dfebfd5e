"""A family's last seven days, child by child, as far as each child's log level lets a parent see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.policy.profile.log_levels import KINDS_LEVEL
from webui.rules.edited import Line
from webui.values.answers import Child
from webui.values.asked import Asked
from webui.values.devices import Devices
from webui.values.history import Change, History, Use

SPAN = timedelta(days=7)
KINDS_SHOWN = 6
DEVICES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Week:
    """The week of one child."""

    child: Child
    minutes: int
    kinds: tuple[Use, ...]
    refused: int
    kept: bool  # activity is stored at this log level
    answered: int | None  # None: requests are not shown any more
    waiting: int
    changes: tuple[tuple[Change, tuple[Line, ...]], ...]


def week_of(
    child: Child,
    history: History | None,
    asked: Iterable[Asked],
    changes: Iterable[tuple[Change, tuple[Line, ...]]],
    now: datetime,
) -> Week:
    """Return the week of a child.

    ``history`` is ignored below the log level at which categories are visible.
    """
    kept = child.log_level >= KINDS_LEVEL and history is not None
    mine = [one for one in asked if one.profile == child.id]
    return Week(
        child=child,
        minutes=history.minutes if kept and history else 0,
        kinds=history.used_kinds()[:KINDS_SHOWN] if kept and history else (),
        refused=sum(one.refused for one in history.days) if kept and history else 0,
        kept=kept,
        answered=sum(1 for one in mine if one.answered and now - one.answered < SPAN) if kept else None,
        waiting=sum(one.waits for one in mine),
        changes=tuple((one, told) for one, told in changes if one.at and now - one.at < SPAN),
    )


def new_names(devices: Devices, now: datetime) -> list[str]:
    """Return the names of devices that appeared within these days."""
    found = [one for one in devices.found if one.first_seen and now - one.first_seen < SPAN]
    return [one.called for one in found[:DEVICES_SHOWN]]
