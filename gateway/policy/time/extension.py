"""Grants of extra time: computes the effect of a grant for one profile.

A grant extends the flows that close first. A flow closes at the first of its gates. Each gate that closes
before the new end is moved to it, so that the granted minutes are usable. What is closed opens, counted from
now. The minutes of a limit stay minutes of use; bedtimes and windows are moved by the clock. Limits that a
service shares with others are also moved by the clock in a grant for that service, since minutes of use would
apply to all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import FAMILY, INTERNET, PLAY, ClockUnset
from gateway.policy.time.gates import BEDTIME, WINDOW, Gates, in_order, is_limit
from gateway.policy.time.schedule import Calendar, closure_at, limit_on, next_change, week_limit
from gateway.policy.time.situation import FOREVER, Grant, Situation
from gateway.policy.time.standing import DAY, MINUTE, TimeRules, running

_DEVICE_WIDE = (BEDTIME, WINDOW + INTERNET, INTERNET)
_PLAY_WIDE = (WINDOW + PLAY, PLAY)


@dataclass(frozen=True, slots=True)
class Extension:
    """One gate that stays open for longer."""

    gate: str
    minutes: int  # by which it closes later; for a limit without `until`, by which today's limit grows
    until: datetime | None  # an instant (UTC) until which it stays open; None: `minutes` are minutes of use
    service: str | None = None  # it opens only for this service; never with a limit that others share
    # What a jump of the clock needs, as in gateway.policy.time.clock_changes; it is no part of what the grant
    # does.
    boundary: datetime | None = field(default=None, compare=False)
    sure: bool = field(default=True, compare=False)


def extend(
    profile: Profile,
    situation: Situation,
    calendar: Calendar,
    now: datetime,
    extra: timedelta,
    service: str | None = None,
    gates: Gates = (),
) -> tuple[Extension, ...]:
    """Return the effect of giving ``extra`` time at ``now``; () if nothing ever closes.

    Without ``service``: the whole device if its time rules close it; else play and the limited groups and
    categories; if all is open, whichever of these closes first. ``gates``: all gates of the service's flows
    (`gates_of_service`); without them its own, the device's and play's.
    """
    outlook = Outlook(profile, situation, calendar, now, () if service is None else (service,))
    if outlook.start >= FOREVER:
        return ()
    if service is not None:
        wanted = gates or (*_DEVICE_WIDE, f"{WINDOW}service:{service}", f"service:{service}", *_PLAY_WIDE)
        closings = outlook.closings(wanted)
        flow = tuple(closings)
    else:
        closings = outlook.closings(one for one in outlook.all_gates() if not _is_of_service(one))
        flow = _of_first(closings, [one for one in closings if outlook.is_shut_or_granted(one)])
    if not flow:
        return ()
    first = min(flow, key=lambda one: closings[one])
    end = closings[first] + extra
    boundary, sure = outlook.boundary(first, closings[first])
    found = (outlook.moved(one, closings[one], end, service) for one in flow if closings[one] < end)
    return tuple(replace(one, boundary=boundary, sure=sure) for one in found)


def own_closing(
    profile: Profile, situation: Situation, calendar: Calendar, now: datetime, gate: str
) -> datetime | None:
    """Return when the gate's own rule closes it, ignoring grants: ``now`` if it already does."""
    bare = replace(situation, grants=(), off_until=None)
    return Outlook(profile, bare, calendar, now, ()).closings((gate,)).get(gate)


def _is_of_service(gate: str) -> bool:
    return gate.removeprefix(WINDOW).startswith("service:")


def _of_first(closings: Mapping[str, datetime], shut: Collection[str]) -> Gates:
    """Return the gates of the flows that a grant for everything is about.

    ``shut``: gates that are closed, or would be without a grant: a second grant is about the same as the
    first.
    """
    if not closings:
        return ()
    device = tuple(one for one in closings if one in _DEVICE_WIDE)
    first = set(shut) or {min(closings, key=lambda one: closings[one])}
    if not first.isdisjoint(device):
        return device
    return in_order({*device, *first, *(one for one in _PLAY_WIDE if one in closings)})


def in_force(
    extensions: Iterable[Extension], owner: str = FAMILY
) -> tuple[tuple[Grant, ...], dict[str, int]]:
    """Return a situation's ``grants`` and ``bonus`` from the extensions of one family day and ``owner``."""
    grants: list[Grant] = []
    bonus: dict[str, int] = {}
    for one in extensions:
        if one.until is None:
            bonus[one.gate] = bonus.get(one.gate, 0) + one.minutes
        else:
            grants.append(Grant(one.gate, one.until, one.service, owner, one.boundary, one.sure))
    return tuple(grants), bonus


