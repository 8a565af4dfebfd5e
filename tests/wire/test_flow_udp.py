"""When a UDP flow is decided: QUIC by both hellos, anything else by its first real answer."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows import Action, FlowTable
from gateway.wire.limits import Limits
from gateway.wire.quic_crypto import VERSION_1, VERSION_2
from tests.wire.aioquic_pair import AioquicPair, aioquic_client, aioquic_server
from tests.wire.flow_forge import ALLOWED, DECOY, REFUSED, Talk, careful, names_only
from tests.wire.identity import self_signed
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

DCID = bytes.fromhex("0102030405060708")
SERVER_ID = bytes.fromhex("a1a2a3a4a5a6a7a8")
SHORT = b"\x41" + bytes(range(100, 160))
STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)


def initial(name: str | None, dcid: bytes = DCID, **how: object) -> bytes:
    return encrypt_initial(crypto(0, client_hello(name)), dcid=dcid, **how)  # type: ignore[arg-type]


def answer(key_dcid: bytes = DCID, *, hrr: bool = False, frames: bytes | None = None, **how: object) -> bytes:
    frames = ack() + crypto(0, server_hello(hrr=hrr)) if frames is None else frames
    how = {"dcid": b"", "scid": SERVER_ID, "key_dcid": key_dcid, "server": True} | how
    return encrypt_initial(frames, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", [4, 6])
def test_a_refused_name_is_refused_packet_by_packet(version: int) -> None:
    talk = Talk(version=version)
    step = talk.datagram(initial(REFUSED))
    assert step.action is Action.REFUSED
    assert step.observation == Observation(Proto.QUIC, REFUSED, talk.remote, 443, alpn=("h2", "http/1.1"))
    for payload in (initial(REFUSED), initial(ALLOWED, dcid=b"another1"), SHORT, b"junk"):
        assert talk.datagram(payload).action is Action.REFUSED
        assert talk.answer(SHORT).action is Action.REFUSED
    assert talk.bench.hosts == [REFUSED]


def test_a_refused_flow_is_remembered_while_packets_come() -> None:
    talk = Talk(table=FlowTable(Limits(udp_age=10)))
    talk.datagram(initial(REFUSED))
    for _ in range(5):
        talk.now += 9
        assert talk.datagram(b"junk").action is Action.REFUSED
    talk.now += 11
    assert talk.datagram(b"junk").action is Action.HOLD


@pytest.mark.parametrize("version", [4, 6])
def test_an_allowed_name_passes_when_the_server_says_hello(version: int) -> None:
    talk = Talk(version=version)
    assert talk.datagram(initial(ALLOWED)).action is Action.HOLD
    step = talk.answer(answer() + protected("handshake", b"", SERVER_ID))
    assert step.action is Action.PASSES
    assert step.observation is not None
    assert step.observation.host == ALLOWED
    assert step.heard == (step.observation,)
    # What was in the queue by then follows.
    assert talk.answer(protected("handshake", b"", SERVER_ID)).action is Action.PASSES
    assert talk.datagram(SHORT).action is Action.PASSES
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
        assert talk.answer(no_answer).action is Action.HOLD
        assert talk.datagram(initial(ALLOWED)).action is Action.HOLD
    assert talk.bench.hosts == [ALLOWED]


def test_the_server_hello_may_take_two_datagrams() -> None:
    hello = server_hello(share=1120)
    talk = Talk()
    talk.datagram(initial(ALLOWED))
    assert talk.answer(answer(frames=crypto(600, hello[600:]), number=1)).action is Action.HOLD
    assert talk.answer(answer(frames=crypto(0, hello[:600]))).action is Action.PASSES


@pytest.mark.parametrize(("name", "expected"), [(ALLOWED, Action.PASSES), (REFUSED, Action.REFUSED)])
def test_after_a_retry_the_new_initial_is_judged(name: str, expected: Action) -> None:
    talk = Talk()
    talk.datagram(initial(ALLOWED))
    talk.answer(retry(b"", SERVER_ID))
    step = talk.datagram(initial(name, dcid=SERVER_ID, token=b"token"))
    if expected is Action.PASSES:
        assert step.action is Action.HOLD
        step = talk.answer(answer(key_dcid=SERVER_ID))
    assert step.action is expected


@pytest.mark.parametrize(("name", "expected"), [(ALLOWED, Action.PASSES), (REFUSED, Action.REFUSED)])
def test_after_a_hello_retry_the_second_hello_is_judged(name: str, expected: Action) -> None:
    first = client_hello(ALLOWED)
    talk = Talk()
    talk.datagram(encrypt_initial(crypto(0, first), dcid=DCID))
    assert talk.answer(answer(hrr=True)).action is Action.HOLD
    second = encrypt_initial(crypto(len(first), client_hello(name)), dcid=SERVER_ID, key_dcid=DCID, number=1)
    step = talk.datagram(second)
    if expected is Action.PASSES:
        assert step.action is Action.HOLD
        frames = crypto(len(server_hello(hrr=True)), server_hello())
        step = talk.answer(answer(frames=frames, number=1))
    assert step.action is expected


def test_two_connections_on_one_flow_pass_with_the_name_that_was_answered() -> None:
    other = b"otherid1"
    talk = Talk()
    talk.datagram(initial(DECOY, dcid=other))
    talk.datagram(initial(ALLOWED))
    step = talk.answer(answer())
    assert step.action is Action.PASSES
    assert step.observation is not None
    assert step.observation.host == ALLOWED
    assert [observation.host for observation in step.heard] == [DECOY, ALLOWED]
    for order in ((ALLOWED, REFUSED), (REFUSED, ALLOWED)):
        talk = Talk()
        for dcid, name in zip((other, DCID), order, strict=True):
            talk.datagram(initial(name, dcid=dcid))
        assert Action.REFUSED in talk.actions


def test_early_data_rides_along_and_nothing_else_before_the_server_hello() -> None:
    talk = Talk()
    assert talk.datagram(initial(ALLOWED) + protected("0-rtt", DCID)).action is Action.HOLD
    assert talk.datagram(protected("0-rtt", DCID)).action is Action.HOLD
    assert talk.datagram(protected("handshake", DCID)).action is Action.DROP
    assert talk.datagram(SHORT).action is Action.DROP  # an old connection that moved to these ports
    assert talk.answer(answer()).action is Action.PASSES


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (SHORT, Action.REFUSED),
        (protected("handshake", DCID), Action.REFUSED),
        (protected("0-rtt", DCID), Action.DROP),
    ],
    ids=["short", "handshake", "0-rtt"],
)
def test_quic_without_an_initial_is_refused_so_that_the_client_begins_again(
    payload: bytes, expected: Action
) -> None:
    talk = Talk(names_only)
    for _ in range(20):
        assert talk.datagram(payload).action is expected
    for reply in (SHORT, protected("handshake", DCID), answer()):
        assert Talk(names_only).answer(reply).action is Action.DROP
    assert talk.bench.heard == []
    talk.datagram(initial(ALLOWED))
    assert talk.answer(answer()).action is Action.PASSES


def test_initials_that_do_not_open_are_held_and_bounded() -> None:
    talk = Talk(names_only)
    for number in range(16):
        assert talk.datagram(initial(ALLOWED, broken_tag=True, number=number)).action is Action.HOLD
    step = talk.datagram(initial(ALLOWED, broken_tag=True))
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


def test_datagrams_before_the_server_hello_are_bounded() -> None:
    talk = Talk(names_only)
    while talk.datagram(initial(ALLOWED)).action is Action.HOLD:
        assert len(talk.steps) <= 64
    assert talk.actions[-1] is Action.REFUSED
    talk = Talk(names_only)
    talk.datagram(initial(ALLOWED))
    while talk.answer(SHORT).action is Action.HOLD:
        assert len(talk.steps) <= 64
    assert talk.actions[-1] is Action.REFUSED


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
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.MALFORMED


def test_faults_of_a_name_are_judged() -> None:
    assert Talk().datagram(initial(None)).action is Action.REFUSED
    talk = Talk(table=FlowTable(ech_names=frozenset({"cover.example"})))
    step = talk.datagram(encrypt_initial(crypto(0, client_hello("cover.example", after=ech())), dcid=DCID))
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.ECH


# ------------------------------------------------------------------------------ other versions


def test_a_version_that_cannot_be_read_is_refused_by_the_packet() -> None:
    """The client may go on with one that can."""
    talk = Talk()
    step = talk.datagram(initial(ALLOWED, version=DRAFT_29))
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.VERSION
    assert talk.datagram(initial(ALLOWED)).action is Action.HOLD
    assert talk.answer(answer()).action is Action.PASSES


def test_a_version_that_cannot_be_read_passes_where_nameless_quic_may() -> None:
    talk = Talk(names_only)
    assert talk.datagram(initial(ALLOWED, version=DRAFT_29)).action is Action.HOLD
    assert talk.answer(version_negotiation(b"", DCID, VERSION_1)).action is Action.HOLD
    step = talk.answer(b"\xc0" + DRAFT_29.to_bytes(4, "big") + b"\x00\x00" + bytes(1200))
    assert step.action is Action.HOLD
    step = talk.answer(SHORT)
    assert step.action is Action.PASSES
    assert step.observation is not None
    assert step.observation.fault is Fault.VERSION


def test_a_reserved_version_only_asks_for_versions() -> None:
    talk = Talk()
    probe = b"\xc0\x1a\x2a\x3a\x4a\x08" + DCID + b"\x00" + bytes(1190)
    assert talk.datagram(probe).action is Action.HOLD
    assert talk.answer(version_negotiation(b"", DCID, VERSION_1)).action is Action.HOLD
    assert talk.datagram(initial(REFUSED)).action is Action.REFUSED


# ------------------------------------------------------------------------------ not QUIC


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
    assert talk.datagram(ask).action is Action.HOLD
    step = talk.answer(reply)
    assert step.action is Action.PASSES
    assert step.observation == Observation(Proto.UDP, None, talk.remote, dport)
    talk = Talk(lambda observation: False, dport=dport)
    talk.datagram(ask)
    assert talk.answer(reply).action is Action.REFUSED


def test_a_stateless_reset_answers_to_nothing() -> None:
    """A QUIC server on another port, provoked by noise, and then the real thing."""
    talk = Talk(names_only, dport=8443)
    assert talk.datagram(SHORT).action is Action.HOLD
    assert talk.answer(SHORT[:43]).action is Action.HOLD
    assert talk.answer(version_negotiation(b"", DCID, VERSION_1)).action is Action.HOLD
    assert talk.datagram(initial(REFUSED)).action is Action.REFUSED


def test_quic_after_other_datagrams_is_still_judged() -> None:
    for first in (bytes(64), STUN, b""):
        talk = Talk(names_only)
        assert talk.datagram(first).action is Action.HOLD
        assert talk.datagram(initial(REFUSED)).action is Action.REFUSED


def test_datagrams_without_an_answer_are_judged_after_16_and_never_let_go() -> None:
    for allows, expected in ((names_only, Action.HOLD), (careful, Action.REFUSED)):
        talk = Talk(allows, dport=50000)
        for _ in range(15):
            assert talk.datagram(bytes(50)).action is Action.HOLD
        step = talk.datagram(bytes(50))
        assert step.action is expected
        assert step.observation is not None
        assert step.observation.fault is Fault.UNANSWERED
    for dport in (443, 50000):
        talk = Talk(names_only, dport=dport)
        for _ in range(200):
            assert talk.datagram(bytes(50)).action is Action.HOLD
        assert [observation.fault for observation in talk.bench.heard] == [Fault.UNANSWERED]
        assert talk.datagram(initial(REFUSED)).action is Action.REFUSED


def test_a_server_that_sends_first_is_judged_and_never_let_go_alone() -> None:
    for allows, expected in ((names_only, Action.HOLD), (careful, Action.REFUSED)):
        talk = Talk(allows, dport=50000)
        for _ in range(15):
            assert talk.answer(bytes(50)).action is Action.HOLD
        assert talk.answer(bytes(50)).action is expected
    talk = Talk(names_only, dport=50000)
    for _ in range(30):
        talk.answer(bytes(50))
    assert talk.datagram(bytes(50)).action is Action.HOLD
    assert talk.answer(bytes(50)).action is Action.PASSES


@pytest.mark.parametrize(("dport", "expected"), [(50000, Action.PASSES), (8443, Action.HOLD)])
def test_short_answers_are_no_resets_when_there_are_many(dport: int, expected: Action) -> None:
    """A protocol of its own whose packets look like QUIC's, and whose server says less than the client."""
    talk = Talk(names_only, dport=dport)
    for _ in range(16):
        assert talk.datagram(b"VS01" + bytes(1000)).action is Action.HOLD
        step = talk.answer(b"VS01" + bytes(40))
    assert step.action is expected


