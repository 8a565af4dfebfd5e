"""The family's choice of lists in `lists.yaml`, next to `qalqan.yaml`. Written by the pages and the command.

lists:
  own-1c9a2f4e: {name: "School's list", url: "https://example.org/list.txt", category: games}
  own-7d20b3c5: {name: "For Timur", url: "https://example.org/t.txt", category: own-7d20b3c5}  # see below
on: [oisd-nsfw]           # published lists that are on, whatever the tier
off: [ut1-games]          # published lists that are off, whatever the tier
wrong:                    # entries that the family reported as wrong, for a message to the list's maker
  w0: {host: chess.example, category: gambling, by: Mum, at: 2026-11-24}

A list whose category is its own id is a category of its own. It applies to the children whose rules name it:
``categories: {own-7d20b3c5: block}``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from gateway.core.errors import ControlError, ListError
from gateway.core.files import read_bounded, write_atomically, write_error_text
from gateway.core.public_addresses import NotOutside, check_url
from gateway.core.reason_codes import Code
from gateway.lists.sources import PublishedList
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names.categories import Categories
from gateway.policy.names.hosts import read_host
from gateway.policy.names.list_ids import is_own_list
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, Place, shown

FILE = "lists.yaml"
_Dumper = yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper
MAX_OWN = 16  # lists; each costs a download a day and some seconds of building
MAX_BYTES = 32 << 20  # of one list: 1.5 million hosts lines
MAX_CHOSEN = 128  # published lists with a changed default; there are about sixty
MAX_WRONG = 64  # reports; the oldest are dropped
HEADER = "# The family's choice of lists. The pages and the command rewrite this file; comments are lost.\n"

_KEYS = ("lists", "on", "off", "wrong")


@dataclass(frozen=True, slots=True)
class WrongEntry:
    """A list entry (host and category) that the family reported as wrong: by whom, and when."""

    host: str
    category: str
    by: str
    at: date


@dataclass(frozen=True, slots=True)
class OwnLists:
    """The family's choice of lists: its own lists, switched published lists, and reports of wrong entries."""

    lists: Mapping[str, PublishedList] = field(default_factory=dict)  # the family's own lists, by id
    on: frozenset[str] = frozenset()  # ids of published lists that are on, whatever the tier
    off: frozenset[str] = frozenset()  # ids of published lists that are off, whatever the tier
    wrong: tuple[WrongEntry, ...] = ()  # the newest last

    @property
    def is_default(self) -> bool:
        """True if the family has added no list, and has turned no published list on or off.

        Its reports of wrong entries make no difference.
        """
        return not (self.lists or self.on or self.off)

    @property
    def categories(self) -> Mapping[str, str]:
        """Return the names, by id, of the lists that are a category of their own.

        Each child can have a rule for such a list.
        """
        return {key: listed.name for key, listed in self.lists.items() if listed.category == key}

    def with_list(self, name: str, url: str, category: str, key: str) -> OwnLists:
        """Return these settings with one more list.

        Raises ControlError if there are MAX_OWN already, or one has the same URL. ``key``: the new list's id.
        """
        if len(self.lists) >= MAX_OWN or any(published.url == url for published in self.lists.values()):
            raise ControlError.of(Code.LIST_NOT_ADDED)
        return replace(self, lists={**self.lists, key: own_list(key, name, url, category)})

    def without_list(self, key: str) -> OwnLists:
        return replace(self, lists={other: value for other, value in self.lists.items() if other != key})

    def switched(self, published: PublishedList, *, on: bool) -> OwnLists:
        """Return these settings with a published list turned on or off by the family, whatever its tier."""
        key = {published.id}
        return replace(
            self, on=self.on | key if on else self.on - key, off=self.off - key if on else self.off | key
        )

    def with_wrong(self, report: WrongEntry) -> OwnLists:
        others = tuple(other for other in self.wrong if other.host != report.host)
        return replace(self, wrong=(*others, report)[-MAX_WRONG:])

    def without_wrong(self, named: str) -> OwnLists:
        return replace(self, wrong=tuple(report for report in self.wrong if report.host != named))

    def is_on(self, published: PublishedList, tier: ListTier, *, is_here: bool) -> bool:
        """Return whether a list is downloaded and used: by the family's choice, else by the gateway's tier.

        The tier is the size of the set of lists that fits the machine. ``is_here``: whether a copy
        is stored. A list that is in no tier is on while its copy is stored: `qalqan lists update
        NAME` downloaded it.
        """
        if published.id in self.off and published.id not in self.lists:
            return False
        if published.id in self.on or published.id in self.lists or tier.includes(published.tier):
            return True
        return published.tier is None and is_here


