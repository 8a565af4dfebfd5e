"""Plain HTTP over TCP: each request is judged."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault, Proto
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from tests.wire.flow_forge import (
    ALLOWED,
    DECOY,
    HTTP_OK,
    REFUSED,
    Talk,
    names_only,
)
from tests.wire.flow_said import get
from tests.wire.http2_forge import START, Client


def test_http_asks_from_the_first_answer_on_and_judges_every_request() -> None:
    talk = Talk(dport=80)
    assert talk.client(get(ALLOWED)).action is FlowAction.HOLD
    step = talk.server(HTTP_OK)
    assert step.action is FlowAction.ASKS
    assert step.observation is not None
    assert step.observation.host == ALLOWED
    assert talk.client(get(DECOY)).action is FlowAction.ASKS
    assert talk.client(get(ALLOWED)).action is FlowAction.ASKS
    assert talk.server(HTTP_OK).action is FlowAction.ASKS
    step = talk.client(get(REFUSED))
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.host == REFUSED
    assert talk.bench.hosts == [ALLOWED, DECOY, ALLOWED, REFUSED]


def test_pipelined_requests_are_judged_before_and_after_the_first_answer() -> None:
    talk = Talk(dport=80)
    assert talk.client(get(ALLOWED) + get(REFUSED)).action is FlowAction.REFUSED
    talk = Talk(dport=80)
    talk.client(get(ALLOWED) + get(DECOY) + get(ALLOWED)[:20])
    assert talk.server(HTTP_OK).action is FlowAction.ASKS
    assert talk.bench.hosts == [ALLOWED, DECOY]
    assert talk.client(get(ALLOWED)[20:]).action is FlowAction.ASKS
    assert talk.client(get(ALLOWED) + get(REFUSED)).action is FlowAction.REFUSED
    assert talk.bench.hosts == [ALLOWED, DECOY, ALLOWED, ALLOWED, REFUSED]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_later_request_in_two_segments_in_any_order(cut: int) -> None:
    for name, expected in ((REFUSED, FlowAction.REFUSED), (ALLOWED, FlowAction.ASKS)):
        request = get(name)
        for first in (True, False):
            talk = Talk(dport=80)
            talk.client(get(ALLOWED))
            talk.server(HTTP_OK)
            base = talk.end
            parts = [(request[:cut], base), (request[cut:], base + cut)]
            for data, at in parts if first else parts[::-1]:
                step = talk.client(data, at=at)
            assert step.action is expected


def test_a_long_body_before_the_answer_is_not_kept() -> None:
    table = FlowTable()
    talk = Talk(dport=80, table=table)
    talk.client(get(ALLOWED, b"Content-Length: 200000\r\n").replace(b"GET", b"POST"))
    actions = [talk.client(b"x" * 1000).action for _ in range(200)]
    assert set(actions[:10]) == {FlowAction.HOLD}
    assert set(actions[20:]) == {FlowAction.UPLOAD}
    assert table.stats.buffered < Limits().first_history + 24_000
    assert talk.server(HTTP_OK).action is FlowAction.ASKS
    assert talk.client(get(REFUSED)).action is FlowAction.REFUSED
    assert talk.bench.hosts == [ALLOWED, REFUSED]


def test_a_lost_segment_of_a_long_body_is_read_when_it_comes() -> None:
    talk = Talk(dport=80)
    talk.client(get(ALLOWED, b"Content-Length: 60000\r\n").replace(b"GET", b"POST"))
    talk.server(b"HTTP/1.1 100 Continue\r\n\r\n")
    base = talk.end
    for at in range(1000, 60000, 1000):
        talk.client(b"x" * 1000, at=base + at)
    assert talk.actions.count(FlowAction.DROP) == 59 - Limits().stream_bytes // 1000  # TCP sends these again
    for at in range(0, 60000, 1000):
        assert talk.client(b"x" * 1000, at=base + at).action is FlowAction.ASKS
    assert talk.client(get(REFUSED), at=base + 60000).action is FlowAction.REFUSED


def test_a_request_sent_again_with_another_host_is_refused_after_the_answer() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    base = talk.end
    fake, real = get("aaa.example"), get("bbb.example")
    assert talk.client(fake, at=base).action is FlowAction.ASKS
    assert talk.client(fake, at=base).action is FlowAction.ASKS
    step = talk.client(real, at=base)
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.MALFORMED


def test_a_keep_alive_probe_with_a_byte_of_garbage_is_no_contradiction() -> None:
    talk = Talk(dport=80)
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    assert talk.client(b"\x00", at=talk.end - 1).action is FlowAction.ASKS
    assert talk.client(get(REFUSED)).action is FlowAction.REFUSED


@pytest.mark.parametrize("early", [False, True])
def test_one_byte_of_a_name_that_is_resent_is_no_keep_alive_probe(early: bool) -> None:
    """The server lacks the byte, or has the other one out of order."""
    talk = Talk(names_only, dport=80)
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    start, real = talk.end, get(REFUSED)
    at = real.index(REFUSED.encode())
    if early:
        talk.client(real[at : at + 1], at=start + at)
    talk.client(real[:at] + b"x", at=start)
    if not early:
        assert talk.client(b"x", at=start + at).action is FlowAction.ASKS
        assert talk.client(real[at : at + 1], at=start + at).action is FlowAction.DROP
    else:
        assert talk.actions[-1] is FlowAction.REFUSED


def test_a_keep_alive_probe_of_http2_has_no_other_byte() -> None:
    talk, client = Talk(names_only, dport=80), Client(huffman=False)
    talk.client(START + client.request(ALLOWED))
    talk.server(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    sent = client.headers([(":method", "GET"), (":path", "/"), (":authority", "www.other.exampl")])
    talk.client(sent)
    assert talk.client(sent[-1:], at=talk.end - 1).action is FlowAction.ASKS
    assert talk.client(b"m", at=talk.end - 1).action is FlowAction.DROP


@pytest.mark.parametrize(
    ("framing", "back", "expected"),
    [
        (b"Content-Length: 9000\r\n", 5000, FlowAction.ASKS),  # body, whose bytes frame nothing
        (b"Content-Length: 9000\r\n", 1000, FlowAction.REFUSED),  # kept, and other bytes than before
        (b"Content-Length: 9000\r\n", 13_000, FlowAction.DROP),  # about the request before the last
        (b"Transfer-Encoding: chunked\r\n", 5000, FlowAction.ASKS),  # body, too
        (b"Transfer-Encoding: chunked\r\n", 8006, FlowAction.REFUSED),  # the size of the chunk
    ],
)
def test_old_bytes_beyond_comparing_go_no_further_unless_they_are_body(
    framing: bytes, back: int, expected: FlowAction
) -> None:
    talk = Talk(names_only, dport=80, table=FlowTable(Limits(http_history=2000)))
    talk.client(get("first.example", b"X: " + b"y" * 6000 + b"\r\n"))
    talk.server(HTTP_OK)
    talk.client(get(ALLOWED, framing).replace(b"GET", b"POST"))
    talk.client(b"2000\r\n")
    for _ in range(8):
        talk.client(b"x" * 1000)
    assert talk.actions[-1] is FlowAction.ASKS
    assert talk.client(b"z" * 100, at=talk.end - back).action is expected


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        get("192.0.2.1"),
        START + Client().headers([(":method", "GET"), (":path", "/")]),
        get("a b"),
    ],
)
def test_requests_without_a_good_name_are_faults(sent: bytes) -> None:
    talk = Talk(dport=80)
    step = talk.client(sent)
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is not None
    assert step.observation.proto is Proto.HTTP


def test_a_malformed_request_is_refused_when_the_server_has_it() -> None:
    talk = Talk(dport=80)
    assert talk.client(b"GET /\r\n").action is FlowAction.HOLD
    step = talk.server(b"<html>")
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.MALFORMED


def test_every_name_of_a_request_is_judged() -> None:
    request = b"GET http://" + ALLOWED.encode() + b"/ HTTP/1.1\r\nHost: " + REFUSED.encode() + b"\r\n\r\n"
    talk = Talk(names_only, dport=80)
    assert talk.client(request).action is FlowAction.REFUSED


def test_garbage_between_requests_is_refused() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    step = talk.client(b"\x01\x02\x03 no request\r\n")
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.MALFORMED


def test_plain_http_that_has_ended_takes_no_memory() -> None:
    """A browser opens many connections, and their end is not seen here: the kernel knows which still run."""
    table, talks = FlowTable(), []
    for port in range(40_000, 40_100):
        talk = Talk(dport=80, sport=port, table=table)
        talk.client(get(ALLOWED))
        assert talk.server(HTTP_OK).action is FlowAction.ASKS
        talks.append(talk)
    kept = talks[7]
    running = {(0, 6, kept.device, 40_007, kept.remote, 80)}
    assert table.forget_ended_http(running, kept.now) == 0, "the kernel may not know the newest ones yet"
    kept.now += Limits().open_http_age + 1
    assert table.forget_ended_http(running, kept.now) == 99
    assert (table.stats.flows, table.stats.evicted) == (1, 0)
    kept.asks = True
    assert kept.client(get(ALLOWED)).action is FlowAction.ASKS
    assert kept.client(get(REFUSED)).action is FlowAction.REFUSED
    again = Talk(dport=80, sport=40_008, table=table)
    again.now, again.asks = kept.now, False
    again.client(get(ALLOWED))
    assert again.server(HTTP_OK).action is FlowAction.ASKS


@pytest.mark.parametrize("size", [0, 40_000])
def test_a_request_and_a_fin_before_the_answer_pass(size: int) -> None:
    """A client may end its side with its request (RFC 9112 §9.6), as ``nc -N`` does."""
    talk = Talk(dport=80)
    request = get(ALLOWED, f"Content-Length: {size}\r\n".encode()).replace(b"GET", b"POST")
    for data in (request, *[b"x" * 1000] * (size // 1000)):
        talk.client(data)
    assert talk.server(HTTP_OK, acks=talk.end + 1).action is FlowAction.ASKS
    assert talk.table.stats.refused == 0
