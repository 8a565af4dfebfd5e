"""The standing of a device at a moment: which gates are closed, why and until when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from gateway.policy.names.hosts import is_under
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import FAMILY, INTERNET, ClockUnset
from gateway.policy.time.gates import BEDTIME, DEVICE, WINDOW, in_order
from gateway.policy.time.grammar import WEEK, duration_text
from gateway.policy.time.schedule import (
    Calendar,
    closure_at,
    limit_on,
    next_change,
    next_edge,
    next_local,
    week_limit,
)
from gateway.policy.time.situation import FOREVER, Grant, Lesson, Situation
from gateway.policy.time.timetables import by_the_clock
from gateway.policy.values import Reason

NOTHING: frozenset[str] = frozenset()
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LOOK_AHEAD = 24  # changes after the day's turn in which the end of a used limit is searched


@dataclass(frozen=True, slots=True)
class Closing:
    """The reason why a gate is closed."""

    reason: Reason
    until: datetime | None  # an instant; None: until a person changes it
    rule: str  # as written, e.g. "bedtime: 20:45-07:00"
    owner: str


class Budget(NamedTuple):
    """A limit of a day, in minutes."""

    used: int
    limit: int
    bonus: int
    owner: str

    @property
    def left(self) -> int:
        """The minutes left; negative if grants by the clock exceeded the limit."""
        return self.limit + self.bonus - self.used

    @property
    def text(self) -> str:
        more = f" + {duration_text(self.bonus)}" if self.bonus else ""
        return f"{duration_text(self.limit)}{more}"

    @property
    def of_week(self) -> bool:
        return False


class WeekBudget(Budget):
    """A limit of a week, in minutes."""

    __slots__ = ()

    @property
    def text(self) -> str:
        return f"{WEEK}: {super().text}"

    @property
    def of_week(self) -> bool:
        return True


def binding(budgets: Iterable[Budget]) -> Budget:
    """Return the budget that closes first. Of two that are used up, it is the week's, which lasts longer."""
    return min(budgets, key=lambda one: (max(0, one.left), one.left <= 0 and not one.of_week))


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """The standing, valid from ``since`` until just before ``until``, at most one day."""

    closed: Mapping[str, Closing]
    lifted: Mapping[str, frozenset[str]]  # service → closed gates that a grant opens for its flows only
    off: bool  # filtering is off
    since: datetime
    until: datetime
    budgets: Mapping[str, Budget]  # by gate: of the limits that apply today, the one that closes first
    allowed: tuple[tuple[str, datetime], ...] = ()  # openings of the situation that have not ended
    lesson: Lesson | None = None  # the repair in progress

    def closing(self, gates: Iterable[str]) -> Closing | None:
        """Return why a flow with these gates is blocked now; None if it passes."""
        gate = self.closed_gate(gates)
        return None if gate is None else self.closed[gate]

    def closed_gate(self, gates: Iterable[str]) -> str | None:
        """Return the first of ``gates``, in the order of decision, that blocks a flow with all of them."""
        if not self.closed:
            return None
        gates = in_order(frozenset(gates))
        lifted = self.lifted_for(gates)
        return next((one for one in gates if one in self.closed and one not in lifted), None)

    def lifted_for(self, gates: Iterable[str]) -> frozenset[str]:
        """Return the gates that grants for single services open for a flow."""
        if not self.lifted:
            return NOTHING
        return NOTHING.union(*(self.lifted.get(one.removeprefix("service:"), NOTHING) for one in gates))

    def agrees(self, other: Standing) -> bool:
        """Return True if the same flows pass for the same reasons, whatever was used of a limit meanwhile."""
        return (
            self.closed.keys() == other.closed.keys()
            and (self.lifted, self.off, self.opened) == (other.lifted, other.off, other.opened)
            and all(one.reason is other.closed[gate].reason for gate, one in self.closed.items())
        )

    @property
    def opened(self) -> object:
        """Everything that a guardian opened for a while."""
        return self.allowed, self.lesson

    def opening(self, host: str, services: Iterable[str]) -> tuple[str, datetime] | None:
        """Return the entry by which a guardian opened a host or one of its services, and until when."""
        names = [f"service:{one}" for one in services]
        return next((one for one in self.allowed if one[0] in names or is_under(host, one[0])), None)


