"""The catalogue of published lists (`profiles/sources.yaml`), each with its licence and settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.lists.formats import Format
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names.categories import Categories
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, Place, Sequence, shown

if TYPE_CHECKING:
    from gateway.lists.build import BuildSource

DEFAULT_MAX_BYTES = 64 << 20  # three million hosts lines
HIGHEST_MAX_BYTES = 512 << 20
MAX_FILES = 16  # per list
MAX_MIRRORS = 4  # per list
CANARY_WAYS = ("reject", "skip")

_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,39}", re.ASCII)
_URL = re.compile(r"https://[\x21-\x7e]{4,500}", re.ASCII)
_KEYS = (
    "name",
    "url",
    "format",
    "licence",
    "category",
    "size",
    "max_bytes",
    "canary",
    "tier",
    "about",
    "mirrors",
    "weak",
)


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A list of sites or addresses and its settings: published, the family's own, or a state register."""

    id: str
    name: str
    url: str  # of the first file, where the list is published in several
    form: Format | None  # None: recognised from its copy
    licence: str  # SPDX id where there is one
    category: str  # id of a category
    size: int  # approximate number of names
    max_bytes: int  # of all its files together; a longer download is rejected
    skip_canaries: bool  # leave well-known sites out instead of rejecting the list
    tier: ListTier | None  # the smallest tier that includes it; None: only when a person turns it on
    further: tuple[str, ...] = ()  # addresses of the second and later files
    mirrors: tuple[tuple[str, ...], ...] = ()  # further places of the list, each the addresses of its files
    weak: bool = False  # its names count only with a hint or in a second list: `protected_sites`

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the URLs of the list's files at its first server.

        The files, joined in order, are the list.
        """
        return self.url, *self.further

    @property
    def places(self) -> tuple[tuple[str, ...], ...]:
        """Return the servers of a list, the main one first: each a tuple of the URLs of its files there."""
        return self.urls, *self.mirrors

    def copy(self, path: Path) -> BuildSource:
        """Return a `BuildSource` for the stored copy at ``path``: the list as input of the table's build.

        An undeclared format is recognised. Raises ListError for a file that is no list.
        """
        from gateway.lists.build import BuildSource, guess_format  # the daemon needs the catalogue only

        form = self.form or guess_format(self.id, path)
        return BuildSource(self.id, self.category, path, form, self.skip_canaries, weak=self.weak)


def parse_sources(source: str | bytes, file: str, categories: Categories) -> Mapping[str, PublishedList]:
    """Return the published lists in the catalogue `sources.yaml`, by id.

    Raises PolicyError with file, line, key and how to fix it.
    """
    top = fields.Fields(parse_document(source, file), ("sources",))
    return {
        key: _published(key, place, node, categories)
        for key, place, node in fields.pairs(top.need("sources"))
    }


def _published(key: str, place: Place, node: Node, categories: Categories) -> PublishedList:
    if _ID.fullmatch(key) is None:
        place.refuse(f"{shown(key)} is not an id", "use a-z, 0-9 and -, at least two characters")
    part = fields.Fields(fields.mapping(node), _KEYS)
    listable = [category for category in categories.by_id if category not in categories.sealed]
    url, *further = _urls(part.need("url"))
    return PublishedList(
        id=key,
        name=fields.text(part.need("name")),
        url=url,
        form=Format(fields.choice(part.need("format"), tuple(Format))),
        licence=fields.text(part.need("licence")),
        category=fields.choice(part.need("category"), listable),
        size=fields.integer(part.need("size"), 1, 1 << 25),
        max_bytes=part.read(
            "max_bytes", lambda n: fields.integer(n, 1, HIGHEST_MAX_BYTES), default=DEFAULT_MAX_BYTES
        ),
        skip_canaries=part.read("canary", lambda n: fields.choice(n, CANARY_WAYS), default="reject")
        == "skip",
        tier=part.read("tier", lambda n: fields.member(n, ListTier), default=None),
        further=tuple(further),
        mirrors=part.read("mirrors", lambda node: _mirrors(node, (url, *further)), default=()),
        weak=part.read("weak", fields.flag, default=False),
    )


def _urls(node: Node) -> list[str]:
    """Return the HTTPS URLs of a list: one, or several if it is published in several files.

    Raises PolicyError for other URLs or none.
    """
    nodes = fields.entries(node, MAX_FILES) if isinstance(node, Sequence) else (node,)
    if not nodes:
        node.place.refuse("is empty", "write one address, or a list of addresses")
    for item in nodes:
        if _URL.fullmatch(fields.text(item)) is None:
            item.place.refuse(
                "is not an HTTPS address", "write https://…; a list over plain HTTP can be changed in transit"
            )
    return [fields.text(item) for item in nodes]


def _mirrors(node: Node, urls: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the mirrors of a list, each with the URLs of its files. ``urls``: those of the list itself.

    A mirror may have another number of files. Raises PolicyError for an invalid mirror, and for one that
    repeats another or the list's own URLs.
    """
    places: list[tuple[str, ...]] = []
    for item in fields.entries(node, MAX_MIRRORS):
        place = tuple(_urls(item))
        if place == urls or place in places:
            item.place.refuse("is an address of this list already", "write another server's address, or none")
        places.append(place)
    return tuple(places)
