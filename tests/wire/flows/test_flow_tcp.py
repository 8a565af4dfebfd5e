"""TCP in protocols of its own."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.packet import ACK, FIN, RST
from tests.wire.flow_forge import (
    ALLOWED,
    HTTP_OK,
    REFUSED,
    SERVER_HELLO,
    Talk,
    careful,
    names_only,
)
from tests.wire.flow_said import get, hello


def test_an_unknown_protocol_is_decided_when_all_of_it_is_acknowledged() -> None:
    talk = Talk(dport=5222)
    talk.client(b"\x00hello")
    talk.client(b"\x00again")
    assert talk.server(b"\x00hi", acks=6).action is FlowAction.HOLD
    step = talk.server(b"\x00hi")
    assert step.action is FlowAction.PASSES
    assert step.observation == Observation(Proto.TCP, None, talk.remote, 5222)
    assert talk.bench.heard == [step.observation]


def test_an_unknown_protocol_is_refused_where_the_judge_says_so() -> None:
    talk = Talk(lambda observation: observation.host is not None, dport=5222)
    talk.client(b"\x00hello")
    assert talk.server(b"\x00hi").action is FlowAction.REFUSED


def test_a_server_that_speaks_first_is_let_speak_until_the_client_is_answered() -> None:
    talk = Talk(dport=22)
    assert talk.server(b"SSH-2.0-OpenSSH_10.0\r\n").action is FlowAction.HOLD
    assert talk.client(b"SSH-2.0-OpenSSH_9.9\r\n").action is FlowAction.HOLD
    assert talk.server(b"\x00\x00\x04\x5c\x0a\x14").action is FlowAction.PASSES


def test_flows_without_an_answer_are_judged_after_16_packets() -> None:
    for allows, expected in ((names_only, FlowAction.HOLD), (careful, FlowAction.REFUSED)):
        talk = Talk(allows, dport=5222)
        for _ in range(15):
            assert talk.client(b"\x00" * 100).action is FlowAction.HOLD
        step = talk.client(b"\x00" * 100)
        assert step.action is expected
        assert step.observation is not None
        assert step.observation.fault is Fault.UNANSWERED
        talk = Talk(allows, dport=5222)
        talk.client(b"\x00")
        for _ in range(16):
            step = talk.server(b"\x00" * 100, acks=0)
        assert step.action is expected


@pytest.mark.parametrize("allowed", [True, False])
def test_a_server_that_alone_speaks_is_decided_after_16_packets(allowed: bool) -> None:
    talk = Talk(lambda seen: allowed or seen.host is not None, dport=5222)
    for _ in range(15):
        assert talk.server(b"\x00" * 100).action is FlowAction.HOLD
    assert talk.server(b"\x00" * 100).action is (FlowAction.PASSES if allowed else FlowAction.REFUSED)


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("sizes", [(1448,), (2896,), (1448, 2896), (11584,), (30000,)], ids=str)
def test_a_download_in_merged_segments_is_decided(sizes: tuple[int, ...], allowed: bool) -> None:
    """The data connection of passive FTP: the client sends nothing, and the kernel merges segments."""
    talk = Talk(lambda seen: allowed or seen.host is not None, dport=20001)
    for number in range(16):
        step = talk.server(own(sizes[number % len(sizes)]))
        if step.action is not FlowAction.HOLD:
            break
    assert step.action is (FlowAction.PASSES if allowed else FlowAction.REFUSED)
    assert step.observation == Observation(Proto.TCP, None, talk.remote, 20001)


def test_fifteen_kilobytes_before_the_clients_hello_do_not_let_it_pass() -> None:
    """A server's first window: until the client acknowledges something, its hello may be on the way."""
    talk = Talk(names_only, dport=20001)
    for _ in range(5):
        assert talk.server(own(2920)).action is FlowAction.HOLD
    assert talk.client(hello(REFUSED)).action is FlowAction.REFUSED


@pytest.mark.parametrize(
    ("begins", "dport"),
    [(b"\xef", 443), (b"\xef", 8080), (HTTP_OK, 20001)],
    ids=["HTTPS", "port 8080", "HTTP"],
)
def test_what_may_be_a_web_server_does_not_pass_by_much_data(begins: bytes, dport: int) -> None:
    talk = Talk(dport=dport)
    talk.server(begins + own(2000))
    for _ in range(14):
        step = talk.server(own(2000))
        assert step.action is not FlowAction.PASSES


def test_an_upload_without_an_answer_passes_once_it_is_longer_than_decoys() -> None:
    """The data connection of FTP: its server says nothing before the end."""
    talk = Talk(names_only, dport=20001)
    actions = [talk.client(own(1400)).action for _ in range(40)]
    passed = actions.index(FlowAction.PASSES)
    assert 24_000 < (passed + 1) * 1400 < 28_000
    assert set(actions[:passed]) == {FlowAction.HOLD}


def test_a_server_that_nothing_was_said_to_is_no_server_that_does_not_answer() -> None:
    talk = Talk(careful, dport=5222)
    for _ in range(16):
        step = talk.server(b"\x00" * 100)
    assert step.action is FlowAction.PASSES
    assert step.observation == Observation(Proto.TCP, None, talk.remote, 5222)


