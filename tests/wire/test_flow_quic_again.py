"""Another connection where one passes already."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from gateway.wire.quic.initials import MAX_CONNECTIONS
from tests.wire.flow_forge import ALLOWED, DECOY, REFUSED, Talk, names_only
from tests.wire.flow_quic import DCID, SERVER_ID, SHORT, STUN, answer, initial
from tests.wire.quic_forge import (
    ack,
    crypto,
    encrypt_initial,
    protected,
)
from tests.wire.tls_forge import client_hello


def passing(**how: object) -> Talk:
    talk = Talk(**how)  # type: ignore[arg-type]
    talk.datagram(initial(ALLOWED))
    assert talk.answer(answer()).action is FlowAction.PASSES
    return talk


@pytest.mark.parametrize("handshakes", [False, True])
@pytest.mark.parametrize("version", [4, 6])
def test_another_connection_to_a_refused_name_is_refused(version: int, handshakes: bool) -> None:
    talk = passing(version=version, table=FlowTable(handshakes=handshakes))
    step = talk.datagram(initial(REFUSED, dcid=b"another1"))
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.host == REFUSED
    assert talk.datagram(SHORT).action is FlowAction.REFUSED
    assert talk.bench.hosts == [ALLOWED, REFUSED]


def test_its_hello_may_come_in_pieces_and_behind_another_packet() -> None:
    talk = passing()
    hello = client_hello(REFUSED)
    first = encrypt_initial(crypto(0, hello[:100]), dcid=b"another1")
    assert talk.datagram(protected("handshake", b"", SERVER_ID) + first).action is FlowAction.PASSES
    rest = encrypt_initial(crypto(100, hello[100:]), dcid=b"another1", number=1)
    assert talk.datagram(rest).action is FlowAction.REFUSED


def test_another_connection_to_an_allowed_name_is_heard() -> None:
    talk = passing()
    step = talk.datagram(initial(DECOY, dcid=b"another1"))
    assert step.action is FlowAction.PASSES
    assert [one.host for one in step.judged] == [ALLOWED, DECOY]
    assert step.observation == step.judged[0]


def test_later_initials_of_the_one_that_passes_change_nothing() -> None:
    """Acknowledgements under the server's id, and its hello sent again."""
    talk = passing()
    for number in range(1, 6):
        late = encrypt_initial(ack(), dcid=SERVER_ID, key_dcid=DCID, number=number)
        assert talk.datagram(late).action is FlowAction.PASSES
    assert talk.datagram(initial(ALLOWED)).action is FlowAction.PASSES
    assert set(talk.bench.hosts) == {ALLOWED}


def test_quic_where_other_udp_passes_is_judged() -> None:
    talk = Talk()
    talk.datagram(STUN)
    assert talk.answer(STUN).action is FlowAction.PASSES
    assert talk.datagram(initial(REFUSED)).action is FlowAction.REFUSED


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
    assert step.action is FlowAction.REFUSED


@pytest.mark.parametrize("cut", [1, 60, 100])
def test_a_hello_half_read_when_another_connection_passes_is_still_judged(cut: int) -> None:
    talk = Talk()
    hello = client_hello(REFUSED)
    talk.datagram(initial(ALLOWED))
    first = encrypt_initial(crypto(0, hello[:cut]), dcid=b"another1")
    assert talk.datagram(first).action is FlowAction.HOLD
    assert talk.answer(answer()).action is FlowAction.PASSES
    talk.table.forget(settled=True)
    talk.now += 30
    rest = encrypt_initial(crypto(cut, hello[cut:]), dcid=b"another1", number=1)
    assert talk.datagram(rest).action is FlowAction.REFUSED
    assert talk.bench.hosts == [ALLOWED, REFUSED]


def test_half_a_hello_that_must_make_room_takes_its_flow_along() -> None:
    forgotten: list[object] = []
    talk = Talk(table=FlowTable(Limits(flows=1), forgotten=forgotten.append))
    hello = client_hello(REFUSED)
    talk.datagram(initial(ALLOWED))
    talk.datagram(encrypt_initial(crypto(0, hello[:60]), dcid=b"another1"))
    assert talk.answer(answer()).action is FlowAction.PASSES
    Talk(table=talk.table, sport=40001).datagram(initial(ALLOWED))
    assert len(forgotten) == 1


def test_a_handshake_may_take_its_time_after_the_servers_hello() -> None:
    talk = Talk()
    talk.datagram(initial(ALLOWED))
    assert talk.answer(answer()).action is FlowAction.PASSES
    for _ in range(5):
        talk.now += 10
        assert talk.datagram(protected("handshake", SERVER_ID, b"")).action is FlowAction.PASSES


