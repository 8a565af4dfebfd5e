"""Plain HTTP that stays open: it rests, goes on and makes room."""

from __future__ import annotations

import pytest

from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from tests.wire.flow_forge import (
    ALLOWED,
    HTTP_OK,
    REFUSED,
    SERVER_HELLO,
    Talk,
)
from tests.wire.flow_said import GET, HELLO, open_http

GET_REFUSED = GET.replace(ALLOWED.encode(), REFUSED.encode())


@pytest.mark.parametrize("jump", [20_000, -20_000, 1_000_000_000, -1_000_000_000, 1])
def test_a_new_connection_on_the_ports_of_open_http(jump: int) -> None:
    talk = open_http()
    talk.now += 5 if abs(jump) < 1 << 20 else 0.1
    start = talk.end + jump
    assert talk.client(GET, at=start).action is FlowAction.HOLD
    assert talk.server(HTTP_OK, acks=start + len(GET)).action is FlowAction.ASKS
    talk.asks = True
    assert talk.client(GET_REFUSED, at=start + len(GET)).action is FlowAction.REFUSED


def test_its_next_requests_may_be_in_the_queue_before_the_kernel_knows() -> None:
    talk = open_http()
    assert talk.client(GET).action is FlowAction.ASKS
    assert talk.client(GET, at=0).action is FlowAction.DROP  # old bytes come again when the kernel knows
    talk.asks = True
    assert talk.client(GET, at=0).action is FlowAction.ASKS
    assert talk.client(GET_REFUSED).action is FlowAction.REFUSED


def test_open_http_that_nobody_remembers_is_refused() -> None:
    talk = Talk(dport=80)
    talk.asks = True
    assert talk.client(GET).action is FlowAction.REFUSED


def test_open_http_rests_for_as_long_as_the_kernel_knows_it() -> None:
    talk = open_http()
    talk.asks = True
    talk.now += 4000
    assert talk.client(GET).action is FlowAction.ASKS
    assert talk.client(GET_REFUSED).action is FlowAction.REFUSED


def test_an_answer_may_take_minutes() -> None:
    """Plain HTTP that waits for news."""
    talk = Talk(dport=80)
    talk.client(GET)
    talk.now += 240
    assert talk.server(HTTP_OK).action is FlowAction.ASKS


@pytest.mark.parametrize("asks", [None, True])
def test_open_http_never_expires(asks: bool | None) -> None:
    """A download, a radio stream, a long poll: the client says nothing, and other flows come and go."""
    gone: list[object] = []
    table = FlowTable(forgotten=gone.append)
    talk = open_http(table=table)
    held = table.stats.buffered
    talk.asks = asks
    for hour in range(1, 30):
        for number in range(5):
            other = Talk(table=table, sport=1000 + number)
            other.now = talk.now + 3600 * hour + number
            other.client(HELLO)
            other.server(SERVER_HELLO)
    assert gone == []
    assert table.stats.expired == 0
    assert table.stats.buffered < held
    talk.now += 30 * 3600
    assert talk.client(GET).action is FlowAction.ASKS
    assert talk.client(b"\x00", at=talk.end - 1).action is FlowAction.ASKS
    assert talk.client(GET_REFUSED).action is FlowAction.REFUSED


def test_open_http_rests_in_the_middle_of_a_body_and_of_a_head() -> None:
    chunk = (
        b"POST / HTTP/1.1\r\nHost: " + ALLOWED.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n0123"
    )
    for before, after in (
        (GET[:20], GET[20:]),
        (chunk, b"45678\r\n0\r\n\r\n"),
        (chunk + b"45678\r", b"\n0\r\n\r\n"),
    ):
        talk = open_http()
        talk.asks = None
        talk.client(before)
        for number in range(3):
            other = Talk(table=talk.table, sport=1000 + number)
            other.now = talk.now + 1000
            other.client(HELLO)
        talk.now += 2000
        assert talk.client(after).action is FlowAction.ASKS
        assert talk.client(GET_REFUSED).action is FlowAction.REFUSED


def test_what_is_sent_again_after_a_rest_cannot_be_compared_and_goes_no_further() -> None:
    talk = open_http()
    talk.asks = None
    other = Talk(table=talk.table, sport=1000)
    other.now = talk.now + 1000
    other.client(HELLO)
    talk.now += 2000
    assert talk.client(GET, at=0).action is FlowAction.DROP
    assert talk.client(GET).action is FlowAction.ASKS
    assert talk.client(GET_REFUSED).action is FlowAction.REFUSED


def test_open_http_makes_room_and_takes_it() -> None:
    """Of connections that may rest and of others, those go of which there are more."""
    gone: list[int] = []
    table = FlowTable(Limits(flows=20), forgotten=lambda key: gone.append(key[3]))
    resting = [open_http(table=table, sport=number) for number in range(100, 110)]
    for number in range(200, 220):
        Talk(table=table, sport=number).client(HELLO)
    assert gone == list(range(200, 210))
    for talk in resting:
        talk.asks = True
        assert talk.client(GET).action is FlowAction.ASKS
    for number in range(300, 310):
        open_http(table=table, sport=number)
    assert len(gone) == 20
    assert all(port < 300 for port in gone)
    assert table.stats.flows == 20


def test_more_open_http_than_there_is_room_for() -> None:
    """Each new one takes the room of the one that said nothing for longest, never its own."""
    table = FlowTable(Limits(table_bytes=60_000))
    talks = [open_http(table=table, sport=number) for number in range(100, 150)]
    assert table.stats.buffered <= 60_000
    assert 5 < table.stats.flows < 20
    talks[-1].asks = True
    assert talks[-1].client(GET).action is FlowAction.ASKS
    talks[0].asks = True
    assert talks[0].client(GET).action is FlowAction.REFUSED