def standing(profile: Profile, situation: Situation, calendar: Calendar, now: datetime) -> Standing:
    """Return the standing. ``now``: an aware datetime.

    Takes about 50 µs per time rule: cache the result until its end. The instants of rules are in UTC, those
    of ``situation`` unchanged.
    """
    now = now.astimezone(UTC)
    closed: dict[str, Closing] = {}
    changes = [now + DAY]
    if situation.paused_until is not None and now < situation.paused_until:
        until = situation.paused_until if situation.paused_until < FOREVER else None
        closed[DEVICE] = Closing(Reason.PAUSED, until, "pause", situation.paused_by)
        changes.append(situation.paused_until)
    if situation.quarantined:
        closed[DEVICE] = Closing(Reason.QUARANTINED, None, "unknown_devices: quarantine", FAMILY)
    allowed = tuple(one for one in situation.allowed if now < one[1])
    changes += [until for _, until in allowed]
    lesson = situation.lesson
    if lesson is not None and now < lesson.until:
        changes.append(lesson.until)
    else:
        lesson = None
    if situation.off_until is not None and now < situation.off_until:
        changes.append(situation.off_until)
        return Standing(closed, {}, True, now, min(changes), {})
    if situation.timeless:
        return Standing(closed, {}, False, now, min(changes), {}, allowed, lesson)
    rules = TimeRules(profile, calendar, situation)
    rules.close(closed, changes, now)
    budgets = rules.budgets(now)
    rules.close_spent(closed, changes, budgets, now)
    lifted: dict[str, frozenset[str]] = {}
    for grant in running(situation.grants, now):
        changes.append(grant.until)
        if grant.service is None:
            closed.pop(grant.gate, None)
        else:
            lifted[grant.service] = lifted.get(grant.service, NOTHING) | {grant.gate}
    return Standing(closed, lifted, False, now, min(changes), budgets, allowed, lesson)


def running(grants: Iterable[Grant], now: datetime) -> Iterator[Grant]:
    """Return grants that have not ended. None is for DEVICE, since no grant lifts a pause."""
    return (grant for grant in grants if now < grant.until and grant.gate != DEVICE)


