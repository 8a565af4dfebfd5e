"""`qalqan profile`: the rules as the family's files have them, and who set each."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from gateway.commands import output
from gateway.commands.homes import read_home
from gateway.daemon.describe import by_days
from gateway.policy.household import Household
from gateway.policy.profile import Profile
from gateway.policy.rules import Owned, Rules
from gateway.policy.schedule import Calendar, bedtime_table
from gateway.policy.timetext import ByDay, clock_text

DAYS = 7
Lines = Iterator[tuple[str, str, str]]


def run(args: Namespace) -> int:
    home = read_home(args)
    if args.action == "list":
        return _list(home.household, as_json=args.json)
    profile = home.whose(args.who)
    print(f"{output.clean(profile.name)} ({profile.id}), band {profile.band.value}")
    if args.week:
        today = datetime.now(UTC).astimezone(home.config.zone).date()
        output.rows(_week(profile.rules, home.calendar, today))
    else:
        output.rows(_rules(profile))
    return 0


def _list(family: Household, *, as_json: bool) -> int:
    """1 where a file cannot be used."""
    profiles = family.profiles.values()
    if as_json:
        output.as_json(
            {
                "profiles": [
                    {"id": one.id, "name": one.name, "band": one.band.value, "devices": one.devices}
                    for one in profiles
                ],
                "problems": [str(error) for error in family.problems.values()],
            }
        )
    else:
        output.rows(
            ((one.id, one.name, one.band.value, ", ".join(one.devices) or "-") for one in profiles),
            ("PROFILE", "NAME", "BAND", "DEVICES"),
        )
    for error in family.problems.values():
        output.problem(str(error))
    return 1 if family.problems else 0


def _rules(profile: Profile) -> Lines:
    """What, its value, and its owner."""
    rules = profile.rules
    yield "devices", ", ".join(profile.devices) or "none", ""
    for key in ("mode", "unknown", "safe_search", "strict", "failure", "clock_unset"):
        one: Owned[object] = getattr(rules, key)
        yield key, str(one.value).lower(), one.owner
    yield "log_level", str(rules.log_level), ""
    yield from _times("bedtime", rules.bedtime.map(lambda one: Owned(str(one.value), one.owner)))
    for target, limit in rules.limits.items():
        yield from _times(
            f"limit {target}",
            limit.map(lambda one: Owned(_minutes(one.value), one.owner)),
        )
    for target, windows in rules.windows.items():
        yield from _times(
            f"window {target}",
            windows.map(lambda one: Owned(", ".join(map(str, one.value)) or "never", one.owner)),
        )
    for category, action in rules.categories.items():
        yield f"category:{category}", action.value.value, action.owner
    for word in ("block", "allow", "homework"):
        for entry in getattr(rules, word):
            yield word, str(entry), entry.owner


def _times(what: str, days: ByDay[Owned[str]]) -> Lines:
    """One line for each value, with the days on which it holds."""
    for on, one in by_days(days):
        yield what, f"{on}: {one.value}" if on else one.value, one.owner


def _week(rules: Rules, calendar: Calendar, first: date) -> Lines:
    """Each of the next days: whether it is a free one, and what its clock closes and counts."""
    bedtime = bedtime_table(rules.bedtime, calendar)
    for day in (first + timedelta(days=number) for number in range(DAYS)):
        free = calendar.is_free(day)
        told = []
        closed = ", ".join(f"{clock_text(one.start)}-{clock_text(one.end)}" for one in bedtime(day))
        if closed:
            told.append(f"bedtime {closed}")
        for target, windows in rules.windows.items():
            spans = windows.on(day.weekday(), free=free)
            if spans is not None:
                told.append(f"{target} open {', '.join(map(str, spans.value)) or 'never'}")
        for target, limits in rules.limits.items():
            limit = limits.on(day.weekday(), free=free)
            if limit is not None:
                told.append(f"{target} for {_minutes(limit.value)}")
        yield f"{day:%a %d %b}", "free" if free else "school", "; ".join(told) or "open"


def _minutes(length: timedelta) -> str:
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"