# ------------------------------------------------------------------------------ a real stack


@pytest.mark.parametrize("versions", [[VERSION_1], [VERSION_2, VERSION_1]])
@pytest.mark.parametrize(("name", "expected"), [(ALLOWED, Action.PASSES), (REFUSED, Action.REFUSED)])
def test_aioquic_is_decided_by_its_first_flight(versions: list[int], name: str, expected: Action) -> None:
    client = aioquic_client(name, versions)
    pair = AioquicPair(
        client, aioquic_server(versions, self_signed(name), client.original_destination_connection_id)
    )
    talk = Talk()
    for from_client, datagram in pair.exchange():
        step = talk.datagram(datagram) if from_client else talk.answer(datagram)
        if step.action is not Action.HOLD:
            break
    assert step.action is expected
    assert step.observation is not None
    assert step.observation.host == name
    assert len(talk.steps) <= 4


def test_a_long_header_of_noise_is_held() -> None:
    talk = Talk(names_only)
    assert talk.datagram(long_header("initial", DCID, b"") + b"\x00\x40").action is Action.HOLD


# ------------------------------------------------------------ another connection where one passes already


def passing(**how: object) -> Talk:
    talk = Talk(**how)  # type: ignore[arg-type]
    talk.datagram(initial(ALLOWED))
    assert talk.answer(answer()).action is Action.PASSES
    return talk


