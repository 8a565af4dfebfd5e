"""What must not be taken for a new flow, and what is one."""

from __future__ import annotations

import pytest

from gateway.wire.flows.actions import FlowAction, Judge
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.packet import SYN, TCP
from tests.wire.flow_forge import (
    ALLOWED,
    REFUSED,
    SERVER_HELLO,
    Talk,
    careful,
    names_only,
)
from tests.wire.flow_said import GET, HELLO, open_http
from tests.wire.tls_forge import FATAL_ALERT, client_hello, record


def halves(name: str) -> tuple[bytes, bytes]:
    data = record(client_hello(name))
    cut = data.index(name.encode()) + len(name) + 5
    return data[:cut], data[cut:]


@pytest.mark.parametrize("handshakes", [False, True])
@pytest.mark.parametrize("judge", [names_only, careful])
def test_a_syn_with_data_wipes_nothing(judge: Judge, handshakes: bool) -> None:
    """A server answers it with a challenge (RFC 5961 4.2) and goes on reading."""
    first, rest = halves(REFUSED)
    talk = Talk(judge, table=FlowTable(handshakes=handshakes))
    talk.client(first)
    assert talk.client(b"x", at=-1000, decoy=True, flags=SYN).action is FlowAction.DROP
    talk.client(halves(ALLOWED)[0], at=0, decoy=True)
    talk.client(rest)
    talk.server(SERVER_HELLO, acks=len(first + rest))
    assert FlowAction.PASSES not in talk.actions


def test_what_a_syn_in_mid_connection_names_is_judged() -> None:
    talk = Talk()
    talk.client(halves(ALLOWED)[0])
    whole = record(client_hello(REFUSED))
    assert talk.client(whole, at=-5000, decoy=True, flags=SYN).action is FlowAction.REFUSED


def test_in_a_capture_the_answer_tells_that_a_syn_was_meant() -> None:
    talk = Talk(table=FlowTable(handshakes=True))
    talk.client(halves(REFUSED)[0])
    again = Talk(table=talk.table, isn=5_000_000)
    again.handshake()
    assert again.client(HELLO).action is FlowAction.HOLD
    assert again.server(SERVER_HELLO).action is FlowAction.PASSES


def test_what_lies_behind_the_servers_acknowledgement_never_reaches_it() -> None:
    """Another connection on the same ports can be made to lie there: its hello would go unread."""
    size = len(record(client_hello(REFUSED)))
    talk = Talk(names_only)
    talk.client(record(client_hello(ALLOWED)), at=0, decoy=True)
    talk.client(bytes(size), at=0)
    talk.server(FATAL_ALERT, acks=size)
    assert talk.client(record(client_hello(REFUSED)), at=0).action is FlowAction.DROP
    # And where a part of it lies there, it is read in both ways.
    talk.client(bytes(100), at=size)
    assert talk.client(record(client_hello(REFUSED)), at=size - 50).action is FlowAction.REFUSED


def test_one_devices_flood_forgets_none_of_anothers_flows() -> None:
    gone: list[object] = []
    table = FlowTable(Limits(flows=20), forgotten=gone.append)
    victim, flood = Talk(table=table, zone=1), Talk(table=table, zone=2)
    victim.client(halves(ALLOWED)[0])
    flood.client(halves(REFUSED)[0])
    for number in range(40):
        Talk(table=table, zone=2, sport=1024 + number, dport=3478).datagram(bytes(20))
    # The flood's own half-read hello is what was forgotten, and whoever keeps the marks hears of it.
    assert gone == [(2, TCP, flood.device, 40000, flood.remote, 443)]
    victim.client(halves(ALLOWED)[1])
    assert victim.server(SERVER_HELLO).action is FlowAction.PASSES
    assert table.stats.flows == 20


def test_bytes_are_taken_back_from_the_device_that_holds_most() -> None:
    table = FlowTable(Limits(table_bytes=20_000))
    victim = Talk(table=table, zone=1)
    victim.client(halves(ALLOWED)[0])
    for number in range(20):
        Talk(names_only, table=table, zone=2, sport=1024 + number).client(
            b"\x16\x03\x01\x40\x00" + bytes(2000)
        )
    assert table.stats.evicted > 5
    assert table.stats.buffered <= 20_000
    victim.client(halves(ALLOWED)[1])
    assert victim.server(SERVER_HELLO).action is FlowAction.PASSES


def test_room_for_bytes_is_made_by_what_holds_them() -> None:
    table = FlowTable(Limits(table_bytes=200_000))
    resting = [open_http(table=table, sport=number) for number in range(100, 110)]
    for number in range(200, 220):
        Talk(names_only, table=table, sport=number).client(
            b"\x16\x03\x01\x40\x00\x01\x00\x3f\xf0" + bytes(15_000)
        )
    assert table.stats.evicted > 5
    assert table.stats.buffered <= 200_000
    for talk in resting:
        talk.asks = True
        assert talk.client(GET).action is FlowAction.ASKS


@pytest.mark.parametrize("said", [b"\x01register", b"\x00\x01hello", b"\xef" * 2000])
def test_a_protocol_of_its_own_may_be_silent(said: bytes) -> None:
    """It names nobody, so nothing hides behind what was said: what follows is read as a new flow."""
    gone: list[object] = []
    for first in ("client", "server"):
        talk = Talk(dport=6514, table=FlowTable(forgotten=gone.append))
        talk.client(said)
        talk.now += 90
        for number in range(3):
            other = Talk(table=talk.table, sport=1000 + number)
            other.now = talk.now
            other.client(HELLO)
        if first == "server":
            assert talk.server(b"\x02news").action is FlowAction.HOLD
        assert talk.client(said).action is FlowAction.HOLD
        assert talk.server(b"\x02ok").action is FlowAction.PASSES
    assert gone == []


@pytest.mark.parametrize(
    "said", [HELLO, HELLO[:30], GET, GET[:10], b"\x16", b"X", record(b"\x01\x00\x00\x02ab")]
)
def test_what_may_be_half_a_hello_is_not_forgotten(said: bytes) -> None:
    gone: list[object] = []
    talk = Talk(names_only, dport=6514, table=FlowTable(forgotten=gone.append))
    talk.client(said)
    talk.now += 400
    assert talk.client(b"more").action is FlowAction.REFUSED
    talk = Talk(names_only, dport=6514, table=talk.table, sport=50000)
    talk.client(said)
    for number in range(3):
        other = Talk(table=talk.table, sport=1000 + number)
        other.now = talk.now + 4000
        other.client(HELLO)
    assert len(gone) == 1


def test_ports_that_are_used_again_after_an_alert_are_free_after_a_while() -> None:
    """The server answered and nothing was decided. What the new connection says looks like old bytes."""
    talk = Talk(isn=0xA0000000)
    talk.client(HELLO)
    talk.server(FATAL_ALERT)
    again = Talk(table=talk.table, isn=0x30000000)
    actions = []
    for _ in range(8):  # as TCP sends it again
        again.now += 10
        actions.append(again.client(HELLO, at=0).action)
    assert actions[0] is FlowAction.DROP
    assert actions[-1] is FlowAction.HOLD
    assert again.server(SERVER_HELLO).action is FlowAction.PASSES
