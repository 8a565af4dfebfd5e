"""IP fragments of a capture become whole packets, whatever their order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.flows.actions import FlowAction
from gateway.wire.ip.fragments import MAX_DATAGRAMS, MAX_PIECES, Defragmenter
from gateway.wire.ip.packet import checksum_ok, parse_ip
from tests.wire.evasion_moves import tls
from tests.wire.evasion_quic import quic
from tests.wire.flow_forge import ALLOWED, REFUSED, SERVER_HELLO, Talk, fragments, udp_packet

versions = pytest.mark.parametrize("version", [4, 6])


def packet(version: int, payload: bytes = bytes(range(256)) * 8) -> bytes:
    talk = Talk(version=version)
    return udp_packet(talk.device, talk.remote, 40000, 443, payload)


@versions
@pytest.mark.parametrize("size", [8, 64, 1024])
def test_pieces_in_any_order_and_twice_make_the_packet_again(version: int, size: int) -> None:
    whole = packet(version)
    for seed in range(4):
        parts = fragments(whole, size)
        parts += parts[:1] if len(parts) > 2 else []
        random.Random(seed).shuffle(parts)
        joined = Defragmenter()
        if len(set(parts)) > MAX_PIECES:
            continue
        found = [out for part in parts if (out := joined.feed(part, 0.0)) is not None]
        assert len(found) == 1
        assert parse_ip(found[0]) == parse_ip(whole)
        assert checksum_ok(found[0], parse_ip(found[0]))
        assert found[0][parse_ip(whole).l4 :] == whole[parse_ip(whole).l4 :]


@versions
def test_a_whole_packet_is_given_back_as_it_is(version: int) -> None:
    whole = packet(version)
    assert Defragmenter().feed(whole, 0.0) is whole
    for size in range(len(whole[:60])):
        assert Defragmenter().feed(whole[:size], 0.0) == whole[:size]


@versions
@pytest.mark.parametrize("turn", [1, -1], ids=["in order", "disorder"])
def test_flows_in_fragments_are_decided_like_others(version: int, turn: int) -> None:
    """t23, t24, q19 as a capture shows them."""
    for name, expected in ((REFUSED, FlowAction.REFUSED), (ALLOWED, FlowAction.HOLD)):
        for make in (
            lambda talk, name=name: talk.segment(tls(name), 0),
            lambda talk, name=name: udp_packet(talk.device, talk.remote, 40000, 443, quic(name)),
        ):
            talk = Talk(version=version)
            joined = Defragmenter()
            for part in fragments(make(talk), 64)[::turn]:
                whole = joined.feed(part, 0.0)
                if whole is not None:
                    talk.raw(whole)
            assert talk.actions == [expected]
    talk.client(tls(ALLOWED))
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES


@versions
def test_pieces_of_different_packets_are_kept_apart(version: int) -> None:
    one, other = packet(version, b"1" * 100), packet(version, b"2" * 100)
    joined = Defragmenter()
    first, second = fragments(one, 64), fragments(other, 64, number=b"\x99\x99")
    assert joined.feed(first[0], 0.0) is None
    assert joined.feed(second[1], 0.0) is None
    assert (joined.feed(first[1], 0.0) or b"")[-100:] == b"1" * 100
    assert (joined.feed(second[0], 0.0) or b"")[-100:] == b"2" * 100


@versions
def test_overlapping_pieces_end_their_packet(version: int) -> None:
    joined = Defragmenter()
    first, second = fragments(packet(version, b"1" * 100), 64)
    joined.feed(first, 0.0)
    with pytest.raises(WireError):
        joined.feed(fragments(packet(version, b"2" * 200), 32)[1], 0.0)
    assert joined.feed(second, 0.0) is None


@versions
def test_old_pieces_are_forgotten(version: int) -> None:
    first, second = fragments(packet(version, b"1" * 100), 64)
    joined = Defragmenter()
    joined.feed(first, 0.0)
    assert joined.feed(second, 31.0) is None


@versions
def test_pieces_are_bounded(version: int) -> None:
    joined = Defragmenter()
    parts = fragments(packet(version, bytes(8 * MAX_PIECES + 80)), 8)
    for part in parts[:MAX_PIECES]:
        joined.feed(part, 0.0)
    with pytest.raises(WireError):
        joined.feed(parts[MAX_PIECES], 0.0)
    joined = Defragmenter()
    starts = [fragments(packet(version), 64, number=i.to_bytes(2, "big")) for i in range(MAX_DATAGRAMS + 1)]
    for parts in starts:
        joined.feed(parts[0], 0.0)
    assert all(joined.feed(part, 0.0) is None for part in starts[0][1:])
    assert any(joined.feed(part, 0.0) for part in starts[-1][1:])


@versions
def test_a_fragment_header_behind_other_headers_is_found(version: int) -> None:
    if version == 4:
        return
    whole = packet(6, b"1" * 100)
    joined = Defragmenter()
    out = None
    for part in fragments(whole, 64):
        length = (8 + int.from_bytes(part[4:6], "big")).to_bytes(2, "big")
        moved = part[:4] + length + b"\x3c" + part[7:40] + b"\x2c\x00\x01\x04\0\0\0\0" + part[40:]
        out = joined.feed(moved, 0.0)
    assert out is not None
    assert parse_ip(out).payload == b"1" * 100


@given(st.lists(st.tuples(st.sampled_from([0x45, 0x46, 0x60]), st.binary(max_size=90)), max_size=6))
def test_any_bytes_at_all(parts: list[tuple[int, bytes]]) -> None:
    joined = Defragmenter()
    for first, rest in parts:
        try:
            joined.feed(bytes((first,)) + rest, 0.0)
        except WireError:
            continue