@pytest.mark.parametrize("handshakes", [False, True])
@pytest.mark.parametrize("version", [4, 6])
def test_another_connection_to_a_refused_name_is_refused(version: int, handshakes: bool) -> None:
    talk = passing(version=version, table=FlowTable(handshakes=handshakes))
    step = talk.datagram(initial(REFUSED, dcid=b"another1"))
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.host == REFUSED
    assert talk.datagram(SHORT).action is Action.REFUSED
    assert talk.bench.hosts == [ALLOWED, REFUSED]


def test_its_hello_may_come_in_pieces_and_behind_another_packet() -> None:
    talk = passing()
    hello = client_hello(REFUSED)
    first = encrypt_initial(crypto(0, hello[:100]), dcid=b"another1")
    assert talk.datagram(protected("handshake", b"", SERVER_ID) + first).action is Action.PASSES
    rest = encrypt_initial(crypto(100, hello[100:]), dcid=b"another1", number=1)
    assert talk.datagram(rest).action is Action.REFUSED


def test_another_connection_to_an_allowed_name_is_heard() -> None:
    talk = passing()
    step = talk.datagram(initial(DECOY, dcid=b"another1"))
    assert step.action is Action.PASSES
    assert [one.host for one in step.heard] == [ALLOWED, DECOY]
    assert step.observation == step.heard[0]


