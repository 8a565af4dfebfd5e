"""Describes a profile's bedtimes, schedules and limits for the control socket, and exceptional days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import TypeVar

from gateway.household.rule_book import RuleBook
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import INTERNET, PLAY, SELF, Action, DateRule, Owned
from gateway.policy.time.gates import UNCOUNTED_CATEGORIES
from gateway.policy.time.schedule import WEEKEND, plan
from gateway.policy.time.time_text import WEEK, WEEKDAYS, ByDay, Span, clock_text

T = TypeVar("T")
Row = dict[str, object]

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
AHEAD = 9  # days: yesterday, whose night may not have ended, today and a week
OPEN, CLOSED = "open", "closed"  # all day


def describe_hours(profile: Profile, rules: RuleBook, today: date) -> dict[str, object]:
    """Return the times that others set, followed by those that the child set for itself."""
    own, mine = profile.rules, profile.rules.self_set
    limits = [(*item, "") for item in own.limits.items()]
    nights = [(own.bedtime, "")]
    if mine is not None:
        owner = f"{SELF}:{profile.name}"
        limits += [(*item, owner) for item in mine.limits.items()]
        nights.append((mine.bedtime, owner))
    return {
        "bedtime": [
            {"days": days} | _night(one, owner) for bedtime, owner in nights for days, one in by_days(bedtime)
        ],
        "windows": [
            {"target": target, "name": target_name(target, rules), "days": days} | hours
            for target, windows in own.windows.items()
            for days, one in by_days(windows)
            for hours in _windows(one)
        ],
        "limits": [
            {"target": target, "name": target_name(target, rules), "days": days} | _minutes(one, owner)
            for target, limit, owner in limits
            for days, one in by_days(limit)
        ],
        "day_starts": clock_text(rules.calendar.day_starts),
        "days": list(_other_days(profile, rules, today)),
        "counted": [
            {"target": f"category:{key}", "name": rules.names.categories.get(key, key), "owner": action.owner}
            for key, action in own.categories.items()
            if action.value is Action.COUNT
        ],
        "uncounted": [
            {"target": f"category:{key}", "name": rules.names.categories.get(key, key)}
            for key in sorted(UNCOUNTED_CATEGORIES)
            if INTERNET in own.limits
        ],
    }


def by_days(values: ByDay[Owned[T]]) -> Iterator[tuple[str | None, Owned[T] | None]]:
    """Yield each value with what it is for: None for every day, else a day type, a weekday or ``week``.

    A weekday's own value takes precedence over that of its day type. None as value: the weekday has none.
    """
    yield from _by_days(values)
    if values.week is not None:
        yield WEEK, values.week


def _by_days(values: ByDay[Owned[T]]) -> Iterator[tuple[str | None, Owned[T] | None]]:
    school, free = values.values[:7], values.values[7:]
    apart = [day for day in range(7) if school[day] != free[day]]
    if not apart:
        rows = [(None, school[0])] if len({*school}) == 1 else list(zip(WEEKDAYS, school, strict=True))
        yield from ((days, one) for days, one in rows if one is not None)
        return
    types = (("school", school[apart[0]]), ("free", free[apart[0]]))
    yield from ((days, one) for days, one in types if one is not None)
    yield from ((WEEKDAYS[day], school[day]) for day in range(7) if day not in apart)


def _night(one: Owned[Span] | None, owner: str = "") -> Row:
    if one is None:
        return {"owner": owner, "from": None, "to": None}
    return {"owner": one.owner, **_hours(one.value)}


def _windows(one: Owned[tuple[Span, ...]] | None) -> list[Row]:
    """Return a row for each window, or one for a day that is always open or always closed."""
    if one is None:
        return [{"owner": "", "from": None, "to": None, "all_day": OPEN}]
    if not one.value:
        return [{"owner": one.owner, "from": None, "to": None, "all_day": CLOSED}]
    return [{"owner": one.owner, **_hours(span)} for span in one.value]


def _minutes(one: Owned[timedelta] | None, owner: str = "") -> Row:
    if one is None:
        return {"owner": owner, "minutes": None}
    return {"owner": one.owner, "minutes": one.value // MINUTE}


def _other_days(profile: Profile, rules: RuleBook, today: date) -> Iterator[Row]:
    """Yield upcoming days that count as another day type, or have an exception."""
    holidays = rules.product.holidays(rules.household.config.country)
    for day in plan(profile, rules.calendar, holidays, today - DAY, AHEAD):
        if day.exception or day.because not in (None, WEEKEND):
            yield day.in_brief() | _excepted(profile.rules.dates.get(day.day), rules)


def _excepted(rule: DateRule | None, rules: RuleBook) -> Row:
    """Return what the date sets in place of the usual rules; null: nothing."""
    if rule is None:
        return {"bedtime": None, "windows": [], "limits": []}
    night = rule.bedtime
    return {
        "bedtime": None if night is None else _night(_owned(night)),
        "windows": [
            {"target": target, "name": target_name(target, rules)} | hours
            for target, windows in rule.windows.items()
            for hours in _windows(_owned(windows))
        ],
        "limits": [
            {"target": target, "name": target_name(target, rules)} | _minutes(_owned(limit))
            for target, limit in rule.limits.items()
        ],
    }


def _owned(one: Owned[T | None]) -> Owned[T] | None:
    return None if one.value is None else Owned(one.value, one.owner)


def _hours(span: Span) -> Row:
    return {"from": clock_text(span.start), "to": clock_text(span.end)}


def target_name(target: str, rules: RuleBook) -> str:
    kind, _, key = target.partition(":")
    names: Mapping[str, Mapping[str, str]] = {
        "service": rules.names.services,
        "category": rules.names.categories,
        "group": rules.names.groups,
    }
    if kind in names:
        return names[kind].get(key, key)
    return {INTERNET: "The internet", PLAY: "Play"}.get(target, target)
