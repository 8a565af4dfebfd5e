"""Describes a profile's bedtimes, schedules, time limits and exceptional days for the control socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TypeVar

from gateway.control.contract.profile import (
    CountedCategory,
    LimitMinutes,
    LimitOnDays,
    NightHours,
    NightOnDays,
    OtherDay,
    UncountedCategory,
    WindowHours,
    WindowOnDays,
)
from gateway.household.rule_book import RuleBook
from gateway.policy.judge.target_names import target_name
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import INTERNET, SELF, Action, DateRule, Owned, action_target
from gateway.policy.time.gates import UNCOUNTED_CATEGORIES
from gateway.policy.time.schedule import WEEKEND, PlannedDay, plan
from gateway.policy.time.time_text import WEEKDAYS, ByDay, Span, clock_text

T = TypeVar("T")

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
AHEAD = 9  # days: yesterday, since its night may not have ended, today and a week
OPEN, CLOSED = "open", "closed"  # all day


def bedtimes(profile: Profile) -> tuple[NightOnDays, ...]:
    """Return a profile's bedtimes with their days: those set by others, then the child's own."""
    mine = profile.rules.self_set
    bedtimes = [(profile.rules.bedtime, "")] + ([] if mine is None else [(mine.bedtime, _by_itself(profile))])
    return tuple(
        NightOnDays(days=days, **vars(_night(entry, owner)))
        for bedtime, owner in bedtimes
        for days, entry in by_days(bedtime)
    )


def schedules(profile: Profile, rules: RuleBook) -> tuple[WindowOnDays, ...]:
    return tuple(
        WindowOnDays(days=days, **vars(row))
        for target, windows in profile.rules.windows.items()
        for days, entry in by_days(windows)
        for row in _windows(target, entry, rules)
    )


def limits(profile: Profile, rules: RuleBook) -> tuple[LimitOnDays, ...]:
    """Return a profile's time limits with their days: those set by others, then the child's own."""
    mine = profile.rules.self_set
    own = () if mine is None else mine.limits.items()
    return tuple(
        LimitOnDays(days=days, **vars(_limit(target, entry, rules, owner)))
        for values, owner in ((profile.rules.limits.items(), ""), (own, _by_itself(profile)))
        for target, limit in values
        for days, entry in by_days(limit)
    )


def _by_itself(profile: Profile) -> str:
    return f"{SELF}:{profile.name}"


def counted(profile: Profile, rules: RuleBook) -> tuple[CountedCategory, ...]:
    """Return the categories and services that use up the time limit for play."""
    return tuple(
        CountedCategory(
            target=action_target(key), name=target_name(action_target(key), rules.names), owner=action.owner
        )
        for key, action in profile.rules.categories.items()
        if action.value is Action.COUNT
    )


def uncounted(profile: Profile, rules: RuleBook) -> tuple[UncountedCategory, ...]:
    """Return the categories that do not use up the time limit for the internet; () without such a limit."""
    if INTERNET not in profile.rules.limits:
        return ()
    return tuple(
        UncountedCategory(target=f"category:{key}", name=target_name(f"category:{key}", rules.names))
        for key in sorted(UNCOUNTED_CATEGORIES)
    )


def by_days(values: ByDay[Owned[T]]) -> Iterator[tuple[str | None, Owned[T] | None]]:
    """Yield each value with its days: None for every day, else a day type, weekday or longer period.

    A weekday's own value takes precedence over that of its day type. None as value: the weekday has none.
    """
    yield from _by_days(values)
    yield from values.longer.items()


def _by_days(values: ByDay[Owned[T]]) -> Iterator[tuple[str | None, Owned[T] | None]]:
    school, free = values.values[:7], values.values[7:]
    apart = [day for day in range(7) if school[day] != free[day]]
    if not apart:
        rows = [(None, school[0])] if len({*school}) == 1 else list(zip(WEEKDAYS, school, strict=True))
        yield from ((days, entry) for days, entry in rows if entry is not None)
        return
    types = (("school", school[apart[0]]), ("free", free[apart[0]]))
    yield from ((days, entry) for days, entry in types if entry is not None)
    yield from ((WEEKDAYS[day], school[day]) for day in range(7) if day not in apart)


def _night(entry: Owned[Span] | None, owner: str = "") -> NightHours:
    if entry is None:
        return NightHours(owner=owner, from_=None, to=None)
    return NightHours(owner=entry.owner, from_=clock_text(entry.value.start), to=clock_text(entry.value.end))


def _windows(target: str, entry: Owned[tuple[Span, ...]] | None, rules: RuleBook) -> Iterator[WindowHours]:
    """Yield a row for each allowed span of a target, or one row if the day is all open or all closed."""
    name, owner = target_name(target, rules.names), "" if entry is None else entry.owner
    if entry is None or not entry.value:
        all_day = OPEN if entry is None else CLOSED
        yield WindowHours(target=target, name=name, owner=owner, from_=None, to=None, all_day=all_day)
        return
    for span in entry.value:
        start, end = clock_text(span.start), clock_text(span.end)
        yield WindowHours(target=target, name=name, owner=owner, from_=start, to=end, all_day=None)


def _limit(target: str, entry: Owned[timedelta] | None, rules: RuleBook, owner: str = "") -> LimitMinutes:
    return LimitMinutes(
        target=target,
        name=target_name(target, rules.names),
        owner=owner if entry is None else entry.owner,
        minutes=None if entry is None else entry.value // MINUTE,
    )


def other_days(profile: Profile, rules: RuleBook, today: date) -> Iterator[OtherDay]:
    """Yield the days, from yesterday to a week after ``today``, that differ from an ordinary week.

    These are holidays, days of a calendar file, and dates with rules of their own.
    """
    holidays = rules.product.holidays(rules.household.config.country)
    for day in plan(profile, rules.calendar, holidays, today - DAY, AHEAD):
        if day.exception or day.because not in (None, WEEKEND):
            yield _other_day(day, profile.rules.dates.get(day.day), rules)


def _other_day(day: PlannedDay, rule: DateRule | None, rules: RuleBook) -> OtherDay:
    """Return a day as the control socket reports it.

    ``rule``: what its date sets in place of the usual rules.
    """
    night = None if rule is None else rule.bedtime
    return OtherDay(
        date=day.day,
        weekday=f"{day.day:%a}".lower(),
        counts_as=day.counts_as.value,
        because=day.because,
        holiday=day.holiday or None,
        exception=day.exception,
        bedtime=None if night is None else _night(_owned(night)),
        windows=()
        if rule is None
        else tuple(
            row
            for target, windows in rule.windows.items()
            for row in _windows(target, _owned(windows), rules)
        ),
        limits=()
        if rule is None
        else tuple(_limit(target, _owned(limit), rules) for target, limit in rule.limits.items()),
    )


def _owned(entry: Owned[T | None]) -> Owned[T] | None:
    return None if entry.value is None else Owned(entry.value, entry.owner)
