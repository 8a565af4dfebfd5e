"""Extracts what one packet on the LAN reveals about the device that sent it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.wire.ip.packet import ACK, SYN, TCP, UDP, parse_ip
from gateway.wire.lan import mdns
from gateway.wire.lan.dhcp import SERVER_PORT, SERVER_PORT_V6, Dhcp, parse_dhcp, parse_dhcp6
from gateway.wire.lan.mdns import Mdns, parse_mdns

_INITIAL_HOP_LIMITS = frozenset((64, 128, 255))  # initial hop limits of operating systems


@dataclass(frozen=True, slots=True)
class Overheard:
    """What one packet on the LAN reveals about its sender: address, hop limit, DHCP, multicast DNS."""

    address: bytes  # packed; empty if the device has no address yet
    hop_limit: int = 0  # initial hop limit of its operating system; 0 if this packet does not show it
    dhcp: Dhcp | None = None
    mdns: Mdns | None = None


def overhear(packet: bytes) -> Overheard | None:
    """Return what a whole IP packet reveals about its sender; None if nothing.

    It reads DHCP and multicast DNS, and the hop limit of the first packet of a TCP connection. Only that
    packet has the operating system's hop limit: DHCP programs, multicast DNS and neighbour discovery choose
    their own. It counts only if it was not decremented: otherwise the device forwards the packet for another
    (a virtual machine, a hotspot, a router), and only the address is returned. Raises WireError for an
    invalid packet or message.
    """
    read = parse_ip(packet)
    address = read.src if any(read.src) else b""
    if read.fragment or read.more_fragments:
        return None
    if read.proto == TCP:
        begins = read.flags & (SYN | ACK) == SYN
        return Overheard(address, read.ttl if read.ttl in _INITIAL_HOP_LIMITS else 0) if begins else None
    if read.proto != UDP:
        return None
    if read.dport == SERVER_PORT and read.version == 4:
        message = parse_dhcp(bytes(read.payload))
        return None if message is None else Overheard(address, dhcp=message)
    if read.dport == SERVER_PORT_V6 and read.version == 6:
        message = parse_dhcp6(bytes(read.payload))
        return None if message is None else Overheard(address, dhcp=message)
    if read.dport == mdns.PORT:
        answer = parse_mdns(bytes(read.payload))
        return None if answer is None else Overheard(address, mdns=answer)
    return None
