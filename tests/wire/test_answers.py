"""What counts as a server's answer to what was asked, and what is one to something that went unread."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault, Observation
from gateway.wire.flows.actions import FlowAction, Judge
from tests.wire.evasion_moves import fake, get, tls
from tests.wire.flow_forge import ALLOWED, HTTP_OK, REFUSED, SERVER_HELLO, Talk, careful, names_only


def block_list(observation: Observation) -> bool:
    """As a band judges that lets nameless flows through."""
    return observation.host != REFUSED and observation.fault in (None, Fault.NO_NAME, Fault.UNANSWERED)


LENIENT = pytest.mark.parametrize("judge", [names_only, block_list])
ALL = pytest.mark.parametrize("judge", [names_only, block_list, careful])


@ALL
@pytest.mark.parametrize("dport", [443, 80])
def test_a_server_hello_answers_no_request(judge: Judge, dport: int) -> None:
    """A request with a long body, all left of the window, is read on as plain HTTP; then comes a hello."""
    head = b"POST / HTTP/1.1\r\nHost: " + ALLOWED.encode() + b"\r\nContent-Length: 900000\r\n\r\n"
    decoy = head + bytes(17_000)
    talk = Talk(judge, dport=dport)
    for at in range(0, len(decoy), 1400):
        talk.client(decoy[at : at + 1400], at=at - len(decoy), decoy=True)
    talk.client(tls(REFUSED), at=0)
    talk.server(SERVER_HELLO)
    assert not {FlowAction.ASKS, FlowAction.PASSES} & set(talk.actions)


@ALL
@pytest.mark.parametrize("answer", [HTTP_OK, SERVER_HELLO, b"ICY 200 OK\r\n\r\nxxxx"])
def test_an_answer_to_a_head_that_is_not_complete(judge: Judge, answer: bytes) -> None:
    """The server sees an end of it that we do not."""
    talk = Talk(judge, dport=80)
    talk.client(get(REFUSED)[:-2] + b"\x20\r")
    assert talk.server(answer).action is FlowAction.REFUSED


@LENIENT
@pytest.mark.parametrize(
    "answer",
    [
        SERVER_HELLO,
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"220 ready\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    ],
    ids=["hello", "alert", "banner", "settings"],
)
def test_what_is_no_http_answers_no_request(judge: Judge, answer: bytes) -> None:
    talk = Talk(judge, dport=443)
    fake(talk, get(ALLOWED))
    talk.client(bytes([0x17]) * len(get(ALLOWED)), at=0)
    talk.server(answer)
    assert not {FlowAction.ASKS, FlowAction.PASSES} & set(talk.actions)


def test_a_radio_stations_answer_is_one() -> None:
    """Its first line is ``ICY 200 OK`` (SHOUTcast)."""
    talk = Talk(dport=8000)
    talk.client(get(ALLOWED))
    assert talk.server(b"ICY 200 OK\r\n\r\nmusic").action is FlowAction.ASKS


def test_an_answer_may_come_byte_by_byte() -> None:
    talk = Talk(dport=80)
    talk.client(get(ALLOWED))
    actions = [talk.server(HTTP_OK[at : at + 1]).action for at in range(8)]
    assert set(actions) == {FlowAction.ASKS}