def test_a_web_server_that_does_not_answer_is_never_let_through() -> None:
    """Sixteen decoys and then the hello."""
    talk = Talk(names_only)
    for _ in range(40):
        assert talk.client(b"\x00" * 100).action is FlowAction.HOLD
    assert talk.client(hello(REFUSED)).action is FlowAction.REFUSED
    assert len(talk.bench.heard) == 2


@pytest.mark.parametrize("start", range(1, 11))
def test_a_server_hello_cut_short_does_not_pass_as_an_unknown_protocol(start: int) -> None:
    """The client's bytes made no sense to us, but the server's do."""
    talk = Talk(names_only, dport=8444)
    talk.client(b"\x00\x01\x02\x03 the server reads a hello here")
    assert talk.server(SERVER_HELLO[:start]).action is FlowAction.HOLD
    assert talk.server(SERVER_HELLO[start:]).action is FlowAction.REFUSED


def test_an_http_answer_to_no_request_is_refused() -> None:
    talk = Talk(names_only, dport=8444)
    talk.client(b"\x00\x01\x02\x03 the server reads a request here")
    assert talk.server(HTTP_OK).action is FlowAction.REFUSED


def own(size: int, start: int = 0) -> bytes:
    """Bytes of a protocol that is certainly neither TLS nor HTTP."""
    return (b"\xef" + bytes(range(1, 250)) * (size // 249 + 1))[start : start + size]


@pytest.mark.parametrize("dport", [443, 8443, 80])
@pytest.mark.parametrize("lost", [None, 3, 20])
def test_an_upload_in_a_protocol_of_its_own(dport: int, lost: int | None) -> None:
    """200 kB, and nothing is acknowledged before all is there."""
    table = FlowTable()
    talk = Talk(dport=dport, allows=names_only, table=table)
    data = own(200_000)
    for number, at in enumerate(range(0, len(data), 1400)):
        if number != lost:
            assert talk.client(data[at : at + 1400], at=at).action is FlowAction.HOLD
        if number == 30 and lost is not None:
            assert (
                talk.client(data[lost * 1400 : lost * 1400 + 1400], at=lost * 1400).action is FlowAction.HOLD
            )
    assert table.stats.buffered < 50_000
    assert table.stats.postponed == 0
    step = talk.server(b"\x01done")
    assert step.action is FlowAction.PASSES
    assert step.observation == Observation(Proto.TCP, None, talk.remote, dport)


def test_a_protocol_of_its_own_whose_answers_lag_behind() -> None:
    talk = Talk(names_only)
    data = own(60_000)
    for at in range(0, 60_000, 600):
        talk.client(data[at : at + 600])
        if talk.server(b"\xaa" * 100, acks=max(0, at - 600)).action is FlowAction.PASSES:
            break
    assert talk.actions[-1] is FlowAction.PASSES
    assert FlowAction.REFUSED not in talk.actions


@pytest.mark.parametrize("size", [1, 50, 1400])
@pytest.mark.parametrize("sent", [hello(REFUSED), get(REFUSED)])
def test_a_name_behind_an_upload_of_its_own_is_judged(sent: bytes, size: int) -> None:
    talk = Talk(names_only)
    data = own(40_000)
    for at in range(0, len(data), 1400):
        talk.client(data[at : at + 1400])
    for at in range(0, len(sent), size):
        talk.now += 0.01  # each one is searched among much else
        talk.client(sent[at : at + size])
    assert talk.actions[-1] is FlowAction.REFUSED
    assert REFUSED in talk.bench.hosts


@pytest.mark.parametrize("size", [50, 1400])
@pytest.mark.parametrize(("sent", "answer"), [(hello(REFUSED), SERVER_HELLO), (get(REFUSED), HTTP_OK)])
def test_an_upload_of_its_own_that_dies_on_the_way_hides_nothing(
    sent: bytes, answer: bytes, size: int
) -> None:
    talk = Talk(names_only)
    data = own(40_000)
    for at in range(0, len(data), 1400):
        talk.client(data[at : at + 1400], at=at, decoy=True)
    for at in range(0, len(sent), size):
        talk.client(sent[at : at + size], at=at)
    talk.server(answer, acks=len(sent))
    assert FlowAction.PASSES not in talk.actions
    assert talk.actions[-1] is FlowAction.REFUSED


def test_segments_without_payload_decide_nothing() -> None:
    talk = Talk()
    talk.handshake()
    talk.client(hello(ALLOWED))
    assert talk.server(b"").action is FlowAction.HOLD
    talk.client(b"", flags=ACK | FIN)
    talk.client(b"", flags=ACK | RST)
    assert set(talk.actions) == {FlowAction.HOLD}
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES


def test_a_server_that_talks_for_ever_without_a_hello_is_refused_at_the_limit() -> None:
    talk = Talk(names_only)
    talk.client(hello(ALLOWED))
    for _ in range(40):
        step = talk.server(b"x" * 1000)
        if step.action is FlowAction.REFUSED:
            break
    assert step.action is FlowAction.REFUSED
    assert len(talk.steps) <= 35
