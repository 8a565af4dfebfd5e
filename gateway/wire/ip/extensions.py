"""Parses what is between the IP and the transport header: IPv4 options and IPv6 extension headers."""

from __future__ import annotations

from typing import NamedTuple

from gateway.core.errors import WireError

HOP_BY_HOP = 0
ROUTING = 43
FRAGMENT = 44
AH = 51
DESTINATION = 60
_EXTENSIONS = frozenset((HOP_BY_HOP, ROUTING, FRAGMENT, AH, DESTINATION))

MAX_EXTENSION_HEADERS = 8  # RFC 8200 §4.1 lists seven; more only costs every parser time

_OPTION_END, _OPTION_NOP = 0, 1
_LOOSE_ROUTE, _STRICT_ROUTE = 131, 137


class Transport(NamedTuple):
    """The end of the chain of extension headers."""

    proto: int  # of the header at ``offset``
    offset: int
    fragment: bool  # a later fragment, or a first one without the whole chain (RFC 7112)
    more_fragments: bool


def check_ipv4_options(data: bytes, end: int) -> None:
    """Check that ``data[20:end]`` is well-formed options (RFC 791 §3.1).

    Raises WireError if not, and for source routes: the packet then does not go to its header's destination.
    """
    pos = 20
    while pos < end:
        kind = data[pos]
        if kind == _OPTION_END:
            return
        if kind == _OPTION_NOP:
            pos += 1
            continue
        if kind in (_LOOSE_ROUTE, _STRICT_ROUTE):
            msg = "IPv4 source route"
            raise WireError(msg)
        length = data[pos + 1] if pos + 1 < end else 0
        if length < 2 or pos + length > end:
            msg = f"IPv4 option {kind} of length {length}"
            raise WireError(msg)
        pos += length


def walk_ipv6_extensions(data: bytes, proto: int, total: int) -> Transport:
    """Follow the chain that starts with header ``proto`` at offset 40 of a packet of ``total`` bytes.

    Raises WireError for a chain that is malformed, too long, or has a route other than the destination.
    """
    pos = 40
    more = False
    for count in range(MAX_EXTENSION_HEADERS + 1):
        if proto not in _EXTENSIONS:
            return Transport(proto, pos, False, more)
        if count == MAX_EXTENSION_HEADERS:
            break
        if proto == HOP_BY_HOP and count:
            msg = "IPv6 hop-by-hop header that is not the first"
            raise WireError(msg)
        left = total - pos
        if left < 8:
            return _cut(proto, pos, more)
        following, length = data[pos], data[pos + 1]
        if proto == FRAGMENT:
            where = data[pos + 2] << 8 | data[pos + 3]
            more = where & 1 != 0
            if where & 0xFFF8:
                return Transport(following, pos + 8, True, more)
            length = 8
        elif proto == AH:
            length = (length + 2) << 2
        else:
            length = (length + 1) << 3
        if length > left:
            return _cut(proto, pos, more)
        if proto == ROUTING and data[pos + 3]:
            msg = "IPv6 routing header with segments left"  # the destination is not where the packet goes
            raise WireError(msg)
        proto = following
        pos += length
    msg = f"more than {MAX_EXTENSION_HEADERS} IPv6 extension headers"
    raise WireError(msg)


def _cut(proto: int, pos: int, more: bool) -> Transport:
    if not more:
        msg = f"IPv6 extension header {proto} cut"
        raise WireError(msg)
    return Transport(proto, pos, True, True)
