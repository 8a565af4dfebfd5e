"""UDP that is not QUIC."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import FlowAction
from gateway.wire.quic.crypto import VERSION_1
from tests.wire.flow_forge import REFUSED, Talk, careful, names_only
from tests.wire.flow_quic import DCID, SHORT, STUN, initial
from tests.wire.quic_forge import (
    version_negotiation,
)


@pytest.mark.parametrize(
    ("dport", "ask", "reply"),
    [
        (3478, STUN, b"\x01\x01" + STUN[2:]),
        (123, b"\xe3" + bytes(47), b"\x24" + bytes(47)),
        (51820, b"\x01\x00\x00\x00" + bytes(144), b"\x02\x00\x00\x00" + bytes(88)),
        (1194, b"\x38" + bytes(41), b"\x40" + bytes(50)),
        (443, b"\x16\xfe\xff\x00\x00" + bytes(100), b"\x16\xfe\xff\x00\x00" + bytes(48)),
        (443, STUN, SHORT),
        (50000, b"\x80\x60\x00\x01" + bytes(160), b"\x80\x60\x00\x01" + bytes(160)),
        (27015, b"\xff\xff\xff\xffTSource Engine Query\x00", b"\xff\xff\xff\xffA" + bytes(4)),
    ],
    ids=["stun", "ntp", "wireguard", "openvpn", "dtls", "turn on 443", "rtp", "game"],
)
def test_other_udp_is_decided_by_its_first_answer(dport: int, ask: bytes, reply: bytes) -> None:
    talk = Talk(careful, dport=dport)
    assert talk.datagram(ask).action is FlowAction.HOLD
    step = talk.answer(reply)
    assert step.action is FlowAction.PASSES
    assert step.observation == Observation(Proto.UDP, None, talk.remote, dport)
    talk = Talk(lambda observation: False, dport=dport)
    talk.datagram(ask)
    assert talk.answer(reply).action is FlowAction.REFUSED


def test_a_stateless_reset_answers_to_nothing() -> None:
    """A QUIC server on another port, provoked by noise, and then the real thing."""
    talk = Talk(names_only, dport=8443)
    assert talk.datagram(SHORT).action is FlowAction.HOLD
    assert talk.answer(SHORT[:43]).action is FlowAction.HOLD
    assert talk.answer(version_negotiation(b"", DCID, VERSION_1)).action is FlowAction.HOLD
    assert talk.datagram(initial(REFUSED)).action is FlowAction.REFUSED


def test_quic_after_other_datagrams_is_still_judged() -> None:
    for first in (bytes(64), STUN, b""):
        talk = Talk(names_only)
        assert talk.datagram(first).action is FlowAction.HOLD
        assert talk.datagram(initial(REFUSED)).action is FlowAction.REFUSED


def test_datagrams_without_an_answer_are_judged_after_16_and_never_let_go() -> None:
    for allows, expected in ((names_only, FlowAction.HOLD), (careful, FlowAction.REFUSED)):
        talk = Talk(allows, dport=50000)
        for _ in range(15):
            assert talk.datagram(bytes(50)).action is FlowAction.HOLD
        step = talk.datagram(bytes(50))
        assert step.action is expected
        assert step.observation is not None
        assert step.observation.fault is Fault.UNANSWERED
    for dport in (443, 50000):
        talk = Talk(names_only, dport=dport)
        for _ in range(200):
            assert talk.datagram(bytes(50)).action is FlowAction.HOLD
        assert [observation.fault for observation in talk.bench.heard] == [Fault.UNANSWERED]
        assert talk.datagram(initial(REFUSED)).action is FlowAction.REFUSED


def test_datagrams_without_an_answer_end_once_they_are_not_allowed() -> None:
    talk = Talk(names_only, dport=50000)
    for _ in range(15):
        talk.datagram(bytes(50))
        assert talk.table.refuse_unanswered(0, careful, talk.now) == []  # not judged yet
    assert talk.datagram(bytes(50)).action is FlowAction.HOLD
    assert talk.table.refuse_unanswered(0, names_only, talk.now) == []
    assert len(talk.table.refuse_unanswered(0, careful, talk.now)) == 1
    assert talk.datagram(bytes(50)).action is FlowAction.REFUSED


def test_a_server_that_sends_first_is_judged_and_never_let_go_alone() -> None:
    for allows, expected in ((names_only, FlowAction.HOLD), (careful, FlowAction.REFUSED)):
        talk = Talk(allows, dport=50000)
        for _ in range(15):
            assert talk.answer(bytes(50)).action is FlowAction.HOLD
        assert talk.answer(bytes(50)).action is expected
    talk = Talk(names_only, dport=50000)
    for _ in range(30):
        talk.answer(bytes(50))
    assert talk.datagram(bytes(50)).action is FlowAction.HOLD
    assert talk.answer(bytes(50)).action is FlowAction.PASSES


@pytest.mark.parametrize(("dport", "expected"), [(50000, FlowAction.PASSES), (8443, FlowAction.HOLD)])
def test_short_answers_are_no_resets_when_there_are_many(dport: int, expected: FlowAction) -> None:
    """A protocol of its own whose packets look like QUIC's, and whose server says less than the client."""
    talk = Talk(names_only, dport=dport)
    for _ in range(16):
        assert talk.datagram(b"VS01" + bytes(1000)).action is FlowAction.HOLD
        step = talk.answer(b"VS01" + bytes(40))
    assert step.action is expected
