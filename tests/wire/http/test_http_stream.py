from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.http.head import MAX_LENIENT_HEAD
from gateway.wire.http.stream import MAX_CHUNK_LINE, RequestStream
from tests.wire.http2_forge import DATA, PING, PREFACE, START, Client, frame

GET_A = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
GET_B = b"GET / HTTP/1.1\r\nHost: b.example\r\n\r\n"
LENGTH = b"POST / HTTP/1.1\r\nHost: post.example\r\nContent-Length: 40\r\n\r\n" + GET_A[:20] + b"x" * 20
CHUNKED = (
    b"POST / HTTP/1.1\r\nHost: chunks.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"a\r\n0123456789\r\n"
    b'22;name="GET / HTTP/1.1"\r\n' + GET_A[:34] + b"\r\n"
    b"000\r\nTrailer: x\r\n\r\n"
)
UPGRADE = b"GET /chat HTTP/1.1\r\nHost: socket.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
CONNECT = b"CONNECT proxy.example:443 HTTP/1.1\r\n\r\n"

_H2, _H2_LATER = Client(), Client()
HTTP2 = (
    _H2.request("a.example", pieces=3)
    + frame(DATA, bytes(3000), stream=1)
    + _H2.headers([("grpc-status", "0")], same=True)
    + frame(PING, bytes(8))
    + _H2.request("b.example")
    + _H2.request("a.example")
)

STREAMS = {
    "one": (GET_A, ["a.example"]),
    "pipelined": (GET_A + GET_B + GET_A, ["a.example", "b.example", "a.example"]),
    "after a body": (LENGTH + GET_B, ["post.example", "b.example"]),
    "after chunks": (CHUNKED + GET_B, ["chunks.example", "b.example"]),
    "after empty lines": (LENGTH + b"\r\n\r\n" + GET_B, ["post.example", "b.example"]),
    "Upgrade turned down": (UPGRADE + GET_B, ["socket.example", "b.example"]),
    "Upgrade taken": (UPGRADE + b"\x81\x85mask" + GET_B, ["socket.example"]),
    "HTTP inside a tunnel": (CONNECT + GET_B, ["proxy.example", "b.example"]),
    "TLS inside a tunnel": (CONNECT + b"\x16\x03\x01\x00\x05" + GET_B, ["proxy.example"]),
    "HTTP/2": (START + HTTP2, ["a.example", "b.example", "a.example"]),
    "Upgrade to HTTP/2": (UPGRADE + START + _H2_LATER.request("b.example"), ["socket.example", "b.example"]),
    "Upgrade with chunks": (
        CHUNKED.replace(b"\r\n\r\n", b"\r\nUpgrade: x\r\n\r\n", 1) + b"\x00" + GET_B,
        ["chunks.example"],
    ),
}


def hosts(stream: RequestStream, *parts: bytes) -> list[str]:
    return [host for part in parts for request in stream.feed(part) for host in request.hosts]


@pytest.mark.parametrize("name", STREAMS)
def test_finds_each_request(name: str) -> None:
    data, expected = STREAMS[name]
    assert hosts(RequestStream(), data) == expected


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("size", [1, 3, 17])
def test_finds_each_request_in_small_segments(name: str, size: int) -> None:
    data, expected = STREAMS[name]
    assert hosts(RequestStream(), *[data[at : at + size] for at in range(0, len(data), size)]) == expected


@pytest.mark.parametrize("name", STREAMS)
def test_truncated_at_each_offset_it_finds_a_part_of_them(name: str) -> None:
    data, expected = STREAMS[name]
    for size in range(len(data)):
        found = hosts(RequestStream(), data[:size])
        assert found == expected[: len(found)]


