"""Reads and writes the keys that age group files and profiles share: located YAML → Rules → YAML.

A file is merged over the rules beneath it: an empty mapping clears, mappings and lists add, scalars replace.
The writer of a value owns it. A dated exception (key ``dates``) applies to a date, or to each day of a range.
A single date inside a range adds to that rule and outranks it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from gateway.policy.identity import macs
from gateway.policy.names.categories import Categories
from gateway.policy.names.hosts import PublicSuffixCheck, read_rule_host
from gateway.policy.names.list_ids import is_own_list
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.bypass_methods import BypassMethod, MethodSetting
from gateway.policy.profile.laws import read_laws, spoken_laws
from gateway.policy.profile.old_words import current_nodes
from gateway.policy.profile.rule_keys import RULES, RuleKey, RuleShape
from gateway.policy.profile.rules import (
    INTERNET,
    PLAY,
    Action,
    DateRule,
    DayType,
    EntryKind,
    Laws,
    Owned,
    RuleEntry,
    Rules,
)
from gateway.policy.time import time_text as timetext
from gateway.policy.time.limit_periods import DAY, LONGER_PERIODS, LimitPeriod
from gateway.policy.time.time_text import NO_PERIODS, WEEKDAYS, ByDay, Span, duration_text, every_day
from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Mapping as Located
from gateway.policy.yaml.fields import Node, Place, Scalar, shown

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
H = TypeVar("H", bound=Hashable)

LONGER_LIMITS = {period: timetext.up_to(period.days * DAY) for period in LONGER_PERIODS}
MAX_CALENDARS = 8
MAX_ENTRIES = 2000  # per list; a family writes dozens, a pasted list belongs into `lists`
LOG_LEVELS = 3

DATE_KEYS = ("day", "bedtime", "limits", "windows")
MAX_DAYS = 400  # per range: a school year with its holidays
MAX_DATES = 2000  # per person


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The categories, services, laws and public-suffix check that rule files are validated against."""

    categories: Categories
    catalogue: Catalogue
    is_public_suffix: PublicSuffixCheck
    laws: Laws = field(default_factory=dict)  # of all countries


def read_rules(source: Located, base: Rules, owner: str, words: Vocabulary, max_log_level: int) -> Rules:
    """Return the rules of a YAML file, merged over ``base``; ``owner`` becomes the owner of its values.

    ``source`` may have other keys too. ``words``: the categories, services and laws to validate against.
    ``max_log_level``: the highest log level allowed. Raises PolicyError with file, line, key and fix for an
    invalid value.
    """
    layer = _Layer(source, owner, words, max_log_level)
    found = {rule.name: layer.read(rule, getattr(base, rule.name)) for rule in RULES if rule.name != "dates"}
    dates = found["dates"] = layer.dates(base.dates, found["limits"], found["windows"])
    found["limits"] = with_targets(found["limits"], (rule.limits for rule in dates.values()))
    found["windows"] = with_targets(found["windows"], (rule.windows for rule in dates.values()))
    return Rules(**found)


