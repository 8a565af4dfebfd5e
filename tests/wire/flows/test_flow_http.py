"""Plain HTTP: long and odd bodies, and the comparison of requests that are sent again."""

from __future__ import annotations

import random
from typing import Any

import pytest

from gateway.core.errors import WireError
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.http import Contradiction, RequestReading
from gateway.wire.flows.limits import Limits
from tests.wire.flow_forge import ALLOWED, HTTP_OK, REFUSED, Talk, careful, names_only

SEGMENT = 1400

GET = b"GET / HTTP/1.1\r\nHost: " + ALLOWED.encode() + b"\r\n\r\n"
START = b"POST / HTTP/1.1\r\nHost: " + ALLOWED.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = 4096


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


def chunks(count: int, size: int = CHUNK) -> bytes:
    return b"".join(b"%x\r\n" % size + bytes([65 + number % 26]) * size + b"\r\n" for number in range(count))


def reading(data: bytes, step: int = SEGMENT, **limits: Any) -> RequestReading:
    made = RequestReading(0, b"", Limits(**limits), turned_down=False)
    for at in range(0, len(data), step):
        made.feed(at, data[at : at + step])
    return made


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("back", [1, 20_000, 40_000, 300_000])
def test_a_chunked_upload_may_send_again_what_it_sent_long_ago(answered: bool, back: int) -> None:
    """What was lost behind the gateway is sent again from there on, chunk lines and all."""
    talk = Talk(dport=80)
    talk.client(START)
    if answered:
        talk.server(b"HTTP/1.1 100 Continue\r\n\r\n")
    data, start = chunks(100), talk.end
    for at in range(0, len(data), SEGMENT):
        talk.client(data[at : at + SEGMENT])
    lost = (len(data) - back) // SEGMENT * SEGMENT
    for at in range(lost, min(lost + 20 * SEGMENT, len(data)), SEGMENT):
        assert talk.client(data[at : at + SEGMENT], at=start + at).action in (
            FlowAction.UPLOAD,
            FlowAction.ASKS,
        )
    talk.client(b"0\r\n\r\n", at=start + len(data))
    assert talk.server(HTTP_OK).action is FlowAction.ASKS
    assert talk.client(GET).action is FlowAction.ASKS
    assert talk.client(GET.replace(ALLOWED.encode(), REFUSED.encode())).action is FlowAction.REFUSED


@pytest.mark.parametrize("step", [1, SEGMENT])
def test_other_bytes_in_a_chunk_line_are_a_contradiction_however_old(step: int) -> None:
    data = START + chunks(8)
    made = reading(data, step)
    for number in range(8):
        line = len(START) + number * (CHUNK + 8)
        assert made.feed(line - 2, data[line - 2 : line + 10]) == []
        with pytest.raises(Contradiction):
            made.feed(line - 2, data[line - 2 : line + 1] + b"1" + data[line + 2 : line + 10])
    with pytest.raises(Contradiction):
        made.feed(0, b"X" + data[1:40])
    # Body that is no longer kept frames nothing.
    assert made.feed(len(START) + 100, b"?" * 300) == []


def test_what_frames_is_bounded_and_older_than_that_nothing_is_compared() -> None:
    data = START + chunks(3000, 100)
    made = reading(data, http_frames=50, http_history=2000)
    assert made.size < 2000 + 2000 + 50 * 200 + 1400
    assert made.feed(len(data) - 3000, data[-3000:-2000]) == []
    assert made.feed(len(data) - 9000, data[-9000:-8000]) is None


def test_what_cannot_be_compared_goes_no_further_and_what_follows_is_read() -> None:
    """As where acknowledgements are late: a client sends again from the oldest byte on (RFC 6298 5)."""
    data = GET * 2000
    made = reading(data, http_history=2000)
    for start in range(0, len(GET) * 1900, 30_000):
        assert made.feed(start, data[start : start + 1400]) is None
    assert made.feed(0, data + GET) is None
    assert made.feed(len(data) - 1000, data[-1000:]) == []
    assert [request.hosts for request in made.feed(len(data), GET) or ()] == [(ALLOWED,)]
    with pytest.raises(Contradiction):
        made.feed(len(data) - 10, b"Q" * 20)


