"""What carries packets in UDP: scapy's VXLAN, Geneve and GRE, L2TP's data, ZeroTier's HELLO."""

from __future__ import annotations

from collections.abc import Callable

from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import IP, TCP, UDP, IPOption
from scapy.layers.inet6 import ICMPv6MLReport2, IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, GRE, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

INNER: dict[str, Packet] = {
    "IPv4": IP(src="10.8.0.2", dst="192.0.2.1") / UDP(sport=1, dport=53) / b"a question",
    "IPv4 with options": IP(src="10.8.0.2", dst="192.0.2.1", options=[IPOption(b"\x94\x04\0\0")])
    / UDP(sport=1, dport=53)
    / b"a question",
    "IPv6": IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(flags="S"),
    "MLD": IPv6(src="::", dst="ff02::16") / IPv6ExtHdrHopByHop() / ICMPv6MLReport2(),
    "ARP": ARP(psrc="10.8.0.2", pdst="10.8.0.1", hwdst="00:00:00:00:00:00"),
}
# With both addresses: for a missing one scapy asks the machine's own network, and waits a second.
FRAME = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:01")
OUTER: dict[str, Callable[[Packet], Packet]] = {
    "VXLAN": lambda inner: VXLAN(vni=42, flags="Instance") / (FRAME / inner),
    "VXLAN with VLAN": lambda inner: VXLAN(vni=7, flags="Instance") / (FRAME / Dot1Q(vlan=9) / inner),
    "Geneve": lambda inner: GENEVE(vni=42) / (FRAME / inner),
    "Geneve with options": lambda inner: (
        GENEVE(vni=42, options=bytes.fromhex("0102800100000000")) / (FRAME / inner)
    ),
    "L2TP's data": lambda inner: Raw(bytes.fromhex("000300000000002a00000000")) / (FRAME / inner),
    "GRE": lambda inner: GRE() / inner,
    "GRE with a key": lambda inner: GRE(key_present=1, key=42) / inner,
}


def zerotier(verb: int = 1, source: bytes = b"\x12\x34\x56\x78\x9a", flags: int = 0) -> bytes:
    head = bytes(range(8)) + b"\x77\x8c\xde\x71\x90" + source + bytes([flags]) + b"\xc0" * 8
    said = bytes([verb, 12, 1, 14]) + b"\0\2" + b"\x55" * 8
    return head + said + b"\x12\x34\x56\x78\x9a\0" + b"\xab" * 64 + b"\0\4" + bytes(6)