class _Layer:
    """Reads the rule keys of one file; each value is merged over that of the rules given (``base``)."""

    def __init__(self, source: Located, owner: str, words: Vocabulary, max_log_level: int) -> None:
        self._entries = current_nodes(source.entries)
        self._owner = owner
        self._words = words
        self._max_log_level = max_log_level

    def read(self, rule: RuleKey, base: Any) -> Any:
        """Return the value of a key in the file, merged over ``base``; ``base`` if the key is absent.

        Raises PolicyError for an invalid value.
        """
        node = self._entries.get(rule.name)
        if node is None:
            return base
        match rule.shape:
            case RuleShape.CHOICE:
                return Owned(type(rule.choices[0])(fields.choice(node, list(rule.choices))), self._owner)
            case RuleShape.SWITCH:
                return Owned(fields.flag(node), self._owner)
            case RuleShape.MINUTES:
                return Owned(timetext.up_to(rule.longest)(node), self._owner)
            case RuleShape.ENTRIES:
                return self._entries_of(node, base)
        return self._special(rule.name, node, base)

    def _special(self, key: str, node: Node, base: Any) -> Any:
        match key:
            case "categories":
                return self._categories(node, base)
            case "ways":
                return self._bypass_methods(node, base)
            case "bedtime":
                return self._by_day(node, timetext.night, base)
            case "limits":
                return self._by_target(node, timetext.duration, base, LONGER_LIMITS)
            case "windows":
                return self._by_target(node, timetext.spans, base)
            case "log_level":
                return self._log_level(node)
            case "calendars":
                return self._calendars(node)
            case "laws":
                return read_laws(node, self._words.laws)
            case "portal":
                return frozenset(macs.macs(node))
        raise AssertionError(key)

    def _log_level(self, node: Node) -> int:
        level = fields.integer(node, 0, LOG_LEVELS)
        if level > self._max_log_level:
            node.place.refuse(
                f"{level} is more than this band may have", f"write {self._max_log_level} or less"
            )
        return level

    def _by_day(
        self,
        node: Node,
        read: Callable[[Node], T],
        base: ByDay[Owned[T]],
        read_longer: Mapping[LimitPeriod, Callable[[Node], T]] = NO_PERIODS,
    ) -> ByDay[Owned[T]]:
        def owned(reader: Callable[[Node], T]) -> Callable[[Node], Owned[T]]:
            return lambda value: Owned(reader(value), self._owner)

        longer = {period: owned(reader) for period, reader in read_longer.items()}
        return timetext.by_day(node, owned(read), base, longer)

    def _categories(self, node: Node, base: Mapping[str, Owned[Action]]) -> Mapping[str, Owned[Action]]:
        actions = [action.value for action in Action]
        read: dict[str, Owned[Action]] = {}
        for key, place, value in fields.pairs(node):
            kind, colon, service = key.partition(":")
            if colon and kind == "service":
                self._known_service(service, place.refuse)
            else:
                self._known_category(key, place.refuse)
            read[key] = Owned(Action(fields.choice(value, actions)), self._owner)
        return {**base, **read} if read else {}

    def _bypass_methods(
        self, node: Node, base: Mapping[BypassMethod, Owned[MethodSetting]]
    ) -> Mapping[BypassMethod, Owned[MethodSetting]]:
        read: dict[BypassMethod, Owned[MethodSetting]] = {}
        for key, place, value in fields.pairs(node):
            _known(key, [way.value for way in BypassMethod], "no way around the filter", place.refuse)
            word = fields.choice(value, [switch.value for switch in MethodSetting])
            read[BypassMethod(key)] = Owned(MethodSetting(word), self._owner)
        return {**base, **read} if read else {}

    def _entries_of(self, node: Node, base: tuple[RuleEntry, ...]) -> tuple[RuleEntry, ...]:
        if isinstance(node, Located) and not node.entries:
            return ()
        items = fields.items(node)
        if len(items) > MAX_ENTRIES:
            node.place.refuse(f"has {len(items)} entries", f"use at most {MAX_ENTRIES}, or add a list source")
        read: dict[RuleEntry, None] = {}
        for item in items:
            entry = self._entry(item)
            if entry in read:
                item.place.refuse(f"'{entry}' is there twice", "keep it once")
            read[entry] = None
        return (*base, *read)

    def _entry(self, node: Node) -> RuleEntry:
        word = fields.text(node)
        kind, colon, value = word.partition(":")
        if colon and kind == "service":
            self._known_service(value, node.place.refuse)
            return RuleEntry(EntryKind.SERVICE, value, self._owner)
        if colon and kind == "category":
            self._known_category(value, node.place.refuse)
            return RuleEntry(EntryKind.CATEGORY, value, self._owner)
        if colon and kind.isalpha() and not value.startswith("//"):
            node.place.refuse(
                f"{shown(word)} is not known here", "write a domain, service:<id> or category:<id>"
            )
        return RuleEntry(EntryKind.NAME, read_rule_host(node, self._words.is_public_suffix), self._owner)

    def _by_target(
        self,
        node: Node,
        read: Callable[[Node], T],
        base: Mapping[str, ByDay[Owned[T]]],
        read_longer: Mapping[LimitPeriod, Callable[[Node], T]] = NO_PERIODS,
    ) -> Mapping[str, ByDay[Owned[T]]]:
        source = fields.mapping(node)
        if not source.entries:
            return {}
        merged = dict(base)
        for target, value in source.entries.items():
            self.known_target(target, source.keys[target])
            merged[target] = self._by_day(value, read, merged.get(target, every_day(None)), read_longer)
        return {target: days for target, days in merged.items() if days}

    def known_target(self, target: str, place: Place) -> None:
        """Raise PolicyError at ``place`` if limits and allowed hours cannot be for ``target``."""
        kind, colon, value = target.partition(":")
        if colon and kind == "service":
            self._known_service(value, place.refuse)
        elif colon and kind == "category":
            self._known_category(value, place.refuse)
        elif colon and kind == "group":
            _known(value, self._words.catalogue.groups, "no group of the catalogue", place.refuse)
        elif target not in (INTERNET, PLAY):
            known = (INTERNET, PLAY, "service:<id>", "category:<id>", "group:<id>")
            place.refuse(f"{shown(target)} is not known here", fields.suggestion(target, known))

    def dates(
        self, base: Mapping[date, DateRule], limits: Collection[str], windows: Collection[str]
    ) -> Mapping[date, DateRule]:
        """Return the dated exceptions of the file; ``base`` if it has none.

        ``limits``, ``windows``: the targets of the regular rules. Raises PolicyError for an invalid
        exception.
        """
        node = self._entries.get("dates")
        if node is None:
            return base
        return read_dates(node, DateScope(self._owner, self.known_target, tuple(limits), tuple(windows)))

    def _calendars(self, node: Node) -> tuple[str, ...]:
        read = fields.texts(node)
        if len(read) > MAX_CALENDARS:
            node.place.refuse(f"has {len(read)} calendars", f"use at most {MAX_CALENDARS}")
        return read

    def _known_service(self, value: str, refuse: Callable[[str, str], None]) -> None:
        _known(value, self._words.catalogue.services, "no service of the catalogue", refuse)

    def _known_category(self, value: str, refuse: Callable[[str, str], None]) -> None:
        if is_own_list(value):  # also of a list that was removed: it has no effect
            return
        if value in self._words.categories.binding:
            refuse(f"{shown(value)} is blocked for everyone", "take it out; no profile can change it")
        _known(value, self._words.categories.choosable, "no category", refuse)


