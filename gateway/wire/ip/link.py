"""The link layers of captures: Ethernet with VLAN tags and PPPoE, Linux cooked, raw IP, PPP."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.cursor import Cursor

# https://www.tcpdump.org/linktypes.html
NULL, ETHERNET, PPP, RAW_BSD, RAW_OPENBSD, PPP_ETHER, RAW = 0, 1, 9, 12, 14, 51, 101
LOOP, LINUX_SLL, IPV4, IPV6, LINUX_SLL2 = 108, 113, 228, 229, 276

_ETHERTYPE_IPV4, _ETHERTYPE_IPV6 = 0x0800, 0x86DD
_VLAN_TAGS = frozenset(
    {0x8100, 0x88A8, 0x9100}
)  # 802.1Q, 802.1ad, and the tag older switches use for 802.1ad
_PPPOE_SESSION = 0x8864
_PPP_IPV4, _PPP_IPV6 = 0x0021, 0x0057
MAX_VLAN_TAGS = 4  # Q-in-Q has two; no household or provider uses more than four

_U16 = Struct("!H")


class Payload(NamedTuple):
    """An IP packet and its source hardware address (empty if the link has none)."""

    packet: bytes
    source: bytes


def ip_payload(linktype: int, frame: bytes) -> Payload | None:
    """Return the IP packet in ``frame``; None if the frame carries something else (ARP, LLDP, PPP control).

    Raises WireError for a frame that is cut in its headers and for an unsupported link type.
    """
    if linktype == ETHERNET:
        return _ethernet(frame)
    if linktype in (RAW, RAW_BSD, RAW_OPENBSD, IPV4, IPV6):
        return Payload(frame, b"")
    if linktype == LINUX_SLL:
        cursor = Cursor(frame)
        cursor.skip(4)
        length = cursor.u16()
        source = cursor.take(8)[:length]
        return _after_ethertype(cursor.u16(), cursor.rest(), source)
    if linktype == LINUX_SLL2:
        cursor = Cursor(frame)
        ethertype = cursor.u16()
        cursor.skip(9)
        length = cursor.u8()
        source = cursor.take(8)[:length]
        return _after_ethertype(ethertype, cursor.rest(), source)
    if linktype in (NULL, LOOP):
        # The address family is in the byte order of the capturing host; the IP version is unambiguous.
        return Payload(frame[4:], b"") if len(frame) > 4 and frame[4] >> 4 in (4, 6) else None
    if linktype == PPP:
        return _ppp(frame[2:] if frame[:2] == b"\xff\x03" else frame, b"")
    if linktype == PPP_ETHER:
        return _pppoe(frame, b"")
    msg = f"link type {linktype} is not read; capture on Ethernet, `any`, or raw IP"
    raise WireError(msg)


def _ethernet(frame: bytes) -> Payload | None:
    cursor = Cursor(frame)
    cursor.skip(6)
    source = cursor.take(6)
    ethertype = cursor.u16()
    return _after_ethertype(ethertype, cursor.rest(), source)


def _after_ethertype(ethertype: int, rest: bytes, source: bytes) -> Payload | None:
    tags = 0
    while ethertype in _VLAN_TAGS:
        tags += 1
        if len(rest) < 4 or tags > MAX_VLAN_TAGS:
            msg = f"VLAN tag {tags} with {len(rest)} bytes behind it"
            raise WireError(msg)
        ethertype = _U16.unpack_from(rest, 2)[0]
        rest = rest[4:]
    if ethertype in (_ETHERTYPE_IPV4, _ETHERTYPE_IPV6):
        return Payload(rest, source)
    if ethertype == _PPPOE_SESSION:
        return _pppoe(rest, source)
    return None


def _pppoe(rest: bytes, source: bytes) -> Payload | None:
    """RFC 2516 §4: version and type, code, session, length; code 0 carries PPP."""
    cursor = Cursor(rest)
    cursor.skip(1)
    code = cursor.u8()
    cursor.skip(2)
    length = cursor.u16()
    if code:
        return None
    return _ppp(cursor.take(min(length, cursor.remaining)), source)


def _ppp(rest: bytes, source: bytes) -> Payload | None:
    """RFC 1661 §2: a protocol number of two bytes, or of one odd byte when compressed."""
    cursor = Cursor(rest)
    first = cursor.u8()
    protocol = first if first & 1 else first << 8 | cursor.u8()
    return Payload(cursor.rest(), source) if protocol in (_PPP_IPV4, _PPP_IPV6) else None
