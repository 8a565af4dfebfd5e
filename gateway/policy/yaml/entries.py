"""Names in data files.

``example.com``       that name with all names under it
``=www.example.com``  that name alone
``*.example.goog``    all names under a public suffix, where they are all one thing
``a*.b.example.com``  of services and what devices need: a star stands for any letters within its label
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from gateway.policy.names import hosts
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Node, shown

T = TypeVar("T")

STAR = "qqstarqq"  # in the place of a star while a pattern is read


def host(node: Node) -> str:
    """One host name in normal form."""
    word = fields.text(node)
    try:
        return hosts.normalise(word)
    except hosts.HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)


def rule_host(node: Node, is_public_suffix: hosts.PublicSuffixCheck) -> str:
    """One host name that stands for all names under it, too."""
    word = fields.text(node)
    try:
        return hosts.rule_host(word, is_public_suffix)
    except hosts.HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)


def entry(node: Node, is_public_suffix: hosts.PublicSuffixCheck) -> str:
    """One entry in normal form, the star taken off; a public suffix is exact or has the star."""
    word = fields.text(node)
    if word.startswith("*."):
        return _suffix(node, word[2:])
    if not word.startswith("="):
        return rule_host(node, is_public_suffix)
    try:
        return "=" + hosts.normalise(word[1:])
    except hosts.HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)


def pattern(node: Node) -> str:
    """An entry with a star within a label: that very number of labels, in normal form."""
    word = fields.text(node)
    try:
        name = hosts.normalise(word.replace("*", STAR))
    except hosts.HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)
    head, _, tail = name.rpartition(STAR)
    if STAR in head or tail.count(".") < 2 or STAR in word:
        node.place.refuse(f"{shown(word)} has its star in a wrong place", "write one, above a name of a firm")
    return f"{head}*{tail}"


def _suffix(node: Node, word: str) -> str:
    try:
        name = hosts.normalise(word)
    except hosts.HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)
    return name


def entries(
    node: Node, is_public_suffix: hosts.PublicSuffixCheck, *, patterns: bool = False
) -> tuple[str, ...]:
    """A list of entries, none of them twice; ``patterns``: whether stars may stand within labels."""
    read: dict[str, None] = {}
    for item in fields.items(node):
        is_pattern = patterns and "*" in fields.text(item).removeprefix("*.")
        one = pattern(item) if is_pattern else entry(item, is_public_suffix)
        if one in read:
            item.place.refuse(f"{shown(one)} is there twice", "keep it once")
        read[one] = None
    return tuple(read)


def host_map(rows: Iterable[tuple[str, T]]) -> hosts.HostMap[T]:
    """Entries with their values; of equal entries the first counts."""
    below: dict[str, T] = {}
    exact: dict[str, T] = {}
    starred: dict[str, T] = {}
    for one, value in rows:
        table = starred if "*" in one else exact if one.startswith("=") else below
        table.setdefault(one.removeprefix("="), value)
    return hosts.HostMap(below, exact, starred.items())


def site_of(host: str, is_public_suffix: hosts.PublicSuffixCheck) -> str:
    """What stands for a site that somebody named by a host of it: without `www.`, never a public suffix."""
    bare = host.removeprefix("www.")
    return host if is_public_suffix(bare) else bare
