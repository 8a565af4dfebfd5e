"""The keys that band files and profiles share: located YAML merged over the rules beneath it.

An empty mapping clears, mappings and lists add, scalars replace. The writer of a value owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from gateway.policy.identity import macs
from gateway.policy.names.categories import Categories
from gateway.policy.names.hosts import PublicSuffixCheck
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.bypass_methods import Switch, Way
from gateway.policy.profile.dates import DateReader, read_dates, with_targets
from gateway.policy.profile.laws import read_laws
from gateway.policy.profile.old_words import current_nodes
from gateway.policy.profile.rules import (
    INTERNET,
    PLAY,
    Action,
    ClockUnset,
    DateRule,
    Entry,
    Failure,
    Kind,
    Law,
    Laws,
    Mode,
    Owned,
    Rules,
    SafeSearch,
)
from gateway.policy.time import time_text as timetext
from gateway.policy.time.time_text import ByDay, every_day
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Mapping as Located
from gateway.policy.yaml.documents import Node, Place, shown
from gateway.policy.yaml.entries import rule_host

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

RULE_KEYS = (
    "mode",
    "unknown",
    "categories",
    "ways",
    "allow",
    "block",
    "homework",
    "safe_search",
    "bedtime",
    "limits",
    "windows",
    "landing",
    "linger",
    "auto_approve",
    "updates",
    "strict",
    "log_level",
    "failure",
    "clock_unset",
)
PERSONAL_KEYS = ("dates", "calendars", "laws", "portal")  # of profiles alone
A_WEEK = timedelta(days=7)
LONGEST_LANDING = timedelta(minutes=15)
LONGEST_LINGER = timedelta(minutes=30)
LONGEST_AUTO_APPROVE = timedelta(hours=2)  # per day
MAX_CALENDARS = 8
MAX_ENTRIES = 2000  # per list; a family writes dozens, a pasted list belongs into `lists`
LOG_LEVELS = 3


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that rules may use."""

    categories: Categories
    catalogue: Catalogue
    is_public_suffix: PublicSuffixCheck
    laws: Laws = field(default_factory=dict)  # of all countries


NO_RULES = Rules(
    mode=Owned(Mode.BLOCK_LIST, ""),
    unknown=Owned(Action.ALLOW, ""),
    categories={},
    ways={},
    allow=(),
    block=(),
    homework=(),
    safe_search=Owned(SafeSearch.OFF, ""),
    bedtime=every_day(None),
    limits={},
    windows={},
    dates={},
    calendars=(),
    landing=Owned(timedelta(), ""),
    linger=Owned(timedelta(), ""),
    auto_approve=Owned(timedelta(), ""),
    updates=Owned(True, ""),
    laws=(),
    portal=frozenset(),
    strict=Owned(False, ""),
    log_level=0,
    failure=Owned(Failure.OPEN, ""),
    clock_unset=Owned(ClockUnset.OPEN, ""),
)
"""What a band file is laid over."""


def read_rules(source: Located, base: Rules, owner: str, words: Vocabulary, max_log_level: int) -> Rules:
    """Return the merged rules.

    ``source`` may have other keys too. Raises PolicyError with file, line, key and fix.
    """
    layer = _Layer(source, owner, words)
    limits = layer.by_target("limits", timetext.duration, base.limits, timetext.up_to(A_WEEK))
    windows = layer.by_target("windows", timetext.spans, base.windows)
    dates = layer.dates(base.dates, limits, windows)
    return Rules(
        mode=layer.word("mode", Mode, base.mode),
        unknown=layer.word("unknown", Action, base.unknown, but=Action.COUNT),
        categories=layer.categories(base.categories),
        ways=layer.ways(base.ways),
        allow=layer.entries("allow", base.allow),
        block=layer.entries("block", base.block),
        homework=layer.entries("homework", base.homework),
        safe_search=layer.word("safe_search", SafeSearch, base.safe_search),
        bedtime=layer.days("bedtime", timetext.night, base.bedtime),
        limits=with_targets(limits, (one.limits for one in dates.values())),
        windows=with_targets(windows, (one.windows for one in dates.values())),
        dates=dates,
        calendars=layer.calendars(base.calendars),
        landing=layer.value("landing", timetext.up_to(LONGEST_LANDING), base.landing),
        linger=layer.value("linger", timetext.up_to(LONGEST_LINGER), base.linger),
        auto_approve=layer.value("auto_approve", timetext.up_to(LONGEST_AUTO_APPROVE), base.auto_approve),
        updates=layer.value("updates", fields.flag, base.updates),
        laws=layer.laws(base.laws),
        portal=layer.portal(base.portal),
        strict=layer.value("strict", fields.flag, base.strict),
        log_level=layer.log_level(base.log_level, max_log_level),
        failure=layer.word("failure", Failure, base.failure),
        clock_unset=layer.word("clock_unset", ClockUnset, base.clock_unset),
    )


