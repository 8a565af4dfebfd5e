"""Recognises IP packets and Ethernet frames in UDP datagrams, without encryption.

- IP without another header: Teredo (RFC 4380 §5.1) and Linux's foo-over-udp.
- IP or Ethernet after another header: VXLAN (RFC 7348), Geneve (RFC 8926), GUE, GRE (RFC 8086), GTP and
  L2TP data (RFC 3931). For any such header, the inner packet fills the rest of the datagram.

The ends of a private tunnel may have any addresses. An inner IPv6 packet with addresses that nothing uses, or
behind an unknown header, counts if the checksum of its TCP, UDP or ICMPv6 is correct.

Xbox consoles talk to each other through Teredo only (Microsoft, "Xbox Live networking overview"): both ends
have Teredo addresses, and the payload is IPsec. A tunnel to the whole internet must send other addresses, in
the first packet to each relay.
"""

from __future__ import annotations

import re

from gateway.policy.values import Proto

_IPV4, _IPV6 = 20, 40  # bytes of a header
_IPV4_FIRST = re.compile(rb"[\x45-\x4f]")  # version, and words of the header: 5, and up to 10 of options
_NEXT = frozenset({0, 6, 17, 43, 44, 50, 51, 58, 59, 60})  # RFC 8200 §4; transports; no next header
_AUTHENTICATION, _ORIGIN = b"\0\1", b"\0\0"
_ORIGIN_SIZE = 8
_AUTHENTICATION_SIZE = 13  # bytes, without client identifier and authentication value
_TEREDO = b"\x20\x01\0\0"  # 2001::/32; its addresses contain a server and the mapped address of a peer
_OF_PEERS = frozenset({17, 50, 58, 59})  # UDP for IKE, ESP, ICMPv6 probes, bubbles (RFC 4380 §5.2)
_OF_SERVERS = frozenset({58, 59})  # solicitations, advertisements, bubbles
_LINK_LOCAL, _LINK_MULTICAST = b"\xfe\x80", b"\xff\x02"
_SITE_LOCAL, _NAT64 = b"\xfe\xc0", b"\0\x64"  # RFC 3879, RFC 6052 §2.1
_MULTICAST, _UNASSIGNED = 0xFF, 0x40  # first byte; from here on, flags that are not in use (RFC 7371)
_IPV6_FIRST = re.compile(rb"[\x60-\x6f]")
_OPTIONS = frozenset({0, 60})  # hop-by-hop and destination options, before the transport (RFC 8200 §4.1)
_MOST_OPTIONS = 4  # headers; RFC 8200 allows three
_SUMMED = frozenset({6, 17, 58})  # have a checksum over payload and addresses (RFC 8200 §8.1)

_DEEPEST = 64  # bytes of headers: Geneve with options, and Ethernet
_ETHERTYPE_IPV6 = b"\x86\xdd"
_BEHIND_TYPE = (2, 6, 10, 14)  # bytes from type to packet: GRE may have checksum, key and sequence number
_ARP = b"\x08\x06\x00\x01\x08\x00\x06\x04\x00"  # Ethernet's type, then RFC 826 for IPv4 over Ethernet
_ARP_SIZE = 28  # bytes after the type


def classify_udp(payload: bytes, _dport: int) -> Proto | None:
    """Return TEREDO or IP_IN_IP if a UDP datagram carries an IP packet or Ethernet frame; else None.

    TEREDO only for traffic between Teredo peers, such as Xbox consoles, and with their Teredo server. One
    random message in 2**30 matches as IPv6, in 2**36 as IPv6 with a checksum at any position, in 2**36 as
    IPv4, in 2**30 with another header.
    """
    data = payload
    if data[:2] == _AUTHENTICATION and len(data) >= _AUTHENTICATION_SIZE:
        data = data[_AUTHENTICATION_SIZE + data[2] + data[3] :]
    if data[:2] == _ORIGIN:
        data = data[_ORIGIN_SIZE:]
    if _is_ipv6(data) and _is_in_use(data[8:10]) and _is_in_use(data[24:26]):
        return Proto.TEREDO if _is_among_peers(data) else Proto.IP_IN_IP
    return Proto.IP_IN_IP if _carries(payload) else None


