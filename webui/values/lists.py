"""Lists of names for the pages: their age, a search for a host, and reports of wrong entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from webui.language.i18n import gettext as _
from webui.language.things import LAW, thing
from webui.language.words import plain
from webui.values.shapes import Answer

INTERVALS = ("daily", "weekly", "off")  # of automatic updates

_RAW = "raw.githubusercontent.com"
_PAGES = ".github.io"
_LETTERS = 120  # characters of a displayed name, address or error


@dataclass(frozen=True, slots=True)
class Named:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """One list. Name, address and error may be untrusted input."""

    id: str
    name: str
    url: str
    category: str
    category_name: str
    licence: str
    own: bool
    on: bool
    default: bool
    names: int  # names in the table
    about: int  # the maker's own figure
    bytes: int
    fetched: datetime | None
    stale: bool
    error: str


@dataclass(frozen=True, slots=True)
class Update:
    running: bool
    ended: datetime | None
    problems: tuple[str, ...]
    source: str
    done: int


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """Automatic updates."""

    interval: str  # one of INTERVALS
    running: bool
    next: datetime | None  # None: none is planned, or one runs or waits
    waits_for: str  # clock or memory, for an update that is due; else empty
    failures: int  # since the last success
    warning: str  # none: no list was ever downloaded, old: the newest is older than a week; else empty


@dataclass(frozen=True, slots=True)
class Wrong:
    host: str
    category: str
    by: str
    at: date | None


@dataclass(frozen=True, slots=True)
class Feed:
    """A list that may contain an entry."""

    id: str
    name: str
    url: str
    category: str
    version: str  # date of the download; empty: unknown


@dataclass(frozen=True, slots=True)
class Kind:
    """The lists of one category."""

    id: str
    name: str
    sources: tuple[Source, ...]

    @property
    def on(self) -> int:
        return sum(source.on for source in self.sources)


@dataclass(frozen=True, slots=True)
class Lists:
    names: int
    bytes: int
    built: datetime | None
    sources: tuple[Source, ...]
    categories: tuple[Named, ...]
    update: Update
    plan: UpdatePlan
    wrong: tuple[Wrong, ...]  # newest first
    most: int

    @property
    def own(self) -> tuple[Source, ...]:
        return tuple(source for source in self.sources if source.own)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return published lists by category, in the order in which they appear."""
        found: dict[str, list[Source]] = {}
        for source in self.sources:
            if not source.own:
                found.setdefault(source.category, []).append(source)
        return tuple(Kind(key, ones[0].category_name, tuple(ones)) for key, ones in found.items())

    @property
    def on(self) -> int:
        return sum(source.on for source in self.sources)

    @property
    def stale(self) -> tuple[Source, ...]:
        return tuple(source for source in self.sources if source.on and source.stale)

    @property
    def fetched(self) -> datetime | None:
        """Return the time of the newest download; None: only the package's lists are in use."""
        return max((source.fetched for source in self.sources if source.fetched is not None), default=None)

    def of(self, key: str) -> Source | None:
        return next((source for source in self.sources if source.id == key), None)

    def category_name(self, key: str) -> str:
        return next((category.name for category in self.categories if category.id == key), key)

    def feeding(self, category: str) -> tuple[Source, ...]:
        """Return installed lists that may have an entry of this category."""
        return tuple(
            source for source in self.sources if source.category == category and source.on and source.names
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search for a host."""

    host: str
    refused_for_everyone: bool
    entries: tuple[str, ...]  # longest first
    categories: tuple[Named, ...]
    services: tuple[Named, ...]
    resolver: str
    sources: tuple[Feed, ...]

    @property
    def registered(self) -> bool:
        """Return whether only registers of states have the host: no category applies, so it is no error of a
        list.
        """
        return bool(self.categories) and all(category.id.startswith(LAW) for category in self.categories)


def parse_lists(values: Mapping[str, Any]) -> Lists:
    answer = Answer(values)
    table = answer.entry("table") or Answer({})
    return Lists(
        names=table.whole("names"),
        bytes=table.whole("bytes"),
        built=table.moment("built"),
        sources=tuple(
            entry.read(Source, category_name=_kind_name(entry.text("category"), entry.text("category_name")))
            for entry in answer.entries("sources")
        ),
        categories=_categories(answer),
        update=(answer.entry("update") or Answer({})).read(Update),
        plan=parse_plan(answer.entry("schedule")),
        wrong=tuple(entry.read(Wrong, at=entry.day("at")) for entry in answer.entries("wrong")),
        most=answer.whole("most"),
    )


def parse_plan(answer: Answer | None) -> UpdatePlan:
    return (answer or Answer({})).read(UpdatePlan)


def intervals() -> dict[str, tuple[str, str]]:
    """Return the update intervals: the word of the setting, its label and its meaning."""
    return {
        "daily": (_("Every night"), _("between 02:00 and 05:00")),
        "weekly": (_("Once a week"), _("at night; new sites are missing for longer")),
        "off": (_("Never"), _("only when you press Update now")),
    }


def parse_found(values: Mapping[str, Any]) -> Found:
    answer = Answer(values)
    return Found(
        host=answer.text("host"),
        refused_for_everyone=answer.flag("refused_for_everyone"),
        entries=tuple(entry.text("name") for entry in answer.entries("matches")),
        categories=_categories(answer),
        services=tuple(entry.read(Named) for entry in answer.entries("services")),
        resolver=answer.text("resolver"),
        sources=tuple(entry.read(Feed) for entry in answer.entries("sources")),
    )


def _categories(answer: Answer) -> tuple[Named, ...]:
    return tuple(
        entry.read(Named, name=_kind_name(entry.text("id"), entry.text("name")))
        for entry in answer.entries("categories")
    )


def _kind_name(category: str, name: str) -> str:
    return thing(f"category:{category}", name)


def maker(url: str) -> str:
    """Return where the list's maker takes reports, guessed from its address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    words = [word for word in parts.path.split("/") if word]
    if host == _RAW and len(words) > 1:
        return f"https://github.com/{words[0]}/{words[1]}/issues"
    if host.endswith(_PAGES) and words:
        return f"https://github.com/{host.removesuffix(_PAGES)}/{words[0]}/issues"
    return f"https://{host}/" if host else ""


def letter(host: str, category: str, lists: tuple[str, ...]) -> str:
    """Return the text of a report to the maker of a list."""
    where = ", ".join(plain(source, _LETTERS) for source in lists)
    return _(
        "%(host)s is on your list as %(category)s (%(where)s). We think that this is a mistake."
        " Please look at it.",
        host=plain(host, _LETTERS),
        category=plain(category),
        where=where,
    )


def many(number: int) -> str:
    """Return ``83 800``, with a non-breaking space."""
    return f"{number:,}".replace(",", "\u00a0")
