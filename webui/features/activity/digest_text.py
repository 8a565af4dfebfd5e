"""Sums up a family's last seven days by child, as far as each child's log level lets a parent see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.control.contract.activity import Usage
from gateway.control.contract.devices import ListedDevice
from gateway.control.contract.requests import RequestView
from gateway.control.contract.rules import FamilyChange
from gateway.policy.profile.rules import KINDS_LEVEL
from webui.features.activity.activity_text import HistoryView
from webui.features.devices.device_text import called
from webui.features.status.home_text import ChildView
from webui.rules.edited import RuleLine

SPAN = timedelta(days=7)
KINDS_SHOWN = 6
DEVICES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Week:
    """The summary of one child's last seven days: minutes, categories, blocks, requests, changes of rules."""

    child: ChildView
    minutes: int
    kinds: tuple[Usage, ...]
    refused: int  # attempts
    background: int  # attempts that devices made without a person
    kept: bool  # activity is stored at this log level
    answered: int | None  # None: answered requests are not shown at this log level
    waiting: int  # pending requests, of any age
    changes: tuple[tuple[FamilyChange, tuple[RuleLine, ...]], ...]


def week_of(
    child: ChildView,
    history: HistoryView | None,
    asked: Iterable[RequestView],
    changes: Iterable[tuple[FamilyChange, tuple[RuleLine, ...]]],
    now: datetime,
) -> Week:
    """Return the summary of a child's last seven days.

    ``history``: the child's activity, ignored below the log level at which categories are visible;
    None if it was not requested. ``asked``: requests of all children. ``changes``: those of the
    child's rules; older ones are left out.
    """
    kept = child.log_level >= KINDS_LEVEL and history is not None
    mine = [request for request in asked if request.profile == child.id]
    return Week(
        child=child,
        minutes=history.minutes if kept and history else 0,
        kinds=history.categories[:KINDS_SHOWN] if kept and history else (),
        refused=history.blocks if kept and history else 0,
        background=history.background if kept and history else 0,
        kept=kept,
        answered=sum(1 for request in mine if request.answered and now - request.answered < SPAN)
        if kept
        else None,
        waiting=sum(request.waits for request in mine),
        changes=tuple((change, said) for change, said in changes if now - change.at < SPAN),
    )


def new_names(devices: Iterable[ListedDevice], now: datetime) -> list[str]:
    """Return the names of devices first seen within the last seven days, at most `DEVICES_SHOWN`."""
    found = [device for device in devices if device.first_seen and now - device.first_seen < SPAN]
    return [called(device) for device in found[:DEVICES_SHOWN]]
