from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.policy.values import Fault
from gateway.wire.http.head import MAX_HEAD, MAX_LENIENT_HEAD, HttpRequest, looks_like_http, parse_request

NAME = "www.blocked.example"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def request(data: bytes) -> HttpRequest:
    found = parse_request(data)
    assert found is not None
    return found


TRICKS = {
    "h00 plain": b"GET / HTTP/1.1\r\nHost: www.blocked.example\r\n\r\n",
    "h04 hoSt": b"GET / HTTP/1.1\r\nhoSt: www.blocked.example\r\n\r\n",
    "h05 no space": b"GET / HTTP/1.1\r\nHost:www.blocked.example\r\n\r\n",
    "h06 tab": b"GET / HTTP/1.1\r\nHost:\twww.blocked.example\t\r\n\r\n",
    "h07 trailing dot": b"GET / HTTP/1.1\r\nHost: www.blocked.example.\r\n\r\n",
    "h08 mixed case": b"GET / HTTP/1.1\r\nHost: wWw.BlOcKeD.eXample\r\n\r\n",
    "h10 bare LF": b"GET / HTTP/1.1\nHost: www.blocked.example\nAccept: */*\n\n",
    "bare LF here and there": b"GET / HTTP/1.1\nHost: www.blocked.example\r\nAccept: */*\n\r\n",
    "bare CR": b"GET / HTTP/1.1\r\nX: y\rHost: www.blocked.example\r\n\r\n",
    "h11 padding before": b"GET / HTTP/1.1\r\nX-Pad: "
    + b"a" * 3000
    + b"\r\nHost: www.blocked.example\r\n\r\n",
    "h16 port": b"GET / HTTP/1.1\r\nHost: www.blocked.example:80\r\n\r\n",
    "empty port": b"GET / HTTP/1.1\r\nHost: www.blocked.example:\r\n\r\n",
    "user": b"GET / HTTP/1.1\r\nHost: allowed.example@www.blocked.example\r\n\r\n",
    "empty lines before": b"\r\n\n\r\nGET / HTTP/1.1\r\nHost: www.blocked.example\r\n\r\n",
    "blank before the colon": b"GET / HTTP/1.1\r\nHost \t: www.blocked.example\r\n\r\n",
    "blank before the name": b"GET / HTTP/1.1\r\n Host: www.blocked.example\r\n\r\n",
    "folded value": b"GET / HTTP/1.1\r\nHost:\r\n www.blocked.example\r\nA: b\r\n\r\n",
    "folded under another": b"GET / HTTP/1.1\r\nX: y\r\n\tHost: www.blocked.example\r\n\r\n",
    "blanks about the target": b"GET  /  HTTP/1.1 \r\nHost: www.blocked.example\r\n\r\n",
    "tabs about the target": b"GET\t/\tHTTP/1.1\r\nHost: www.blocked.example\r\n\r\n",
    "lower case": b"get / http/1.1\r\nhost: www.blocked.example\r\n\r\n",
    "unknown method": b"X-FETCH / HTTP/1.0\r\nHost: www.blocked.example\r\n\r\n",
    "long method": b"A" * 8192 + b" / HTTP/1.0\r\nHost: www.blocked.example\r\n\r\n",
    "version to come": b"GET / HTTP/1.9\r\nHost: www.blocked.example\r\n\r\n",
    "twice the same": b"GET / HTTP/1.1\r\nHost: www.blocked.example\r\nHost: WWW.blocked.example:80\r\n\r\n",
    "absolute target": b"GET http://www.blocked.example/x HTTP/1.1\r\n\r\n",
    "absolute target, any scheme and case": b"GET HTTPS://u:p@WWW.blocked.example:8443?x HTTP/1.1\r\n\r\n",
    "CONNECT": b"CONNECT www.blocked.example:443 HTTP/1.1\r\n\r\n",
    "OPTIONS *": b"OPTIONS * HTTP/1.1\r\nHost: www.blocked.example\r\n\r\n",
}


