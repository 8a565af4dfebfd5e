"""The table: keys, ages, limits, and what is remembered of decided flows."""

from __future__ import annotations

import pytest

from gateway.policy.values import Observation, Proto
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.packet import SYN
from tests.wire.flow_forge import (
    ADDRESSES,
    ALLOWED,
    REFUSED,
    SERVER_HELLO,
    Talk,
    names_only,
    with_bad_checksum,
)
from tests.wire.flow_said import BAD_HELLO, HELLO, initial


@pytest.mark.parametrize("data", [b"", b"\x45", b"\x00" * 40, bytes([0x45]) + bytes(40), b"\x60" + bytes(10)])
def test_what_is_no_ip_packet_vanishes_and_is_counted(data: bytes) -> None:
    talk = Talk()
    step = talk.raw(data)
    assert step == (FlowAction.DROP, None, None, ())
    assert talk.table.stats.malformed == 1
    assert talk.bench.heard == []


@pytest.mark.parametrize("version", [4, 6])
def test_a_cut_packet_vanishes(version: int) -> None:
    packet = Talk(version=version).segment(HELLO, 0)
    for size in range(0, len(packet), 7):
        assert Talk(version=version).raw(packet[:size]).action is FlowAction.DROP


@pytest.mark.parametrize("version", [4, 6])
def test_a_wrong_checksum_vanishes_unless_a_card_was_to_compute_it(version: int) -> None:
    talk = Talk(version=version)
    assert talk.raw(with_bad_checksum(talk.segment(BAD_HELLO, 0))).action is FlowAction.DROP
    assert talk.bench.heard == []
    assert talk.table.stats.bad_checksums == 1
    talk = Talk(version=version, table=FlowTable(verify_checksums=False))
    assert talk.raw(with_bad_checksum(talk.segment(BAD_HELLO, 0))).action is FlowAction.REFUSED


def test_a_wrong_checksum_of_a_server_is_no_answer() -> None:
    talk = Talk(names_only)
    talk.client(HELLO)
    answer = talk.server_segment(SERVER_HELLO, 0)
    assert talk.raw(with_bad_checksum(answer), from_lan=False).action is FlowAction.DROP
    assert talk.raw(answer, from_lan=False).action is FlowAction.PASSES


@pytest.mark.parametrize(("version", "icmp"), [(4, 1), (6, 58)])
def test_icmp_is_let_be_and_other_protocols_are_judged(version: int, icmp: int) -> None:
    device, remote = ADDRESSES[version]
    for proto in (icmp, 50):
        if version == 4:
            head = b"\x45\x00\x00\x1c\x00\x00\x00\x00\x40" + bytes([proto]) + b"\x00\x00" + device + remote
            head = head[:10] + (-int.from_bytes(head, "big") % 65535).to_bytes(2, "big") + head[12:]
        else:
            head = b"\x60\x00\x00\x00\x00\x08" + bytes([proto]) + b"\x40" + device + remote
        packet = head + bytes(8)
        talk = Talk(lambda observation: False)
        step = talk.raw(packet)
        if proto == icmp:
            assert step.action is FlowAction.HOLD
        else:
            assert step.action is FlowAction.REFUSED
            assert step.observation == Observation(Proto.IPSEC, None, remote)
            assert Talk().raw(packet).action is FlowAction.PASSES


# ------------------------------------------------------------------------------ whose flow it is


def test_devices_never_share_a_flow() -> None:
    table = FlowTable()
    one, other = Talk(table=table, zone=1), Talk(table=table, zone=2)
    one.client(HELLO)
    assert other.client(BAD_HELLO).action is FlowAction.REFUSED
    assert one.server(SERVER_HELLO).action is FlowAction.PASSES