def _is_among_peers(data: bytes) -> bool:
    inside, ends = data[6], (data[8:12], data[24:28])
    if all(end == _TEREDO for end in ends):
        return inside in _OF_PEERS
    return inside in _OF_SERVERS and all(end[:2] in (_LINK_LOCAL, _LINK_MULTICAST) for end in ends)


def _carries(payload: bytes) -> bool:
    """Return whether an IP packet fills the datagram after other headers of up to about _DEEPEST bytes.

    True also for an ARP packet at such a place, which may be followed by padding.
    """
    size = len(payload)
    for first in _IPV4_FIRST.finditer(payload, 0, max(0, min(_DEEPEST, size - _IPV4) + 1)):
        at = first.start()
        # Slice only where the length fits: there are three such bytes in a random datagram.
        if payload[at + 2] << 8 | payload[at + 3] == size - at and _is_ipv4(payload[at:]):
            return True
    room = size - _IPV6
    for first in _IPV6_FIRST.finditer(payload, 0, max(0, min(_DEEPEST, room) + 1)):
        at = first.start()
        # Slice only where the length fits: there are four such bytes in a random datagram.
        if payload[at + 4] << 8 | payload[at + 5] == room - at:
            inner = payload[at:]
            if _is_ipv6(inner) and _has_checksum(inner):
                return True
    at = payload.find(_ETHERTYPE_IPV6, 0, _DEEPEST)
    while at >= 0:
        if any(_is_ipv6(payload[at + behind :]) for behind in _BEHIND_TYPE):
            return True
        at = payload.find(_ETHERTYPE_IPV6, at + 1, _DEEPEST)
    at = payload.find(_ARP, 0, _DEEPEST + len(_ARP))
    return at >= 0 and len(payload) - at >= 2 + _ARP_SIZE


def _is_ipv6(data: bytes) -> bool:
    if len(data) < _IPV6 or data[0] >> 4 != 6:
        return False
    return int.from_bytes(data[4:6], "big") == len(data) - _IPV6 and data[6] in _NEXT


def _has_checksum(packet: bytes) -> bool:
    """Return whether an IPv6 packet has TCP, UDP or ICMPv6 with a correct checksum (RFC 1071)."""
    inside, at = packet[6], _IPV6
    for _ in range(_MOST_OPTIONS):
        if inside not in _OPTIONS or len(packet) < at + 2:
            break
        inside, at = packet[at], at + 8 + 8 * packet[at + 1]
    body = packet[at:]
    if inside not in _SUMMED or not any(body):
        return False
    summed = packet[8:_IPV6] + len(body).to_bytes(4, "big") + bytes((0, 0, 0, inside)) + body
    return int.from_bytes(summed + bytes(len(summed) % 2), "big") % 65535 == 0


def _is_in_use(start: bytes) -> bool:
    """Return whether IPv6 addresses with the first two bytes ``start`` are in use.

    These are global, unique local (RFC 4193), multicast, link-local and site-local ones, and those of NAT64.
    """
    first = start[0]
    if first >> 5 == 1 or first & 0xFE == 0xFC:
        return True
    return start in (_LINK_LOCAL, _SITE_LOCAL, _NAT64) or (first == _MULTICAST and start[1] < _UNASSIGNED)


def _is_ipv4(packet: bytes) -> bool:
    """Return whether the IPv4 header at the start of ``packet`` is complete and its checksum correct."""
    head = packet[: 4 * (packet[0] & 15)]
    return len(head) == 4 * (packet[0] & 15) and int.from_bytes(head, "big") % 65535 == 0