def test_later_initials_of_the_one_that_passes_change_nothing() -> None:
    """Acknowledgements under the server's id, and its hello sent again."""
    talk = passing()
    for number in range(1, 6):
        late = encrypt_initial(ack(), dcid=SERVER_ID, key_dcid=DCID, number=number)
        assert talk.datagram(late).action is Action.PASSES
    assert talk.datagram(initial(ALLOWED)).action is Action.PASSES
    assert set(talk.bench.hosts) == {ALLOWED}


def test_quic_where_other_udp_passes_is_judged() -> None:
    talk = Talk()
    talk.datagram(STUN)
    assert talk.answer(STUN).action is Action.PASSES
    assert talk.datagram(initial(REFUSED)).action is Action.REFUSED


def test_what_another_connection_holds_is_given_back() -> None:
    talk = passing()
    hello = client_hello(REFUSED)
    talk.datagram(encrypt_initial(crypto(0, hello[:100]), dcid=b"another1"))
    assert talk.table.stats.buffered > 0
    talk.datagram(encrypt_initial(crypto(100, hello[100:]), dcid=b"another1", number=1))
    assert talk.table.stats.buffered == 0


def test_a_decoy_with_a_number_far_ahead_does_not_hide_the_hello_behind_it() -> None:
    talk = Talk(names_only)
    talk.datagram(encrypt_initial(b"\x01", dcid=DCID, number=300))
    decoy = crypto(0, client_hello(ALLOWED))
    talk.datagram(encrypt_initial(decoy, dcid=DCID, number=1 << 30, number_size=4))
    real = crypto(0, client_hello(REFUSED))
    step = talk.datagram(encrypt_initial(real, dcid=DCID, number=301, number_size=1))
    assert step.action is Action.REFUSED