@pytest.mark.parametrize("name", STREAMS)
def test_tells_where_each_head_ends(name: str) -> None:
    data, _ = STREAMS[name]
    stream = RequestStream()
    requests = stream.feed(data)
    assert len(stream.ends) == len(requests) > 0
    for number, end in enumerate(stream.ends):
        assert len(RequestStream().feed(data[:end])) == number + 1
        assert len(RequestStream().feed(data[: end - 1])) == number
    pieces = RequestStream()
    found = []
    for at in range(0, len(data), 7):
        pieces.feed(data[at : at + 7])
        found += pieces.ends
    assert found == stream.ends


@pytest.mark.parametrize(
    ("name", "opaque"),
    [
        ("one", False),
        ("Upgrade turned down", False),
        ("Upgrade taken", True),
        ("TLS inside a tunnel", True),
        ("HTTP/2", False),
        ("Upgrade to HTTP/2", False),
        ("Upgrade with chunks", True),
    ],
)
def test_says_when_it_cannot_follow(name: str, opaque: bool) -> None:
    stream = RequestStream()
    stream.feed(STREAMS[name][0])
    assert stream.opaque is opaque
    if opaque:
        assert stream.feed(GET_A) == []


def test_the_preface_is_no_request_of_its_own() -> None:
    stream = RequestStream()
    assert [request.method for request in stream.feed(UPGRADE + START)] == ["GET"]
    assert (stream.http2, stream.begins_http2) == (True, False)
    [request] = stream.feed(Client().request("b.example"))
    assert (request.method, request.hosts, request.http2) == ("GET", ("b.example",), True)


@pytest.mark.parametrize("size", [1, 7, 1400])
def test_a_head_in_the_data_of_http_2_is_read(size: int) -> None:
    """A server that does not speak it may begin to read there."""
    stream = RequestStream()
    client = Client()
    stream.feed(START + client.request("a.example"))
    inside = []
    data = frame(DATA, b" " * 20 + GET_B, stream=1)
    for at in range(0, len(data), size):
        stream.feed(data[at : at + size])
        inside += stream.inside
    assert [request.hosts for request in inside] == [("b.example",)]
    assert hosts(stream, client.request("b.example")) == ["b.example"]


