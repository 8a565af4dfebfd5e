"""The IP packet comes out of every link type that `replay` reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.ip import link
from gateway.wire.ip.link import Payload, ip_payload

IP4 = b"\x45" + bytes(19)
IP6 = b"\x60" + bytes(39)
MAC = bytes.fromhex("02000000000a")
ETHER = bytes(6) + MAC
PPPOE = b"\x11\x00\x00\x01"  # version 1, type 1, session data

FRAMES = {
    "ethernet": (link.ETHERNET, ETHER + b"\x08\x00" + IP4, Payload(IP4, MAC)),
    "ethernet ipv6": (link.ETHERNET, ETHER + b"\x86\xdd" + IP6, Payload(IP6, MAC)),
    "vlan": (link.ETHERNET, ETHER + b"\x81\x00\x00\x05\x08\x00" + IP4, Payload(IP4, MAC)),
    "q-in-q": (link.ETHERNET, ETHER + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x86\xdd" + IP6, Payload(IP6, MAC)),
    "pppoe": (link.ETHERNET, ETHER + b"\x88\x64" + PPPOE + b"\x00\x16\x00\x21" + IP4, Payload(IP4, MAC)),
    "pppoe in a vlan": (
        link.ETHERNET,
        ETHER + b"\x81\x00\x00\x07\x88\x64" + PPPOE + b"\x00\x2a\x00\x57" + IP6,
        Payload(IP6, MAC),
    ),
    "pppoe padding": (
        link.ETHERNET,
        ETHER + b"\x88\x64" + PPPOE + b"\x00\x16\x00\x21" + IP4 + bytes(9),
        Payload(IP4, MAC),
    ),
    "pppoe control": (link.ETHERNET, ETHER + b"\x88\x64" + PPPOE + b"\x00\x06\xc0\x21\x01\x01\x00\x04", None),
    "arp": (link.ETHERNET, ETHER + b"\x08\x06" + bytes(28), None),
    "cooked": (
        link.LINUX_SLL,
        b"\x00\x00\x00\x01\x00\x06" + MAC + bytes(2) + b"\x08\x00" + IP4,
        Payload(IP4, MAC),
    ),
    "cooked 2": (
        link.LINUX_SLL2,
        b"\x86\xdd\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06" + MAC + bytes(2) + IP6,
        Payload(IP6, MAC),
    ),
    "raw": (link.RAW, IP6, Payload(IP6, b"")),
    "raw ipv4": (link.IPV4, IP4, Payload(IP4, b"")),
    "bsd loopback": (link.NULL, b"\x02\x00\x00\x00" + IP4, Payload(IP4, b"")),
    "ppp": (link.PPP, b"\xff\x03\x00\x21" + IP4, Payload(IP4, b"")),
    "ppp, compressed": (link.PPP, b"\x57" + IP6, Payload(IP6, b"")),
    "pppoe link type": (link.PPP_ETHER, PPPOE + b"\x00\x16\x00\x21" + IP4, Payload(IP4, b"")),
}


@pytest.mark.parametrize("name", FRAMES)
def test_the_packet_comes_out(name: str) -> None:
    linktype, frame, expected = FRAMES[name]
    assert ip_payload(linktype, frame) == expected


@pytest.mark.parametrize("name", FRAMES)
def test_cut_frames_raise_wire_error_alone(name: str) -> None:
    linktype, frame, _ = FRAMES[name]
    for end in range(len(frame)):
        try:
            ip_payload(linktype, frame[:end])
        except WireError:
            continue


@given(st.sampled_from([0, 1, 9, 51, 101, 108, 113, 228, 276]), st.binary(max_size=60))
def test_any_bytes(linktype: int, frame: bytes) -> None:
    try:
        ip_payload(linktype, frame)
    except WireError:
        return


def test_an_unknown_link_type_is_named() -> None:
    with pytest.raises(WireError, match="link type 105 is not read"):
        ip_payload(105, bytes(40))


def test_vlan_tags_are_bounded() -> None:
    with pytest.raises(WireError, match="VLAN tag"):
        ip_payload(link.ETHERNET, ETHER + b"\x81\x00" + b"\x00\x01\x81\x00" * 9)
