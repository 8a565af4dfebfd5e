"""The time rules of a device at a moment: which gates are closed, why, until when, and how much time is left.

`Situation` is the temporary state of the device: pauses, grants, used minutes. `Standing` is the result for a
profile in that situation. `Outlook` looks ahead: when each gate closes.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Protocol

from gateway.policy.names.hosts import is_under
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import FAMILY, INTERNET, ClockUnset
from gateway.policy.rule_text import (
    CLOCK_UNSET_RULE,
    PAUSE_RULE,
    bedtime_rule,
    limit_rule,
    limit_text,
    unknown_devices_rule,
    window_rule,
)
from gateway.policy.time.gates import (
    BEDTIME,
    DEVICE,
    UNCOUNTED,
    WINDOW,
    Gates,
    in_order,
    is_limit,
    target_of,
)
from gateway.policy.time.limit_periods import DAY, LimitPeriod
from gateway.policy.time.schedule import (
    MINUTE,
    Calendar,
    by_the_clock,
    closure_at,
    limit_on,
    limits_on,
    next_change,
    next_edge,
)
from gateway.policy.values import Fault, Observation, Reason

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
"""The end of a pause without a fixed end, and of filtering that is off without one."""

NOTHING: frozenset[str] = frozenset()
LOOK_AHEAD = 24  # changes after the day's turn in which the end of a used limit is searched
_BEFORE_LIMITS = (BEDTIME, WINDOW + INTERNET)


@dataclass(frozen=True, slots=True)
class GateOpening:
    """Extra time that ends at an instant: until then one gate (a time rule) does not block."""

    gate: str
    until: datetime
    service: str | None = None  # limits it to the flows of this service
    owner: str = "family"
    boundary: datetime | None = None  # after which its minutes start; None: they count from the grant
    clock_trusted: bool = True  # given while the clock was trusted


@dataclass(frozen=True, slots=True)
class ActiveRepair:
    """A site repair in progress: for some minutes a guardian opens the unknown parts of a site on a device.

    See policy/requests/site_repair.py.
    """

    site: str  # this name and all names under it are open
    services: frozenset[str]  # services that the site belongs to
    until: datetime


class Recent(Protocol):
    """The interface to a device's recent DNS queries: for which services, and the addresses they got.

    A service counts if one of its names was queried within the last half hour, answered or blocked.
    """

    def asked(self, service: str) -> bool: ...

    def gave(self, service: str, address: bytes) -> bool:
        """Return True if a name of ``service`` resolved to the address (packed) for the device."""
        ...


class Resolved(Protocol):
    """The interface to the DNS answers that a device got.

    It checks whether an answer for a host name gave an address, and returns an address's names.
    """

    def gave(self, host: str, address: bytes) -> bool: ...

    def vouched(self, host: str, address: bytes) -> bool:
        """Return True if the gateway's own resolver gave the address for ``host``."""
        ...

    def hosts(self, address: bytes) -> Iterable[str]:
        """Return the names whose answers gave the address, from the gateway's own resolver only.

        A device's own resolver could claim any name.
        """
        ...


class NothingRecent:
    """A `Recent` without any query."""

    def asked(self, service: str) -> bool:  # noqa: ARG002
        return False

    def gave(self, service: str, address: bytes) -> bool:  # noqa: ARG002
        return False


NOTHING_RECENT = NothingRecent()


