"""Entries of names in data files.

``example.com``       the name with all names under it
``=www.example.com``  the name alone
``*.example.goog``    all names under a public suffix that belongs to one owner
``a*.b.example.com``  in services and device needs: the star matches any letters within its label
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from gateway.policy.names import hosts
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Node, shown

T = TypeVar("T")

STAR = "qqstarqq"  # replaces a star while a pattern is read


def host(node: Node) -> str:
    """Return one host name in normal form."""
    word = fields.text(node)
    try:
        return hosts.normalise(word)
    except hosts.HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)


def rule_host(node: Node, is_public_suffix: hosts.PublicSuffixCheck) -> str:
    """Return one host name that includes all names under it."""
    word = fields.text(node)
    try:
        return hosts.rule_host(word, is_public_suffix)
    except hosts.HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)


def entry(node: Node, is_public_suffix: hosts.PublicSuffixCheck) -> str:
    """Return one entry in normal form without its star. A public suffix is exact or has the star."""
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
    """Return an entry with a star within a label, in normal form.

    It matches names with the same number of labels.
    """
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
    """Return a list of entries without duplicates. ``patterns``: allow stars within labels."""
    read: dict[str, None] = {}
    for item in fields.items(node):
        is_pattern = patterns and "*" in fields.text(item).removeprefix("*.")
        name = pattern(item) if is_pattern else entry(item, is_public_suffix)
        if name in read:
            item.place.refuse(f"{shown(name)} is there twice", "keep it once")
        read[name] = None
    return tuple(read)


def host_map(rows: Iterable[tuple[str, T]]) -> hosts.HostMap[T]:
    """Return the map of entries to values. Of equal entries the first counts."""
    below: dict[str, T] = {}
    exact: dict[str, T] = {}
    starred: dict[str, T] = {}
    for row, value in rows:
        table = starred if "*" in row else exact if row.startswith("=") else below
        table.setdefault(row.removeprefix("="), value)
    return hosts.HostMap(below, exact, starred.items())


def site_of(host: str, is_public_suffix: hosts.PublicSuffixCheck) -> str:
    """Return the site of a host that a person named: without `www.`, never a public suffix."""
    bare = host.removeprefix("www.")
    return host if is_public_suffix(bare) else bare