@pytest.mark.parametrize("name", TRICKS)
def test_sees_through(name: str) -> None:
    found = request(TRICKS[name])
    assert (found.hosts, found.fault) == ((NAME,), None)
    assert found.head_length == len(TRICKS[name])
    assert looks_like_http(TRICKS[name]) is True


@pytest.mark.parametrize("name", TRICKS)
def test_truncated_at_each_offset_it_waits(name: str) -> None:
    data = TRICKS[name]
    for size in range(len(data)):
        assert parse_request(data[:size]) is None
        assert looks_like_http(data[:size]) in (None, True)


@pytest.mark.parametrize(
    ("data", "hosts"),
    [
        (b"GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", ("a.example", "b.example")),
        (b"CONNECT a.example:443 HTTP/1.1\r\nHost: b.example\r\n\r\n", ("a.example", "b.example")),
        (b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nHost: A.example.\r\n\r\n", ("a.example",)),
    ],
)
def test_the_targets_name_and_the_hosts_are_both_given(data: bytes, hosts: tuple[str, ...]) -> None:
    found = request(data)
    assert (found.hosts, found.fault) == (hosts, None)


@pytest.mark.parametrize(
    ("fields", "hosts", "fault"),
    [
        (b"Host: a.example\r\nHost: b.example\r\n", ("a.example", "b.example"), Fault.BAD_NAME),
        (b"Host: a.example\r\n Host: b.example\r\n", ("b.example",), Fault.BAD_NAME),
        (b"Host: a.example, b.example\r\n", (), Fault.BAD_NAME),
        (b"Host: a.example b.example\r\n", (), Fault.BAD_NAME),
        (b"Host: a.example\x00b.example\r\n", (), Fault.BAD_NAME),
        (b"Host: bl%6Fcked.example\r\n", (), Fault.BAD_NAME),
        (b"Host: a.example/\r\n", (), Fault.BAD_NAME),
        (b"Host: a.example\r\nHost: ?\r\n", ("a.example",), Fault.BAD_NAME),
        (b"", (), Fault.NO_NAME),
        (b"Host:\r\n", (), Fault.NO_NAME),
        (b"Host: \t\r\nAccept: */*\r\n", (), Fault.NO_NAME),
        (b"Host: 192.0.2.7:8080\r\n", (), Fault.NO_NAME),
        (b"Host: [2001:db8::1]:80\r\n", (), Fault.NO_NAME),
        (b"X-Host: a.example\r\n", (), Fault.NO_NAME),
    ],
)
def test_says_what_is_wrong_with_the_names(fields: bytes, hosts: tuple[str, ...], fault: Fault) -> None:
    found = request(b"GET / HTTP/1.1\r\n" + fields + b"\r\n")
    assert (found.hosts, found.fault) == (hosts, fault)


@pytest.mark.parametrize(
    "line", [b"GET /CONNECT HTTP/1.1", b"GET /x?CONNECT HTTP/1.1", b"LIST CONNECT HTTP/1.1"]
)
def test_a_target_that_ends_like_a_method_is_a_target(line: bytes) -> None:
    found = request(line + b"\r\nHost: a.example\r\n\r\n")
    assert (found.hosts, found.fault) == (("a.example",), None)


def test_a_request_of_http_1_0_needs_no_host() -> None:
    found = request(b"GET /index.html HTTP/1.0\r\n\r\n")
    assert (found.method, found.target) == ("GET", b"/index.html")
    assert (found.hosts, found.fault) == ((), Fault.NO_NAME)


def test_the_preface_of_http_2_names_nobody() -> None:
    found = request(PREFACE)
    assert (found.method, found.hosts, found.fault, found.switches) == ("PRI", (), Fault.NO_NAME, True)
    assert [looks_like_http(PREFACE[:size]) for size in (0, 3, 4, 15, 16)] == [None, None, None, None, True]


@pytest.mark.parametrize(
    ("fields", "length", "chunked"),
    [
        (b"", 0, False),
        (b"Content-Length: 12\r\n", 12, False),
        (b"content-length:\t12 \r\nContent-Length: 12, 12\r\n", 12, False),
        (b"Transfer-Encoding: chunked\r\n", 0, True),
        (b"Transfer-Encoding: gzip,\tChunked\r\n", 0, True),
        (b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 0, True),
    ],
)
def test_says_where_the_body_ends(fields: bytes, length: int, chunked: bool) -> None:
    found = request(b"POST / HTTP/1.1\r\nHost: a.example\r\n" + fields + b"\r\n")
    assert (found.content_length, found.chunked) == (length, chunked)


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: \r\n",
        b"Content-Length: " + b"9" * 19 + b"\r\n",
        b"Content-Length : 5\r\n",
        b"X: y\r\n Content-Length: 5\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: chunked, gzip\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding :chunked\r\n",
        b"\x0bTransfer-Encoding: chunked\r\n",
        b"X: y\rContent-Length: 5\r\n",
        b"Content-Length: 5\r\nX: y\r\r\n",
    ],
)
def test_a_body_whose_end_servers_would_place_differently_is_a_fault(fields: bytes) -> None:
    found = request(b"POST / HTTP/1.1\r\nHost: a.example\r\n" + fields + b"\r\n")
    assert (found.hosts, found.fault) == (("a.example",), Fault.MALFORMED)


