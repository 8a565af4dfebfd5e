"""What one packet on the LAN says of the device that sent it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.wire.ip.packet import ACK, SYN, TCP, UDP, parse_ip
from gateway.wire.lan import dhcp, dhcp6, mdns
from gateway.wire.lan.dhcp import Dhcp, parse_dhcp
from gateway.wire.lan.dhcp6 import parse_dhcp6
from gateway.wire.lan.mdns import Mdns, parse_mdns

_BEGUN = frozenset((64, 128, 255))  # what operating systems begin with


@dataclass(frozen=True, slots=True)
class Overheard:
    """``address`` is packed; empty where the device has none yet."""

    address: bytes
    hop_limit: int = 0  # what its system begins with; 0: this packet does not tell
    dhcp: Dhcp | None = None
    mdns: Mdns | None = None


def overhear(packet: bytes) -> Overheard | None:
    """From a whole IP packet; None where it says nothing of this. Raises WireError.

    Only the start of a TCP connection has the hop limit of the operating system: programs for DHCP, and
    standards for multicast DNS and neighbour discovery, choose their own. And only where no hop is gone: what
    a device passes on for others (a virtual machine, a hotspot, a router) is no word of its own.
    """
    read = parse_ip(packet)
    address = read.src if any(read.src) else b""
    if read.fragment or read.more_fragments:
        return None
    if read.proto == TCP:
        begins = read.flags & (SYN | ACK) == SYN
        return Overheard(address, read.ttl) if begins and read.ttl in _BEGUN else None
    if read.proto != UDP:
        return None
    if read.dport == dhcp.SERVER_PORT and read.version == 4:
        said = parse_dhcp(bytes(read.payload))
        return None if said is None else Overheard(address, dhcp=said)
    if read.dport == dhcp6.SERVER_PORT and read.version == 6:
        said = parse_dhcp6(bytes(read.payload))
        return None if said is None else Overheard(address, dhcp=said)
    if read.dport == mdns.PORT:
        told = parse_mdns(bytes(read.payload))
        return None if told is None else Overheard(address, mdns=told)
    return None
