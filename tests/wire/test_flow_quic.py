"""QUIC: whose hello is judged, and when it passes."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from gateway.wire.quic.crypto import VERSION_1, VERSION_2
from tests.wire.aioquic_pair import AioquicPair, aioquic_client, aioquic_server
from tests.wire.flow_forge import ALLOWED, DECOY, REFUSED, Talk, names_only
from tests.wire.flow_quic import DCID, SERVER_ID, SHORT, STUN, answer, initial
from tests.wire.identity import self_signed
from tests.wire.quic.test_quic import GOOGLE
from tests.wire.quic_forge import (
    DRAFT_29,
    ack,
    connection_close,
    crypto,
    encrypt_initial,
    long_header,
    protected,
    retry,
    version_negotiation,
)
from tests.wire.tls_forge import client_hello, ech, server_hello


@pytest.mark.parametrize("version", [4, 6])
def test_a_refused_name_is_refused_packet_by_packet(version: int) -> None:
    talk = Talk(version=version)
    step = talk.datagram(initial(REFUSED))
    assert step.action is FlowAction.REFUSED
    assert step.observation == Observation(Proto.QUIC, REFUSED, talk.remote, 443, alpn=("h2", "http/1.1"))
    for payload in (initial(REFUSED), initial(ALLOWED, dcid=b"another1"), SHORT, b"junk"):
        assert talk.datagram(payload).action is FlowAction.REFUSED
        assert talk.answer(SHORT).action is FlowAction.REFUSED
    assert talk.bench.hosts == [REFUSED]


def test_a_refused_flow_is_remembered_while_packets_come() -> None:
    talk = Talk(table=FlowTable(Limits(udp_age=10)))
    talk.datagram(initial(REFUSED))
    for _ in range(5):
        talk.now += 9
        assert talk.datagram(b"junk").action is FlowAction.REFUSED
    talk.now += 11
    assert talk.datagram(b"junk").action is FlowAction.HOLD


@pytest.mark.parametrize("version", [4, 6])
def test_an_allowed_name_passes_when_the_server_says_hello(version: int) -> None:
    talk = Talk(version=version)
    assert talk.datagram(initial(ALLOWED)).action is FlowAction.HOLD
    step = talk.answer(answer() + protected("handshake", b"", SERVER_ID))
    assert step.action is FlowAction.PASSES
    assert step.observation is not None
    assert step.observation.host == ALLOWED
    assert step.judged == (step.observation,)
    # What was in the queue by then follows.
    assert talk.answer(protected("handshake", b"", SERVER_ID)).action is FlowAction.PASSES
    assert talk.datagram(SHORT).action is FlowAction.PASSES
    assert talk.bench.hosts == [ALLOWED]


@pytest.mark.parametrize(
    "no_answer",
    [
        retry(b"", SERVER_ID),
        version_negotiation(b"", DCID, 0x0A0A0A0A, VERSION_1),
        answer(frames=ack()),
        answer(frames=connection_close()),
        answer(hrr=True),
        answer(key_dcid=SERVER_ID),
        answer(broken_tag=True),
        answer(frames=ack() + crypto(0, server_hello()[:60])),
        protected("handshake", b"", SERVER_ID),
        SHORT,
        STUN,
        b"",
    ],
    ids=[
        "retry",
        "vn",
        "ack",
        "close",
        "hrr",
        "other keys",
        "broken",
        "half",
        "handshake",
        "short",
        "stun",
        "empty",
    ],
)
def test_nothing_else_is_an_answer_to_an_initial(no_answer: bytes) -> None:
    talk = Talk(names_only)
    talk.datagram(initial(ALLOWED))
    for _ in range(3):
        assert talk.answer(no_answer).action is FlowAction.HOLD
        assert talk.datagram(initial(ALLOWED)).action is FlowAction.HOLD
    assert talk.bench.hosts == [ALLOWED]


def test_the_server_hello_may_take_two_datagrams() -> None:
    hello = server_hello(share=1120)
    talk = Talk()
    talk.datagram(initial(ALLOWED))
    assert talk.answer(answer(frames=crypto(600, hello[600:]), number=1)).action is FlowAction.HOLD
    assert talk.answer(answer(frames=crypto(0, hello[:600]))).action is FlowAction.PASSES


@pytest.mark.parametrize(("name", "expected"), [(ALLOWED, FlowAction.PASSES), (REFUSED, FlowAction.REFUSED)])
def test_after_a_retry_the_new_initial_is_judged(name: str, expected: FlowAction) -> None:
    talk = Talk()
    talk.datagram(initial(ALLOWED))
    talk.answer(retry(b"", SERVER_ID))
    step = talk.datagram(initial(name, dcid=SERVER_ID, token=b"token"))
    if expected is FlowAction.PASSES:
        assert step.action is FlowAction.HOLD
        step = talk.answer(answer(key_dcid=SERVER_ID))
    assert step.action is expected


@pytest.mark.parametrize(("name", "expected"), [(ALLOWED, FlowAction.PASSES), (REFUSED, FlowAction.REFUSED)])
def test_after_a_hello_retry_the_second_hello_is_judged(name: str, expected: FlowAction) -> None:
    first = client_hello(ALLOWED)
    talk = Talk()
    talk.datagram(encrypt_initial(crypto(0, first), dcid=DCID))
    assert talk.answer(answer(hrr=True)).action is FlowAction.HOLD
    second = encrypt_initial(crypto(len(first), client_hello(name)), dcid=SERVER_ID, key_dcid=DCID, number=1)
    step = talk.datagram(second)
    if expected is FlowAction.PASSES:
        assert step.action is FlowAction.HOLD
        frames = crypto(len(server_hello(hrr=True)), server_hello())
        step = talk.answer(answer(frames=frames, number=1))
    assert step.action is expected


def test_two_connections_on_one_flow_pass_with_the_name_that_was_answered() -> None:
    other = b"otherid1"
    talk = Talk()
    talk.datagram(initial(DECOY, dcid=other))
    talk.datagram(initial(ALLOWED))
    step = talk.answer(answer())
    assert step.action is FlowAction.PASSES
    assert step.observation is not None
    assert step.observation.host == ALLOWED
    assert [observation.host for observation in step.judged] == [DECOY, ALLOWED]
    for order in ((ALLOWED, REFUSED), (REFUSED, ALLOWED)):
        talk = Talk()
        for dcid, name in zip((other, DCID), order, strict=True):
            talk.datagram(initial(name, dcid=dcid))
        assert FlowAction.REFUSED in talk.actions


def test_early_data_rides_along_and_nothing_else_before_the_server_hello() -> None:
    talk = Talk()
    assert talk.datagram(initial(ALLOWED) + protected("0-rtt", DCID)).action is FlowAction.HOLD
    assert talk.datagram(protected("0-rtt", DCID)).action is FlowAction.HOLD
    assert talk.datagram(protected("handshake", DCID)).action is FlowAction.DROP
    assert talk.datagram(SHORT).action is FlowAction.DROP  # an old connection that moved to these ports
    assert talk.answer(answer()).action is FlowAction.PASSES


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (SHORT, FlowAction.REFUSED),
        (protected("handshake", DCID), FlowAction.REFUSED),
        (protected("0-rtt", DCID), FlowAction.DROP),
    ],
    ids=["short", "handshake", "0-rtt"],
)
def test_quic_without_an_initial_is_refused_so_that_the_client_begins_again(
    payload: bytes, expected: FlowAction
) -> None:
    talk = Talk(names_only)
    for _ in range(20):
        assert talk.datagram(payload).action is expected
    for reply in (SHORT, protected("handshake", DCID), answer()):
        assert Talk(names_only).answer(reply).action is FlowAction.DROP
    assert talk.bench.heard == []
    talk.datagram(initial(ALLOWED))
    assert talk.answer(answer()).action is FlowAction.PASSES


def test_initials_that_do_not_open_are_held_and_bounded() -> None:
    talk = Talk(names_only)
    for number in range(16):
        assert talk.datagram(initial(ALLOWED, broken_tag=True, number=number)).action is FlowAction.HOLD
    step = talk.datagram(initial(ALLOWED, broken_tag=True))
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


def test_datagrams_before_the_server_hello_are_bounded() -> None:
    talk = Talk(names_only)
    while talk.datagram(initial(ALLOWED)).action is FlowAction.HOLD:
        assert len(talk.steps) <= 64
    assert talk.actions[-1] is FlowAction.REFUSED
    talk = Talk(names_only)
    talk.datagram(initial(ALLOWED))
    while talk.answer(SHORT).action is FlowAction.HOLD:
        assert len(talk.steps) <= 64
    assert talk.actions[-1] is FlowAction.REFUSED


@pytest.mark.parametrize(
    "frames",
    [
        crypto(0, client_hello(ALLOWED)) + b"\x1e",
        crypto(0, b"\x02\x00\x00\x02xx"),
        crypto(0, client_hello(ALLOWED)) + crypto(100, b"!!!!"),
    ],
    ids=["frame type", "no ClientHello", "contradiction"],
)
def test_what_opens_and_is_malformed_is_refused(frames: bytes) -> None:
    talk = Talk(names_only)
    step = talk.datagram(encrypt_initial(frames, dcid=DCID))
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.MALFORMED


def test_faults_of_a_name_are_judged() -> None:
    assert Talk().datagram(initial(None)).action is FlowAction.REFUSED
    talk = Talk(table=FlowTable(ech_names=lambda: {"cover.example"}))
    step = talk.datagram(encrypt_initial(crypto(0, client_hello("cover.example", after=ech())), dcid=DCID))
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.ECH


# ------------------------------------------------------------------------------ other versions


def test_a_version_that_cannot_be_read_is_refused_by_the_packet() -> None:
    """The client may go on with one that can."""
    talk = Talk()
    step = talk.datagram(initial(ALLOWED, version=DRAFT_29))
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.VERSION
    assert talk.datagram(initial(ALLOWED)).action is FlowAction.HOLD
    assert talk.answer(answer()).action is FlowAction.PASSES


def test_a_version_that_cannot_be_read_passes_where_nameless_quic_may() -> None:
    talk = Talk(names_only)
    assert talk.datagram(initial(ALLOWED, version=DRAFT_29)).action is FlowAction.HOLD
    assert talk.answer(version_negotiation(b"", DCID, VERSION_1)).action is FlowAction.HOLD
    step = talk.answer(b"\xc0" + DRAFT_29.to_bytes(4, "big") + b"\x00\x00" + bytes(1200))
    assert step.action is FlowAction.HOLD
    step = talk.answer(SHORT)
    assert step.action is FlowAction.PASSES
    assert step.observation is not None
    assert step.observation.fault is Fault.VERSION


@pytest.mark.parametrize("start", GOOGLE.values(), ids=GOOGLE)
@pytest.mark.parametrize("dport", [443, 6121])
def test_googles_own_versions_are_refused_as_one_that_cannot_be_read(start: str, dport: int) -> None:
    talk = Talk(dport=dport)
    for _ in range(3):
        step = talk.datagram(bytes.fromhex(start) + bytes(1310))
        assert step.action is FlowAction.REFUSED
        assert step.observation is not None
        assert (step.observation.proto, step.observation.fault) == (Proto.QUIC, Fault.VERSION)
    assert talk.datagram(initial(ALLOWED)).action is FlowAction.HOLD
    assert talk.answer(answer()).action is FlowAction.PASSES


def test_a_connection_id_like_a_reserved_version_hides_no_version_of_google() -> None:
    packet = b"\x0d" + bytes.fromhex("0a0a0a0a0a0a0a0a") + b"Q043\x01" + bytes(1300)
    assert Talk().datagram(packet).action is FlowAction.REFUSED


def test_a_reserved_version_only_asks_for_versions() -> None:
    talk = Talk()
    probe = b"\xc0\x1a\x2a\x3a\x4a\x08" + DCID + b"\x00" + bytes(1190)
    assert talk.datagram(probe).action is FlowAction.HOLD
    assert talk.answer(version_negotiation(b"", DCID, VERSION_1)).action is FlowAction.HOLD
    assert talk.datagram(initial(REFUSED)).action is FlowAction.REFUSED


# ------------------------------------------------------------------------------ a real stack


@pytest.mark.parametrize("versions", [[VERSION_1], [VERSION_2, VERSION_1]])
@pytest.mark.parametrize(("name", "expected"), [(ALLOWED, FlowAction.PASSES), (REFUSED, FlowAction.REFUSED)])
def test_aioquic_is_decided_by_its_first_flight(versions: list[int], name: str, expected: FlowAction) -> None:
    client = aioquic_client(name, versions)
    pair = AioquicPair(
        client, aioquic_server(versions, self_signed(name), client.original_destination_connection_id)
    )
    talk = Talk()
    for from_client, datagram in pair.exchange():
        step = talk.datagram(datagram) if from_client else talk.answer(datagram)
        if step.action is not FlowAction.HOLD:
            break
    assert step.action is expected
    assert step.observation is not None
    assert step.observation.host == name
    assert len(talk.steps) <= 4


def test_a_long_header_of_noise_is_held() -> None:
    talk = Talk(names_only)
    assert talk.datagram(long_header("initial", DCID, b"") + b"\x00\x40").action is FlowAction.HOLD
