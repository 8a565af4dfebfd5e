"""Dated exceptions: the key ``dates`` of a profile → a DateRule for each date.

A range applies its rule to each of its days. A single date inside a range adds to that rule and outranks it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TypeVar

from gateway.policy.profile.rules import DateRule, DayType, Owned
from gateway.policy.time import time_text as timetext
from gateway.policy.time.time_text import ByDay, every_day
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Mapping as Located
from gateway.policy.yaml.documents import Node, Place, Scalar, shown

T = TypeVar("T")

KEYS = ("day", "bedtime", "limits", "windows")
MAX_DAYS = 400  # per range: a school year with its holidays
MAX_DATES = 2000  # per person
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DateReader:
    """The owner of the rules, and the targets of the regular rules."""

    owner: str
    known_target: Callable[[str, Place], None]  # raises PolicyError
    limits: Collection[str]  # targets that ``limits: {}`` clears
    windows: Collection[str]


def read_dates(node: Node, reader: DateReader) -> Mapping[date, DateRule]:
    """Return the rule of each date. Raises PolicyError with file, line, key and fix."""
    ranges: dict[date, DateRule] = {}
    single: dict[date, DateRule] = {}
    lines: dict[tuple[bool, date], int] = {}
    for key, place, value in fields.pairs(node):
        first, last = _range(key, place)
        rule = _rule(value, reader)
        for day in _days(first, last):
            kind = first == last
            if (kind, day) in lines:
                place.refuse(f"{day} is in line {lines[kind, day]} too", "name each day once")
            lines[kind, day] = place.line
            (single if kind else ranges)[day] = rule
    if len(lines) > MAX_DATES:
        node.place.refuse(f"has {len(lines)} days, more than {MAX_DATES}", "take out those that are over")
    both = {day: _over(single[day], ranges.get(day)) for day in single}
    return dict(sorted({**ranges, **both}.items()))


def _range(key: str, place: Place) -> tuple[date, date]:
    """Return first and last day of ``2026-12-31`` or ``2026-12-24..2027-01-08``, both included."""
    start, dots, end = (text.strip() for text in key.partition(".."))
    first = timetext.calendar_date(start, place)
    last = timetext.calendar_date(end, place) if dots else first
    if last < first:
        place.refuse(f"{shown(key)} ends before it starts", "write the earlier date first")
    days = (last - first).days + 1
    if days > MAX_DAYS:
        place.refuse(
            f"{shown(key)} has {days} days, more than {MAX_DAYS}", "change the ordinary rules instead"
        )
    return first, last


def _days(first: date, last: date) -> Iterator[date]:
    yield from (first + ahead * DAY for ahead in range((last - first).days + 1))


def _over(rule: DateRule, base: DateRule | None) -> DateRule:
    if base is None:
        return rule
    return replace(
        rule,
        counts_as=rule.counts_as or base.counts_as,
        bedtime=rule.bedtime or base.bedtime,
        limits={**base.limits, **rule.limits},
        windows={**base.windows, **rule.windows},
    )


def _rule(node: Node, reader: DateReader) -> DateRule:
    if isinstance(node, Scalar):
        return DateRule(counts_as=_day_type(node))
    part = fields.Fields(fields.mapping(node), KEYS)
    if not any(key in part for key in KEYS):
        node.place.refuse("says nothing", f"write school, free or a mapping with {', '.join(KEYS)}")
    return DateRule(
        counts_as=part.read("day", _day_type, None),
        bedtime=part.read("bedtime", lambda value: _owned(value, timetext.night, reader), None),
        limits=part.read(
            "limits", lambda value: _by_target(value, timetext.duration, reader, reader.limits), {}
        ),
        windows=part.read(
            "windows", lambda value: _by_target(value, timetext.spans, reader, reader.windows), {}
        ),
    )


def _day_type(node: Node) -> DayType:
    return DayType(fields.choice(node, [day_type.value for day_type in DayType]))


def _by_target(
    node: Node, read: Callable[[Node], T], reader: DateReader, ordinary: Collection[str]
) -> Mapping[str, Owned[T | None]]:
    """Return the value by target. ``{}`` means none for any target."""
    if isinstance(node, Located) and not node.entries:
        return {target: Owned(None, reader.owner) for target in ordinary}
    found = {}
    for target, place, value in fields.pairs(node):
        reader.known_target(target, place)
        found[target] = _owned(value, read, reader)
    return found


def _owned(node: Node, read: Callable[[Node], T], reader: DateReader) -> Owned[T | None]:
    """Return an owned value. ``{}`` means none."""
    if not isinstance(node, Located):
        return Owned(read(node), reader.owner)
    if node.entries:
        node.place.refuse("names days, but its date is one day", "write the one value that holds on it")
    return Owned(None, reader.owner)


def with_targets(
    rules: Mapping[str, ByDay[Owned[T]]], exceptions: Iterable[Mapping[str, Owned[T | None]]]
) -> Mapping[str, ByDay[Owned[T]]]:
    """Return ``rules`` with a key for each target of the exceptions too: a flow checks only these keys."""
    named = {
        target: None
        for exception in exceptions
        for target, rule in exception.items()
        if rule.value is not None
    }
    return {**rules, **{target: every_day(None) for target in named if target not in rules}}
