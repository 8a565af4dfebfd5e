"""`qalqan profile`: the rules in the family's files, and the owner of each."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from gateway.cli import output, week
from gateway.cli.rule_files import read_home
from gateway.cli.week import minutes_text
from gateway.features.rules.describe_hours import by_days
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import FAMILY, Owned
from gateway.policy.time.schedule import plan
from gateway.policy.time.time_text import ByDay

Lines = Iterator[tuple[str, str, str]]


def run(args: Namespace) -> int:
    home = read_home(args)
    if args.action == "list":
        return _list(home.household, as_json=args.json)
    profile = home.profile_or_owner(args.who)
    if args.week:
        today = datetime.now(UTC).astimezone(home.config.zone).date()
        days = plan(profile, home.calendar, home.product.holidays(home.config.country), today)
        (week.as_json if args.json else week.show)(profile, days)
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
    """List the profiles. Return 1 if a file cannot be used."""
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
    """Yield the name, value and owner of each rule."""
    rules = profile.rules
    yield "devices", ", ".join(profile.devices) or "none", ""
    for key in ("mode", "unknown", "safe_search", "strict", "failure", "clock_unset", "updates"):
        owned: Owned[object] = getattr(rules, key)
        yield key, str(owned.value).lower(), owned.owner
    yield "log_level", str(rules.log_level), ""
    for key in ("landing", "linger", "auto_approve"):
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
    for category, action in rules.categories.items():
        yield f"category:{category}", action.value.value, action.owner
    for way, switch in rules.ways.items():
        yield f"ways {way}", switch.value.value, switch.owner
    for calendar in rules.calendars:
        yield "calendar", calendar, FAMILY
    for day, rule in rules.dates.items():
        yield f"date {day}", ", ".join(rule.says), FAMILY
    for word in ("block", "allow", "homework"):
        for entry in getattr(rules, word):
            yield word, str(entry), entry.owner


def _times(what: str, days: ByDay[Owned[str]]) -> Lines:
    """Yield one line for each value, with the days on which it applies."""
    for on, rule in by_days(days):
        value, owner = ("none", "") if rule is None else (rule.value, rule.owner)
        yield what, f"{on}: {value}" if on else value, owner
