"""The remaining time of a flow that passes now: by used minutes and by the clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.policy.profile.profile import Profile
from gateway.policy.time.extension import Outlook, whole_minutes
from gateway.policy.time.gates import UNCOUNTED, in_order, is_limit
from gateway.policy.time.schedule import Calendar
from gateway.policy.time.situation import Situation
from gateway.policy.time.standing import standing


class Left(NamedTuple):
    """The time left until a flow is closed."""

    minutes: int  # rounded up: 0 when it is closed
    gate: str  # the gate that closes first
    at: datetime | None  # an instant (UTC); None if it depends on use
    week: bool = False  # the limit of the week closes before that of the day


class Remaining:
    """The time left for flows at one moment. The standing is computed once for all of them."""

    def __init__(self, profile: Profile, situation: Situation, calendar: Calendar, now: datetime) -> None:
        self._profile = profile
        self._situation = situation
        self._calendar = calendar
        self._now = now
        self._state = standing(profile, situation, calendar, now)

    def of(self, gates: Iterable[str]) -> Left | None:
        """Return the time left for a flow with ``gates``; None if nothing closes it."""
        gates = in_order(frozenset(gates))
        shut = self._state.closed_gate(gates)
        if shut is not None:
            budget = self._state.budgets.get(shut)
            week = budget is not None and budget.of_week
            return Left(0, shut, self._now.astimezone(UTC), week)
        services = tuple(one.removeprefix("service:") for one in gates if one.startswith("service:"))
        outlook = Outlook(self._profile, self._situation, self._calendar, self._now, services)
        spends = UNCOUNTED not in gates
        closings = outlook.closings(one for one in gates if spends or not is_limit(one))
        if not closings:
            return None
        gate = min(closings, key=lambda one: closings[one])
        at = closings[gate]
        by_use = outlook.is_by_use(gate, at)
        week = outlook.is_by_week(gate, at)
        return Left(whole_minutes(at - outlook.now), gate, None if by_use else at, week)


def left(
    profile: Profile,
    situation: Situation,
    calendar: Calendar,
    now: datetime,
    gates: Iterable[str],
) -> Left | None:
    """Return the time left for a flow with ``gates``; None if nothing closes it."""
    return Remaining(profile, situation, calendar, now).of(gates)


def closes_at(
    profile: Profile,
    situation: Situation,
    calendar: Calendar,
    now: datetime,
    gates: Iterable[str],
    services: Iterable[str] = (),
) -> datetime | None:
    """Return when the clock closes a flow with ``gates`` that passes now; None if not within the horizon."""
    named = (one.removeprefix("service:") for one in gates if one.startswith("service:"))
    outlook = Outlook(profile, situation, calendar, now, (*services, *named))
    return min(outlook.closings(one for one in gates if not is_limit(one)).values(), default=None)
