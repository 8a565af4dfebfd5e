"""Lists of addresses: parsing of a line, and the shared networks that no list may block."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from ipaddress import ip_network

from gateway.policy.names import networks as nets
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, shown

_FIELDS = re.compile(rb"[^\s,;|]+")
FIELDS_READ = 2  # fields of a line: some lists have a name or a fingerprint before the address


def parse(line: bytes) -> list[bytes] | None:
    """Return the entries of a line as keys of the table. Return None for an empty line or a comment.

    A line without a usable address gives an empty list. A prefix that is too wide, or an address of a
    private network, is not usable.
    """
    if not line or line[:1] in b"#!;":
        return None
    for field in _FIELDS.findall(line.split(b"#", 1)[0])[:FIELDS_READ]:
        try:
            return [entry.encode() for entry in nets.spread(nets.network(field.decode("ascii", "replace")))]
        except nets.NetError as error:
            if error.problem != nets.NO_ADDRESS:
                return []
    return []


class SharedNetworks:
    """Networks whose addresses are shared by thousands of sites. An entry in one would block all of them."""

    def __init__(self, networks: Mapping[nets.Network, str]) -> None:
        """``networks`` maps each network to its owner. The networks do not overlap."""
        self._spans: dict[int, list[tuple[int, int, str]]] = {4: [], 6: []}
        for network, owner in networks.items():
            self._spans[network.version].append((*nets.span(network), owner))
        for spans in self._spans.values():
            spans.sort()

    def hit(self, listed: str) -> str | None:
        """Return the owner whose addresses the entry ``listed`` would block, or None."""
        network = ip_network(listed)
        spans = self._spans[network.version]
        low, high = nets.span(network)
        at = bisect_right(spans, high, key=lambda span: span[0]) - 1
        return spans[at][2] if at >= 0 and spans[at][1] >= low else None


def parse_shared_networks(source: str | bytes, file: str) -> SharedNetworks:
    """Parse the part `addresses` of `profiles/canaries.yaml`: prefixes by owner. Raises PolicyError."""
    top = fields.Fields(parse_document(source, file), ("canaries", "addresses"))
    read: dict[nets.Network, str] = {}
    for owner, _, node in fields.pairs(top.need("addresses")):
        for item in fields.items(node):
            prefix = _prefix(item)
            other = next(filter(prefix.overlaps, read), None)
            if other is not None:
                item.place.refuse(f"{shown(str(prefix))} overlaps {other}", "keep one of the two")
            read[prefix] = owner
    return SharedNetworks(read)


def _prefix(node: Node) -> nets.Network:
    word = fields.text(node)
    try:
        return ip_network(word)
    except ValueError:
        node.place.refuse(f"{shown(word)} is not a prefix", "write it like 192.0.2.0/24")
