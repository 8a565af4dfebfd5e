"""Captures on the sending machine, before the network card did its part. Checksums: test_engine.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.replay.offload import split_offloaded
from gateway.wire.ip.build import tcp_segment
from gateway.wire.ip.packet import ACK, PSH, parse_ip
from tests import captures
from tests.replay.test_engine import Tape
from tests.replayed import Replayed
from tests.wire.flow_forge import ADDRESSES, HTTP_OK, udp_packet

VECTORS = Path(__file__).parent.parent / "vectors"
INITIALS = [(VECTORS / f"chromium_156_initial_{number}.bin").read_bytes() for number in range(2)]


def packet(payload: bytes, version: int = 4) -> bytes:
    client, server = ADDRESSES[version]
    return udp_packet(client, server, 40000, 443, payload)


def parts(payload: bytes, version: int = 4) -> list[bytes]:
    data = packet(payload, version)
    return [parse_ip(part).payload.tobytes() for part in split_offloaded(data, parse_ip(data))]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("tail", [b"", b"\x40" * 300])
def test_the_initials_of_a_flow_that_were_handed_over_as_one(version: int, tail: bytes) -> None:
    assert parts(b"".join(INITIALS) + tail, version) == [*INITIALS, *([tail] if tail else [])]
    capture = captures.wrapped([(1e9, packet(b"".join(INITIALS) + tail, version))], "ethernet")
    assert Replayed(capture).names == [("quic", "www.blocked.example")]


@pytest.mark.parametrize(
    "payload",
    [
        INITIALS[0],
        bytes(3000),
        b"\xc0" + bytes(3000),
        b"\xc0" + b"\xff" * 3000,
        INITIALS[0] + bytes(1000),
        b"".join(initial[:1100] for initial in INITIALS),
    ],
)
def test_anything_else_is_one_packet(payload: bytes) -> None:
    data = packet(payload)
    assert list(split_offloaded(data, parse_ip(data))) == [data]


@pytest.mark.parametrize("size", [1501, 20_000, 60_000])
@pytest.mark.parametrize("version", [4, 6])
def test_a_long_segment_is_the_cards_many(version: int, size: int) -> None:
    client, server = ADDRESSES[version]
    payload = bytes(range(256)) * (size // 256 + 1)
    data = tcp_segment(client, server, 40000, 80, seq=2**32 - 5000, ack=7, flags=ACK | PSH, payload=payload)
    found = [parse_ip(part) for part in split_offloaded(data, parse_ip(data))]
    assert b"".join(part.payload.tobytes() for part in found) == payload
    assert all(one.seq == (2**32 - 5000 + at * 1400) % 2**32 for at, one in enumerate(found))
    assert [bool(part.flags & PSH) for part in found] == [False] * (len(found) - 1) + [True]


@pytest.mark.parametrize("size", [20_000, 40_000, 60_000])
def test_a_request_with_a_long_body_in_one_captured_segment_is_reported(size: int) -> None:
    tape = Tape()
    talk = tape.talk(dport=80)
    talk.handshake()
    head = b"POST /up HTTP/1.1\r\nHost: www.blocked.example\r\nContent-Length: %d\r\n\r\n" % size
    talk.client(head + b"x" * size)
    talk.server(HTTP_OK)
    assert Replayed(tape.capture()).names == [("http", "www.blocked.example")]
