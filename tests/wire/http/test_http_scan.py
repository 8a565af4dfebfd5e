from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.http.head import MAX_HEAD
from gateway.wire.http.stream import HeadScanner, request_starts

HEAD = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
BARE = b"GET / HTTP/1.1\r\nHost: b.example\n\n"
ABSOLUTE = b"GET http://t.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"
PROXY = b"CONNECT t.example:443 HTTP/1.1\r\n\r\n"

STREAMS = {
    "one": (HEAD, ["a.example"]),
    "after noise": (bytes(range(256)) * 3 + HEAD, ["a.example"]),
    "two": (HEAD + b"noise " + BARE, ["a.example", "b.example"]),
    "any method": (b"\0" * 9 + HEAD.replace(b"GET", b"M-SEARCH"), ["a.example"]),
    "a method longer than any": (HEAD.replace(b"GET", b"X" * 100), ["a.example"]),
    "absolute": (b"noise" + ABSOLUTE, ["t.example", "a.example"]),
    "absolute after words": (b"some more noise " + ABSOLUTE, ["t.example", "a.example"]),
    "absolute with a blank": (ABSOLUTE.replace(b"/ HTTP", b"/ x HTTP"), ["t.example", "a.example"]),
    "proxy": (b"noise" + PROXY, ["t.example"]),
    "in a field": (HEAD.replace(b"Host", b"X: " + ABSOLUTE[:32] + b"Host"), ["t.example", "a.example"]),
    "blanks after the version": (HEAD.replace(b"1.1", b"1.1" + b" " * 30), ["a.example"]),
    "folded": (HEAD.replace(b": ", b":\r\n "), ["a.example"]),
    "a field without end": (HEAD.replace(b"Host", b"X: " + b"x" * 50_000 + b"\r\nHost"), ["a.example"]),
    "many fields": (HEAD.replace(b"Host", b"X: yyyyy\r\n" * 5_000 + b"Host"), ["a.example"]),
    "a line without end": (b"GET /" + b"x" * 50_000 + HEAD[5:], ["a.example"]),
    "framing that contradicts": (HEAD.replace(b"Host", b"Content-Length : x\r\nHost"), ["a.example"]),
    "a lone CR for an empty line": (HEAD[:-2] + b"\rxyz", ["a.example"]),
    "no name": (b"GET / HTTP/1.0\r\n\r\n" + HEAD, ["a.example"]),
    "an address": (HEAD.replace(b"a.example", b"192.0.2.1"), []),
    "a log": (b'"GET http://t.example/ HTTP/1.1" 200\r\nHost: a.example\r\n\r\n', []),
    "an answer": (b"HTTP/1.1 200 OK\r\nHost: a.example\r\n\r\n", []),
    "no blank before the version": (b"GET /HTTP/1.1\r\nHost: a.example\r\n\r\n", []),
    "no end": (HEAD[:-2], []),
}


def hosts(data: bytes, size: int) -> list[str]:
    scanner = HeadScanner()
    found: list[str] = []
    for at in range(0, len(data), size):
        for request in scanner.feed(data[at : at + size]):
            assert request.fault is None
            found += request.hosts
        assert scanner.held <= MAX_HEAD + size
    return found


@pytest.mark.parametrize("size", [1 << 20, 1400, 3, 1])
@pytest.mark.parametrize("name", STREAMS)
def test_finds_each_head_in_segments_of_any_size(name: str, size: int) -> None:
    data, expected = STREAMS[name]
    if size >= 1400 or len(data) < 1000:
        assert hosts(data, size) == expected


@pytest.mark.parametrize("name", STREAMS)
def test_truncated_at_each_offset_it_finds_a_part_of_them(name: str) -> None:
    data, expected = STREAMS[name]
    for size in range(min(len(data), 1000)):
        found = hosts(data[:size], 1 << 20)
        assert found == expected[: len(found)]


@given(
    st.lists(st.sampled_from([HEAD, ABSOLUTE, PROXY, b"\n", b" ", b"HTTP/", b"x" * 99, b"\r"]), max_size=9)
)
def test_the_same_in_any_segments(parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert set(hosts(data, 1)) == set(hosts(data, 7)) == set(hosts(data, 1 << 20))


@given(st.binary(max_size=300))
def test_noise_raises_nothing(data: bytes) -> None:
    assert hosts(data + b" / HTTP/1.1\r\nHost: a.example\r\n\r\n", 5) in ([], ["a.example"])


@pytest.mark.parametrize(
    ("data", "methods"),
    [
        (HEAD, [b"GET / "]),
        (b"\0\0" + HEAD + b"x y z " + ABSOLUTE, [b"GET / ", b"GET ht"]),
        (b"GET http://a.example/ b HTTP/1.1\n", [b"GET ht", b"http:/"][:1]),
        (b"XCONNECT a:443 HTTP/1.1\n", [b"CONNEC"]),
        (b"A B C D HTTP/1.1\n", [b"C D HT"]),
        (b"A B C D HTTP/1.1 x\n", []),
        (b"GET / HTT", []),
        (b"GET / HTTP/", [b"GET / "]),
        (b"GET / HTTP/1.", [b"GET / "]),
        (b"HTTP/1.1 200 OK\r\n", []),
    ],
)
def test_places_where_a_request_may_begin(data: bytes, methods: list[bytes]) -> None:
    assert [data[start : start + 6] for start in request_starts(data)] == methods