def own_list(key: str, name: str, url: str, category: str) -> PublishedList:
    """Return a `PublishedList` for a list that the family added, with the id ``key``.

    Its format is recognised from its copy; entries for well-known sites are left out.
    """
    return PublishedList(
        id=key, name=name, url=url, form=None, licence="", category=category, size=0, max_bytes=MAX_BYTES,
        skip_canaries=True, tier=ListTier.SMALL,
    )  # fmt: skip


def lists_file(config: Path) -> Path:
    """Return the path of `lists.yaml`, in the folder of ``qalqan.yaml``."""
    return config.parent / FILE


def read_own(path: Path, categories: Categories) -> OwnLists:
    """Return the family's choice of lists from `lists.yaml`; an empty choice if there is no file.

    Raises PolicyError with file, line and fix.
    """
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


def has_own_choice(path: Path) -> bool:
    """Return whether `lists.yaml` adds a list, or turns one on or off.

    Raises PolicyError for an invalid file.
    """
    if not path.exists():
        return False
    top = fields.Fields(parse_document(read_bounded(path), str(path)), _KEYS)
    added = top.read("lists", lambda node: any(fields.pairs(node)), default=False)
    return added or any(top.read(key, _ids, default=frozenset()) for key in ("on", "off"))


def _lists(node: Node, categories: Categories) -> Iterator[tuple[str, PublishedList]]:
    for number, (key, place, value) in enumerate(fields.pairs(node)):
        if number >= MAX_OWN:
            place.refuse(f"is more than {MAX_OWN} lists", "remove some")
        if not is_own_list(key):
            place.refuse(f"{shown(key)} is not an id of an own list", "write own- and eight of 0-9a-f")
        part = fields.Fields(fields.mapping(value), ("name", "url", "category"))
        url = part.need("url")
        written = fields.text(url)
        _check(written, url.place)
        chosen = part.need("category")
        if fields.text(chosen) == key:
            category = key
        else:
            category = fields.choice(chosen, [name for name in categories.choosable if not is_own_list(name)])
        yield key, own_list(key, fields.text(part.need("name")), written, category)


def _check(url: str, place: Place) -> None:
    try:
        check_url(url)
    except NotOutside as error:
        place.refuse(str(error), "write the list's own address on the internet")


def _ids(node: Node) -> frozenset[str]:
    return frozenset(fields.text(item) for item in fields.entries(node, MAX_CHOSEN))


def _wrong(node: Node) -> Iterator[WrongEntry]:
    for number, (_key, place, value) in enumerate(fields.pairs(node)):
        if number >= MAX_WRONG:
            place.refuse(f"is more than {MAX_WRONG} reports", "remove some")
        part = fields.Fields(fields.mapping(value), ("host", "category", "by", "at"))
        at = part.need("at")
        try:
            day = date.fromisoformat(fields.text(at))
        except ValueError:
            at.place.refuse("is not a date", "write one such as 2026-11-24")
        yield WrongEntry(
            read_host(part.need("host")),
            fields.text(part.need("category")),
            fields.text(part.need("by")),
            day,
        )


def write_own(path: Path, own: OwnLists) -> None:
    """Write the family's choice of lists to `lists.yaml`, atomically. Raises ListError if that fails."""
    content: dict[str, Any] = {
        "lists": {
            key: {"name": published.name, "url": published.url, "category": published.category}
            for key, published in own.lists.items()
        },
        "on": sorted(own.on),
        "off": sorted(own.off),
        "wrong": {
            f"w{number}": {
                "host": report.host,
                "category": report.category,
                "by": report.by,
                "at": str(report.at),
            }
            for number, report in enumerate(own.wrong)
        },
    }
    kept = {key: value for key, value in content.items() if value}
    try:
        text = yaml.dump(kept, Dumper=_Dumper, allow_unicode=True, sort_keys=False)
        write_atomically(path, f"{HEADER}{text}".encode())
    except OSError as error:
        msg = f"{path}: cannot be written ({write_error_text(error)})"
        raise ListError(msg) from error