@pytest.mark.parametrize("end", [b"\r\r\n", b"\r\0", b"\r ", b"\rX: y\r\n\r\n"])
def test_a_line_that_begins_with_a_lone_cr_is_a_fault(end: bytes) -> None:
    """To some servers it is the empty line, and the head ends there."""
    found = request(b"GET / HTTP/1.1\r\nHost: a.example\r\n" + end)
    assert (found.hosts, found.fault) == (("a.example",), Fault.MALFORMED)


def test_a_host_behind_a_lone_cr_is_read_as_well() -> None:
    found = request(b"GET / HTTP/1.1\r\nHost: a.example\r\n\rHost: b.example\r\n\r\nbody")
    assert (found.hosts, found.fault) == (("a.example", "b.example"), Fault.MALFORMED)


@pytest.mark.parametrize(
    "line",
    [
        b"GET http://a.example/",
        b"GET http://a.example/ HTTP/x",
        b"GET http://a.example/ a.b",
        b"X ftp://a.example:9/",
    ],
)
def test_a_host_in_a_line_without_a_version_is_read(line: bytes) -> None:
    """HTTP/0.9 to some servers."""
    found = request(line + b"\r\nmore")
    assert (found.hosts, found.fault, found.head_length) == (("a.example",), Fault.MALFORMED, len(line) + 2)


@pytest.mark.parametrize(
    "head",
    [b"PRI / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"PRI * HTTP/2.0\r\nHost: a.example\r\n\r\n"],
)
def test_the_method_of_the_preface_hides_nothing(head: bytes) -> None:
    found = request(head)
    assert (found.hosts, found.fault, found.http2, found.switches) == (("a.example",), None, False, False)


@pytest.mark.parametrize("end", [b"X", b"SM\r\n\rX", b"\r\n"])
def test_what_is_not_quite_the_preface_is_a_request(end: bytes) -> None:
    found = request(PREFACE[:18] + end)
    assert (found.method, found.http2, found.head_length) == ("PRI", False, 18)
    assert not request(b"\r\n" + PREFACE).http2


@pytest.mark.parametrize("count", [2, 5500])
def test_a_line_of_many_words_is_read_once(count: int) -> None:
    found = request(b"GET " + b"/ " * count + b"http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert found.hosts == ("b.example", "a.example")


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (b"http://a.example/GET http://b.example/", ("a.example", "b.example", "c.example")),
        (b"/x CONNECT b.example:443", ("b.example", "c.example")),
        (b"/CONNECT /x", ("c.example",)),
        (b"* http://b.example", ("b.example", "c.example")),
    ],
)
def test_names_what_begins_in_a_target_with_blanks(target: bytes, names: tuple[str, ...]) -> None:
    assert request(b"GET " + target + b" HTTP/1.1\r\nHost: c.example\r\n\r\n").hosts == names


