"""Long and odd bodies of plain HTTP, before and after the first answer."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault
from gateway.wire.flows import Action
from gateway.wire.http_stream import MAX_DEPTH
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
            assert step.action in (Action.HOLD, Action.UPLOAD, Action.DROP)
            if step.action is not Action.DROP:
                missing.remove(number)
    assert talk.server(HTTP_OK, acks=start + 100 * SEGMENT).action is Action.ASKS
    assert talk.bench.hosts == [ALLOWED]
    assert talk.client(request("GET", REFUSED), at=start + 100 * SEGMENT).action is Action.REFUSED


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
    assert talk.actions[-1] is Action.REFUSED
    assert talk.bench.hosts[-1] == REFUSED


def test_behind_a_body_that_is_read_comes_one_that_is_not() -> None:
    """To a server that reads bodies of POST alone, the second request is a POST and the third is refused."""
    third = request("GET", REFUSED)
    second = request("POST", ALLOWED, 10) + b"0123456789"
    talk = Talk(names_only, dport=80)
    talk.client(request("GET", ALLOWED))
    talk.server(HTTP_OK)
    step = talk.client(request("GET", ALLOWED, len(second + third)) + second + third)
    assert step.action is Action.REFUSED
    assert talk.bench.hosts[-1] == REFUSED


@pytest.mark.parametrize(
    "body",
    [b"GET up, stand up\nGET home\n", b"name=value", b"Hello world\n\n", b"{}", b"GET / HTTP/1.1\r\n\r\n"],
)
def test_a_body_that_names_nobody_is_a_body(body: bytes) -> None:
    talk = Talk(careful, dport=80)
    talk.client(request("GET", ALLOWED))
    talk.server(HTTP_OK)
    assert talk.client(request("POST", ALLOWED, len(body)) + body).action is Action.ASKS
    assert talk.bench.hosts == [ALLOWED, ALLOWED]


def test_bodies_in_bodies_are_read_so_far_and_no_further() -> None:
    data = request("GET", ALLOWED)
    for depth in range(1, MAX_DEPTH + 2):
        data = request("POST", ALLOWED, len(data)) + data
        talk = Talk(names_only, dport=80)
        talk.client(request("GET", ALLOWED))
        talk.server(HTTP_OK)
        step = talk.client(data)
        assert step.action is (Action.ASKS if depth <= MAX_DEPTH else Action.REFUSED)
    assert step.observation is not None
    assert step.observation.fault is Fault.MALFORMED


def test_an_answer_to_what_was_not_read_is_none() -> None:
    """Another connection on the same ports, whose numbers lie ahead: its request looks like a later part."""
    talk = Talk(names_only, dport=80)
    talk.client(request("GET", ALLOWED))
    talk.server(HTTP_OK)
    ahead = talk.end + 20_000
    assert talk.client(request("GET", REFUSED), at=ahead).action is Action.HOLD
    assert talk.server(HTTP_OK, acks=ahead + len(request("GET", REFUSED))).action is Action.REFUSED
