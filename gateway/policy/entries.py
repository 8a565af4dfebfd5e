"""Names in data files: ``example.com`` with all names under it, ``=www.example.com`` for that name alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from gateway.policy import fields, hosts
from gateway.policy.documents import Node, shown

T = TypeVar("T")


def host(node: Node) -> str:
    """One host name in normal form."""
    word = fields.text(node)
    try:
        return hosts.normalise(word)
    except hosts.HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.mend)


def rule_host(node: Node, is_public_suffix: hosts.PublicSuffixCheck) -> str:
    """One host name that stands for all names under it, too."""
    word = fields.text(node)
    try:
        return hosts.rule_host(word, is_public_suffix)
    except hosts.HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.mend)


def entry(node: Node, is_public_suffix: hosts.PublicSuffixCheck) -> str:
    """One entry in normal form; only an exact one may be a public suffix."""
    word = fields.text(node)
    if not word.startswith("="):
        return rule_host(node, is_public_suffix)
    try:
        return "=" + hosts.normalise(word[1:])
    except hosts.HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.mend)


def entries(node: Node, is_public_suffix: hosts.PublicSuffixCheck) -> tuple[str, ...]:
    """A list of entries, none of them twice."""
    read: dict[str, None] = {}
    for item in fields.items(node):
        one = entry(item, is_public_suffix)
        if one in read:
            item.place.refuse(f"{shown(one)} is there twice", "keep it once")
        read[one] = None
    return tuple(read)


def host_map(rows: Iterable[tuple[str, T]]) -> hosts.HostMap[T]:
    """Entries with their values; of equal entries the first counts."""
    below: dict[str, T] = {}
    exact: dict[str, T] = {}
    for one, value in rows:
        (exact if one.startswith("=") else below).setdefault(one.removeprefix("="), value)
    return hosts.HostMap(below, exact)


def site_of(host: str, is_public_suffix: hosts.PublicSuffixCheck) -> str:
    """What stands for a site that somebody named by a host of it: without `www.`, never a public suffix."""
    bare = host.removeprefix("www.")
    return host if is_public_suffix(bare) else bare
