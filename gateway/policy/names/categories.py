"""Content categories: `profiles/categories.yaml` → Categories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.policy.names.list_ids import is_own_list
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, Place, shown

LANGUAGES = ("en", "ru", "kk")
NEW_DOMAIN = "new_domain"
PROXY = "proxy_vpn_doh"
ADS = "ads_trackers"
TOR = "tor"  # for addresses only: Tor relays

_ID = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)
_KEYS = ("name", "about", "binding", "sealed")


@dataclass(frozen=True, slots=True)
class Category:
    """A content category: its names, and whether it is blocked for everyone."""

    id: str
    name: Mapping[str, str]  # by language, English always
    about: Mapping[str, str]  # one sentence for a parent, by language
    binding: bool = False  # blocked for everyone, adults and guests included
    sealed: bool = False  # its entries are never named, listed or distinguishable from other binding ones


@dataclass(frozen=True, slots=True)
class Categories:
    """All categories by id, in the order of the file."""

    by_id: Mapping[str, Category]

    @property
    def binding(self) -> frozenset[str]:
        """Ids of the categories that are blocked for everyone."""
        return frozenset(category.id for category in self.by_id.values() if category.binding)

    @property
    def sealed(self) -> frozenset[str]:
        """Ids of the categories with entries that are never named or listed."""
        return frozenset(category.id for category in self.by_id.values() if category.sealed)

    @property
    def choosable(self) -> tuple[str, ...]:
        """Ids of the categories that a profile may set: those that are not blocked for everyone."""
        return tuple(category.id for category in self.by_id.values() if not category.binding)

    def with_own_lists(self, names: Mapping[str, str]) -> Categories:
        """Return a copy in which the family's lists in ``names`` (id → name) are categories.

        Other lists of the family are left out.
        """
        packaged = {key: category for key, category in self.by_id.items() if not is_own_list(key)}
        return Categories({**packaged, **{key: _own_list(key, name) for key, name in names.items()}})


def _own_list(key: str, name: str) -> Category:
    return Category(key, {"en": name}, {"en": "A list of your own."})


def parse_categories(source: str | bytes, file: str) -> Categories:
    """Return the categories of a YAML file.

    Raises PolicyError with file, line, key and fix if it is invalid.
    """
    top = fields.Fields(parse_document(source, file), ("categories",))
    read = {}
    for key, place, node in fields.pairs(top.need("categories")):
        if _ID.fullmatch(key) is None:
            place.refuse(f"{shown(key)} is no id", "use a-z, 0-9 and _, starting with a letter")
        read[key] = _category(key, place, node)
    return Categories(read)


def _category(key: str, place: Place, node: Node) -> Category:
    part = fields.Fields(fields.mapping(node), _KEYS)
    binding = part.read("binding", fields.flag, default=False)
    sealed = part.read("sealed", fields.flag, default=False)
    if sealed and not binding:
        place.refuse(
            "is sealed but not binding", "a sealed list is blocked for everyone: add 'binding: true'"
        )
    name, about = translations(part.need("name")), translations(part.need("about"))
    return Category(key, name, about, binding=binding, sealed=sealed)


def translations(node: Node) -> Mapping[str, str]:
    """Return language → text, from a mapping in a data file.

    Raises PolicyError if English is missing, or for a language that is not in LANGUAGES. The pages show the
    names of categories, groups and age groups in other languages from their own catalogues.
    """
    part = fields.Fields(fields.mapping(node), LANGUAGES)
    part.need("en")
    return {language: fields.text(part.need(language)) for language in LANGUAGES if language in part}
