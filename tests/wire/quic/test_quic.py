from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.quic.initials import DatagramKind, classify, long_packets
from tests.wire import quic_forge as forge

DCID = b"\x01\x02\x03\x04\x05\x06\x07\x08"
SCID = b"\x0a\x0b"


def initial(version: int = forge.V1, pad_to: int = 1200, **how: Any) -> bytes:
    return forge.encrypt_initial(forge.PING, dcid=DCID, scid=SCID, version=version, pad_to=pad_to, **how)


@pytest.mark.parametrize("version", [forge.V1, forge.V2])
def test_names_the_kinds_of_both_versions(version: int) -> None:
    assert classify(initial(version)) is DatagramKind.INITIAL
    assert classify(forge.protected("0-rtt", DCID, version=version)) is DatagramKind.ZERO_RTT
    assert classify(forge.protected("handshake", DCID, version=version)) is DatagramKind.HANDSHAKE
    assert classify(forge.retry(DCID, SCID, version=version)) is DatagramKind.RETRY


def test_names_the_rest() -> None:
    assert (
        classify(forge.version_negotiation(DCID, SCID, forge.V1, 0x1A2A3A4A))
        is DatagramKind.VERSION_NEGOTIATION
    )
    assert classify(b"\x40" + bytes(30)) is DatagramKind.SHORT
    assert classify(b"\x40" + bytes(19)) is DatagramKind.OTHER


@pytest.mark.parametrize("version", [0xFF00001D, 0xFF000020, 0x1A2A3A4A, 0x51303436, 0x54303530])
def test_a_version_that_is_not_read_is_named_so(version: int) -> None:
    header = b"\xc3" + version.to_bytes(4, "big") + b"\x08" + DCID + b"\x00"
    assert classify(header + bytes(100)) is DatagramKind.UNKNOWN_VERSION


# The first bytes of clients, as in captures of Chromium and YouTube's app that the nDPI project publishes.
GOOGLE = {
    "Q024": "0db2de5df14f5545eb51303234013b6e8986f83cf3b7a6ab5d0501a001000443484c4f1800000050",
    "Q033": "09fadeb0e557e692a05130333301da93cceca77d08f6aebdf08200a001140543484c4f0d00000050",
    "Q039": "0de71ad5d7756c4d4d5130333901699b9f009c99d068752a7e01a001040043484c4f1b0000005041",
    "Q043": "0de83c77bd8f8915f95130343301d4a6cc79cf5763921201d4caa001040043484c4f180000005041",
    "Q046": "c35130343650d1a3abacf61c6cd100000001678f4d334b6527f4163845f4a001040043484c4f1900",
    "Q050": "cb5130353008df4a089e4eff5e7a000045344a1f86ea325a43e59578aa9f561c1e93255c74083755",
    "T051": "c15430353108ff9415b5b005860d0000453495cd6c78ab2880cd312769b2e008aaa61f91ff63764e",
}


@pytest.mark.parametrize("start", GOOGLE.values(), ids=GOOGLE)
def test_googles_own_versions_are_known_in_each_of_their_forms(start: str) -> None:
    data = bytes.fromhex(start)
    assert classify(data + bytes(1310)) is classify(data) is DatagramKind.UNKNOWN_VERSION


@pytest.mark.parametrize("form", ["0c010203040506070851303433", "090102030405060708513a3433", "c051555550"])
def test_what_only_resembles_them(form: str) -> None:
    data = bytes.fromhex(form) + bytes(40)
    assert classify(data) is not DatagramKind.UNKNOWN_VERSION


def test_a_version_to_come_is_known_by_the_size_of_its_first_datagram() -> None:
    header = b"\xc3\x12\x34\x56\x78\x08" + DCID + b"\x00"
    assert classify(header + bytes(1200)) is DatagramKind.UNKNOWN_VERSION
    assert classify(header + bytes(100)) is DatagramKind.OTHER


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        bytes(64),
        bytes(1200),
        b"\x80\x60" + bytes(170),  # RTP
        b"\x81\xc8\x00\x06" + bytes(24),  # RTCP
        b"\x16\xfe\xff" + bytes(60),  # DTLS
        b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),  # STUN
        b"\x01\x00\x00\x00" + bytes(144),  # WireGuard
        b"\xc0\x00\x00\x00\x01",
        b"\xff" * 1300,
        b"\xc0\x00\x00\x00\x00\x01\x01\x01\x01\x01",  # Version Negotiation without whole versions
        b"\xc0\xff\x00\x00\x1d" + bytes([21]) + bytes(1300),  # an id that is too long
    ],
)
def test_noise_is_no_quic(noise: bytes) -> None:
    assert classify(noise) is DatagramKind.OTHER


def test_finds_an_initial_behind_other_packets() -> None:
    datagram = forge.protected("0-rtt", DCID) + forge.protected("handshake", DCID) + initial(pad_to=0)
    assert [packet.kind for packet in long_packets(datagram)] == [
        DatagramKind.ZERO_RTT,
        DatagramKind.HANDSHAKE,
        DatagramKind.INITIAL,
    ]
    assert classify(datagram) is DatagramKind.INITIAL


def test_splits_coalesced_packets_where_they_end() -> None:
    first = initial(token=b"t" * 100, pad_to=200)
    second = forge.protected("handshake", DCID, SCID, size=30)
    found = long_packets(first + second + b"\x41" * 50)
    assert [(packet.start, packet.end) for packet in found] == [(0, 200), (200, 200 + len(second))]
    assert [(packet.dcid, packet.scid) for packet in found] == [(DCID, SCID)] * 2
    assert found[0].number == 7 + len(DCID) + len(SCID) + 2 + 100 + 2


def test_the_fixed_bit_may_be_greased() -> None:
    assert classify(initial(fixed=False)) is DatagramKind.INITIAL


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_reads_lengths_of_any_size(size: int) -> None:
    datagram = initial(pad_to=60, length_size=size)
    (packet,) = long_packets(datagram)
    assert packet.end == len(datagram)


def test_truncated_at_each_offset_there_is_no_packet() -> None:
    datagram = initial(token=b"token", pad_to=80)
    for size in range(len(datagram)):
        assert long_packets(datagram[:size]) == []
        assert classify(datagram[:size]) is DatagramKind.OTHER
    assert classify(datagram) is DatagramKind.INITIAL


def test_what_is_cut_behind_a_whole_packet_is_left() -> None:
    first = initial(pad_to=100)
    second = forge.protected("handshake", DCID)
    for size in range(len(second)):
        assert len(long_packets(first + second[:size])) == 1


def test_connection_ids_of_twenty_bytes_and_of_none() -> None:
    for dcid in (b"", b"\x07" * 20):
        (packet,) = long_packets(forge.encrypt_initial(forge.PING, dcid=dcid))
        assert packet.dcid == dcid
    assert long_packets(forge.encrypt_initial(forge.PING, dcid=b"\x07" * 21)) == []


@given(st.binary(max_size=100))
def test_any_bytes_have_a_kind(noise: bytes) -> None:
    for head in (
        b"",
        b"\xc0\x00\x00\x00\x01",
        b"\xd0\x6b\x33\x43\xcf",
        b"\xc0\x00\x00\x00\x00",
        b"\xcf\xff\x00\x00\x1d",
    ):
        datagram = head + noise
        assert isinstance(classify(datagram), DatagramKind)
        for packet in long_packets(datagram):
            assert packet.start < packet.number <= packet.end <= len(datagram)