def _known(value: str, known: Collection[str], what: str, refuse: Callable[[str, str], None]) -> None:
    """Call ``refuse``, which raises PolicyError, if ``value`` is not in ``known``. ``what``: the problem."""
    if value not in known:
        refuse(f"{shown(value)} is {what}", fields.suggestion(value, known))


@dataclass(frozen=True, slots=True)
class DateScope:
    """The owner of dated exceptions, a check of their targets, and the targets of the regular rules."""

    owner: str
    known_target: Callable[[str, Place], None]  # raises PolicyError
    limits: Collection[str]  # regular targets, which ``limits: {}`` clears on a date
    windows: Collection[str]  # the same for ``windows: {}``


def read_dates(node: Node, reader: DateScope) -> Mapping[date, DateRule]:
    """Return the exceptions to the regular rules by date, from the node ``dates``.

    Raises PolicyError with file, line, key and fix for invalid or duplicate dates or values.
    """
    ranges: dict[date, DateRule] = {}
    single: dict[date, DateRule] = {}
    lines: dict[tuple[bool, date], int] = {}
    for key, place, value in fields.pairs(node):
        first, last = _range(key, place)
        rule = _date_rule(value, reader)
        for day in _days_in_range(first, last):
            kind = first == last
            if (kind, day) in lines:
                place.refuse(f"{day} is in line {lines[kind, day]} too", "name each day once")
            lines[kind, day] = place.line
            (single if kind else ranges)[day] = rule
    if len(lines) > MAX_DATES:
        node.place.refuse(f"has {len(lines)} days, more than {MAX_DATES}", "remove those that are over")
    both = {day: _over(single[day], ranges.get(day)) for day in single}
    return dict(sorted({**ranges, **both}.items()))


def _range(key: str, place: Place) -> tuple[date, date]:
    """Return first and last day of ``2026-12-31`` or ``2026-12-24..2027-01-08``, both included.

    Raises PolicyError for other text, or for more than MAX_DAYS days.
    """
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


def _days_in_range(first: date, last: date) -> Iterator[date]:
    yield from (first + ahead * DAY for ahead in range((last - first).days + 1))


def _over(rule: DateRule, base: DateRule | None) -> DateRule:
    """Return the exceptions of a single date, completed by those of a date range that contains it."""
    if base is None:
        return rule
    return replace(
        rule,
        counts_as=rule.counts_as or base.counts_as,
        bedtime=rule.bedtime or base.bedtime,
        limits={**base.limits, **rule.limits},
        windows={**base.windows, **rule.windows},
    )


def _date_rule(node: Node, reader: DateScope) -> DateRule:
    if isinstance(node, Scalar):
        return DateRule(counts_as=_day_type(node))
    part = fields.Fields(fields.mapping(node), DATE_KEYS)
    if not any(key in part for key in DATE_KEYS):
        node.place.refuse("says nothing", f"write school, free or a mapping with {', '.join(DATE_KEYS)}")
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
    node: Node, read: Callable[[Node], T], reader: DateScope, ordinary: Collection[str]
) -> Mapping[str, Owned[T | None]]:
    """Return target → its value on a date. ``{}``: no value, for every target in ``ordinary``.

    Raises PolicyError for an unknown target or an invalid value.
    """
    if isinstance(node, Located) and not node.entries:
        return {target: Owned(None, reader.owner) for target in ordinary}
    found = {}
    for target, place, value in fields.pairs(node):
        reader.known_target(target, place)
        found[target] = _owned(value, read, reader)
    return found


def _owned(node: Node, read: Callable[[Node], T], reader: DateScope) -> Owned[T | None]:
    """Return the value on a date with its owner. ``{}`` means no value (None). Raises PolicyError."""
    if not isinstance(node, Located):
        return Owned(read(node), reader.owner)
    if node.entries:
        node.place.refuse("names days, but its date is one day", "write the one value that holds on it")
    return Owned(None, reader.owner)


