"""Popular innocent sites that no fetched list may block (`profiles/guard.yaml`), and how weak lists are weighed.

Lists are often merged by machines, and some are old. A list that its maker checks less than others has
``weak: true`` in `profiles/sources.yaml`. Its names count only if they have a word that is typical of the
category (``hints`` in `guard.yaml`), or if another weak list of the category has them too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from gateway.policy.config.registers import is_register
from gateway.policy.names.hosts import PublicSuffixCheck, read_entries
from gateway.policy.names.name_words import is_official
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document

WAYS_IN = ("www", "m")  # an entry for one of these names below a site blocks the usual address of the site


class Guard:
    """Decides which entries of fetched lists are left out because they would block an innocent site.

    ``sites``: registrable names. ``hints``: words by category. ``binding``: categories that are blocked for
    everyone, such as phishing.
    """

    def __init__(
        self,
        sites: Iterable[str] = (),
        hints: Mapping[str, Collection[str]] | None = None,
        binding: Collection[str] = (),
    ) -> None:
        self._sites = frozenset(sites)
        self._usual = frozenset(f"{first}.{site}" for site in self._sites for first in WAYS_IN)
        self._above = frozenset(name for site in self._sites for name in _parents(site))
        self._hints = {
            category: re.compile("|".join(map(re.escape, words))) for category, words in (hints or {}).items()
        }
        self._binding = frozenset(binding)

    def spares(self, category: str, listed: str, *, weak: bool = False) -> bool:
        """Return whether the entry ``listed`` of a list of that category is left out.

        Such an entry is a site of the guard, its usual address or a parent domain; or a name of a
        government or school. A weak list cannot block a name below a site of the guard either.
        """
        if is_register(category):
            return False
        if listed in self._sites or listed in self._usual or listed in self._above:
            return True
        if is_official(listed):
            # Attackers use machines of schools, so a name below the school's own may be listed as harmful.
            return category not in self._binding or listed.removeprefix("www.").count(".") <= 2
        return weak and any(parent in self._sites for parent in _parents(listed))

    def is_hinted(self, category: str, listed: str) -> bool:
        """Return whether a name has a word that is typical of the category."""
        words = self._hints.get(category)
        return words is not None and words.search(listed) is not None


def _parents(name: str) -> list[str]:
    """Return every parent domain of a name that has at least two labels."""
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(1, len(labels) - 1)]


def parse_guard(
    source: str | bytes,
    file: str,
    categories: Collection[str],
    is_public_suffix: PublicSuffixCheck,
) -> tuple[frozenset[str], Mapping[str, tuple[str, ...]]]:
    """Return the sites and the hints of `guard.yaml`. Raises PolicyError with file, line, key and how to fix it."""
    top = fields.Fields(parse_document(source, file), ("sites", "hints"))
    sites: dict[str, str] = {}
    for topic, _, node in fields.pairs(top.need("sites")):
        for name in read_entries(node, is_public_suffix):
            if name in sites:
                node.place.refuse(f"{fields.shown(name)} is also under {sites[name]}", "keep it once")
            sites[name] = topic
    hints: dict[str, tuple[str, ...]] = {}
    for category, place, node in fields.pairs(top.need("hints")):
        if category not in categories:
            place.refuse(f"{fields.shown(category)} is not a category", fields.suggestion(category, categories))
        hints[category] = fields.texts(node)
    return frozenset(sites), hints