def test_ports_and_protocols_never_share_a_flow() -> None:
    table = FlowTable()
    talks = [Talk(table=table, sport=40000 + i) for i in range(3)]
    for talk in talks:
        talk.client(HELLO[:100])
        talk.datagram(initial(ALLOWED))
    assert table.stats.flows == 6
    assert talks[1].client(BAD_HELLO, at=0).action is FlowAction.REFUSED
    assert talks[0].client(HELLO[100:]).action is FlowAction.HOLD
    assert talks[0].server(SERVER_HELLO).action is FlowAction.PASSES


# ------------------------------------------------------------------------------ decided flows


def test_what_is_in_the_queue_behind_the_server_hello_passes_too() -> None:
    talk = Talk()
    talk.client(HELLO)
    talk.server(SERVER_HELLO)
    step = talk.server(b"\x17\x03\x03\x10\x00" + bytes(1000))
    assert step.action is FlowAction.PASSES
    assert step.observation is not None
    assert step.observation.host == ALLOWED
    assert talk.bench.hosts == [ALLOWED]


def test_a_new_connection_on_the_ports_of_one_that_passed_is_judged() -> None:
    """Where SYNs skip the queue, only the client's bytes tell."""
    for pieces in ([BAD_HELLO], [BAD_HELLO[:1], BAD_HELLO[1:]], [bytes(50) + BAD_HELLO]):
        talk = Talk()
        talk.client(HELLO)
        talk.server(SERVER_HELLO)
        talk.end = 7_000_000
        for piece in pieces:
            step = talk.client(piece)
        assert step.action is FlowAction.REFUSED


def test_a_capture_shows_when_ports_are_used_anew() -> None:
    table = FlowTable(handshakes=True)
    talk = Talk(table=table)
    talk.handshake()
    talk.client(HELLO)
    talk.server(SERVER_HELLO)
    for _ in range(50):  # the flow goes on, and nobody but the table remembers it
        talk.now += 100
        assert talk.client(b"\x17\x03\x03\x04\x00" + bytes(1024)).action is FlowAction.PASSES
        assert talk.server(b"\x17\x03\x03\x04\x00" + bytes(1024)).action is FlowAction.PASSES
    assert talk.bench.hosts == [ALLOWED]
    again = Talk(table=table, isn=5)
    again.handshake()
    assert again.client(BAD_HELLO).action is FlowAction.REFUSED
    third = Talk(table=table, isn=77777)
    third.handshake()
    third.client(HELLO)
    assert third.server(SERVER_HELLO).action is FlowAction.PASSES


def test_an_undecided_flow_is_replaced_by_a_new_connection_on_its_ports() -> None:
    table = FlowTable(handshakes=True)
    talk = Talk(table=table)
    talk.handshake()
    talk.client(HELLO)
    again = Talk(names_only, table=table, isn=5)
    again.handshake()
    assert again.server(SERVER_HELLO).action is FlowAction.REFUSED


def test_a_resent_syn_is_no_new_connection() -> None:
    talk = Talk(table=FlowTable(handshakes=True))
    talk.handshake()
    talk.client(HELLO[:200])
    talk.raw(talk.segment(b"", -1, flags=SYN))
    talk.client(HELLO[200:])
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES


def test_a_refused_tcp_flow_stays_refused_for_what_is_in_the_queue() -> None:
    talk = Talk()
    talk.client(BAD_HELLO)
    assert talk.client(b"more").action is FlowAction.REFUSED
    assert talk.server(SERVER_HELLO).action is FlowAction.REFUSED
    talk.now += 3  # the kernel has its mark by now; the ports may serve another connection
    talk.client(HELLO)
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES


def test_decided_flows_hold_no_bytes() -> None:
    table = FlowTable()
    for i in range(20):
        talk = Talk(table=table, sport=1000 + i)
        talk.client(HELLO if i % 2 else BAD_HELLO)
        talk.server(SERVER_HELLO)
        talk = Talk(table=table, sport=2000 + i)
        talk.datagram(initial(REFUSED))
    assert table.stats.buffered == 0
    assert table.stats.flows == 40
    assert table.stats.passed == 10
    assert table.stats.refused == 30