def with_targets(
    rules: Mapping[str, ByDay[Owned[T]]], exceptions: Iterable[Mapping[str, Owned[T | None]]]
) -> Mapping[str, ByDay[Owned[T]]]:
    """Return ``rules`` with a key for each further target that exceptions limit, without a value by day.

    A connection is checked only against these keys.
    """
    named = {
        target: None
        for exception in exceptions
        for target, rule in exception.items()
        if rule.value is not None
    }
    return {**rules, **{target: every_day(None) for target in named if target not in rules}}


def rules_to_yaml(rules: Rules) -> dict[str, Any]:
    """Return rules in the form of a profile's file: every key except name, age group, month and devices.

    Lists and mappings may be empty. What the child set for itself is left out.
    """
    result: dict[str, Any] = {}
    for rule in RULES:
        value = getattr(rules, rule.name)
        match rule.shape:
            case RuleShape.CHOICE:
                result[rule.name] = value.value.value
            case RuleShape.SWITCH:
                result[rule.name] = value.value
            case RuleShape.MINUTES:
                result[rule.name] = _length(value.value)
            case RuleShape.ENTRIES:
                result[rule.name] = [str(entry) for entry in value]
    return result | {
        "log_level": rules.log_level,
        "categories": {key: category.value.value for key, category in rules.categories.items()},
        "ways": {way.value: switch.value.value for way, switch in rules.ways.items()},
        "bedtime": by_day_to_yaml(rules.bedtime, str),
        "limits": {target: by_day_to_yaml(days, _length) for target, days in rules.limits.items() if days},
        "windows": {target: by_day_to_yaml(days, _spans) for target, days in rules.windows.items() if days},
        "dates": {day.isoformat(): _date_to_yaml(date) for day, date in rules.dates.items()},
        "calendars": list(rules.calendars),
        "laws": spoken_laws(rules.laws),
        "portal": sorted(rules.portal),
    }


def by_day_to_yaml(values: ByDay[Owned[H]], to_yaml: Callable[[H], Any]) -> Any:
    """Return values by day in the form of a YAML file; {} for none.

    The form is one value for every day, or a mapping by day type, weekday where that differs, and period.
    """
    days = _days_to_yaml(values, to_yaml)
    if not values.longer:
        return days
    by_type = days if isinstance(days, dict) else {"school": days, "free": days}
    return by_type | {period.value: to_yaml(owned.value) for period, owned in values.longer.items()}


def _days_to_yaml(values: ByDay[Owned[H]], to_yaml: Callable[[H], Any]) -> Any:
    """Return the values by day in the shortest form of a YAML file, without longer periods."""
    plain = [None if owned is None else owned.value for owned in values.values]
    school, free = plain[:7], plain[7:]

    def result(value: H | None) -> Any:
        return {} if value is None else to_yaml(value)

    if len(set(plain)) == 1:
        return result(plain[0])
    # A weekday's own value applies on school days and free days alike. Of the pairs of usual values that keep
    # such weekdays unchanged, choose the one with the fewest exceptions.
    pairs = [(a, b) for a in _by_number(school) for b in _by_number(free)]

    def odd(pair: tuple[H | None, H | None]) -> list[int]:
        return [day for day in range(7) if (school[day], free[day]) != pair]

    fitting = [pair for pair in pairs if all(school[day] == free[day] for day in odd(pair))]
    best = min(fitting or pairs, key=lambda pair: len(odd(pair)))
    shape = {"school": result(best[0]), "free": result(best[1])}
    return shape | {WEEKDAYS[day]: result(school[day]) for day in odd(best)}


def _by_number(values: Iterable[H | None]) -> list[H | None]:
    return [value for value, _ in Counter(values).most_common()]


def _length(value: timedelta) -> str:
    return duration_text(value // timedelta(minutes=1))


def _spans(spans: tuple[Span, ...]) -> list[str]:
    return [str(span) for span in spans]


def _date_to_yaml(rule: DateRule) -> Any:
    result: dict[str, Any] = {} if rule.counts_as is None else {"day": rule.counts_as.value}
    if rule.bedtime is not None:
        result["bedtime"] = _or_none(rule.bedtime.value, str)
    if rule.limits:
        result["limits"] = _targets(rule.limits, _length)
    if rule.windows:
        result["windows"] = _targets(rule.windows, _spans)
    return result["day"] if list(result) == ["day"] else result


def _targets(rules: Mapping[str, Owned[H | None]], to_yaml: Callable[[H], Any]) -> dict[str, Any]:
    return {target: _or_none(rule.value, to_yaml) for target, rule in rules.items()}


def _or_none(value: H | None, to_yaml: Callable[[H], Any]) -> Any:
    return {} if value is None else to_yaml(value)
