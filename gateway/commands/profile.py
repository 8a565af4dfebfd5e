"""`qalqan profile`: the rules as the family's files have them, and who set each."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from gateway import household
from gateway.commands import output
from gateway.commands.homes import read_home
from gateway.policy.profile import Profile
from gateway.policy.rules import Owned, Rules
from gateway.policy.schedule import Calendar
from gateway.policy.timetext import WEEKDAYS, ByDay

DAYS = 7
Lines = Iterator[tuple[str, str, str]]


def run(args: Namespace) -> int:
    home = read_home(args)
    if args.action == "list":
        _list(home.household, as_json=args.json)
    else:
        profile = home.whose(args.who)
        today = datetime.now(UTC).astimezone(home.config.zone).date()
        calendar = home.calendar
        print(f"{output.clean(profile.name)} ({profile.id}), band {profile.band.value}")
        if args.week:
            output.rows(_week(profile.rules, calendar, [today + timedelta(days=n) for n in range(DAYS)]))
        else:
            output.rows(_rules(profile))
    for error in home.household.problems.values():
        output.problem(str(error))
    return 1 if home.household.problems else 0


def _list(family: household.Household, *, as_json: bool) -> None:
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
        return
    output.rows(
        ((one.id, one.name, one.band.value, ", ".join(one.devices) or "-") for one in profiles),
        ("PROFILE", "NAME", "BAND", "DEVICES"),
    )


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
            limit.map(lambda one: Owned(f"{one.value.total_seconds() / 60:.0f} min", one.owner)),
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
    by_value: dict[Owned[str], list[int]] = {}
    for day, value in enumerate(days.values):
        if value is not None:
            by_value.setdefault(value, []).append(day)
    for one, found in by_value.items():
        yield what, f"{_days(found)}{one.value}", one.owner


def _days(found: list[int]) -> str:
    """Which of the fourteen days, in words; nothing for all of them or for the only ones that ever occur."""
    usual = [*range(5), *range(7, 14)]  # a Saturday or Sunday is never a school day
    held = [day for day in found if day in usual]
    if held == usual:
        return ""
    school, free = set(range(5)), set(range(7, 14))
    names = [name for days, name in ((school, "school"), (free, "free")) if days <= set(held)]
    covered = (school if "school" in names else set()) | (free if "free" in names else set())
    rest = [f"{WEEKDAYS[day % 7]}{' (free)' if 7 <= day < 12 else ''}" for day in held if day not in covered]
    return ",".join([*names, *rest]) + ": "


def _week(rules: Rules, calendar: Calendar, days: Iterable[object]) -> Lines:
    """For each day: bedtime of its morning and what windows and limits it has."""
    for day in days:
        yield from ()
