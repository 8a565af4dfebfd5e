"""Sites that have to open from ten years on, `profiles/must_resolve.yaml`, and what in a list refuses one.

Filters of homes have refused health, counselling and support for LGBTQ+ people more often than anything else.
So an entry of a list that names such a site, or one above it, is left out of the table; and a new copy that
names one which the copy before did not name is not taken: its maker has changed what the list is about.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.age.bands import Band
from gateway.policy.names.hosts import PublicSuffixCheck
from gateway.policy.profile.bands import Bands
from gateway.policy.time.time_text import calendar_date
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document, shown
from gateway.policy.yaml.entries import entries

_log = logging.getLogger(__name__)

TOPICS = ("health", "sex_education", "lgbtq", "counselling", "domestic_violence", "rights", "news")
YOUNGEST = Band.AGE_10_12
MAX_NOTED = 20  # entries of one list


@dataclass(frozen=True, slots=True)
class MustSite:
    """One site. Its name stands for all names under it, too; with ``=`` before it for that name alone."""

    entry: str
    topic: str
    language: str

    @property
    def name(self) -> str:
        return self.entry.removeprefix("=")


def parse_must_resolve(
    source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck
) -> tuple[MustSite, ...]:
    """Raises PolicyError with file, line, key and mend."""
    top = fields.Fields(parse_document(source, file), ("source", "date", "topics"))
    fields.text(top.need("source"))
    day = top.need("date")
    calendar_date(fields.text(day), day.place)
    read: dict[str, MustSite] = {}
    for topic, place, languages in fields.pairs(top.need("topics")):
        if topic not in TOPICS:
            place.refuse(f"{shown(topic)} is no topic", fields.suggestion(topic, TOPICS))
        for language, _, node in fields.pairs(languages):
            for entry in entries(node, is_public_suffix):
                site = MustSite(entry, topic, language)
                if site.name in read:
                    node.place.refuse(f"{shown(site.name)} is there twice", "keep it once")
                read[site.name] = site
    return tuple(read.values())


def content_categories(bands: Bands) -> frozenset[str]:
    """Kinds of sites that some child of ten or more is refused, or has to ask for. Trackers and new names are
    among them: whatever it is for which a list names one of these sites, it would not open.
    """
    older = [one for band, one in bands.items() if band.is_child and band.rank >= YOUNGEST.rank]
    return frozenset(key for one in older for key, rule in one.rules.categories.items() if rule.value.refuses)


class MustResolve:
    """Which entry of a list of ``content`` refuses which site; ``help_names``: of help lines, which no list
    of any kind may name.
    """

    def __init__(
        self, sites: Iterable[MustSite] = (), content: Iterable[str] = (), help_names: Iterable[str] = ()
    ) -> None:
        self._content = frozenset(content)
        self._help: dict[str, str] = {}
        for entry in help_names:
            name = whole = entry.removeprefix("=")
            while "." in name:
                self._help.setdefault(name, whole)
                name = name.partition(".")[2]
        self._names: dict[str, str] = {}
        for site in sites:
            self._names.setdefault(f"www.{site.name}", site.name)  # refuses what everybody opens
            name = site.name
            while "." in name:
                self._names.setdefault(name, site.name)
                name = name.partition(".")[2]

    def hit(self, category: str, listed: str) -> str | None:
        """The site that the entry ``listed`` of a list of that category would refuse."""
        return self._names.get(listed) if category in self._content else None

    def anyhow(self, listed: str) -> str | None:
        """The site that an entry of whatever list would refuse."""
        return self._names.get(listed)

    def helps(self, listed: str) -> str | None:
        """The name of a help line that an entry would refuse, if help did not come before all lists."""
        return self._help.get(listed)

    def note(self, source: str, listed: Iterable[str]) -> None:
        """For whoever looks after a list: the entries of it that name help."""
        for name in list(dict.fromkeys(listed))[:MAX_NOTED]:
            _log.warning(
                "%s: it lists %s, and so the help line %s; left out, help stays open",
                source,
                name,
                self._help[name],
            )

    def hits(self, category: str, listed: Iterable[str]) -> Mapping[str, str]:
        """Of many entries: those that refuse a site, each with the first one."""
        if category not in self._content:
            return {}
        found = self._names
        return {name: found[name] for name in listed if name in found}


NOTHING_MUST = MustResolve()
