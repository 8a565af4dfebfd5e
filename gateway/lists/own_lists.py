"""The family's own choice of lists: `lists.yaml` beside `qalqan.yaml`. Pages and command write it, hands may.

lists:
  own-1c9a2f4e: {name: "School's list", url: "https://example.org/list.txt", category: games}
on: [oisd-nsfw]           # published lists that are not fetched unless somebody asks
off: [ut1-games]          # published lists that are fetched otherwise
wrong:                    # entries that the family calls wrong, for whoever writes to the list's maker
  w0: {host: chess.example, category: gambling, by: Mum, at: 2026-11-24}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from gateway.core.errors import ListError
from gateway.core.files import read_bounded, write_atomically, write_error_text
from gateway.core.public_addresses import NotOutside, check_url
from gateway.lists.sources import PublishedList
from gateway.policy.names.categories import Categories
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Node, Place, parse_document, shown
from gateway.policy.yaml.entries import host

FILE = "lists.yaml"
MAX_OWN = 16  # lists; each costs a download a day and some seconds of building
MAX_BYTES = 32 << 20  # of one: a million and a half hosts lines
MAX_CHOSEN = 128  # published lists that are on or off otherwise; there are some fifty
MAX_WRONG = 64  # reports; the oldest give way
HEADER = (
    "# The family's own choice of lists. Pages and command write this file anew; comments are not kept.\n"
)

_ID = re.compile(r"own-[0-9a-f]{8}", re.ASCII)  # never taken for a published one
_KEYS = ("lists", "on", "off", "wrong")


@dataclass(frozen=True, slots=True)
class Wrong:
    """An entry that somebody reported."""

    host: str
    category: str
    by: str
    at: date


@dataclass(frozen=True, slots=True)
class OwnLists:
    lists: Mapping[str, PublishedList] = field(default_factory=dict)
    on: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    wrong: tuple[Wrong, ...] = ()  # the newest last

    def with_list(self, name: str, url: str, category: str, key: str) -> OwnLists:
        """Raises ListError."""
        if len(self.lists) >= MAX_OWN:
            msg = f"there are {MAX_OWN} lists of your own already; take one out first"
            raise ListError(msg)
        if any(one.url == url for one in self.lists.values()):
            msg = f"{url} is one of your lists already"
            raise ListError(msg)
        return replace(self, lists={**self.lists, key: own_list(key, name, url, category)})

    def without_list(self, key: str) -> OwnLists:
        return replace(self, lists={one: value for one, value in self.lists.items() if one != key})

    def switched(self, published: PublishedList, *, on: bool) -> OwnLists:
        """A published list is fetched from now on, or no more."""
        key = {published.id}
        return replace(
            self,
            on=self.on | key if on and not published.default else self.on - key,
            off=self.off | key if not on and published.default else self.off - key,
        )

    def with_wrong(self, one: Wrong) -> OwnLists:
        others = tuple(other for other in self.wrong if other.host != one.host)
        return replace(self, wrong=(*others, one)[-MAX_WRONG:])

    def without_wrong(self, named: str) -> OwnLists:
        return replace(self, wrong=tuple(one for one in self.wrong if one.host != named))

    def is_on(self, published: PublishedList) -> bool:
        if published.id in self.lists:
            return True
        return published.id not in self.off and (published.default or published.id in self.on)


def own_list(key: str, name: str, url: str, category: str) -> PublishedList:
    """What such a list may be is told by its copy; single innocent names in it are left out."""
    return PublishedList(
        id=key, name=name, url=url, form=None, licence="", category=category, size=0, max_bytes=MAX_BYTES,
        skip_canaries=True, default=True,
    )  # fmt: skip


def lists_file(config: Path) -> Path:
    """Beside ``qalqan.yaml``."""
    return config.parent / FILE


def read_own(path: Path, categories: Categories) -> OwnLists:
    """Nothing where there is no such file. Raises PolicyError with file, line and mend."""
    if not path.exists():
        return OwnLists()
    return parse_own(read_bounded(path), str(path), categories)


def parse_own(source: str | bytes, file: str, categories: Categories) -> OwnLists:
    top = fields.Fields(parse_document(source, file), _KEYS)
    return OwnLists(
        lists=top.read("lists", lambda node: dict(_lists(node, categories)), default={}),
        on=top.read("on", _ids, default=frozenset()),
        off=top.read("off", _ids, default=frozenset()),
        wrong=top.read("wrong", lambda node: tuple(_wrong(node)), default=()),
    )


def _lists(node: Node, categories: Categories) -> Iterator[tuple[str, PublishedList]]:
    for number, (key, place, value) in enumerate(fields.pairs(node)):
        if number >= MAX_OWN:
            place.refuse(f"is more than {MAX_OWN} lists", "take some out")
        if _ID.fullmatch(key) is None:
            place.refuse(f"{shown(key)} is no id of an own list", "write own- and eight of 0-9a-f")
        part = fields.Fields(fields.mapping(value), ("name", "url", "category"))
        url = part.need("url")
        written = fields.text(url)
        _check(written, url.place)
        category = fields.choice(part.need("category"), categories.choosable)
        yield key, own_list(key, fields.text(part.need("name")), written, category)


def _check(url: str, place: Place) -> None:
    try:
        check_url(url)
    except NotOutside as error:
        place.refuse(str(error), "write the list's own address on the internet")


def _ids(node: Node) -> frozenset[str]:
    return frozenset(fields.text(one) for one in fields.entries(node, MAX_CHOSEN))


def _wrong(node: Node) -> Iterator[Wrong]:
    for number, (_key, place, value) in enumerate(fields.pairs(node)):
        if number >= MAX_WRONG:
            place.refuse(f"is more than {MAX_WRONG} reports", "take some out")
        part = fields.Fields(fields.mapping(value), ("host", "category", "by", "at"))
        at = part.need("at")
        try:
            day = date.fromisoformat(fields.text(at))
        except ValueError:
            at.place.refuse("is no date", "write one such as 2026-11-24")
        yield Wrong(
            host(part.need("host")), fields.text(part.need("category")), fields.text(part.need("by")), day
        )


def write_own(path: Path, own: OwnLists) -> None:
    """Whole or not at all. Raises ListError."""
    said: dict[str, Any] = {
        "lists": {
            key: {"name": one.name, "url": one.url, "category": one.category}
            for key, one in own.lists.items()
        },
        "on": sorted(own.on),
        "off": sorted(own.off),
        "wrong": {
            f"w{number}": {"host": one.host, "category": one.category, "by": one.by, "at": str(one.at)}
            for number, one in enumerate(own.wrong)
        },
    }
    kept = {key: value for key, value in said.items() if value}
    try:
        write_atomically(path, (HEADER + yaml.safe_dump(kept, allow_unicode=True, sort_keys=False)).encode())
    except OSError as error:
        msg = f"{path}: cannot be written ({write_error_text(error)})"
        raise ListError(msg) from error
