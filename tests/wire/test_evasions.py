"""Every known evasion: a refused name is refused before anything passes, an allowed one gets through."""

from __future__ import annotations

import random
from itertools import count, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Observation
from gateway.wire.flows.actions import FlowAction, Judge
from gateway.wire.flows.table import FlowTable
from gateway.wire.tls.hello import read_client_hellos
from tests.wire import evasion_hellos, evasion_http
from tests.wire.evasion_cases import (
    HTTP_CASES,
    ODD_HTTP_CASES,
    ODD_TLS_CASES,
    QUIC_CASES,
    TLS_CASES,
)
from tests.wire.evasion_moves import Case, get, tls
from tests.wire.evasion_quic import quic, quic_answer
from tests.wire.flow_forge import (
    ALLOWED,
    DECOY,
    HTTP_OK,
    REFUSED,
    RETRY,
    SERVER_HELLO,
    Talk,
    careful,
    fragments,
    names_only,
    udp_packet,
)
from tests.wire.tls_forge import client_hello, records

ASKS_BEFORE = {  # their first request is allowed
    evasion_http.h13_keepalive2,
    evasion_http.h14_keepalive2_split_disorder,
    evasion_http.h31_pri_after_an_answer,
    evasion_http.h32_upgrade_ignored,
    evasion_http.h33_upgrade_of_a_later_request,
}
OPENS_ITSELF = {evasion_hellos.t26_fake_syndata, evasion_hellos.t27_tfo, evasion_hellos.t27_tfo_in_part}
versions = pytest.mark.parametrize("version", [4, 6])
seen_by = pytest.mark.parametrize("seen", ["queue", "kernel and queue", "capture"])
tls_case = pytest.mark.parametrize("case", TLS_CASES, ids=lambda case: case.__name__)
http_case = pytest.mark.parametrize("case", HTTP_CASES, ids=lambda case: case.__name__)
quic_case = pytest.mark.parametrize("case", QUIC_CASES, ids=lambda case: case.__name__)


def begin(case: Case, *, seen: str, **how: object) -> Talk:
    handshake = seen == "capture"
    table = FlowTable(handshakes=handshake)
    talk = Talk(table=table, kernel=seen == "kernel and queue", **how)  # type: ignore[arg-type]
    if handshake and case not in OPENS_ITSELF:
        talk.handshake()
    return talk


def assert_refused(talk: Talk, *, may_ask: bool = False) -> None:
    """By its name, before anything else was let through."""
    assert FlowAction.REFUSED in talk.actions
    assert FlowAction.PASSES not in talk.actions
    assert may_ask or FlowAction.ASKS not in talk.actions
    step = talk.steps[talk.actions.index(FlowAction.REFUSED)]
    assert step.observation is not None
    assert step.observation.host == REFUSED


@versions
@seen_by
@tls_case
def test_tls_of_a_refused_name(case: Case, seen: str, version: int) -> None:
    """Even where no fault is refused, and before the server says anything to it."""
    talk = begin(case, seen=seen, allows=names_only, version=version)
    case(talk, REFUSED)
    assert_refused(talk)
    talk.server(SERVER_HELLO)
    assert FlowAction.PASSES not in talk.actions


@versions
@seen_by
@tls_case
def test_tls_of_an_allowed_name(case: Case, seen: str, version: int) -> None:
    talk = begin(case, seen=seen, allows=careful, version=version)
    case(talk, ALLOWED)
    assert FlowAction.REFUSED not in talk.actions
    assert FlowAction.PASSES not in talk.actions
    step = talk.server(SERVER_HELLO)
    assert step.action is FlowAction.PASSES
    assert ALLOWED in [observation.host for observation in step.judged]


@versions
@tls_case
def test_tls_on_another_port(case: Case, version: int) -> None:
    """t37: no port is special."""
    talk = Talk(names_only, version=version, dport=8443)
    case(talk, REFUSED)
    assert_refused(talk)


@tls_case
def test_where_nameless_flows_pass_a_hello_is_never_taken_for_one(case: Case) -> None:
    """A server that answers while the hello is still on its way, and acknowledges all that it has."""
    talk = Talk(names_only, dport=9443)
    send, raw = talk.raw, talk.raw

    def answered(packet: bytes, *, from_lan: bool = True) -> object:
        step = send(packet, from_lan=from_lan)
        if from_lan and step.action is FlowAction.HOLD and talk.acknowledged:
            talk.raw = raw  # type: ignore[method-assign]
            talk.server(RETRY[:7], at=0)
            talk.raw = answered  # type: ignore[method-assign,assignment]
        return step

    talk.raw = answered  # type: ignore[method-assign,assignment]
    case(talk, REFUSED)
    assert FlowAction.PASSES not in talk.actions
    assert FlowAction.REFUSED in talk.actions