def test_a_piece_that_came_early_is_compared_with_a_longer_one_that_came_later() -> None:
    """It has gone on its way; what was read behind it may be all that is kept."""
    data = GET * 2000
    made = reading(b"", http_history=2000)
    assert made.feed(len(GET), b"Q" * 100) == []
    with pytest.raises(Contradiction):
        made.feed(0, data)


@pytest.mark.parametrize(
    "unfinished", [b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000, START + b"10;" + b"x" * 3000]
)
def test_a_head_or_line_under_way_is_compared(unfinished: bytes) -> None:
    made = reading(GET + unfinished, http_history=1000)
    start = len(GET)
    assert made.feed(start, unfinished[:100]) == []
    with pytest.raises(Contradiction):
        made.feed(start, b"Q" + unfinished[1:100])


@pytest.mark.parametrize("size", [1, 2, 30])
def test_of_many_small_chunks_the_newest_bytes_can_be_compared(size: int) -> None:
    data = START + chunks(4000, size)
    made = reading(data)
    back = len(data) - 10_000
    assert made.feed(back, data[back : back + 1400]) == []
    with pytest.raises(Contradiction):
        made.feed(back, data[back : back + 100] + b"?" + data[back + 101 : back + 200])


def test_after_a_rest_only_new_bytes_are_read() -> None:
    data = START + chunks(3)
    made = reading(data[:-40])
    made.free_buffers()
    assert made.size == made.stream.held
    assert made.feed(len(data) - 40, data[-40:] + b"0\r\n\r\n" + GET)[0].hosts == (ALLOWED,)  # type: ignore[index]
    assert made.feed(len(data) - 60, data[-60:-30]) is None
    probe = made.next - 1
    assert made.feed(probe, b"\x00") == [], "keep-alive is to be answered"


def test_any_order_reads_the_same() -> None:
    data = GET + START + chunks(5) + b"0\r\n\r\n" + GET
    for seed in range(20):
        parts = [(at, data[at : at + 700]) for at in range(0, len(data), 700)]
        random.Random(seed).shuffle(parts)
        made = RequestReading(0, b"", Limits(), turned_down=False)
        hosts = []
        for at, part in parts + parts[:5]:
            hosts += [host for request in made.feed(at, part) or [] for host in request.hosts]
        assert hosts == [ALLOWED] * 3
        assert made.next == len(data)


def test_no_http_is_an_error() -> None:
    with pytest.raises(WireError):
        reading(b"\x00\x01")


@pytest.mark.parametrize("size", [1, 40, 1400])
def test_a_refused_name_in_a_chunk_that_is_sent_again_with_another_size(size: int) -> None:
    """The server takes the second copy: what was a body is the next request to it."""
    talk = Talk(names_only, dport=80)
    talk.client(START)
    talk.server(b"HTTP/1.1 100 Continue\r\n\r\n")
    start = talk.end
    data = chunks(10)
    for at in range(0, len(data), SEGMENT):
        talk.client(data[at : at + SEGMENT])
    other = b"0000\r\n\r\n" + GET.replace(ALLOWED.encode(), REFUSED.encode())
    for at in range(0, len(other), size):
        talk.client(other[at : at + size], at=start + at)
    assert talk.actions[-1] is FlowAction.REFUSED


@pytest.mark.parametrize("lost", [17_000, 60_000])
def test_bytes_of_a_long_decoy_cannot_be_sent_again_with_others(lost: int) -> None:
    """The decoy's head is left of the server's window, and its body dies on the way within the window."""
    talk = Talk(names_only, dport=80)
    head = request("POST", ALLOWED, 900_000)
    talk.client(head, at=-len(head), decoy=True)
    for at in range(0, lost, SEGMENT):
        talk.client(bytes(SEGMENT), at=at, decoy=True)
    assert talk.client(request("GET", REFUSED), at=0).action is FlowAction.REFUSED