@pytest.mark.parametrize("cut", [1, 60, 100])
def test_a_hello_half_read_when_another_connection_passes_is_still_judged(cut: int) -> None:
    talk = Talk()
    hello = client_hello(REFUSED)
    talk.datagram(initial(ALLOWED))
    first = encrypt_initial(crypto(0, hello[:cut]), dcid=b"another1")
    assert talk.datagram(first).action is Action.HOLD
    assert talk.answer(answer()).action is Action.PASSES
    talk.table.forget(settled=True)
    talk.now += 30
    rest = encrypt_initial(crypto(cut, hello[cut:]), dcid=b"another1", number=1)
    assert talk.datagram(rest).action is Action.REFUSED
    assert talk.bench.hosts == [ALLOWED, REFUSED]


def test_half_a_hello_that_must_make_room_takes_its_flow_along() -> None:
    forgotten: list[object] = []
    talk = Talk(table=FlowTable(Limits(flows=1), forgotten=forgotten.append))
    hello = client_hello(REFUSED)
    talk.datagram(initial(ALLOWED))
    talk.datagram(encrypt_initial(crypto(0, hello[:60]), dcid=b"another1"))
    assert talk.answer(answer()).action is Action.PASSES
    Talk(table=talk.table, sport=40001).datagram(initial(ALLOWED))
    assert len(forgotten) == 1


def test_a_handshake_may_take_its_time_after_the_servers_hello() -> None:
    talk = Talk()
    talk.datagram(initial(ALLOWED))
    assert talk.answer(answer()).action is Action.PASSES
    for _ in range(5):
        talk.now += 10
        assert talk.datagram(protected("handshake", SERVER_ID, b"")).action is Action.PASSES


def test_an_app_may_connect_again_and_again_from_one_port() -> None:
    talk = Talk()
    talk.datagram(initial(ALLOWED))
    assert talk.answer(answer()).action is Action.PASSES
    for number in range(30):
        talk.now += 20
        assert talk.datagram(initial(f"n{number}.example", dcid=bytes([number] * 8))).action is Action.PASSES
    assert talk.datagram(initial(REFUSED, dcid=b"another1")).action is Action.REFUSED


@pytest.mark.parametrize("passes", [False, True], ids=["before an answer", "where one passes"])
def test_names_of_one_flow_are_bounded(passes: bool) -> None:
    """Each is kept, and judged again with every new one."""
    talk = passing() if passes else Talk(names_only)
    for number in range(100):
        step = talk.datagram(initial(f"n{number}.example", dcid=number.to_bytes(8, "big")))
        if step.action is Action.REFUSED:
            break
    assert number <= Limits().candidates
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW
    assert len(step.heard) <= Limits().candidates + 1


def test_questions_of_one_flow_are_bounded() -> None:
    """To a resolver on any port; each is judged as a name."""
    talk = Talk(names_only)
    for number in range(100):
        name = b"\4n%03d\7example\0" % number
        step = talk.datagram(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1")
        if step.action is Action.REFUSED:
            break
    assert 0 < number <= Limits().candidates
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


def test_connections_without_a_hello_make_no_room() -> None:
    talk = Talk()
    half = crypto(0, client_hello(REFUSED)[:60])
    actions = [talk.datagram(encrypt_initial(half, dcid=bytes([number] * 8))).action for number in range(9)]
    assert actions == [Action.HOLD] * 8 + [Action.REFUSED]