@pytest.mark.parametrize(
    ("data", "switches"),
    [
        (b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\r\n", True),
        (b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade-Insecure-Requests: 1\r\n\r\n", False),
    ],
)
def test_says_whether_the_protocol_may_change(data: bytes, switches: bool) -> None:
    assert request(data).switches is switches


@pytest.mark.parametrize(
    "data",
    [
        b"GET /\r\n",  # HTTP/0.9
        b"GET / HTTP/x\r\n",
        b"GET / RTSP/1.0\r\n",
        b"GE(T / HTTP/1.1\r\n",
        b"A" * 8193 + b" / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\n",
    ],
)
def test_refuses_what_is_no_request_line(data: bytes) -> None:
    with pytest.raises(WireError):
        parse_request(data)


def test_bounds_the_head() -> None:
    start = b"GET / HTTP/1.1\r\nHost: a.example\r\nX: "
    end = b"\r\n\r\n"
    most = start + b"x" * (MAX_HEAD - len(start) - len(end)) + end
    assert request(most).head_length == MAX_HEAD
    assert request(most).fault is None
    assert parse_request(most[:-1]) is None
    longer = request(start + b"x" + most[len(start) :])
    assert (longer.hosts, longer.fault) == (("a.example",), Fault.MALFORMED)
    for data in (
        start + b"x" * MAX_LENIENT_HEAD,
        b"\r\n" * MAX_HEAD + b"\n",
        b"GET /" + b"x" * MAX_LENIENT_HEAD,
    ):
        with pytest.raises(WireError, match="32768"):
            parse_request(data)


@pytest.mark.parametrize(
    "prefix",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"\x13BitTorrent protocol",
        b"OPTIONS rtsp://a.example/ RTSP/1.0\r\n",
        b"REGISTER sip:a.example SIP/2.0\r\n",
        b"EHLO a.example\r\n",
        b"NICK me\r\nUSER me 0 * :me\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"A" * 8193,
        b"(",
        b"\r\n" * 3 + b"\x00",
        b"X " + b"y" * MAX_LENIENT_HEAD,
        b"\r\n" * MAX_HEAD + b"\n",
    ],
)
def test_other_protocols_do_not_look_like_http(prefix: bytes) -> None:
    assert looks_like_http(prefix) is False


@pytest.mark.parametrize(
    "prefix", [b"", b"\r\n", b"G", b"GET", b"OPTIONS *", b"X-FETCH /a HTTP/1", b"EHLO a"]
)
def test_waits_while_it_cannot_tell(prefix: bytes) -> None:
    assert looks_like_http(prefix) is None


@given(st.binary(max_size=200))
def test_noise_raises_wire_error_alone(noise: bytes) -> None:
    for head in (b"", b"GET / HTTP/1.1\r\nHost:", b"POST http://", b"GET / HTTP/1.1\r\n"):
        for tail in (b"", b"\r\n\r\n"):
            assert looks_like_http(head + noise + tail) in (True, False, None)
            with suppress(WireError):
                parse_request(head + noise + tail)


@given(st.text("Host: a.b,\r\n\tContent-Length5Transfer-Encodingchunked;", max_size=120))
def test_a_head_of_likely_parts_raises_wire_error_alone(fields: str) -> None:
    with suppress(WireError):
        parse_request(b"GET / HTTP/1.1\r\n" + fields.encode() + b"\r\n\r\n")