class TimeRules:
    """The time rules of a profile while one situation applies. Instants are in UTC."""

    def __init__(self, profile: Profile, calendar: Calendar, situation: Situation) -> None:
        self.rules = profile.rules
        self.situation = situation
        self.calendar, self.tables = by_the_clock(profile, calendar)
        self._budgets: tuple[datetime, dict[str, tuple[Budget, ...]]] | None = None

    def close(self, closed: dict[str, Closing], changes: list[datetime], now: datetime) -> None:
        """Return what the clock closes."""
        unset = self.rules.clock_unset
        if not self.situation.clock_known:
            if unset.value is ClockUnset.STRICT:
                for gate in self.tables:
                    closed[gate] = Closing(_reason(gate), None, "clock_unset: strict", unset.owner)
            return
        for gate, table in self.tables.items():
            change = next_change(table, self.calendar, now)
            if change is not None:
                changes.append(change)
            closure = closure_at(table, self.calendar, now)
            if closure is not None:
                rule = f"{_name(gate)}: {closure.rule}"
                closed[gate] = Closing(_reason(gate), change, rule, closure.owner)
                edge = next_edge(table, self.calendar, now) if self.rules.self_set is not None else None
                if edge is not None:
                    changes.append(edge)  # another rule may be the reason from then on
                midnight = next_local(0, self.calendar, now)
                tomorrow = closure_at(table, self.calendar, midnight)
                if tomorrow is not None and (tomorrow.rule, tomorrow.owner) != (closure.rule, closure.owner):
                    changes.append(midnight)  # still closed, but by another rule

    def close_spent(
        self,
        closed: dict[str, Closing],
        changes: list[datetime],
        budgets: Mapping[str, Budget],
        now: datetime,
    ) -> None:
        """Return the limits whose minutes are used; a limit of zero is used immediately."""
        if not self.rules.limits:
            return
        if self.situation.clock_known:
            changes.append(self.calendar.day_end(now))
        for gate, budget in budgets.items():
            if budget.left <= 0:
                until = self._renewed(gate, now, budget) if self.situation.clock_known else None
                rule = f"limits: {gate}: {budget.text}"
                closed[gate] = Closing(Reason.OUT_OF_TIME, until, rule, budget.owner)

    def today(self, now: datetime) -> date:
        """Return the family's day. Without a trusted clock it does not advance."""
        known = self.situation.day
        return (
            known if known is not None and not self.situation.clock_known else self.calendar.family_day(now)
        )

    def budgets(self, now: datetime) -> dict[str, Budget]:
        """Return for each gate the limit that closes first at ``now``, of the day or of the week."""
        return {gate: binding(found) for gate, found in self._all_budgets(now).items()}

    def budgets_of(self, gate: str, now: datetime) -> tuple[Budget, ...]:
        """Return the gate's limits of the day and of the week of ``now``."""
        return self._all_budgets(now).get(gate, ())

    def left(self, gate: str, now: datetime) -> int | None:
        """Return the minutes that are left of a gate's limits, below zero as in `Budget`; None: no limit."""
        return min((one.left for one in self.budgets_of(gate, now)), default=None)

    def _all_budgets(self, now: datetime) -> dict[str, tuple[Budget, ...]]:
        if self._budgets is None or self._budgets[0] != now:
            self._budgets = now, self._count(now)
        return self._budgets[1]

    def _count(self, now: datetime) -> dict[str, tuple[Budget, ...]]:
        day, known = self.today(now), self.situation
        is_day = known.day == day
        week = None if known.day is None else self.calendar.first_of_week(known.day)
        is_week = week == self.calendar.first_of_week(day)
        found: dict[str, tuple[Budget, ...]] = {}
        for gate in self.rules.limits:
            budgets: list[Budget] = []
            limit = limit_on(self.rules, gate, day, self.calendar)
            if limit is not None:
                spent = (known.used.get(gate, 0), known.bonus.get(gate, 0)) if is_day else (0, 0)
                budgets.append(Budget(spent[0], limit.value // MINUTE, spent[1], limit.owner))
            limit = week_limit(self.rules, gate)
            if limit is not None:
                spent = (known.week_used.get(gate, 0), known.week_bonus.get(gate, 0)) if is_week else (0, 0)
                budgets.append(WeekBudget(spent[0], limit.value // MINUTE, spent[1], limit.owner))
            if budgets:
                found[gate] = tuple(budgets)
        return found

    def _renewed(self, gate: str, now: datetime, spent: Budget) -> datetime | None:
        """Return when a spent limit has minutes again and no time rule before it is closed."""
        tables = [self.tables[one] for one in _BEFORE_LIMITS if one in self.tables]
        tables += [self.tables[one] for one in (WINDOW + gate,) if one in self.tables]
        weekly = week_limit(self.rules, gate)
        if weekly is not None and not weekly.value:
            return None
        at = self.calendar.week_end(now) if spent.of_week else self.calendar.day_end(now)
        for _ in range(LOOK_AHEAD):
            limit = limit_on(self.rules, gate, self.calendar.family_day(at), self.calendar)
            shut = next((one for one in tables if closure_at(one, self.calendar, at) is not None), None)
            if limit is not None and not limit.value:
                at = self.calendar.day_end(at)
            elif shut is not None:
                change = next_change(shut, self.calendar, at)
                if change is None:
                    return None
                at = change
            else:
                return at
        return None


_BEFORE_LIMITS = (BEDTIME, WINDOW + INTERNET)


def _reason(gate: str) -> Reason:
    return Reason.BEDTIME if gate == BEDTIME else Reason.WINDOW


def _name(gate: str) -> str:
    return f"windows: {gate.removeprefix(WINDOW)}" if gate.startswith(WINDOW) else gate
