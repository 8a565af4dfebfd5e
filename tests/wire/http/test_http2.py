"""Requests in the frames of an HTTP/2 client."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.policy.values import Fault
from gateway.wire.http.head import HttpRequest
from gateway.wire.http.http2 import MAX_BLOCK, MAX_CONTINUATIONS
from gateway.wire.http.stream import RequestStream
from tests.wire.http2_forge import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    HEADERS,
    PADDED,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    SETTINGS,
    SETTINGS_TYPE,
    START,
    Client,
    frame,
)


def requests(*frames: bytes) -> list[HttpRequest]:
    return RequestStream().feed(START + b"".join(frames))


@pytest.mark.parametrize("huffman", [False, True])
def test_names_and_faults(huffman: bool) -> None:
    client = Client(huffman=huffman)
    found = requests(
        client.request("WWW.Site.example:8080"),
        client.request("a.example", ("host", "b.example")),
        client.headers([(":method", "GET"), (":path", "/?to=http://c.example/"), ("Host", "a.example")]),
        client.headers([(":method", "GET"), (":path", "http://c.example/"), (":authority", "a.example")]),
        client.request("192.0.2.1"),
        client.request("not a name"),
        client.headers([(":path", "/")]),
        client.headers([("host", "d.example")]),
    )
    assert [(request.hosts, request.fault) for request in found] == [
        (("www.site.example",), None),
        (("a.example", "b.example"), Fault.BAD_NAME),
        (("a.example",), None),
        (("c.example", "a.example"), Fault.BAD_NAME),
        ((), Fault.NO_NAME),
        ((), Fault.BAD_NAME),
        ((), Fault.NO_NAME),
        (("d.example",), None),
    ]
    assert not any(request.switches for request in found)


def test_trailers_are_no_request() -> None:
    client = Client()
    assert requests(client.headers([("x-checksum", "1")])) == []


def test_padding_and_priority() -> None:
    block = Client().block([(":method", "GET"), (":authority", "a.example")])
    payload = b"\x05" + bytes(5) + block + bytes(5)
    sent = frame(HEADERS, payload, flags=PADDED | PRIORITY | END_HEADERS, stream=1)
    assert [request.hosts for request in requests(sent)] == [("a.example",)]


BLOCK = Client().block([(":method", "GET"), (":authority", "a.example")])
OPEN = frame(HEADERS, BLOCK, stream=1)  # without END_HEADERS


@pytest.mark.parametrize(
    "frames",
    [
        OPEN + frame(DATA, b"x", stream=1),
        OPEN + frame(CONTINUATION, flags=END_HEADERS, stream=3),
        OPEN + OPEN,
        OPEN + frame(CONTINUATION, stream=1) * (MAX_CONTINUATIONS + 1),
        frame(CONTINUATION, BLOCK, flags=END_HEADERS, stream=1),
        frame(PUSH_PROMISE, bytes(4) + BLOCK, flags=END_HEADERS, stream=1),
        frame(HEADERS, BLOCK, flags=END_HEADERS),
        frame(HEADERS, BLOCK, flags=END_HEADERS, stream=2),
        frame(HEADERS, b"\x09" + bytes(8), flags=END_HEADERS | PADDED, stream=1),
        frame(HEADERS, b"", flags=END_HEADERS | PADDED, stream=1),
        frame(HEADERS, b"", flags=END_HEADERS | PRIORITY, stream=1),
        frame(HEADERS, b"\xff\x7f", flags=END_HEADERS, stream=1),
        frame(HEADERS, bytes(MAX_BLOCK + 1), flags=END_HEADERS, stream=1)[:9],
        frame(HEADERS, bytes(MAX_BLOCK), stream=1) + frame(CONTINUATION, b"x", stream=1),
    ],
)
def test_what_no_correct_client_sends(frames: bytes) -> None:
    with pytest.raises(WireError):
        requests(frames)


@pytest.mark.parametrize(
    "first", [OPEN, frame(DATA, b"x"), frame(SETTINGS_TYPE, flags=1), frame(SETTINGS_TYPE, stream=1)]
)
def test_the_first_frame_is_settings(first: bytes) -> None:
    with pytest.raises(WireError):
        RequestStream().feed(PREFACE + first)


def test_unknown_frames_are_passed_over() -> None:
    client = Client()
    found = requests(frame(0xEE, bytes(70000), stream=8), SETTINGS, client.request("a.example"))
    assert [request.hosts for request in found] == [("a.example",)]


def test_memory_is_bounded() -> None:
    stream, client = RequestStream(), Client()
    stream.feed(START)
    for number in range(300):
        stream.feed(client.request(f"{number}.example", ("cookie", "c" * 300)))
        stream.feed(frame(DATA, bytes(20000), stream=1))
        assert stream.held < 16 << 10
    assert stream.work > 300


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_any_frames_are_read_alike_in_any_segments(data: bytes, cuts: list[int]) -> None:
    sent = START + Client().request("a.example") + data
    edges = [0, *sorted(cut % len(sent) for cut in cuts), len(sent)]
    results: list[list[HttpRequest] | None] = []
    for pieces in ([sent], [sent[low:high] for low, high in itertools.pairwise(edges)]):
        stream = RequestStream()
        found: list[HttpRequest] = []
        try:
            for piece in pieces:
                found += stream.feed(piece)
            results.append(found)
        except WireError:
            results.append(None)
    assert results[0] == results[1]