@dataclass(frozen=True, slots=True)
class Situation:
    """The temporary state of one child's device: pauses, extra time, used minutes, opened names, DNS answers.

    All instants are aware datetimes; a past one counts as absent.
    """

    quarantined: bool = False
    paused_until: datetime | None = None  # None: no pause
    paused_by: str = "family"
    # Filtering is off for everyone until then: no time rules, no categories. None: filtering is on.
    off_until: datetime | None = None
    off_by: str = "family"
    grants: tuple[GateOpening, ...] = ()
    day: date | None = None  # the family's day of `used` and `bonus`; in a period without it nothing is used
    used: Mapping[str, int] = field(default_factory=dict)  # whole minutes used of a limit, by its gate
    bonus: Mapping[str, int] = field(default_factory=dict)  # extra minutes of a limit, by its gate
    # As `used` and `bonus`, of the earlier days of the period of `day`.
    earlier_used: Mapping[LimitPeriod, Mapping[str, int]] = field(default_factory=dict)
    earlier_bonus: Mapping[LimitPeriod, Mapping[str, int]] = field(default_factory=dict)
    clock_known: bool = True  # False: the clock is not trusted
    timeless: bool = False  # no time rule applies: to find what is blocked at any hour, as a bypass test does
    portal: bool = False  # connectivity probes are blocked while the device is blocked (`led`)
    # Names, "service:x" or "category:x" that a guardian opened, until when.
    allowed: tuple[tuple[str, datetime], ...] = ()
    repair: ActiveRepair | None = None
    # Packed addresses that allowed names resolved to for this device.
    addresses: Container[bytes] = frozenset()
    resolved: Resolved | None = None  # None: answers are not stored, and addresses are not checked
    recent: Recent = NOTHING_RECENT  # services that the device queried recently

    @property
    def led(self) -> bool:
        """True if a blocked device is redirected to the gateway's page, so that its connectivity checks fail.

        A new device (quarantine) is, since it needs the explanation, and any device with ``portal``. Any
        other device must appear online, or it leaves the Wi-Fi.
        """
        return self.portal or self.quarantined

    def spent(self, gate: str, period: LimitPeriod) -> tuple[int, int]:
        """Return the minutes used of a limit (``gate``) in the period of ``day``, and its extra minutes."""
        used, bonus = self.earlier_used.get(period, {}), self.earlier_bonus.get(period, {})
        return self.used.get(gate, 0) + used.get(gate, 0), self.bonus.get(gate, 0) + bonus.get(gate, 0)

    def is_bare(self, seen: Observation) -> bool:
        """Return True for an ECH hello without a server name to an address that is from no DNS answer.

        Browsers send such a hello, with GREASE ECH, for URLs with an IP address: it hides no name. If a DNS
        answer gave the device the address, the hello hides a name.
        """
        return seen.fault is Fault.ECH and seen.host is None and seen.dst not in self.addresses


PLAIN = Situation()
"""No state in addition to the profile."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The reason why a gate (a time rule, a pause or quarantine) is closed, with its end, rule and owner."""

    reason: Reason
    until: datetime | None  # an instant; None: until a person changes it, or unknown
    rule: str  # as written, e.g. "bedtime: 20:45-07:00"
    owner: str


class TimeLimit(NamedTuple):
    """A limit of one period: the minutes used, the minutes allowed, the extra minutes, and the owner."""

    used: int
    limit: int
    bonus: int
    owner: str
    period: LimitPeriod

    @property
    def left(self) -> int:
        """The minutes left, with the extra ones; negative if more minutes were used than that."""
        return self.limit + self.bonus - self.used

    @property
    def text(self) -> str:
        """The limit and its extra minutes as text, such as ``90m + 15m`` or ``week: 10h``."""
        return limit_text(self.limit, self.bonus, self.period)


def binding(budgets: Iterable[TimeLimit]) -> TimeLimit:
    """Return the limit with the fewest minutes left; of several that are used up, that of the longest period.

    Raises ValueError if there is none.
    """
    return min(budgets, key=lambda budget: (max(0, budget.left), budget.left <= 0 and -budget.period.days))


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """The state of a device's time rules (gates) at a moment: which are closed, opened by grants, or limited.

    Valid from ``since`` until just before ``until``, at most one day.
    """

    closed: Mapping[str, Closing]
    lifted: Mapping[str, frozenset[str]]  # service → gates that a grant keeps open for its flows only
    off: bool  # filtering is off
    since: datetime
    until: datetime
    budgets: Mapping[str, TimeLimit]  # by gate: of the limits that apply today, the one that closes first
    allowed: tuple[tuple[str, datetime], ...] = ()  # openings of the situation that have not ended
    repair: ActiveRepair | None = None  # the repair in progress

    def closing(self, gates: Iterable[str]) -> Closing | None:
        """Return why a flow with these gates (time rules) is blocked now; None if it passes.

        It is the closing of the first closed gate in the order of decision.
        """
        gate = self.closed_gate(gates)
        return None if gate is None else self.closed[gate]

    def closed_gate(self, gates: Iterable[str]) -> str | None:
        """Return the first of ``gates`` (a flow's time rules) that blocks it, in the order of decision.

        None: the flow passes.
        """
        if not self.closed:
            return None
        gates = in_order(frozenset(gates))
        lifted = self.lifted_for(gates)
        return next((gate for gate in gates if gate in self.closed and gate not in lifted), None)

    def lifted_for(self, gates: Iterable[str]) -> frozenset[str]:
        """Return the gates (time rules), closed or not, that do not block a flow with ``gates``.

        They are those for which its services have extra time; ``gates`` may lack some of them.
        """
        if not self.lifted:
            return NOTHING
        return NOTHING.union(*(self.lifted.get(gate.removeprefix("service:"), NOTHING) for gate in gates))

    def agrees(self, other: Standing) -> bool:
        """Return True if both block and open the same for the same reasons.

        Used minutes and the ends of closings may differ; openings and repairs must have the same end.
        """
        return (
            self.closed.keys() == other.closed.keys()
            and (self.lifted, self.off, self.opened) == (other.lifted, other.off, other.opened)
            and all(closing.reason is other.closed[gate].reason for gate, closing in self.closed.items())
        )

    @property
    def opened(self) -> object:
        """The names that a guardian opened for a while, with their ends, and the running site repair.

        It is for comparison only.
        """
        return self.allowed, self.repair

    def opening(
        self, host: str, services: Iterable[str], categories: Iterable[str] = ()
    ) -> tuple[str, datetime] | None:
        """Return the entry by which a guardian opened a host, its service or category, and its end.

        None if there is none.
        """
        names = [f"service:{service}" for service in services]
        names += [f"category:{category}" for category in categories]
        return next((entry for entry in self.allowed if entry[0] in names or is_under(host, entry[0])), None)


