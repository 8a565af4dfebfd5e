"""Extracts the IP addresses that an ARP packet or a message of neighbour discovery claims for its sender."""

from __future__ import annotations

from typing import NamedTuple

from gateway.wire.ip.packet import ICMPV6, parse_ip

ARP_BYTES = 28  # RFC 826, for Ethernet and IPv4
_ETHERNET_IPV4 = b"\x08\x00\x06\x04"  # protocol, lengths of both addresses
ADVERTISEMENT = 136  # neighbour advertisement
FIRST, LAST = 133, 137  # types of neighbour discovery, RFC 4861: router solicitation to redirect


class AddressClaim(NamedTuple):
    """The packed IP addresses that a packet claims for its sender, and in ARP the sender's MAC address."""

    addresses: tuple[bytes, ...]
    mac: bytes = b""  # the sender in an ARP packet; empty in IPv6


def arp_claim(packet: bytes) -> AddressClaim | None:
    """Return the sender's IPv4 and MAC address in an ARP packet; None if it is cut or has other addresses.

    ``packet`` begins after the Ethernet header. The operation is ignored: hosts learn from requests and
    replies. The hardware type is ignored too: hosts accept two types on Ethernet.
    """
    if len(packet) < ARP_BYTES or packet[2:6] != _ETHERNET_IPV4:
        return None
    return AddressClaim((packet[14:18],), packet[8:14])


def neighbour_claim(packet: bytes) -> AddressClaim | None:
    """Return the IP addresses that an IPv6 packet claims for its sender; None unless neighbour discovery.

    They are its source address and, in an advertisement, its target: receivers store the sender's
    MAC address for these. The target of a solicitation is no claim, since the sender only looks for
    it. Raises WireError for an invalid IP packet.
    """
    read = parse_ip(packet)
    if read.version != 6 or read.proto != ICMPV6 or read.fragment or not read.payload:
        return None
    kind, body = read.payload[0], read.payload
    if not FIRST <= kind <= LAST:
        return None
    target = (bytes(body[8:24]),) if kind == ADVERTISEMENT and len(body) >= 24 else ()
    return AddressClaim((read.src, *target))
