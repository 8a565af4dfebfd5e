"""`profile list` and `profile show`: whose rules there are, and a week of them."""

from __future__ import annotations

import argparse
from datetime import date, datetime, timedelta

from gateway.commands.rulebook import RuleBook, read
from gateway.policy.profile import Profile
from gateway.policy.rules import Action
from gateway.policy.standing import timetables

_HOURS = 24


def profile(args: argparse.Namespace) -> int:
    rules = read(args.config, getattr(args, "who", None))
    if args.action == "list":
        return _list(rules)
    return _show(rules, rules.profile(args.who), week=args.week)


def _list(rules: RuleBook) -> int:
    home = rules.household
    assert home is not None
    for one in (*home.profiles.values(), home.guest, home.home):
        kind = "built in" if one.built_in else f"{len(one.devices)} devices"
        print(f"{one.id:16} {one.name:20} {one.band.value:6} {kind}")
    for name, problem in home.problems.items():
        print(f"problem: {name}: {problem}")
    return 1 if home.problems else 0


def _show(rules: RuleBook, one: Profile, *, week: bool) -> int:
    own = one.rules
    print(f"{one.name} ({one.id}), band {one.band.value}, {own.mode.value.value}, log level {own.log_level}")
    for mac in one.devices:
        print(f"  device {mac}")
    for word, entries in (("allow", own.allow), ("block", own.block), ("homework", own.homework)):
        for entry in entries:
            print(f"  {word}: {entry} ({entry.owner})")
    for action in (Action.REFUSE, Action.ASK, Action.COUNT):
        named = [key for key, rule in own.categories.items() if rule.value is action]
        if named:
            print(f"  {action.value}: {', '.join(named)}")
    print(
        f"  safe search: {own.safe_search.value.value}; while the daemon is down: {own.failure.value.value}"
    )
    if week:
        _week(rules, one)
    return 0


def _week(rules: RuleBook, one: Profile) -> None:
    """A row a day and time rule: `#` closed the whole hour, `+` a part of it, `.` open."""
    start = datetime.now(rules.zone).date()
    tables = timetables(one, rules.calendar)
    print(
        "  "
        + " " * 26
        + "".join(f"{hour:<3}" for hour in range(0, _HOURS, 1) if hour % 3 == 0).replace("", "")
    )
    for day in (start + timedelta(days=ahead) for ahead in range(7)):
        for gate, table in tables.items():
            closures = [(one.start, one.end) for one in table(day)]
            cells = "".join(_cell(closures, hour) for hour in range(_HOURS))
            print(f"  {_day(day, rules)} {gate[:18]:18} {cells}")


def _cell(closures: list[tuple[int, int]], hour: int) -> str:
    begin, end = hour * 60, hour * 60 + 60
    closed = sum(max(0, min(end, stop) - max(begin, start)) for start, stop in closures)
    return "." if closed == 0 else "#" if closed >= 60 else "+"


def _day(day: date, rules: RuleBook) -> str:
    return f"{day:%a} {'free' if rules.calendar.is_free(day) else ''}".ljust(8)