def standing(profile: Profile, situation: Situation, calendar: Calendar, now: datetime) -> Standing:
    """Return which gates (time rules) of a profile are closed in a situation at ``now``, and until when.

    ``now`` is aware. Takes about 50 µs per time rule: cache the result until its end. The instants
    of rules are in UTC, those of ``situation`` unchanged. While filtering is off, or if
    ``situation`` is timeless, only a pause or quarantine is closed.
    """
    now = now.astimezone(UTC)
    closed: dict[str, Closing] = {}
    changes = [now + DAY]
    if situation.paused_until is not None and now < situation.paused_until:
        until = situation.paused_until if situation.paused_until < FOREVER else None
        closed[DEVICE] = Closing(Reason.PAUSED, until, PAUSE_RULE, situation.paused_by)
        changes.append(situation.paused_until)
    if situation.quarantined:
        closed[DEVICE] = Closing(Reason.QUARANTINED, None, unknown_devices_rule("quarantine"), FAMILY)
    allowed = tuple(entry for entry in situation.allowed if now < entry[1])
    changes += [until for _, until in allowed]
    repair = situation.repair
    if repair is not None and now < repair.until:
        changes.append(repair.until)
    else:
        repair = None
    if situation.off_until is not None and now < situation.off_until:
        changes.append(situation.off_until)
        return Standing(closed, {}, True, now, min(changes), {})
    if situation.timeless:
        return Standing(closed, {}, False, now, min(changes), {}, allowed, repair)
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
    return Standing(closed, lifted, False, now, min(changes), budgets, allowed, repair)


def running(grants: Iterable[GateOpening], now: datetime) -> Iterator[GateOpening]:
    """Return the grants of extra time that have not ended, except for the gate DEVICE.

    No grant lifts a pause.
    """
    return (grant for grant in grants if now < grant.until and grant.gate != DEVICE)


