"""Nameless flows whose first bytes are a service's: what the judge hears of them."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.table import FlowTable
from tests.wire.flow_forge import ALLOWED, Talk, names_only
from tests.wire.flow_said import hello

CHAT = b"CHAT\x01\x02"
VOICE = b"\x00\x01\x00\x46" + bytes(70)


def recognise(proto: str, payload: bytes, port: int) -> tuple[str, ...]:
    if proto == "tcp" and payload.startswith(CHAT) and port == 5222:
        return ("chat",)
    return ("voice",) if proto == "udp" and payload == VOICE else ()


def talk_to(port: int, *, refused: bool = True, version: int = 4) -> Talk:
    """Return a conversation whose judge refuses what was recognised, if ``refused``."""
    return Talk(
        lambda seen: not (refused and seen.signature),
        dport=port,
        version=version,
        table=FlowTable(recognise=recognise),
    )


@pytest.mark.parametrize("version", [4, 6])
def test_a_stream_is_refused_at_the_servers_answer(version: int) -> None:
    talk = talk_to(5222, version=version)
    assert talk.client(CHAT).action is FlowAction.HOLD
    step = talk.server(b"\x00hi")
    assert step.action is FlowAction.REFUSED
    assert step.observation == Observation(Proto.TCP, None, talk.remote, 5222, signature=("chat",))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_stream_in_pieces(size: int) -> None:
    talk = talk_to(5222)
    for position in range(0, len(CHAT), size):
        assert talk.client(CHAT[position : position + size]).action is FlowAction.HOLD
    assert talk.server(b"\x00hi").action is FlowAction.REFUSED


def test_a_stream_that_is_allowed_passes_with_what_was_recognised() -> None:
    talk = talk_to(5222, refused=False)
    talk.client(CHAT)
    step = talk.server(b"\x00hi")
    assert step.action is FlowAction.PASSES
    assert step.observation is not None
    assert step.observation.signature == ("chat",)


def test_another_port_or_other_bytes() -> None:
    for port, data in ((5223, CHAT), (5222, b"\x00" + CHAT)):
        talk = talk_to(port)
        talk.client(data)
        assert talk.server(b"\x00hi").action is FlowAction.PASSES


def test_a_stream_without_an_answer() -> None:
    talk = talk_to(5222)
    talk.client(CHAT)
    for _ in range(15):
        step = talk.client(b"\x00" * 100)
    assert step.action is FlowAction.REFUSED
    assert step.observation == Observation(
        Proto.TCP, None, talk.remote, 5222, fault=Fault.UNANSWERED, signature=("chat",)
    )


def test_a_hello_has_a_name_and_no_signature() -> None:
    talk = Talk(names_only, table=FlowTable(recognise=lambda proto, payload, port: ("any",)))
    talk.client(hello(ALLOWED))
    assert [seen.signature for seen in talk.bench.heard] == [()]


@pytest.mark.parametrize("before", [0, 1, 5])
def test_a_datagram_is_recognised_whatever_precedes_it(before: int) -> None:
    talk = talk_to(50_000)
    for _ in range(before):
        talk.datagram(b"\x99" * 30)
    assert talk.datagram(VOICE).action is FlowAction.HOLD
    step = talk.answer(b"\x00\x02\x00\x46" + bytes(70))
    assert step.action is FlowAction.REFUSED
    assert step.observation == Observation(Proto.UDP, None, talk.remote, 50_000, signature=("voice",))


def test_other_datagrams_pass() -> None:
    talk = talk_to(50_000)
    talk.datagram(VOICE[:-1])
    assert talk.answer(b"\x99" * 30).action is FlowAction.PASSES