def test_an_app_may_connect_again_and_again_from_one_port() -> None:
    talk = Talk()
    talk.datagram(initial(ALLOWED))
    assert talk.answer(answer()).action is FlowAction.PASSES
    for number in range(30):
        talk.now += 20
        assert (
            talk.datagram(initial(f"n{number}.example", dcid=bytes([number] * 8))).action is FlowAction.PASSES
        )
    assert talk.datagram(initial(REFUSED, dcid=b"another1")).action is FlowAction.REFUSED


@pytest.mark.parametrize("pieces", [1, 2])
def test_an_app_that_connects_again_to_one_name_is_never_refused(pieces: int) -> None:
    """Each connection has its hello in one or two datagrams, and one acknowledgement."""
    talk = passing()
    hello = client_hello(ALLOWED)
    cut = len(hello) // pieces
    buffered = set()
    for number in range(100):
        talk.now += 30
        dcid = number.to_bytes(8, "big")
        for piece in range(pieces):
            at = piece * cut
            sent = hello[at:] if piece == pieces - 1 else hello[at : at + cut]
            part = encrypt_initial(crypto(at, sent), dcid=dcid, number=piece)
            assert talk.datagram(part).action is FlowAction.PASSES
        late = encrypt_initial(ack(), dcid=SERVER_ID, key_dcid=dcid, number=pieces)
        assert talk.datagram(late).action is FlowAction.PASSES
        buffered.add(talk.table.stats.buffered)
    assert max(buffered) <= (MAX_CONNECTIONS + 1) * Limits().quic_initial_bytes
    assert talk.datagram(initial(REFUSED, dcid=b"another1")).action is FlowAction.REFUSED


def test_a_second_hello_on_a_connection_before_the_last_ones_is_judged() -> None:
    """After a HelloRetryRequest, which the server may also send to a hello that passed."""
    talk = passing()
    for number in range(MAX_CONNECTIONS):
        talk.datagram(initial(ALLOWED, dcid=bytes([number] * 8)))
    second = encrypt_initial(
        crypto(len(client_hello(ALLOWED)), client_hello(REFUSED)), dcid=SERVER_ID, key_dcid=bytes(8), number=1
    )
    assert talk.datagram(second).action is FlowAction.REFUSED


@pytest.mark.parametrize("others", [False, True], ids=["one connection", "next to others"])
@pytest.mark.parametrize("begins", [False, True], ids=["without a hello", "with a hello"])
def test_packets_of_one_connection_are_bounded_where_one_passes(others: bool, begins: bool) -> None:
    """Each packet number is stored."""
    talk = passing()
    if begins:
        talk.datagram(initial(ALLOWED, dcid=b"another1"))
    for number in range(1, 1000):
        step = talk.datagram(encrypt_initial(ack(), dcid=b"another1", number=number))
        if others and number % 50 == 0 and step.action is FlowAction.PASSES:
            step = talk.datagram(initial(ALLOWED, dcid=number.to_bytes(8, "big")))
        if step.action is FlowAction.REFUSED:
            break
    assert number < 300 if others else number <= Limits().quic_datagrams + 1
    assert talk.table.stats.buffered == 0


@pytest.mark.parametrize("passes", [False, True], ids=["before an answer", "where one passes"])
def test_names_of_one_flow_are_bounded(passes: bool) -> None:
    """Each is kept, and judged again with every new one."""
    talk = passing() if passes else Talk(names_only)
    for number in range(100):
        step = talk.datagram(initial(f"n{number}.example", dcid=number.to_bytes(8, "big")))
        if step.action is FlowAction.REFUSED:
            break
    assert number <= Limits().candidates
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW
    assert len(step.judged) <= Limits().candidates + 1


def test_questions_of_one_flow_are_bounded() -> None:
    """To a resolver on any port; each is judged as a name."""
    talk = Talk(names_only)
    for number in range(100):
        name = b"\4n%03d\7example\0" % number
        step = talk.datagram(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1")
        if step.action is FlowAction.REFUSED:
            break
    assert 0 < number <= Limits().candidates
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


def test_connections_without_a_hello_make_no_room() -> None:
    talk = Talk()
    half = crypto(0, client_hello(REFUSED)[:60])
    actions = [talk.datagram(encrypt_initial(half, dcid=bytes([number] * 8))).action for number in range(9)]
    assert actions == [FlowAction.HOLD] * 8 + [FlowAction.REFUSED]
