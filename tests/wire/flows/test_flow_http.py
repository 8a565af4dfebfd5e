"""Long and odd bodies of plain HTTP, before and after the first answer."""

from __future__ import annotations

import pytest

from gateway.wire.flows.table import FlowAction
from tests.wire.flow_forge import ALLOWED, HTTP_OK, REFUSED, Talk, careful, names_only

SEGMENT = 1400


def request(method: str, name: str, body: int = 0) -> bytes:
    framing = f"Content-Length: {body}\r\n" if body else ""
    return f"{method} / HTTP/1.1\r\nHost: {name}\r\n{framing}\r\n".encode()


@pytest.mark.parametrize("lost", [0, 1, 5, 11, 12, 30])
def test_an_upload_goes_on_after_a_lost_segment(lost: int) -> None:
    """The next 40 are on their way before it is sent again; the server answers at the end."""
    talk = Talk(careful, dport=80)
    talk.client(request("POST", ALLOWED, 100 * SEGMENT))
    start = talk.end
    missing = list(range(100))
    first = True
    while missing:
        turn, first = [number for number in missing[:40] if number != lost or not first], False
        for number in turn:
            step = talk.client(bytes(SEGMENT), at=start + number * SEGMENT)
            assert step.action in (FlowAction.HOLD, FlowAction.UPLOAD, FlowAction.DROP)
            if step.action is not FlowAction.DROP:
                missing.remove(number)
    assert talk.server(HTTP_OK, acks=start + 100 * SEGMENT).action is FlowAction.ASKS
    assert talk.bench.hosts == [ALLOWED]
    assert talk.client(request("GET", REFUSED), at=start + 100 * SEGMENT).action is FlowAction.REFUSED


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("method", ["GET", "XGET"])
@pytest.mark.parametrize("size", [1, 7, 1400])
def test_a_body_that_a_server_may_not_read_is_no_hiding_place(answered: bool, method: str, size: int) -> None:
    talk = Talk(names_only, dport=80)
    if answered:
        talk.client(request("GET", ALLOWED))
        talk.server(HTTP_OK)
    inner = request(method, REFUSED)
    data = request("POST", ALLOWED, len(inner)) + inner
    for at in range(0, len(data), size):
        talk.client(data[at : at + size])
    talk.server(HTTP_OK)
    assert talk.actions[-1] is FlowAction.REFUSED
    assert talk.bench.hosts[-1] == REFUSED


def test_behind_a_body_that_is_read_comes_one_that_is_not() -> None:
    """To a server that reads bodies of POST alone, the second request is a POST and the third is refused."""
    third = request("GET", REFUSED)
    second = request("POST", ALLOWED, 10) + b"0123456789"
    talk = Talk(names_only, dport=80)
    talk.client(request("GET", ALLOWED))
    talk.server(HTTP_OK)
    step = talk.client(request("GET", ALLOWED, len(second + third)) + second + third)
    assert step.action is FlowAction.REFUSED
    assert talk.bench.hosts[-1] == REFUSED


@pytest.mark.parametrize(
    "body",
    [b"GET up, stand up\nGET home\n", b"name=value", b"Hello world\n\n", b"{}", b"GET / HTTP/1.1\r\n\r\n"],
)
def test_a_body_that_names_nobody_is_a_body(body: bytes) -> None:
    talk = Talk(careful, dport=80)
    talk.client(request("GET", ALLOWED))
    talk.server(HTTP_OK)
    assert talk.client(request("POST", ALLOWED, len(body)) + body).action is FlowAction.ASKS
    assert talk.bench.hosts == [ALLOWED, ALLOWED]


def test_bodies_in_bodies_are_read_however_deep() -> None:
    data = request("GET", REFUSED)
    for _ in range(6):
        data = request("POST", ALLOWED, len(data)) + data
        talk = Talk(names_only, dport=80)
        talk.client(request("GET", ALLOWED))
        talk.server(HTTP_OK)
        assert talk.client(data).action is FlowAction.REFUSED
        assert talk.bench.hosts[-1] == REFUSED


CHUNKED = request("POST", ALLOWED).replace(b"Host", b"Transfer-Encoding: chunked\r\nHost")
LONG = request("POST", ALLOWED, 900_000) + bytes(17_000)  # left of the server's window, all of it


def left_of_the_window(talk: Talk, decoy: bytes, data: bytes, size: int = SEGMENT) -> None:
    """The server has the numbers of the decoy already, and cuts it off."""
    for at in range(0, len(decoy), SEGMENT):
        talk.client(decoy[at : at + SEGMENT], at=at - len(decoy), decoy=True)
    for at in range(0, len(data), size):
        talk.client(data[at : at + size])
    talk.server(HTTP_OK)


