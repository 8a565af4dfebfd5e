"""Describes minutes for the control socket: used, remaining, and why each minute was counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from gateway.control.contract.status import ClosingSoon, TimeLeft
from gateway.control.contract.time import (
    LedgerMinute,
    LimitTotal,
    MinutesOnDevice,
    TimeUsed,
    UsedOfPeriod,
)
from gateway.household.members import CountedMinute, Member
from gateway.household.rule_book import RuleBook
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.target_names import target_name
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import shows_present
from gateway.policy.time.gates import STATE_GATES, is_limit
from gateway.policy.time.limit_periods import LONGER_PERIODS, LimitPeriod
from gateway.policy.time.schedule import calendar_for, limit_on
from gateway.policy.time.time_rules import Left, Situation

MAX_ENTRIES = 3000  # the newest of one answer: 200 bytes each stay far below the limit of an answer
MINUTE = timedelta(minutes=1)


def describe_used(
    profile: Profile, situation: Situation, rules: RuleBook, by_device: Mapping[str, Mapping[str, int]]
) -> tuple[TimeUsed, ...]:
    """Return the used minutes of each time limit on the situation's day, with the limit and extra minutes.

    ``by_device``: used minutes by device and limit. Empty if the day is unknown.
    """
    day = situation.day
    if day is None:
        return ()
    calendar = calendar_for(profile, rules.calendar)

    def of_period(target: str, period: LimitPeriod) -> UsedOfPeriod | None:
        limit = limit_on(profile.rules, target, day, calendar, period)
        if limit is None:
            return None
        minutes, bonus = situation.spent(target, period)
        return UsedOfPeriod(minutes=minutes, limit=limit.value // MINUTE, bonus=bonus, owner=limit.owner)

    found = list[TimeUsed]()
    for target in profile.rules.limits:
        daily = of_period(target, LimitPeriod.DAY)
        longer = {period: of_period(target, period) for period in LONGER_PERIODS}
        if daily is None and not any(longer.values()):
            continue
        found.append(
            TimeUsed(
                target=target,
                name=target_name(target, rules.names),
                minutes=situation.used.get(target, 0),
                limit=None if daily is None else daily.limit,
                bonus=situation.bonus.get(target, 0),
                owner="" if daily is None else daily.owner,
                devices=tuple(
                    MinutesOnDevice(mac=device, minutes=minutes[target])
                    for device, minutes in by_device.items()
                    if minutes.get(target) and parse_mac(device) is not None
                ),
                **longer,
            )
        )
    return tuple(found)


def describe_left(
    member: Member, rules: RuleBook, now: datetime, gates: Iterable[str] = STATE_GATES
) -> TimeLeft | None:
    """Return what closes the device as a whole next, and the minutes until then; None if nothing does.

    ``gates``: the limits and schedules that are considered.
    """
    found = member.judge.left(gates, member.situation, now)
    if found is None:
        return None
    return TimeLeft(
        minutes=found.minutes,
        gate=found.gate,
        name=target_name(found.gate, rules.names),
        at=None if found.at is None else found.at.astimezone(now.tzinfo),
        week=found.period is LimitPeriod.WEEK,
        period=found.period,
    )


def visible_gates(profile: Profile, *, own: bool) -> Sequence[str]:
    """Return the limits and schedules of the device as a whole that may be shown with their remaining time.

    If the log level hides the present, others (not ``own``) see only what closes at a time of the day.
    """
    if own or shows_present(profile.rules.log_level):
        return STATE_GATES
    return [gate for gate in STATE_GATES if not is_limit(gate)]


def describe_closing(found: Iterable[Left], rules: RuleBook, now: datetime) -> tuple[ClosingSoon, ...]:
    return tuple(
        ClosingSoon(
            minutes=closing.minutes,
            what=closing.gate,
            name=target_name(closing.gate, rules.names),
            at=None if closing.at is None else closing.at.astimezone(now.tzinfo),
            week=closing.period is LimitPeriod.WEEK,
            period=closing.period,
        )
        for closing in found
    )


def limit_totals(used: Mapping[str, int], rules: RuleBook) -> tuple[LimitTotal, ...]:
    """Return the minutes of each time limit that was used, the most used first.

    ``used``: minutes by limit.
    """
    found = sorted(used.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        LimitTotal(target=gate, name=target_name(gate, rules.names), minutes=minutes)
        for gate, minutes in found
        if minutes
    )


def totals(entries: Iterable[CountedMinute]) -> Mapping[str, int]:
    """Return the number of minutes by time limit. A minute on several devices counts once."""
    found: dict[str, set[datetime]] = {}
    for entry in entries:
        found.setdefault(entry.gate, set()).add(entry.at)
    return {gate: len(minutes) for gate, minutes in found.items()}


def ledger_minutes(entries: Sequence[CountedMinute], rules: RuleBook) -> tuple[tuple[LedgerMinute, ...], int]:
    """Return the newest counted minutes (at most MAX_ENTRIES), and the number of older ones left out."""
    shown = entries[-MAX_ENTRIES:]
    return tuple(_counted(entry, rules) for entry in shown), len(entries) - len(shown)


def _counted(entry: CountedMinute, rules: RuleBook) -> LedgerMinute:
    names = rules.names
    kinds = () if entry.service is None else rules.world.catalogue.kinds_of(entry.service)
    return LedgerMinute(
        at=entry.at.astimezone(rules.household.config.zone),
        device=entry.device,
        gate=entry.gate,
        name=target_name(entry.gate, names),
        bytes=entry.bytes,
        service="" if entry.service is None else names.services.get(entry.service, entry.service),
        why=entry.why,
        category=next(iter(kinds), ""),
    )
