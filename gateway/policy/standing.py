"""How things stand for a device at a moment: which gates are closed, why and until when; what grants do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.policy.gates import BEDTIME, DEVICE, WINDOW, in_order
from gateway.policy.profile import Profile
from gateway.policy.rules import FAMILY, INTERNET, PLAY, ClockUnset
from gateway.policy.schedule import (
    DAY,
    Calendar,
    Timetable,
    bedtime_table,
    calendar_for,
    closure_at,
    next_change,
    windows_table,
)
from gateway.policy.situation import FOREVER, Grant, Situation
from gateway.policy.values import Reason

_DEVICE_WIDE = (BEDTIME, WINDOW + INTERNET, INTERNET)
_PLAY_WIDE = (WINDOW + PLAY, PLAY)
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a gate is closed."""

    reason: Reason
    until: datetime | None  # an instant; None: until somebody changes it
    rule: str  # as written, e.g. "bedtime: 20:45-07:00"
    owner: str


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Holds from ``since`` until just before ``until``, at most a day."""

    closed: Mapping[str, Closing]
    lifted: Mapping[str, frozenset[str]]  # service → closed gates that a grant opens for its flows alone
    off: bool  # filtering is off
    since: datetime
    until: datetime

    def closing(self, gates: Iterable[str]) -> Closing | None:
        """Why a flow with these gates does not pass now; None where it passes."""
        if not self.closed:
            return None
        gates = in_order(frozenset(gates))
        lifted = self.lifted_for(gates)
        return next((self.closed[one] for one in gates if one in self.closed and one not in lifted), None)

    def lifted_for(self, gates: Iterable[str]) -> frozenset[str]:
        """What grants for single services open for a flow that has their gates."""
        if not self.lifted:
            return NOTHING
        return NOTHING.union(*(self.lifted.get(one.removeprefix("service:"), NOTHING) for one in gates))


def closed_gates(
    profile: Profile, situation: Situation, calendar: Calendar, now: datetime
) -> Mapping[str, Closing]:
    """The gates that are closed at ``now``, for every flow that has them."""
    return standing(profile, situation, calendar, now).closed


def standing(profile: Profile, situation: Situation, calendar: Calendar, now: datetime) -> Standing:
    """``now``: an aware datetime. Takes some 50 µs for each time rule: keep the answer until its end.

    The instants that rules give are in UTC, those of ``situation`` as they are.
    """
    now = now.astimezone(UTC)
    closed: dict[str, Closing] = {}
    changes: list[datetime] = []
    if situation.paused_until is not None and now < situation.paused_until:
        until = situation.paused_until if situation.paused_until < FOREVER else None
        closed[DEVICE] = Closing(Reason.PAUSED, until, "pause", situation.paused_by)
        changes.append(situation.paused_until)
    if situation.quarantined:
        closed[DEVICE] = Closing(Reason.QUARANTINED, None, "unknown_devices: quarantine", FAMILY)
    off = situation.off_until is not None and now < situation.off_until
    if situation.off_until is not None and off:
        changes.append(situation.off_until)
    lifted: dict[str, frozenset[str]] = {}
    if not off:
        _close_by_rules(closed, changes, profile, situation, calendar, now)
        for grant in _running(situation.grants, now):
            changes.append(grant.until)
            if grant.service is None:
                closed.pop(grant.gate, None)
            else:
                lifted[grant.service] = lifted.get(grant.service, NOTHING) | {grant.gate}
    return Standing(closed, lifted, off, now, min((*changes, now + DAY)))


def _running(grants: Iterable[Grant], now: datetime) -> Iterator[Grant]:
    """Those that have not ended. A grant for DEVICE would lift a pause, which none may."""
    return (grant for grant in grants if now < grant.until and grant.gate != DEVICE)


def _close_by_rules(
    closed: dict[str, Closing],
    changes: list[datetime],
    profile: Profile,
    situation: Situation,
    calendar: Calendar,
    now: datetime,
) -> None:
    tables = timetables(profile, calendar)
    if not situation.clock_known:
        if profile.rules.clock_unset.value is ClockUnset.STRICT:
            owner = profile.rules.clock_unset.owner
            closed |= {gate: Closing(_reason(gate), None, "clock_unset: strict", owner) for gate in tables}
        tables = {}
    for gate, table in tables.items():
        change = next_change(table, calendar, now)
        if change is not None:
            changes.append(change)
        closure = closure_at(table, calendar, now)
        if closure is not None:
            rule = f"{_name(gate)}: {closure.rule}"
            closed[gate] = Closing(_reason(gate), change, rule, closure.owner)
    for gate, until in situation.used_up:
        if now < until and gate in profile.rules.limits:
            closed[gate] = Closing(Reason.OUT_OF_TIME, until, f"limits: {gate}", _limit_owner(profile, gate))
            changes.append(until)


def timetables(profile: Profile, calendar: Calendar) -> Mapping[str, Timetable]:
    """The gates of a profile that open and close by the clock."""
    rules = profile.rules
    calendar = calendar_for(profile, calendar)
    tables = {BEDTIME: bedtime_table(rules.bedtime, calendar, rules.dates)} if rules.sleeps else {}
    for target, windows in rules.windows.items():
        tables[WINDOW + target] = windows_table(windows, calendar, rules.dates, target)
    return tables


def _reason(gate: str) -> Reason:
    return Reason.BEDTIME if gate == BEDTIME else Reason.WINDOW


def _name(gate: str) -> str:
    return f"windows: {gate.removeprefix(WINDOW)}" if gate.startswith(WINDOW) else gate


def _limit_owner(profile: Profile, gate: str) -> str:
    owners = {one.owner for one in profile.rules.limits[gate].values if one is not None}
    return FAMILY if FAMILY in owners else min(owners)


def extend(
    profile: Profile,
    situation: Situation,
    calendar: Calendar,
    now: datetime,
    extra: timedelta,
    service: str | None = None,
) -> tuple[Grant, ...]:
    """The grants by which a guardian gives ``extra`` time at ``now``.

    What is shut opens for ``extra`` from now: the device as a whole if its time rules shut it, else play.
    While all is open, what closes first closes ``extra`` later. () where nothing ever closes.
    """
    now = now.astimezone(UTC)
    state = standing(profile, situation, calendar, now)
    own = (f"{WINDOW}service:{service}", f"service:{service}") if service is not None else ()
    lifted = state.lifted.get(service, NOTHING) if service is not None else NOTHING
    shut = [gate for gate in state.closed if gate not in lifted]
    for gates in (_DEVICE_WIDE + own, _PLAY_WIDE):
        found = [gate for gate in gates if gate in shut]
        if found:
            return tuple(Grant(gate, now + extra, service) for gate in found)
    closings = _closings(_DEVICE_WIDE + own + _PLAY_WIDE, profile, situation, calendar, now, service)
    if not closings:
        return ()
    at, gate = min(closings)
    return (Grant(gate, at + extra, service),)


def closes_at(
    profile: Profile, situation: Situation, calendar: Calendar, now: datetime, gates: Iterable[str]
) -> datetime | None:
    """When a flow with ``gates`` that passes now is closed by the clock; None where that is out of sight."""
    return min(_closings(tuple(gates), profile, situation, calendar, now, None), default=(None, ""))[0]


def _closings(
    gates: tuple[str, ...],
    profile: Profile,
    situation: Situation,
    calendar: Calendar,
    now: datetime,
    service: str | None,
) -> list[tuple[datetime, str]]:
    """When each of ``gates`` that is open now closes by the clock."""
    found = []
    for gate, table in timetables(profile, calendar).items():
        at = _closes(gate, table, situation, calendar, now, service) if gate in gates else None
        if at is not None:
            found.append((at, gate))
    return found


def _closes(
    gate: str, table: Timetable, situation: Situation, calendar: Calendar, now: datetime, service: str | None
) -> datetime | None:
    """When a gate that is open now closes, running grants included."""
    granted = max(
        (
            grant.until
            for grant in _running(situation.grants, now)
            if grant.gate == gate and grant.service in (None, service)
        ),
        default=None,
    )
    if closure_at(table, calendar, now) is not None:
        return granted
    change = next_change(table, calendar, now)
    return max(change, granted) if change is not None and granted is not None else change