@pytest.mark.parametrize("size", [1, 7, 1400])
@pytest.mark.parametrize(
    ("before", "head"),
    [
        (b"", request("GET", REFUSED)),
        (b"", request("XGET", REFUSED)),
        (b"", request("M-SEARCH", REFUSED).replace(b"\r\n", b"\n")),
        (b"aaaa", request("GET", REFUSED)),
        (b"a b ", f"GET http://{REFUSED}/ HTTP/1.1\r\nHost: {ALLOWED}\r\n\r\n".encode()),
        (b"a b ", f"GET http://{REFUSED}/ a HTTP/1.1\r\nHost: {ALLOWED}\r\n\r\n".encode()),
        (b"GET / HTTP/1.1\r\nX: ", f"GET http://{REFUSED}/ HTTP/1.1\r\nHost: {ALLOWED}\r\n\r\n".encode()),
        (b"GET / HTTP/1.1\r\nContent-Length : 4\r\nX: ", request("GET", REFUSED)),
        (request("POST", ALLOWED, 40), request("GET", REFUSED)),
        (CHUNKED, request("GET", REFUSED)),
        (b"", request("GET", REFUSED).replace(b"\r\nHost", b"\r\nX: " + b"x" * 40_000 + b"\r\nHost")),
        (b"", request("GET", REFUSED).replace(b"/1.1", b"/1.1 " + b" " * 40)),
    ],
)  # fmt: skip
def test_a_long_body_left_of_the_window_is_no_hiding_place(before: bytes, head: bytes, size: int) -> None:
    talk = Talk(names_only, dport=80)
    left_of_the_window(talk, LONG + before, head, size)
    assert talk.actions[-1] is FlowAction.REFUSED
    assert talk.bench.hosts[-1] == REFUSED


@pytest.mark.parametrize("part", ["line", "chunk", "trailer", "next"])
def test_nor_is_what_stands_about_bodies(part: str) -> None:
    """The server begins to read in a chunk's line, in a trailer or in the line of the next request."""
    decoy = CHUNKED + b"4300\r\n" + bytes(0x4300) + b"\r\n"
    rest = f"Host: {REFUSED}\r\n\r\n".encode()
    get = b"GET / HTTP/1.1\r\n"
    absolute = f"GET http://{REFUSED}/ HTTP/1.1\r\nHost: {ALLOWED}\r\n\r\n".encode()
    before, data = {
        "line": (b"%x;" % len(rest), get + rest + b"\r\n"),
        "chunk": (b"%x\r\n" % len(get + rest), get + rest + b"\r\n"),
        "trailer": (b"0\r\nX: ", get + rest),
        "next": (f"0\r\n\r\nGET http://{ALLOWED}/".encode(), absolute),
    }[part]
    talk = Talk(names_only, dport=80)
    left_of_the_window(talk, decoy + before, data)
    assert talk.actions[-1] is FlowAction.REFUSED
    assert talk.bench.hosts[-1] == REFUSED


LOG = b'192.0.2.1 - - [24/Nov/2026:20:00:00 +0000] "GET /x HTTP/1.1" 200 1 "http://%s/"\n' % REFUSED.encode()
FORM = f'--x\r\nContent-Disposition: form-data; name="{REFUSED}"\r\nHost: {REFUSED}\r\n\r\n'.encode()


@pytest.mark.parametrize(
    "piece",
    [
        LOG,
        FORM,
        b'{"host": "%s", "line": "GET / HTTP/1.1\\r\\nHost: x"}' % REFUSED.encode(),
        f"HTTP/1.1 200 OK\r\nHost: {REFUSED}\r\n\r\n".encode(),
        b"The GET method of HTTP/1.1 is\nold.\n\n",
        request("GET", ALLOWED),
        bytes(range(256)),
    ],
)
@pytest.mark.parametrize("answered", [False, True])
def test_uploads_of_any_kind_pass(piece: bytes, answered: bool) -> None:
    talk = Talk(careful, dport=80)
    if answered:
        talk.client(request("GET", ALLOWED))
        talk.server(HTTP_OK)
    body = piece * (60_000 // len(piece))
    data = request("POST", ALLOWED, len(body)) + body
    for at in range(0, len(data), SEGMENT):
        assert talk.client(data[at : at + SEGMENT]).action in (
            FlowAction.HOLD,
            FlowAction.ASKS,
            FlowAction.UPLOAD,
        )
    assert talk.server(HTTP_OK).action is FlowAction.ASKS
    assert set(talk.bench.hosts) == {ALLOWED}


def test_an_answer_to_what_was_not_read_is_none() -> None:
    """Another connection on the same ports, whose numbers lie ahead: its request looks like a later part."""
    talk = Talk(names_only, dport=80)
    talk.client(request("GET", ALLOWED))
    talk.server(HTTP_OK)
    ahead = talk.end + 20_000
    assert talk.client(request("GET", REFUSED), at=ahead).action is FlowAction.HOLD
    assert talk.server(HTTP_OK, acks=ahead + len(request("GET", REFUSED))).action is FlowAction.REFUSED
