from __future__ import annotations

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.quic.initials import MAX_CRYPTO, MAX_HELLO, MAX_RUNS, CryptoStream, crypto_frames
from gateway.wire.tls.records import CLIENT_HELLO
from tests.wire import quic_forge as forge
from tests.wire import tls_forge

HELLO = tls_forge.client_hello(post_quantum=True)


def in_frames(size: int, seed: int | None = None) -> list[tuple[int, bytes]]:
    frames = [(at, HELLO[at : at + size]) for at in range(0, len(HELLO), size)]
    if seed is not None:
        random.Random(seed).shuffle(frames)
    return frames


def test_passes_over_the_other_frames_of_an_initial() -> None:
    payload = (
        forge.padding(3)
        + forge.ack(9, [(0, 1), (2, 70000)])
        + forge.crypto(5, b"abc")
        + forge.PING
        + forge.ack(1, ecn=True)
        + forge.crypto(70000, b"d" * 100)
        + forge.padding(200)
        + forge.crypto(0, b"")
        + forge.connection_close(b"bye")
        + forge.padding(1)
    )
    assert crypto_frames(payload) == [(5, b"abc"), (70000, b"d" * 100), (0, b"")]


def test_padding_alone_holds_nothing() -> None:
    assert crypto_frames(bytes(1162)) == []
    assert crypto_frames(b"") == []


@pytest.mark.parametrize("kind", [0x04, 0x07, 0x08, 0x1D, 0x1E, 0x30, 0x3A3A, 0x3FFF])
def test_refuses_frames_that_initials_do_not_hold(kind: int) -> None:
    with pytest.raises(WireError, match="in an Initial packet"):
        crypto_frames(forge.varint(kind) + bytes(20))


def test_truncated_at_each_offset_a_frame_is_refused() -> None:
    for frame in (
        forge.crypto(300, b"abcdef"),
        forge.ack(1000, [(1, 1)], ecn=True),
        forge.connection_close(b"reason"),
    ):
        for size in range(1, len(frame)):
            with pytest.raises(WireError):
                crypto_frames(frame[:size])
        crypto_frames(frame)


@pytest.mark.parametrize("size", [5, 60, 1000, 5000])
@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_joins_frames_in_any_order(size: int, seed: int | None) -> None:
    stream = CryptoStream(CLIENT_HELLO)
    found: list[bytes] = []
    for frame in in_frames(size, seed):
        assert found == []
        found += stream.feed([frame])
    assert found == [HELLO]
    assert CryptoStream(CLIENT_HELLO).feed(in_frames(size, seed)) == [HELLO]


def test_joins_byte_by_byte_and_backwards() -> None:
    for frames in (in_frames(1), list(reversed(in_frames(1)))):
        assert CryptoStream(CLIENT_HELLO).feed(frames) == [HELLO]


def test_truncated_at_each_offset_it_waits() -> None:
    for size in range(len(HELLO)):
        assert CryptoStream(CLIENT_HELLO).feed([(0, HELLO[:size])]) == []


def test_equal_overlaps_are_joined() -> None:
    frames = [(at, HELLO[at : at + 90]) for at in range(0, len(HELLO), 30)]
    random.Random(4).shuffle(frames)
    assert CryptoStream(CLIENT_HELLO).feed(frames + frames) == [HELLO]


def test_a_hello_sent_again_is_not_given_out_again() -> None:
    stream = CryptoStream(CLIENT_HELLO)
    assert stream.feed([(0, HELLO)]) == [HELLO]
    assert stream.feed([(0, HELLO)]) == []
    assert stream.feed([(40, HELLO[40:90])]) == []


@pytest.mark.parametrize("complete", [True, False])
def test_two_versions_of_one_byte_are_refused(complete: bool) -> None:
    other = HELLO.replace(b"www.example.com", b"www.decoy-x.com")
    stream = CryptoStream(CLIENT_HELLO)
    stream.feed([(0, HELLO if complete else HELLO[:-1])])
    with pytest.raises(WireError, match="differ"):
        stream.feed([(0, other)])


def test_a_second_hello_follows_the_first() -> None:
    second = tls_forge.client_hello("second.example")
    stream = CryptoStream(CLIENT_HELLO)
    assert stream.feed([(len(HELLO), second)]) == []
    assert stream.feed([(0, HELLO)]) == [HELLO, second]


def test_refuses_what_is_no_hello() -> None:
    for start in (b"\x02\x00\x00\x05", b"\x01" + (MAX_HELLO + 1).to_bytes(3, "big")):
        with pytest.raises(WireError, match="handshake type"):
            CryptoStream(CLIENT_HELLO).feed([(0, start)])


def test_refuses_offsets_past_the_limit_and_holds_no_more() -> None:
    stream = CryptoStream(CLIENT_HELLO)
    stream.feed([(MAX_CRYPTO - 1, b"x")])
    assert len(stream._buffer) == MAX_CRYPTO
    for frame in ((MAX_CRYPTO, b"x"), ((1 << 62) - 1, b"x")):
        with pytest.raises(WireError, match="CRYPTO bytes"):
            stream.feed([frame])
    assert len(stream._buffer) == MAX_CRYPTO


def test_refuses_too_many_pieces() -> None:
    stream = CryptoStream(CLIENT_HELLO)
    with pytest.raises(WireError, match="pieces"):
        stream.feed([(at * 2, b"x") for at in range(MAX_RUNS + 1)])


@given(st.binary(max_size=80))
def test_noise_raises_wire_error_alone(noise: bytes) -> None:
    stream = CryptoStream(CLIENT_HELLO)
    for head in (b"", b"\x06\x00", b"\x02", b"\x03\x00\x00", b"\x1c"):
        with suppress(WireError):
            stream.feed(crypto_frames(head + noise))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), max_size=40))
def test_pieces_in_any_order_and_overlap_agree_with_the_whole(spans: list[tuple[int, int]]) -> None:
    hello = tls_forge.raw_client_hello(None)
    stream = CryptoStream(CLIENT_HELLO)
    covered: set[int] = set()
    found: list[bytes] = []
    for start, size in spans:
        found += stream.feed([(start, hello[start : start + size])])
        covered.update(range(start, min(start + size, len(hello))))
        assert found == ([hello] if len(covered) == len(hello) else [])