def whole_minutes(span: timedelta) -> int:
    """Return whole minutes, rounded up."""
    return -(-span // MINUTE)


class Outlook:
    """When gates close for the flows of some services, from one moment on."""

    def __init__(
        self,
        profile: Profile,
        situation: Situation,
        calendar: Calendar,
        now: datetime,
        services: Iterable[str],
    ) -> None:
        self.now = now.astimezone(UTC)
        off = situation.off_until
        self.start = self.now if off is None else max(self.now, off.astimezone(UTC))
        self._time = TimeRules(profile, calendar, situation)
        self._known = situation.clock_known
        self._closes_unset = profile.rules.clock_unset.value is ClockUnset.STRICT
        self._granted: dict[str, Grant] = {}
        services = frozenset(services)
        for grant in running(situation.grants, self.now):
            if grant.service is None or grant.service in services:
                known = self._granted.setdefault(grant.gate, grant)
                self._granted[grant.gate] = max(known, grant, key=lambda one: one.until)

    def all_gates(self) -> Gates:
        return in_order({*self._time.tables, *self._time.rules.limits})

    def closings(self, gates: Iterable[str]) -> dict[str, datetime]:
        """Return when each of ``gates`` closes, in the order of decision, without gates that never close."""
        found = {gate: self._closing(gate) for gate in in_order(frozenset(gates))}
        return {gate: at for gate, at in found.items() if at is not None}

    def is_shut_or_granted(self, gate: str) -> bool:
        """Return True if the gate's own rule closes it now, ignoring grants."""
        if self.start > self.now:
            return False
        budgets = self._time.budgets_of(gate, self.now)
        if budgets:
            return any(one.used >= one.limit for one in budgets)
        if gate not in self._time.tables:
            return False
        if not self._known:
            return self._closes_unset
        return closure_at(self._time.tables[gate], self._time.calendar, self.now) is not None

    def _closing(self, gate: str) -> datetime | None:
        if gate in self._time.rules.limits:
            return self._limit_closing(gate)
        return self._clock_closing(gate) if gate in self._time.tables else None

    def _from(self, gate: str) -> datetime:
        """Return from when on the gate's own rule counts: after `off` and opening grants."""
        grant = self._granted.get(gate)
        return self.start if grant is None else max(self.start, grant.until.astimezone(UTC))

    def _clock_closing(self, gate: str) -> datetime | None:
        start, table, calendar = self._from(gate), self._time.tables[gate], self._time.calendar
        if not self._known:
            return start if self._closes_unset else None
        return (
            start if closure_at(table, calendar, start) is not None else next_change(table, calendar, start)
        )

    def _limit_closing(self, gate: str) -> datetime | None:
        """Return the earliest closing, as if all time from now on were used."""
        rest = self._time.left(gate, self.start)
        spent = None if rest is None else self.start + max(0, rest) * MINUTE
        if self._known:
            end = self._time.calendar.day_end(self.start)
            if spent is None or spent >= end:
                spent = self._spent_tomorrow(gate, end)
        return None if spent is None else max(spent, self._from(gate))

    def _spent_tomorrow(self, gate: str, end: datetime) -> datetime | None:
        """As `_limit_closing`, for the day after the one that ends at ``end``."""
        calendar, rules = self._time.calendar, self._time.rules
        limit, weekly = limit_on(rules, gate, calendar.family_day(end), calendar), week_limit(rules, gate)
        rests = [] if limit is None else [limit.value]
        if weekly is not None and calendar.week_end(self.start) == end:
            rests.append(weekly.value)
        elif weekly is not None:
            week = next(one for one in self._time.budgets_of(gate, self.start) if one.of_week)
            rests.append(max(week.left * MINUTE - (end - self.start), timedelta()))
        rest = min(rests, default=DAY)
        return None if rest >= DAY else end + rest

    def is_by_use(self, gate: str, at: datetime) -> bool:
        """Return True if a gate that closes at ``at`` does so because of used minutes."""
        return is_limit(gate) and not self._is_granted(gate, at)

    def is_by_week(self, gate: str, at: datetime) -> bool:
        """Whether a gate that closes at ``at`` does so because the minutes of the week are used."""
        budget = self._time.budgets(self.start).get(gate)
        by_week = budget is not None and budget.of_week and at == self.start + max(0, budget.left) * MINUTE
        return by_week and self.is_by_use(gate, at)

    def _is_granted(self, gate: str, closing: datetime) -> bool:
        """Return True if it closes because a grant ends."""
        grant = self._granted.get(gate)
        return grant is not None and closing == grant.until

    def boundary(self, gate: str, closing: datetime) -> tuple[datetime | None, bool]:
        """Return the clock rule after which minutes added to ``closing`` start, and if that clock is trusted.

        None: they count from the tap, or from the end of what counts from one. An addition to a grant counts
        as that grant does.
        """
        if self._is_granted(gate, closing):
            grant = self._granted[gate]
            return grant.boundary, grant.sure
        counted = is_limit(gate) or closing <= self.start
        return None if counted else closing, self._known

    def moved(self, gate: str, closing: datetime, end: datetime, service: str | None) -> Extension:
        """Return the gate with its ``closing`` moved to ``end``."""
        if is_limit(gate) and (service is None or gate == f"service:{service}"):
            minutes = self._morewhole_minutes(gate, end)
            if minutes is not None:
                return Extension(gate, minutes, None, service)
        return Extension(gate, whole_minutes(end - closing), end, service)

    def _morewhole_minutes(self, gate: str, end: datetime) -> int | None:
        """Return the minutes that today's limit needs to last until ``end``; None if it cannot."""
        rest = self._time.left(gate, self.start)
        if rest is None:
            return None
        if self._known:
            turns = self._time.calendar.day_end(self.start)
            tomorrow = self._spent_tomorrow(gate, turns)
            if end > turns and tomorrow is not None and tomorrow < end:
                return None
        return whole_minutes(end - self.start) - rest
