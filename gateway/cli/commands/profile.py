"""`qalqan profile`: the rules in the family's files with their owners, and the next seven days."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from gateway.cli import output
from gateway.cli.rule_files import read_home
from gateway.features.rules.describe_hours import by_days
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rule_keys import RuleShape, of_shape
from gateway.policy.profile.rules import FAMILY, Owned, action_target
from gateway.policy.time.limit_periods import LONGER_PERIODS, LimitPeriod
from gateway.policy.time.schedule import CALENDAR, EXCEPTION, HOLIDAY, PlannedDay, limits_on, plan
from gateway.policy.time.time_text import ByDay, Span, clock_text

Lines = Iterator[tuple[str, str, str]]
Limits = Mapping[str, Owned[timedelta]]
LimitsByPeriod = Mapping[LimitPeriod, Limits]

HEAD = ("DAY", "COUNTS AS", "BEDTIME THAT NIGHT", "LIMITS", "WINDOWS", "EXCEPTION")


def run(args: Namespace) -> int:
    home = read_home(args)
    if args.action == "list":
        return _list(home.household, as_json=args.json)
    profile = home.profile_or_owner(args.who)
    if args.week:
        today = datetime.now(UTC).astimezone(home.config.zone).date()
        days = plan(profile, home.calendar, home.product.holidays(home.config.country), today)
        longer = {period: limits_on(profile.rules, today, home.calendar, period) for period in LONGER_PERIODS}
        (_week_as_json if args.json else _show_week)(profile, days, longer)
        return 0
    if args.json:
        output.as_json(
            {
                "profile": {"id": profile.id, "name": profile.name, "band": profile.band.value},
                "rules": [
                    dict(zip(("rule", "value", "owner"), line, strict=True)) for line in _rules(profile)
                ],
            }
        )
        return 0
    print(f"{output.clean(profile.name)} ({profile.id}), band {profile.band.value}")
    output.rows(_rules(profile))
    return 0


def _list(family: Household, *, as_json: bool) -> int:
    """Print the profiles. Return the exit status: 1 if a profile's file or calendar cannot be used."""
    profiles = family.profiles.values()
    if as_json:
        output.as_json(
            {
                "profiles": [
                    {
                        "id": profile.id,
                        "name": profile.name,
                        "band": profile.band.value,
                        "devices": profile.devices,
                    }
                    for profile in profiles
                ],
                "problems": [str(error) for error in family.problems.values()],
            }
        )
    else:
        output.rows(
            (
                (profile.id, profile.name, profile.band.value, ", ".join(profile.devices) or "-")
                for profile in profiles
            ),
            ("PROFILE", "NAME", "BAND", "DEVICES"),
        )
    for error in family.problems.values():
        output.problem(str(error))
    return 1 if family.problems else 0


def _rules(profile: Profile) -> Lines:
    """Yield the name, value and owner (who set it) of each rule of a profile, as text.

    The owner is empty for devices, for ``log_level``, and for a rule without a value.
    """
    rules = profile.rules
    yield "devices", ", ".join(profile.devices) or "none", ""
    for key in of_shape(RuleShape.CHOICE, RuleShape.SWITCH):
        owned: Owned[object] = getattr(rules, key)
        yield key, str(owned.value).lower(), owned.owner
    yield "log_level", str(rules.log_level), ""
    for key in of_shape(RuleShape.MINUTES):
        length: Owned[timedelta] = getattr(rules, key)
        yield key, minutes_text(length.value), length.owner
    yield from _times("bedtime", rules.bedtime.map(lambda rule: Owned(str(rule.value), rule.owner)))
    for target, limit in rules.limits.items():
        yield from _times(
            f"limit {target}",
            limit.map(lambda rule: Owned(minutes_text(rule.value), rule.owner)),
        )
    for target, windows in rules.windows.items():
        yield from _times(
            f"window {target}",
            windows.map(lambda rule: Owned(", ".join(map(str, rule.value)) or "never", rule.owner)),
        )
    for key, action in rules.categories.items():
        yield action_target(key), action.value.value, action.owner
    for way, switch in rules.ways.items():
        yield f"ways {way}", switch.value.value, switch.owner
    for calendar in rules.calendars:
        yield "calendar", calendar, FAMILY
    for day, rule in rules.dates.items():
        yield f"date {day}", ", ".join(rule.says), FAMILY
    for word in of_shape(RuleShape.ENTRIES):
        for entry in getattr(rules, word):
            yield word, str(entry), entry.owner


def _times(what: str, days: ByDay[Owned[str]]) -> Lines:
    """Yield a line for each value of a rule that may differ by day: name, days and value, owner.

    The days are left out if the value is the same on all days.
    """
    for on, rule in by_days(days):
        value, owner = ("none", "") if rule is None else (rule.value, rule.owner)
        yield what, f"{on}: {value}" if on else value, owner


def _show_week(profile: Profile, days: Iterable[PlannedDay], longer: LimitsByPeriod) -> None:
    print(f"{output.clean(profile.name)} ({profile.id}), band {profile.band.value}")
    for period, limits in longer.items():
        if limits:
            print(f"limits a {period}: {_limits(limits)}")
    output.rows(map(_row, days), HEAD)


def _row(day: PlannedDay) -> tuple[str, ...]:
    windows = (f"{target} {_spans(rule.value) or 'never'}" for target, rule in day.windows.items())
    return (
        f"{day.day:%a %d %b}",
        _counts_as(day),
        _spans(night.value for night in day.nights) or "none",
        _limits(day.limits) or "none",
        "; ".join(windows) or "none",
        ", ".join(day.exception) or "-",
    )


def _limits(limits: Limits) -> str:
    return "; ".join(f"{target} {minutes_text(limit.value)}" for target, limit in limits.items())


def _counts_as(day: PlannedDay) -> str:
    why = {HOLIDAY: day.holiday, CALENDAR: "calendar", EXCEPTION: "exception"}.get(day.because or "")
    return f"{day.counts_as} ({why})" if why else day.counts_as.value


def _spans(spans: Iterable[Span]) -> str:
    return ", ".join(map(str, spans))


def _week_as_json(profile: Profile, days: Iterable[PlannedDay], longer: LimitsByPeriod) -> None:
    output.as_json(
        {
            "profile": {"id": profile.id, "name": profile.name, "band": profile.band.value},
            "days": [_day(day) for day in days],
            **{period.value: {"limits": _day_limits(limits)} for period, limits in longer.items()},
        }
    )


def _day(day: PlannedDay) -> Mapping[str, object]:
    return {
        **day.in_brief(),
        "bedtime": [_hours(night.value, night.owner) for night in day.nights],
        "windows": {target: _windows(rule) for target, rule in day.windows.items()},
        "limits": _day_limits(day.limits),
    }


def _day_limits(limits: Limits) -> Mapping[str, object]:
    return {
        target: {"minutes": limit.value // timedelta(minutes=1), "owner": limit.owner}
        for target, limit in limits.items()
    }


def _windows(rule: Owned[tuple[Span, ...]]) -> list[Mapping[str, object]]:
    return [_hours(span, rule.owner) for span in rule.value]


def _hours(span: Span, owner: str) -> Mapping[str, object]:
    return {"from": clock_text(span.start), "to": clock_text(span.end), "owner": owner}


def minutes_text(length: timedelta) -> str:
    hours, minutes = divmod(length // timedelta(minutes=1), 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"