def test_a_long_body_is_not_kept() -> None:
    stream = RequestStream()
    stream.feed(b"PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(1000):
        assert stream.feed(bytes(1000)) == []
        assert stream._rest == b""
    assert hosts(stream, GET_B) == ["b.example"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x16\x03\x01\x00\x05\x01", "no HTTP request"),
        (GET_A + b"\x00\x01", "no HTTP request"),
        (LENGTH + b"\x00yy" + GET_B, "no HTTP request"),
        (GET_A + b"GET /\r\n", "no HTTP request line"),
        (GET_A + PREFACE, "the preface of HTTP/2"),
        (PREFACE + GET_B, "HTTP/2 frame of type"),
        (CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 4\r\n\r\n", 1), "behind a malformed head"),
        (CHUNKED.replace(b"a\r\n", b"g\r\n", 1), "no chunk size"),
        (CHUNKED.replace(b"a\r\n", b"0xa\r\n", 1), "no chunk size"),
        (CHUNKED.replace(b"a\r\n", b"-1\r\n", 1), "no chunk size"),
        (CHUNKED.replace(b"a\r\n", b" a\r\n", 1), "no chunk size"),
        (CHUNKED.replace(b"a\r\n", b"a\n", 1), "without CRLF"),
        (CHUNKED.replace(b"a\r\n", b"a;\rx\r\n", 1), "without CRLF"),
        (CHUNKED.replace(b"Trailer: x\r\n", b"\n"), "without CRLF"),
        (CHUNKED.replace(b"a\r\n", b"9\r\n", 1), "after the end of a chunk"),
        (CHUNKED.replace(b"a\r\n", b"a;" + b"x" * MAX_CHUNK_LINE + b"\r\n", 1), "line of more than"),
        (CHUNKED[:-2] + b"x" * MAX_CHUNK_LINE, "line of more than"),
        (GET_A + b"GET /" + b"x" * MAX_LENIENT_HEAD, "head of more than"),
    ],
)
def test_refuses_what_servers_would_not_read_so(data: bytes, message: str) -> None:
    with pytest.raises(WireError, match=message):
        RequestStream().feed(data)
    stream = RequestStream()
    with pytest.raises(WireError, match=message):
        hosts(stream, *[bytes([byte]) for byte in data])


@pytest.mark.parametrize("size", [1, 7, 1400])
@pytest.mark.parametrize("start", [UPGRADE + b"\x81\x85mask", CONNECT + b"\x16\x03\x01\x00"])
def test_a_head_in_another_protocol_is_read(start: bytes, size: int) -> None:
    """The server may never have agreed to it."""
    stream = RequestStream()
    stream.feed(start)
    inside = []
    data = b" " * 20 + GET_B
    for at in range(0, len(data), size):
        stream.feed(data[at : at + size])
        inside += stream.inside
    assert stream.opaque
    assert [request.hosts for request in inside] == [("b.example",)]
    assert stream.held == 0


def test_after_an_upgrade_that_was_turned_down_no_other_protocol_follows() -> None:
    for junk in (b"\x00", b"\x81\x85mask" + GET_B, PREFACE):
        with pytest.raises(WireError):
            RequestStream(turned_down=True).feed(UPGRADE + junk)
        stream = RequestStream()
        stream.feed(UPGRADE)
        stream.turn_down()
        with pytest.raises(WireError):
            stream.feed(junk)
    stream = RequestStream()
    stream.feed(UPGRADE + b"\x00")
    with pytest.raises(WireError):
        stream.turn_down()
    stream = RequestStream(turned_down=True)
    assert hosts(stream, UPGRADE, GET_B, UPGRADE, b"\x00") == [
        "socket.example",
        "b.example",
        "socket.example",
    ]
    assert stream.opaque  # what the server says to the second one is not seen


def test_an_upgrade_that_is_turned_down_while_its_body_comes() -> None:
    stream = RequestStream()
    stream.feed(CHUNKED.replace(b"\r\n\r\n", b"\r\nUpgrade: x\r\n\r\n", 1)[:-5])
    assert not stream.has_switched
    stream.turn_down()
    assert hosts(stream, b"\r\n\r\n" + GET_B) == ["b.example"]


def test_a_method_of_any_length_is_one() -> None:
    assert hosts(RequestStream(), UPGRADE, b"A" * 33 + GET_B) == ["socket.example", "b.example"]


@pytest.mark.parametrize("size", [1, 5, 1400])
def test_tells_what_decides_where_requests_begin(size: int) -> None:
    data = GET_A + LENGTH + CHUNKED + GET_B
    stream = RequestStream()
    frames = []
    for at in range(0, len(data), size):
        stream.feed(data[at : at + size])
        frames += stream.frames
    assert all(data[at : at + len(frame)] == frame for at, frame in frames)
    framing = b"".join(frame for _, frame in frames)
    assert framing == data.replace(LENGTH[-40:], b"").replace(b"0123456789", b"").replace(
        b"\r\n" + GET_A[:34] + b"\r\n", b"\r\n\r\n"
    )


@given(st.lists(st.binary(max_size=60), max_size=6), st.sampled_from(sorted(STREAMS)), st.integers(0, 200))
def test_noise_raises_wire_error_alone(parts: list[bytes], name: str, cut: int) -> None:
    stream = RequestStream()
    with suppress(WireError):
        for part in (STREAMS[name][0][:cut], *parts):
            stream.feed(part)


@given(st.lists(st.sampled_from([GET_A, GET_B, LENGTH, CHUNKED]), max_size=5), st.integers(1, 90))
def test_any_mixture_in_any_segments_gives_the_same(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    expected = hosts(RequestStream(), data)
    assert len(expected) == len(parts)
    assert hosts(RequestStream(), *[data[at : at + size] for at in range(0, len(data), size)]) == expected