class TimeRules:
    """Evaluates a profile's time rules for one device state (`Situation`). Returned instants are in UTC.

    The rules are bedtime, allowed hours and limits.
    """

    def __init__(self, profile: Profile, calendar: Calendar, situation: Situation) -> None:
        self.rules = profile.rules
        self.situation = situation
        self.calendar, self.tables = by_the_clock(profile, calendar)
        self._budgets: tuple[datetime, dict[str, tuple[TimeLimit, ...]]] | None = None

    def close(self, closed: dict[str, Closing], changes: list[datetime], now: datetime) -> None:
        """Add bedtime and allowed hours that block at ``now`` to ``closed``, next changes to ``changes``.

        Without a trusted clock all of them are closed if the profile's ``clock_unset`` is strict, else none.
        """
        unset = self.rules.clock_unset
        if not self.situation.clock_known:
            if unset.value is ClockUnset.STRICT:
                for gate in self.tables:
                    closed[gate] = Closing(_closing_reason(gate), None, CLOCK_UNSET_RULE, unset.owner)
            return
        for gate, table in self.tables.items():
            change = next_change(table, self.calendar, now)
            if change is not None:
                changes.append(change)
            closure = closure_at(table, self.calendar, now)
            if closure is not None:
                rule = _hours_rule(gate, closure.rule)
                closed[gate] = Closing(_closing_reason(gate), change, rule, closure.owner)
                edge = next_edge(table, self.calendar, now) if self.rules.self_set is not None else None
                if edge is not None:
                    changes.append(edge)  # another rule may be the reason from then on
                midnight = self.calendar.next_local(0, now)
                tomorrow = closure_at(table, self.calendar, midnight)
                if tomorrow is not None and (tomorrow.rule, tomorrow.owner) != (closure.rule, closure.owner):
                    changes.append(midnight)  # still closed, but by another rule

    def close_spent(
        self,
        closed: dict[str, Closing],
        changes: list[datetime],
        budgets: Mapping[str, TimeLimit],
        now: datetime,
    ) -> None:
        """Add the limits without minutes left to ``closed``, and the end of the family's day to ``changes``.

        A limit of zero has none from the start. ``budgets``: the limits by gate (``play``, ``service:x``). If
        the clock is not trusted, no time is added to ``changes``.
        """
        if not self.rules.limits:
            return
        if self.situation.clock_known:
            changes.append(self.calendar.day_end(now))
        for gate, budget in budgets.items():
            if budget.left <= 0:
                until = self._renewed(gate, now) if self.situation.clock_known else None
                rule = limit_rule(gate, budget.text)
                closed[gate] = Closing(Reason.OUT_OF_TIME, until, rule, budget.owner)

    def today(self, now: datetime) -> date:
        """Return the date of the family's day at ``now``.

        Without a trusted clock it is that of the situation, if it has one.
        """
        known = self.situation.day
        return (
            known if known is not None and not self.situation.clock_known else self.calendar.family_day(now)
        )

    def budgets(self, now: datetime) -> dict[str, TimeLimit]:
        """Return, for each gate with limits (such as ``play``), the limit that closes first (`binding`)."""
        return {gate: binding(found) for gate, found in self._all_budgets(now).items()}

    def budgets_of(self, gate: str, now: datetime) -> tuple[TimeLimit, ...]:
        """Return the limits of a gate (such as ``play``) at ``now``, at most one for each period."""
        return self._all_budgets(now).get(gate, ())

    def left(self, gate: str, now: datetime) -> int | None:
        """Return the minutes left of a gate's limits, the fewest of all periods; None without a limit.

        ``gate``: such as ``play``. Negative if more minutes were used than the limit and its extra minutes
        allow.
        """
        return min((budget.left for budget in self.budgets_of(gate, now)), default=None)

    def _all_budgets(self, now: datetime) -> dict[str, tuple[TimeLimit, ...]]:
        if self._budgets is None or self._budgets[0] != now:
            self._budgets = now, self._count(now)
        return self._budgets[1]

    def _count(self, now: datetime) -> dict[str, tuple[TimeLimit, ...]]:
        """Return the limits of each gate at ``now``, with the used and extra minutes of their periods.

        A gate is what a limit is for, such as ``play``.
        """
        day, known, calendar = self.today(now), self.situation, self.calendar
        found: dict[str, tuple[TimeLimit, ...]] = {}
        for period in LimitPeriod:
            first = None if known.day is None else calendar.first_day(period, known.day)
            runs = first == calendar.first_day(period, day)  # nothing is used of another period
            for gate, limit in limits_on(self.rules, day, calendar, period).items():
                used, bonus = known.spent(gate, period) if runs else (0, 0)
                budget = TimeLimit(used, limit.value // MINUTE, bonus, limit.owner, period)
                found[gate] = (*found.get(gate, ()), budget)
        return found

    def _renewed(self, gate: str, now: datetime) -> datetime | None:
        """Return when (UTC) a used-up limit has minutes again and no bedtime or allowed hours block.

        None: not within LOOK_AHEAD changes, the limit of a longer period is zero, or what blocks has no end.
        """
        earlier = (*_BEFORE_LIMITS, WINDOW + gate)
        tables = [self.tables[rule] for rule in earlier if rule in self.tables]
        spent = [budget for budget in self.budgets_of(gate, now) if budget.left <= 0]
        if any(not budget.limit and budget.period is not LimitPeriod.DAY for budget in spent):
            return None
        at = max(self.calendar.period_end(budget.period, now) for budget in spent)
        for _ in range(LOOK_AHEAD):
            limit = limit_on(self.rules, gate, self.calendar.family_day(at), self.calendar)
            shut = next((table for table in tables if closure_at(table, self.calendar, at) is not None), None)
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


def _closing_reason(gate: str) -> Reason:
    return Reason.BEDTIME if gate == BEDTIME else Reason.WINDOW


def _hours_rule(gate: str, hours: str) -> str:
    return bedtime_rule(hours) if gate == BEDTIME else window_rule(target_of(gate), hours)


class Left(NamedTuple):
    """The time left until a flow is blocked, and the gate (time rule) that blocks it."""

    minutes: int  # rounded up: 0 when it is closed
    gate: str  # the gate that closes first; empty: not stated
    at: datetime | None  # an instant (UTC); None if it depends on use
    period: LimitPeriod = LimitPeriod.DAY  # a longer one if its limit closes first


class Remaining:
    """Computes the time left for several flows of one device at one moment; shared results are cached.

    ``state``: the `Standing` of the situation at ``now``, if the caller has it.
    """

    def __init__(
        self,
        profile: Profile,
        situation: Situation,
        calendar: Calendar,
        now: datetime,
        state: Standing | None = None,
    ) -> None:
        self.situation = situation
        self.now = now
        self._time = TimeRules(profile, calendar, situation)
        self._state = state or standing(profile, situation, calendar, now)
        self._outlooks: dict[tuple[str, ...], Outlook] = {}  # by services

    def of(self, gates: Iterable[str]) -> Left | None:
        """Return the time left for a flow to which ``gates`` apply; None if nothing closes it.

        It is 0 if one of them blocks the flow already. It assumes that all time from now on is used.
        """
        gates = in_order(frozenset(gates))
        shut = self._state.closed_gate(gates)
        if shut is not None:
            budget = self._state.budgets.get(shut)
            period = LimitPeriod.DAY if budget is None else budget.period
            return Left(0, shut, self.now.astimezone(UTC), period)
        services = tuple(gate.removeprefix("service:") for gate in gates if gate.startswith("service:"))
        outlook = self._outlooks.get(services)
        if outlook is None:
            outlook = self._outlooks[services] = Outlook(self._time, self.now, services)
        spends = UNCOUNTED not in gates
        closings = outlook.closings(gate for gate in gates if spends or not is_limit(gate))
        if not closings:
            return None
        gate = min(closings, key=lambda gate: closings[gate])
        at = closings[gate]
        by_use = outlook.is_by_use(gate, at)
        period = outlook.closing_period(gate, at)
        return Left(whole_minutes(at - outlook.now), gate, None if by_use else at, period)


def closes_at(
    profile: Profile,
    situation: Situation,
    calendar: Calendar,
    now: datetime,
    gates: Iterable[str],
    services: Iterable[str] = (),
) -> datetime | None:
    """Return when the clock closes a flow with ``gates`` that passes now; None if not within HORIZON days.

    Bedtime and allowed hours count; limits of minutes do not. ``services``: grants for these services also
    keep the flow open.
    """
    named = (gate.removeprefix("service:") for gate in gates if gate.startswith("service:"))
    outlook = Outlook(TimeRules(profile, calendar, situation), now, (*services, *named))
    return min(outlook.closings(gate for gate in gates if not is_limit(gate)).values(), default=None)


class Outlook:
    """Computes when each gate (time rule) closes after a moment, for the flows of some services."""

    def __init__(self, time_rules: TimeRules, now: datetime, services: Iterable[str]) -> None:
        situation = time_rules.situation
        self.now = now.astimezone(UTC)
        off = situation.off_until
        self.start = self.now if off is None else max(self.now, off.astimezone(UTC))
        self._time = time_rules
        self._known = situation.clock_known
        self._closes_unset = time_rules.rules.clock_unset.value is ClockUnset.STRICT
        self._granted: dict[str, GateOpening] = {}
        services = frozenset(services)
        for grant in running(situation.grants, self.now):
            if grant.service is None or grant.service in services:
                known = self._granted.setdefault(grant.gate, grant)
                self._granted[grant.gate] = max(known, grant, key=lambda each: each.until)

    def all_gates(self) -> Gates:
        """Return the profile's gates (time rules): those of bedtime, allowed hours and limits, in order."""
        return in_order({*self._time.tables, *self._time.rules.limits})

    def closings(self, gates: Iterable[str]) -> dict[str, datetime]:
        """Return when each of ``gates`` (time rules) closes next (UTC), in the order of decision.

        Gates that do not close are left out, and DEVICE always. The search ends after HORIZON days, for a
        limit with the next family day. It is ``now`` for a gate that is closed already, or
        when a grant or the switched-off filter that opens it ends. For a limit it is the earliest
        possible time.
        """
        found = {gate: self._closing(gate) for gate in in_order(frozenset(gates))}
        return {gate: at for gate, at in found.items() if at is not None}

    def is_shut_or_granted(self, gate: str) -> bool:
        """Return True if the gate (a time rule) would be closed now without grants and extra minutes.

        False while filtering is off.
        """
        if self.start > self.now:
            return False
        budgets = self._time.budgets_of(gate, self.now)
        if budgets:
            return any(budget.used >= budget.limit for budget in budgets)
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
        """Return when a gate (a time rule) applies again by its own rule.

        It does so after filtering was off, and after grants that keep the gate open.
        """
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
        """Return when a limit closes at the earliest: if all time from now on is used.

        None: not by the end of the next family day.
        """
        rest = self._time.left(gate, self.start)
        spent = None if rest is None else self.start + max(0, rest) * MINUTE
        if self._known:
            end = self._time.calendar.day_end(self.start)
            if spent is None or spent >= end:
                spent = self._spent_tomorrow(gate, end)
        return None if spent is None else max(spent, self._from(gate))

    def _spent_tomorrow(self, gate: str, end: datetime) -> datetime | None:
        """Return when a limit closes at the earliest on the day that begins at ``end``; None: not then.

        ``end``: the end of the present family day.
        """
        calendar, rules = self._time.calendar, self._time.rules
        rests = [
            max(budget.left * MINUTE - (end - self.start), timedelta())
            for budget in self._time.budgets_of(gate, self.start)
            if calendar.period_end(budget.period, self.start) > end
        ]
        for period in LimitPeriod:
            limit = limit_on(rules, gate, calendar.family_day(end), calendar, period)
            if limit is not None and calendar.period_end(period, self.start) == end:
                rests.append(limit.value)
        rest = min(rests, default=DAY)
        return None if rest >= DAY else end + rest

    def is_by_use(self, gate: str, at: datetime) -> bool:
        """Return True if a gate that closes at ``at`` is a limit that runs out of minutes then.

        False for other time rules, and if a grant ends then.
        """
        return is_limit(gate) and not self._is_granted(gate, at)

    def closing_period(self, gate: str, at: datetime) -> LimitPeriod:
        """Return the period whose minutes run out at ``at``, when a limit (``gate``) closes; else DAY."""
        budget = self._time.budgets(self.start).get(gate)
        if budget is None or at != self.start + max(0, budget.left) * MINUTE or not self.is_by_use(gate, at):
            return LimitPeriod.DAY
        return budget.period

    def _is_granted(self, gate: str, closing: datetime) -> bool:
        """Return True if a gate (a time rule) that closes at ``closing`` does so because a grant ends."""
        grant = self._granted.get(gate)
        return grant is not None and closing == grant.until

    def boundary(self, gate: str, closing: datetime) -> tuple[datetime | None, bool]:
        """Return the time that added minutes start to count after, or None; and whether the clock is trusted.

        ``closing``: when the gate closes. The time is ``closing`` for a bedtime or allowed hours that close
        later. None: the minutes count from when they are granted. If a grant ends at ``closing``, return that
        grant's values.
        """
        if self._is_granted(gate, closing):
            grant = self._granted[gate]
            return grant.boundary, grant.clock_trusted
        counted = is_limit(gate) or closing <= self.start
        return None if counted else closing, self._known

    def missing_minutes(self, gate: str, end: datetime) -> int | None:
        """Return the minutes to add to a gate's limit of today so that it lasts until ``end``.

        ``gate``: such as ``play``. None: there is no limit, or tomorrow's limit closes earlier. Negative if
        more minutes are left than needed.
        """
        rest = self._time.left(gate, self.start)
        if rest is None:
            return None
        if self._known:
            turns = self._time.calendar.day_end(self.start)
            tomorrow = self._spent_tomorrow(gate, turns)
            if end > turns and tomorrow is not None and tomorrow < end:
                return None
        return whole_minutes(end - self.start) - rest


def whole_minutes(span: timedelta) -> int:
    """Return the minutes of ``span``, rounded up to a whole number."""
    return -(-span // MINUTE)
