"""Which IP addresses ARP and neighbour discovery claim for their sender, with packets that scapy builds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    IPv6,
    IPv6ExtHdrDestOpt,
)
from scapy.layers.l2 import ARP
from scapy.packet import Packet

from gateway.core.errors import WireError
from gateway.lan.interfaces import packed
from gateway.wire.lan.claims import arp_claim, neighbour_claim

MAC, OWN, OTHER = "02:00:00:00:00:0a", "192.168.77.1", "192.168.77.9"
OWN6, LINK = "2001:db8:77::1", "fe80::1"


@pytest.mark.parametrize("op", [1, 2])
@pytest.mark.parametrize("hwtype", [1, 6])
def test_the_sender_of_a_request_and_of_a_reply(op: int, hwtype: int) -> None:
    packet = bytes(ARP(op=op, hwsrc=MAC, psrc=OWN, pdst=OTHER))
    claim = arp_claim(hwtype.to_bytes(2, "big") + packet[2:])
    assert claim is not None
    assert (claim.addresses, claim.mac.hex(":")) == ((packed(OWN),), MAC)


def test_who_looks_for_the_gateway_claims_its_own_address_alone() -> None:
    claim = arp_claim(bytes(ARP(op=1, hwsrc=MAC, psrc=OTHER, pdst=OWN)))
    assert claim is not None
    assert claim.addresses == (packed(OTHER),)
    asked = neighbour_claim(bytes(IPv6(src=LINK, dst="ff02::1:ff00:1") / ICMPv6ND_NS(tgt=OWN6)))
    assert asked is not None
    assert asked.addresses == (packed(LINK),)


def test_other_arp_claims_nothing() -> None:
    assert arp_claim(bytes(ARP(ptype=0x86DD, hwsrc=MAC, psrc=OWN))) is None
    assert arp_claim(bytes(ARP(hwsrc=MAC, psrc=OWN))[:20]) is None


@pytest.mark.parametrize(
    ("message", "addresses"),
    [
        (ICMPv6ND_NA(tgt=OWN6), (LINK, OWN6)),
        (IPv6ExtHdrDestOpt() / ICMPv6ND_NA(tgt=OWN6), (LINK, OWN6)),
        (ICMPv6ND_RA(), (LINK,)),
        (ICMPv6EchoRequest(), None),
    ],
)
def test_source_and_target_of_neighbour_discovery(message: Packet, addresses: tuple[str, ...] | None) -> None:
    claim = neighbour_claim(bytes(IPv6(src=LINK, dst="ff02::1") / message))
    found = None if claim is None else claim.addresses
    assert found == (None if addresses is None else tuple(map(packed, addresses)))


@given(st.binary(max_size=120))
def test_nothing_else_than_an_error_of_the_wire(data: bytes) -> None:
    arp_claim(data)
    try:
        neighbour_claim(data)
    except WireError:
        return
