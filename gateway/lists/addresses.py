"""Lists of addresses: what stands on a line, and the networks that no list may take."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from ipaddress import ip_network

from gateway.policy.names import networks as nets
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Node, parse_document, shown

_FIELDS = re.compile(rb"[^\s,;|]+")
LOOKED_AT = 2  # fields of a line: tables have a name or a fingerprint before the address


def parse(line: bytes) -> list[bytes] | None:
    """The entries of a line; none where it has no address that a list may hold, None for a comment.

    A prefix that is too wide, and an address of a network at home, are such lines without one.
    """
    if not line or line[:1] in b"#!;":
        return None
    for field in _FIELDS.findall(line.split(b"#", 1)[0])[:LOOKED_AT]:
        try:
            return [entry.encode() for entry in nets.spread(nets.network(field.decode("ascii", "replace")))]
        except nets.NetError as error:
            if error.problem != nets.NO_ADDRESS:
                return []
    return []


class Innocent:
    """Networks whose addresses thousands of sites share: an entry that touches one takes all of those."""

    def __init__(self, networks: Mapping[nets.Network, str]) -> None:
        """``networks``: whose each of them is; none overlaps another."""
        self._spans: dict[int, list[tuple[int, int, str]]] = {4: [], 6: []}
        for one, whose in networks.items():
            self._spans[one.version].append((*nets.span(one), whose))
        for spans in self._spans.values():
            spans.sort()

    def hit(self, listed: str) -> str | None:
        """Whose addresses an entry ``listed`` would take."""
        one = ip_network(listed)
        spans = self._spans[one.version]
        low, high = nets.span(one)
        at = bisect_right(spans, high, key=lambda span: span[0]) - 1
        return spans[at][2] if at >= 0 and spans[at][1] >= low else None


def parse_innocent(source: str | bytes, file: str) -> Innocent:
    """The part `addresses` of `profiles/canaries.yaml`: prefixes, by whose they are. Raises PolicyError."""
    top = fields.Fields(parse_document(source, file), ("canaries", "addresses"))
    read: dict[nets.Network, str] = {}
    for whose, _, node in fields.pairs(top.need("addresses")):
        for item in fields.items(node):
            one = _prefix(item)
            other = next(filter(one.overlaps, read), None)
            if other is not None:
                item.place.refuse(f"{shown(str(one))} overlaps {other}", "keep one of the two")
            read[one] = whose
    return Innocent(read)


def _prefix(node: Node) -> nets.Network:
    word = fields.text(node)
    try:
        return ip_network(word)
    except ValueError:
        node.place.refuse(f"{shown(word)} is no prefix", "write it like 192.0.2.0/24")
