"""Fragments cut by scapy come back as the packet that they were, in any order."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, fragment6

from gateway.errors import WireError
from gateway.wire.fragments import MAX_AGE, MAX_DATAGRAMS, Defragmenter
from gateway.wire.ip import checksum_ok, parse_ip

BODY = bytes(range(256)) * 4
PLAIN4 = bytes(IP(src="192.0.2.1", dst="192.0.2.2", id=7) / UDP(sport=4000, dport=443) / BODY)
PLAIN6 = bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=4000, dport=443) / BODY)
PIECES4 = [bytes(IP(bytes(piece))) for piece in fragment(IP(PLAIN4), fragsize=400)]
PIECES6 = [
    bytes(piece)
    for piece in fragment6(
        IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrFragment(id=7) / UDP(PLAIN6[40:]), 500
    )
]


@pytest.mark.parametrize(("pieces", "plain"), [(PIECES4, PLAIN4), (PIECES6, PLAIN6)])
def test_any_order(pieces: list[bytes], plain: bytes) -> None:
    assert len(pieces) >= 3
    for order in itertools.permutations(pieces):
        defragmenter = Defragmenter()
        *earlier, last = [defragmenter.feed(piece, 0.0) for piece in order]
        assert earlier == [None] * len(earlier)
        assert last is not None
        packet = parse_ip(last)
        assert bytes(packet.payload) == BODY
        assert checksum_ok(last, packet)
        assert last == plain
        assert len(defragmenter) == 0


def test_whole_packets_pass_untouched() -> None:
    atomic = bytes(IPv6() / IPv6ExtHdrFragment() / UDP() / b"x")
    options = bytes(IPv6() / IPv6ExtHdrDestOpt() / UDP() / b"x")
    for packet in (PLAIN4, PLAIN6, atomic, options, b"", b"\x45", b"\x60" + bytes(60), b"\x00" * 50):
        assert Defragmenter().feed(packet, 0.0) == packet


def test_headers_in_front_of_the_fragment_header_stay() -> None:
    packet = (
        IPv6(src="2001:db8::1", dst="2001:db8::2")
        / IPv6ExtHdrDestOpt()
        / IPv6ExtHdrFragment(id=9)
        / UDP(PLAIN6[40:])
    )
    defragmenter = Defragmenter()
    *_, last = [defragmenter.feed(bytes(piece), 0.0) for piece in fragment6(packet, 500)]
    assert last is not None
    assert bytes(parse_ip(last).payload) == BODY


def test_a_copy_is_no_overlap_and_an_overlap_ends_the_datagram() -> None:
    defragmenter = Defragmenter()
    defragmenter.feed(PIECES4[0], 0.0)
    assert defragmenter.feed(PIECES4[0], 0.0) is None
    other = IP(PIECES4[0])
    other.payload.load = b"\xff" * len(other.payload.load)
    with pytest.raises(WireError, match="overlapping"):
        defragmenter.feed(bytes(other), 0.0)
    assert [defragmenter.feed(piece, 0.0) for piece in PIECES4[1:]] == [None] * (len(PIECES4) - 1)


def test_old_and_many_are_forgotten() -> None:
    defragmenter = Defragmenter()
    defragmenter.feed(PIECES4[0], 0.0)
    assert [defragmenter.feed(piece, MAX_AGE + 1) for piece in PIECES4[1:]] == [None] * (len(PIECES4) - 1)
    for number in range(MAX_DATAGRAMS + 50):
        piece = IP(PIECES4[0])
        piece.id = number
        defragmenter.feed(bytes(piece), 100.0)
    assert len(defragmenter) <= MAX_DATAGRAMS


@given(st.lists(st.binary(max_size=80), max_size=6), st.sampled_from([PIECES4, PIECES6]), st.integers(0, 60))
def test_any_bytes(noise: list[bytes], pieces: list[bytes], at: int) -> None:
    defragmenter = Defragmenter()
    for data in (
        *noise,
        *(piece[:at] + extra + piece[at:] for piece, extra in zip(pieces, noise, strict=False)),
    ):
        try:
            defragmenter.feed(data, 0.0)
        except WireError:
            continue