class _Layer:
    """One file's rules, each with its owner."""

    def __init__(self, source: Located, owner: str, words: Vocabulary) -> None:
        self._entries = current_nodes(source.entries)
        self._owner = owner
        self._words = words

    def value(self, key: str, read: Callable[[Node], T], base: Owned[T]) -> Owned[T]:
        node = self._entries.get(key)
        return base if node is None else Owned(read(node), self._owner)

    def word(self, key: str, kind: type[E], base: Owned[E], but: E | None = None) -> Owned[E]:
        known = [one.value for one in kind if one is not but]
        return self.value(key, lambda node: kind(fields.choice(node, known)), base)

    def log_level(self, base: int, highest: int) -> int:
        node = self._entries.get("log_level")
        if node is None:
            return base
        level = fields.integer(node, 0, LOG_LEVELS)
        if level > highest:
            node.place.refuse(f"{level} is more than this band may have", f"write {highest} or less")
        return level

    def days(self, key: str, read: Callable[[Node], T], base: ByDay[Owned[T]]) -> ByDay[Owned[T]]:
        node = self._entries.get(key)
        return base if node is None else self._by_day(node, read, base)

    def _by_day(
        self,
        node: Node,
        read: Callable[[Node], T],
        base: ByDay[Owned[T]],
        read_week: Callable[[Node], T] | None = None,
    ) -> ByDay[Owned[T]]:
        def owned(reader: Callable[[Node], T]) -> Callable[[Node], Owned[T]]:
            return lambda one: Owned(reader(one), self._owner)

        week = None if read_week is None else owned(read_week)
        return timetext.by_day(node, owned(read), base, week)

    def categories(self, base: Mapping[str, Owned[Action]]) -> Mapping[str, Owned[Action]]:
        node = self._entries.get("categories")
        if node is None:
            return base
        actions = [one.value for one in Action]
        read: dict[str, Owned[Action]] = {}
        for key, place, value in fields.pairs(node):
            self._known_category(key, place.refuse)
            read[key] = Owned(Action(fields.choice(value, actions)), self._owner)
        return {**base, **read} if read else {}

    def ways(self, base: Mapping[Way, Owned[Switch]]) -> Mapping[Way, Owned[Switch]]:
        node = self._entries.get("ways")
        if node is None:
            return base
        read: dict[Way, Owned[Switch]] = {}
        for key, place, value in fields.pairs(node):
            _known(key, [one.value for one in Way], "no way around the filter", place.refuse)
            word = fields.choice(value, [one.value for one in Switch])
            read[Way(key)] = Owned(Switch(word), self._owner)
        return {**base, **read} if read else {}

    def entries(self, key: str, base: tuple[Entry, ...]) -> tuple[Entry, ...]:
        node = self._entries.get(key)
        if node is None:
            return base
        if isinstance(node, Located) and not node.entries:
            return ()
        items = fields.items(node)
        if len(items) > MAX_ENTRIES:
            node.place.refuse(f"has {len(items)} entries", f"use at most {MAX_ENTRIES}, or add a list source")
        read: dict[Entry, None] = {}
        for item in items:
            entry = self._entry(item)
            if entry in read:
                item.place.refuse(f"'{entry}' is there twice", "keep it once")
            read[entry] = None
        return (*base, *read)

    def _entry(self, node: Node) -> Entry:
        word = fields.text(node)
        kind, colon, value = word.partition(":")
        if colon and kind == "service":
            self._known_service(value, node.place.refuse)
            return Entry(Kind.SERVICE, value, self._owner)
        if colon and kind == "category":
            self._known_category(value, node.place.refuse)
            return Entry(Kind.CATEGORY, value, self._owner)
        if colon and kind.isalpha() and not value.startswith("//"):
            node.place.refuse(
                f"{shown(word)} is not known here", "write a domain, service:<id> or category:<id>"
            )
        return Entry(Kind.NAME, rule_host(node, self._words.is_public_suffix), self._owner)

    def by_target(
        self,
        key: str,
        read: Callable[[Node], T],
        base: Mapping[str, ByDay[Owned[T]]],
        read_week: Callable[[Node], T] | None = None,
    ) -> Mapping[str, ByDay[Owned[T]]]:
        node = self._entries.get(key)
        if node is None:
            return base
        source = fields.mapping(node)
        if not source.entries:
            return {}
        merged = dict(base)
        for target, value in source.entries.items():
            self.known_target(target, source.keys[target])
            merged[target] = self._by_day(value, read, merged.get(target, every_day(None)), read_week)
        return {target: days for target, days in merged.items() if days}

    def known_target(self, target: str, place: Place) -> None:
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
        node = self._entries.get("dates")
        if node is None:
            return base
        return read_dates(node, DateReader(self._owner, self.known_target, tuple(limits), tuple(windows)))

    def calendars(self, base: tuple[str, ...]) -> tuple[str, ...]:
        node = self._entries.get("calendars")
        if node is None:
            return base
        read = fields.texts(node)
        if len(read) > MAX_CALENDARS:
            node.place.refuse(f"has {len(read)} calendars", f"use at most {MAX_CALENDARS}")
        return read

    def laws(self, base: tuple[Owned[Law], ...]) -> tuple[Owned[Law], ...]:
        node = self._entries.get("laws")
        return base if node is None else read_laws(node, self._words.laws)

    def portal(self, base: frozenset[str]) -> frozenset[str]:
        node = self._entries.get("portal")
        return base if node is None else frozenset(macs.macs(node))

    def _known_service(self, value: str, refuse: Callable[[str, str], None]) -> None:
        _known(value, self._words.catalogue.services, "no service of the catalogue", refuse)

    def _known_category(self, value: str, refuse: Callable[[str, str], None]) -> None:
        if value in self._words.categories.binding:
            refuse(f"{shown(value)} is refused for everyone", "take it out; no profile can change it")
        _known(value, self._words.categories.choosable, "no category", refuse)


def _known(value: str, known: Collection[str], what: str, refuse: Callable[[str, str], None]) -> None:
    if value not in known:
        refuse(f"{shown(value)} is {what}", fields.suggestion(value, known))
