"""Popular sites that no fetched list may block, and how doubtful names are weighed (`profiles/guard.yaml`).

Lists are often merged automatically, and some are old. A list that its maker checks less than others has
``weak: true`` in `profiles/sources.yaml`. Its names count only if they have a word that is typical of the
category (``hints``). A name of any list with a word that speaks against the category (``doubts``) does not
count either, such as a newspaper on a list of adult sites. In both cases a name that two lists of the
category have counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from gateway.policy.config.registers import is_register
from gateway.policy.names.hosts import PublicSuffixCheck, read_entries
from gateway.policy.names.name_words import NameWords, is_official
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node

Words = Mapping[str, Collection[str]]
"""Parts of names, by the category that they speak for or against."""

NO_WORDS = NameWords()
WAYS_IN = ("www", "m")  # an entry for one of these names below a site blocks the usual address of the site


class ProtectedSites:
    """Decides which entries of published lists are left out because they would block an innocent site.

    ``sites``: registrable names of popular sites. ``hints`` and ``doubts``: parts of names that
    speak for and against a category, by category. ``words``: names that these place in a category
    are not doubtful. ``binding``: categories that are blocked for everyone, such as phishing.
    """

    def __init__(
        self,
        sites: Iterable[str] = (),
        hints: Words | None = None,
        doubts: Words | None = None,
        words: NameWords = NO_WORDS,
        binding: Collection[str] = (),
    ) -> None:
        self._sites = frozenset(sites)
        self._usual = frozenset(f"{first}.{site}" for site in self._sites for first in WAYS_IN)
        self._above = frozenset(name for site in self._sites for name in _parents(site))
        self._hints, self._doubts = _patterns(hints or {}), _patterns(doubts or {})
        self._words = words
        self._binding = frozenset(binding)

    def spares(self, category: str, listed: str, *, weak: bool = False) -> bool:
        """Return whether the entry ``listed`` of a list of ``category`` is left out of the table.

        True for a protected site, its names ``www`` and ``m``, its parent domains, and most names
        of governments and schools. For a ``weak`` (less reliable) list also for any name below a
        protected site. False for a state register.
        """
        if is_register(category):
            return False
        if listed in self._sites or listed in self._usual or listed in self._above:
            return True
        if is_official(listed):
            # Attackers use machines of schools, so a name below the school's own may be listed as harmful.
            return category not in self._binding or listed.removeprefix("www.").count(".") <= 2
        return weak and any(parent in self._sites for parent in _parents(listed))

    def weighs(self, category: str, *, weak: bool) -> bool:
        """Return whether uncertain names of a list count only if a second list of the category has them.

        True for a ``weak`` (less reliable) list, and for a category with words that speak against
        it. `is_certain` decides which names are uncertain.
        """
        return weak or category in self._doubts

    def is_certain(self, category: str, listed: str, *, weak: bool) -> bool:
        """Return whether a name counts for ``category`` even if only one list has it.

        A name of a ``weak`` list needs a word that is typical of the category. A name with a word
        that speaks against the category is not certain, unless another word gives it the category.
        """
        if weak and not _has(self._hints, category, listed):
            return False
        return not _has(self._doubts, category, listed) or category in self._words.categories(listed)


def _patterns(words: Words) -> Mapping[str, re.Pattern[str]]:
    return {category: re.compile("|".join(map(re.escape, parts))) for category, parts in words.items()}


def _has(patterns: Mapping[str, re.Pattern[str]], category: str, name: str) -> bool:
    pattern = patterns.get(category)
    return pattern is not None and pattern.search(name) is not None


def _parents(name: str) -> list[str]:
    """Return the parent domains of ``name`` that have at least two labels, the longest first."""
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(1, len(labels) - 1)]


def parse_protected_sites(
    source: str | bytes,
    file: str,
    categories: Collection[str],
    is_public_suffix: PublicSuffixCheck,
) -> tuple[frozenset[str], Words, Words]:
    """Return the sites, and the words for (hints) and against (doubts) each category, of `guard.yaml`.

    Raises PolicyError with file, line, key and how to fix it.
    """
    top = fields.Fields(parse_document(source, file), ("sites", "hints", "doubts"))
    sites: dict[str, str] = {}
    for topic, _, node in fields.pairs(top.need("sites")):
        for name in read_entries(node, is_public_suffix):
            if name in sites:
                node.place.refuse(f"{fields.shown(name)} is also under {sites[name]}", "keep it once")
            sites[name] = topic
    hints, doubts = (_by_category(top.need(key), categories) for key in ("hints", "doubts"))
    return frozenset(sites), hints, doubts


def _by_category(node: Node, categories: Collection[str]) -> Words:
    read: dict[str, tuple[str, ...]] = {}
    for category, place, words in fields.pairs(node):
        if category not in categories:
            name = fields.shown(category)
            place.refuse(f"{name} is not a category", fields.suggestion(category, categories))
        read[category] = fields.texts(words)
    return read