@versions
@seen_by
@http_case
def test_http_of_a_refused_name(case: Case, seen: str, version: int) -> None:
    talk = begin(case, seen=seen, allows=names_only, version=version, dport=80)
    case(talk, REFUSED)
    assert_refused(talk, may_ask=case in ASKS_BEFORE)
    talk.server(HTTP_OK)
    assert FlowAction.PASSES not in talk.actions


@versions
@seen_by
@http_case
def test_http_of_an_allowed_name(case: Case, seen: str, version: int) -> None:
    talk = begin(case, seen=seen, allows=careful, version=version, dport=80)
    case(talk, ALLOWED)
    step = talk.server(HTTP_OK)
    assert step.action is FlowAction.ASKS
    assert FlowAction.REFUSED not in talk.actions
    assert FlowAction.PASSES not in talk.actions
    assert ALLOWED in talk.bench.hosts
    # The connection goes on, and so does the judging.
    assert talk.client(get(ALLOWED)).action is FlowAction.ASKS
    assert talk.client(get(REFUSED)).action is FlowAction.REFUSED


@versions
@seen_by
@pytest.mark.parametrize("case", ODD_TLS_CASES + ODD_HTTP_CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("judge", [names_only, careful])
def test_beside_a_decoy_what_servers_read_is_judged(
    case: Case, seen: str, version: int, judge: Judge
) -> None:
    """A refused name is refused by its name. An allowed one gets through where faults do."""
    tls_like = case in ODD_TLS_CASES
    dport, answer = (443, SERVER_HELLO) if tls_like else (80, HTTP_OK)
    talk = begin(case, seen=seen, allows=judge, version=version, dport=dport)
    case(talk, REFUSED)
    assert_refused(talk)
    talk.server(answer)
    assert FlowAction.PASSES not in talk.actions
    talk = begin(case, seen=seen, allows=names_only, version=version, dport=dport)
    case(talk, ALLOWED)
    assert set(talk.actions) <= {FlowAction.HOLD, FlowAction.ANSWERABLE}
    assert talk.server(answer).action is (FlowAction.PASSES if tls_like else FlowAction.ASKS)
    assert ALLOWED in talk.bench.hosts


@http_case
def test_http_on_another_port(case: Case) -> None:
    """h15."""
    talk = Talk(names_only, dport=8080)
    case(talk, REFUSED)
    assert_refused(talk, may_ask=case in ASKS_BEFORE)


@versions
@quic_case
def test_quic_of_a_refused_name(case: Case, version: int) -> None:
    talk = Talk(names_only, version=version)
    case(talk, REFUSED)
    assert_refused(talk)
    assert talk.answer(quic_answer(case)).action is FlowAction.REFUSED


@versions
@quic_case
def test_quic_of_an_allowed_name(case: Case, version: int) -> None:
    talk = Talk(careful, version=version)
    case(talk, ALLOWED)
    assert set(talk.actions) == {FlowAction.HOLD}
    step = talk.answer(quic_answer(case))
    assert step.action is FlowAction.PASSES
    assert step.observation is not None
    assert step.observation.host == ALLOWED


@quic_case
def test_quic_on_another_port(case: Case) -> None:
    talk = Talk(names_only, dport=8443)
    case(talk, REFUSED)
    assert_refused(talk)


# ------------------------------------------------------------------------------ IP fragments


@versions
@pytest.mark.parametrize("first", [0, 1], ids=["in order", "disorder"])
@pytest.mark.parametrize("name", [REFUSED, ALLOWED])
def test_fragments_that_nobody_has_joined_are_refused(version: int, first: int, name: str) -> None:
    """t23, t24, q19: in front of the queue the kernel joins them, so none ever gets here."""
    for packet in (
        Talk(version=version).segment(tls(name), 0),
        udp_packet(Talk(version=version).device, Talk(version=version).remote, 40000, 443, quic(name)),
    ):
        talk = Talk(names_only, version=version)
        parts = fragments(packet, 64)
        for part in parts if first == 0 else parts[::-1]:
            talk.raw(part)
        assert FlowAction.PASSES not in talk.actions
        assert FlowAction.REFUSED in talk.actions
        assert Fault.FRAGMENT in [observation.fault for observation in talk.bench.heard]
        step = talk.steps[talk.actions.index(FlowAction.REFUSED)]
        assert step.observation is not None
        assert step.observation.host is None
        assert step.observation.dst == talk.remote


# ------------------------------------------------------------------------------ any cut, any order


cuts = st.lists(st.integers(1, 1500), max_size=12)


@settings(max_examples=150, deadline=None)
@given(cuts, st.randoms(use_true_random=False), st.booleans(), st.sampled_from([20, 1200, 20000]))
def test_any_segmentation_order_and_repetition_gives_the_same_verdict(
    where: list[int], rng: random.Random, big: bool, record_size: int
) -> None:
    for name, expected in ((REFUSED, FlowAction.REFUSED), (ALLOWED, FlowAction.PASSES)):
        data = records(client_hello(name, post_quantum=big), record_size)
        ends = sorted({min(cut, len(data)) for cut in where} | {len(data)})
        parts = list(zip([0, *ends[:-1]], ends, strict=True))
        parts += rng.sample(parts, k=min(3, len(parts)))
        rng.shuffle(parts)
        talk = Talk(careful)
        for start, end in parts:
            talk.client(data[start:end], at=start)
        talk.server(SERVER_HELLO)
        assert talk.actions[-1] is expected
        assert talk.bench.hosts == [name]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 400), max_size=3),
    st.lists(st.integers(1, 400), max_size=3),
    st.booleans(),
    st.data(),
)
def test_a_decoy_and_a_hello_in_any_pieces_and_order_never_pass_a_refused_name(
    real_cuts: list[int], fake_cuts: list[int], kernel: bool, data: st.DataObject
) -> None:
    parts = []
    for bytes_sent, where in ((tls(REFUSED), real_cuts), (tls(DECOY), fake_cuts)):
        ends = sorted({min(cut, len(bytes_sent)) for cut in where} | {len(bytes_sent)})
        parts += [(start, bytes_sent[start:end]) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    talk = Talk(names_only, kernel=kernel)
    for start, piece in data.draw(st.permutations(parts)):
        talk.client(piece, at=start)
    talk.server(SERVER_HELLO, acks=len(tls(REFUSED)))
    assert FlowAction.REFUSED in talk.actions
    assert FlowAction.PASSES not in talk.actions


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(1, 230), max_size=3), st.booleans(), st.booleans(), st.booleans(), st.data())
def test_no_server_ever_reads_a_refused_name_that_we_have_not_refused(
    where: list[int], last_wins: bool, padded: bool, kernel: bool, data: st.DataObject
) -> None:
    """Decoys and real parts are sent in any mixture, any of them is lost on the way, and the server keeps the
    first or the last copy of each byte. It says hello as soon as it has read one.
    """
    streams = [tls(REFUSED), tls(DECOY), tls(ALLOWED, session_id=b""), bytes(len(tls(REFUSED)))]
    if padded:
        streams = [records(client_hello(name), 40) for name in (REFUSED, DECOY)] + streams[2:]
    pool = []
    for stream in streams:
        ends = sorted({min(cut, len(stream)) for cut in where} | {len(stream)})
        pool += [(start, stream[start:end]) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    talk = Talk(names_only, kernel=kernel)
    has: dict[int, int] = {}
    for start, piece in data.draw(st.lists(st.sampled_from(pool), max_size=10)):
        step = talk.client(piece, at=start)
        if step.action is FlowAction.REFUSED:
            return
        if data.draw(st.booleans()):
            for at, byte in enumerate(piece, start):
                has[at] = byte if last_wins or at not in has else has[at]
        read = bytes(has[at] for at in takewhile(has.__contains__, count()))
        hellos = _hellos_of(read)
        if hellos:
            step = talk.server(SERVER_HELLO, acks=len(read))
            assert hellos[0] != REFUSED or step.action is FlowAction.REFUSED
            return


def _hellos_of(read: bytes) -> list[str | None]:
    try:
        return [hello.sni for hello, _ in read_client_hellos(read)]
    except WireError:
        return []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(-50, 50), st.binary(max_size=60), st.integers(0, 63)),
        max_size=30,
    )
)
def test_any_segments_at_all_get_an_action(
    packets: list[tuple[bool, int, bytes, int]],
) -> None:
    talk = Talk(names_only)
    for from_lan, at, payload, flags in packets:
        if from_lan:
            talk.client(payload, at=at, flags=flags)
        else:
            talk.server(payload, at=max(0, at), acks=at)
    assert all(isinstance(action, FlowAction) for action in talk.actions)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=200)), max_size=30))
def test_any_datagrams_at_all_get_an_action(packets: list[tuple[bool, bytes]]) -> None:
    talk = Talk(names_only)
    for from_lan, payload in packets:
        if from_lan:
            talk.datagram(payload)
        else:
            talk.answer(payload)
    assert all(isinstance(action, FlowAction) for action in talk.actions)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_at_all_get_an_action(data: bytes, from_lan: bool) -> None:
    heard: list[Observation] = []

    def judge(observation: Observation) -> bool:
        heard.append(observation)
        return True

    step = FlowTable().packet(data, from_lan=from_lan, now=0.0, judge=judge)
    assert isinstance(step.action, FlowAction)
