"""Captures on the sending machine, before the network card did its part. Checksums: test_engine.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.replay.offload import cut
from gateway.wire.ip import parse_ip
from tests import captures
from tests.replayed import Replayed
from tests.wire.flow_forge import ADDRESSES, udp_packet

VECTORS = Path(__file__).parent.parent / "vectors"
INITIALS = [(VECTORS / f"chromium_156_initial_{number}.bin").read_bytes() for number in range(2)]


def packet(payload: bytes, version: int = 4) -> bytes:
    client, server = ADDRESSES[version]
    return udp_packet(client, server, 40000, 443, payload)


def parts(payload: bytes, version: int = 4) -> list[bytes]:
    data = packet(payload, version)
    return [parse_ip(one).payload.tobytes() for one in cut(data, parse_ip(data))]


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
        b"".join(one[:1100] for one in INITIALS),
    ],
)
def test_anything_else_is_one_packet(payload: bytes) -> None:
    data = packet(payload)
    assert list(cut(data, parse_ip(data))) == [data]
