"""Sites that must resolve from age ten on (`profiles/must_resolve.yaml`), and list entries that block them.

Home filters most often overblock health, counselling and support for LGBTQ+ people. So in lists of the
categories that an age group from ten years on restricts (`content_categories`), the table leaves out an entry
for such a site or its parent domain. A new copy of such a list that blocks a site is rejected if the previous
copy did not: the purpose of the list has changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from gateway.age.bands import AgeBand
from gateway.policy.names.hosts import PublicSuffixCheck, read_entries
from gateway.policy.profile.bands import Bands
from gateway.policy.time.time_text import calendar_date
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import shown

_log = logging.getLogger(__name__)

TOPICS = ("health", "sex_education", "lgbtq", "counselling", "domestic_violence", "rights", "news")
YOUNGEST = AgeBand.AGE_10_12
MAX_NOTED = 20  # entries of one list


@dataclass(frozen=True, slots=True)
class MustSite:
    """A site, with its subdomains, that lists must not block from age ten on.

    An ``=`` before the entry means that name only.
    """

    entry: str
    topic: str
    language: str

    @property
    def name(self) -> str:
        return self.entry.removeprefix("=")


def parse_must_resolve(
    source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck
) -> tuple[MustSite, ...]:
    """Return the sites in `must_resolve.yaml`. Raises PolicyError with file, line, key and how to fix it."""
    top = fields.Fields(parse_document(source, file), ("source", "date", "topics"))
    fields.text(top.need("source"))
    day = top.need("date")
    calendar_date(fields.text(day), day.place)
    read: dict[str, MustSite] = {}
    for topic, place, languages in fields.pairs(top.need("topics")):
        if topic not in TOPICS:
            place.refuse(f"{shown(topic)} is not a topic", fields.suggestion(topic, TOPICS))
        for language, _, node in fields.pairs(languages):
            for entry in read_entries(node, is_public_suffix):
                site = MustSite(entry, topic, language)
                if site.name in read:
                    node.place.refuse(f"{shown(site.name)} is listed twice", "keep it once")
                read[site.name] = site
    return tuple(read.values())


def content_categories(bands: Bands) -> frozenset[str]:
    """Return the categories that at least one age group of children from ten years on restricts.

    It blocks them, or a parent must approve them.
    """
    older = [preset for band, preset in bands.items() if band.is_child and band.rank >= YOUNGEST.rank]
    return frozenset(
        key for preset in older for key, rule in preset.rules.categories.items() if rule.value.refuses
    )


class MustResolve:
    """Finds list entries that block a site that must stay reachable from age ten on, or a help line.

    ``sites``: the former, about health for example. ``content``: the categories of lists that are
    checked for them. ``help_names``: names of help lines, which no list of any category may block.
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
            self._names.setdefault(
                f"www.{site.name}", site.name
            )  # an entry for www blocks the usual address of the site
            name = site.name
            while "." in name:
                self._names.setdefault(name, site.name)
                name = name.partition(".")[2]

    def hit(self, category: str, listed: str) -> str | None:
        """Return the site of must_resolve.yaml that an entry of a list of ``category`` would block, or None.

        ``listed``: the entry. Such sites, about health for example, must stay reachable from age ten
        on. None also for a category that is not checked.
        """
        return self._names.get(listed) if category in self._content else None

    def site_of_any_list(self, listed: str) -> str | None:
        """Return the site of must_resolve.yaml that the entry ``listed`` would block, or None.

        Such sites, about health for example, must stay reachable from age ten on. Unlike `hit`, it
        applies to lists of any category.
        """
        return self._names.get(listed)

    def help_line(self, listed: str) -> str | None:
        """Return the help line's name that the entry ``listed`` would block, or None.

        No list may block help lines.
        """
        return self._help.get(listed)

    def blocked_by(self, entry: Callable[[str], Collection[str]]) -> str | None:
        """Return a site of must_resolve.yaml or a help line that a category table blocks, or None.

        For sites, only the checked categories count. ``entry`` returns the categories of a name's own
        entry in the table, without those of its parent domains; empty if there is none.
        """
        sites = (site for listed, site in self._names.items() if not self._content.isdisjoint(entry(listed)))
        return next(sites, None) or next((line for name, line in self._help.items() if entry(name)), None)

    def note(self, source: str, listed: Iterable[str]) -> None:
        """Log a warning for each entry in ``listed``, which would block a help line: at most MAX_NOTED.

        `help_line` must return a name for each entry, else KeyError. ``source``: the list's id.
        """
        for name in list(dict.fromkeys(listed))[:MAX_NOTED]:
            _log.warning(
                "%s: entry %s would block the help line %s; the entry is left out",
                source,
                name,
                self._help[name],
            )

    def hits(self, category: str, listed: Iterable[str]) -> Mapping[str, str]:
        """Return the entries of ``listed`` that would block a site of must_resolve.yaml, each with that site.

        Empty for a category that is not checked.
        """
        if category not in self._content:
            return {}
        found = self._names
        return {name: found[name] for name in listed if name in found}


NOTHING_MUST = MustResolve()
