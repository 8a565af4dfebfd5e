"""DNS over TCP: several messages in one stream, a message over many segments, a bounded buffer."""

from __future__ import annotations

import itertools

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.dns.message import TcpStream, tcp_frame

MESSAGES = [dns.message.make_query(f"{'x' * size}.example.com", "A").to_wire() for size in (1, 20, 60)]
STREAM = b"".join(tcp_frame(message) for message in MESSAGES)


def test_several_messages_in_one_segment() -> None:
    assert TcpStream().feed(STREAM) == MESSAGES


def test_a_message_over_many_segments() -> None:
    stream = TcpStream()
    found = []
    for place in range(len(STREAM)):
        found += stream.feed(STREAM[place : place + 1])
    assert found == MESSAGES
    assert stream.pending == 0


@given(st.lists(st.integers(0, len(STREAM)), max_size=10))
def test_any_segments_give_the_same_messages(cuts: list[int]) -> None:
    stream = TcpStream()
    found = []
    edges = [0, *sorted(cuts), len(STREAM)]
    for start, end in itertools.pairwise(edges):
        found += stream.feed(STREAM[start:end])
    assert found == MESSAGES


def test_nothing_is_given_out_before_it_is_whole() -> None:
    frame = tcp_frame(MESSAGES[0])
    for cut in range(len(frame)):
        stream = TcpStream()
        assert stream.feed(frame[:cut]) == []
        assert stream.pending == cut
        assert stream.feed(frame[cut:]) == [MESSAGES[0]]


@pytest.mark.parametrize("length", [0, 11, 101, 65535])
def test_a_length_that_no_message_has_closes_the_stream(length: int) -> None:
    with pytest.raises(WireError, match=str(length)):
        TcpStream(max_message=100).feed(length.to_bytes(2, "big"))
    assert TcpStream(max_message=100).feed((100).to_bytes(2, "big")) == []


def test_the_buffer_is_bounded() -> None:
    stream = TcpStream()
    assert stream.feed(b"\xff\xff" + bytes(65534)) == []
    assert stream.pending == 65536
    assert stream.feed(bytes(1) + b"\x00\x0c") == [bytes(65535)]
    assert stream.pending == 2


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_stream_raises_only_wire_errors(chunks: list[bytes]) -> None:
    stream = TcpStream(max_message=64)
    for chunk in chunks:
        try:
            stream.feed(chunk)
        except WireError:
            return
        assert stream.pending < 66


def test_a_frame_holds_65535_bytes_at_most() -> None:
    assert tcp_frame(bytes(65535))[:2] == b"\xff\xff"
    with pytest.raises(WireError):
        tcp_frame(bytes(65536))
