"""How much is kept of flows, for how long, and what is forgotten."""

from __future__ import annotations

import dataclasses

from gateway.policy.values import Fault
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.packet import parse_ip
from tests.wire.flow_forge import (
    ALLOWED,
    HTTP_OK,
    REFUSED,
    SERVER_HELLO,
    Talk,
    names_only,
    with_ttl,
)
from tests.wire.flow_said import BAD_HELLO, GET, HELLO, initial
from tests.wire.tls_forge import client_hello, record


def test_the_flow_that_was_idle_longest_makes_room() -> None:
    table = FlowTable(Limits(flows=3))
    talks = [Talk(table=table, sport=i) for i in range(1, 5)]
    for talk in talks[:3]:
        talk.client(HELLO)
    talks[0].client(HELLO, at=0)
    talks[3].client(HELLO)
    assert table.stats.flows == 3
    assert table.stats.evicted == 1
    assert talks[0].server(SERVER_HELLO).action is FlowAction.PASSES
    assert talks[2].server(SERVER_HELLO).action is FlowAction.PASSES


def test_bytes_of_all_flows_are_bounded() -> None:
    table = FlowTable(Limits(table_bytes=20_000))
    for i in range(100):
        talk = Talk(table=table, sport=i + 1)
        talk.client(HELLO[:-1])
        talk.client(b"", at=0)
        assert table.stats.buffered <= 20_000
    assert table.stats.evicted == 100 - table.stats.flows > 0
    table = FlowTable(Limits(table_bytes=100_000))
    for i in range(100):
        Talk(table=table, sport=i + 1).datagram(initial(ALLOWED))
        assert table.stats.buffered <= 100_000


def test_a_flow_forgotten_half_way_never_passes_with_the_rest_of_its_hello() -> None:
    for at in range(1, len(BAD_HELLO), 23):
        table = FlowTable(Limits(flows=2))
        talk = Talk(names_only, table=table)
        talk.client(BAD_HELLO[:at])
        for i in range(3):
            Talk(table=table, sport=i + 1).client(HELLO)
        talk.client(BAD_HELLO[at:])
        step = talk.server(SERVER_HELLO)
        assert step.action is FlowAction.REFUSED
        assert step.observation is not None
        assert step.observation.fault is Fault.OVERFLOW


def test_an_idle_flow_is_refused_when_it_goes_on() -> None:
    """Its first half was read and forgotten: the second would be read as the start of another flow."""
    talk = Talk(table=FlowTable())
    talk.client(HELLO)
    talk.now += 59
    assert talk.client(HELLO, at=0).action is FlowAction.HOLD
    assert talk.bench.hosts == [ALLOWED]
    talk.now += 61
    step = talk.client(HELLO, at=0)
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW
    assert talk.server(SERVER_HELLO).action is FlowAction.REFUSED


def test_an_idle_flow_that_said_nothing_begins_again() -> None:
    talk = Talk(dport=25)
    talk.server(b"220 mail.example\r\n")
    talk.now += 61
    assert talk.client(HELLO).action is FlowAction.HOLD
    assert talk.bench.hosts == [ALLOWED]


def test_open_http_may_rest_longer() -> None:
    talk = Talk(dport=80)
    talk.client(GET)
    talk.server(HTTP_OK)
    for _ in range(3):
        talk.now += 250
        assert talk.client(GET).action is FlowAction.ASKS


def test_old_entries_go_as_new_flows_come() -> None:
    table = FlowTable()
    for i in range(50):
        Talk(table=table, sport=i + 1).client(HELLO)
    for i in range(50):
        talk = Talk(table=table, sport=i + 1000)
        talk.now += 100
        talk.client(HELLO)
    assert table.stats.flows == 50
    assert table.stats.expired == 50


def test_forget_one_device_or_all() -> None:
    table = FlowTable()
    for zone in (1, 1, 2):
        Talk(table=table, zone=zone, sport=100 + table.stats.flows).datagram(initial(REFUSED))
        Talk(table=table, zone=zone, sport=200 + table.stats.flows).client(HELLO)
    assert table.forget(1) == 4
    assert table.stats.flows == 2
    assert table.forget() == 2
    assert table.stats.buffered == 0


def test_forgetting_what_is_settled_leaves_a_half_read_hello() -> None:
    table = FlowTable()
    refused, half = Talk(table=table), Talk(table=table, sport=40001)
    refused.client(record(client_hello(REFUSED)))
    hello = record(client_hello(ALLOWED))
    half.client(hello[:100])
    assert table.stats.flows == 2
    assert table.forget(settled=True) == 1
    half.client(hello[100:])
    assert half.server(SERVER_HELLO).action is FlowAction.PASSES


def test_after_forgetting_a_refused_flow_is_judged_again() -> None:
    table = FlowTable()
    assert Talk(table=table).datagram(initial(REFUSED)).action is FlowAction.REFUSED
    table.forget(0)
    assert Talk(lambda observation: True, table=table).datagram(initial(REFUSED)).action is FlowAction.HOLD


def test_the_time_to_live_is_of_no_matter() -> None:
    for ttl in (1, 3, 255):
        talk = Talk()
        assert talk.raw(with_ttl(talk.segment(BAD_HELLO, 0), ttl)).action is FlowAction.REFUSED


def test_a_step_holds_the_packet_as_it_was_read() -> None:
    talk = Talk()
    packet = talk.segment(HELLO, 0)
    step = talk.raw(packet)
    assert step.packet == parse_ip(packet)


def test_limits_are_all_positive_and_explained() -> None:
    for field in dataclasses.fields(Limits):
        assert getattr(Limits(), field.name) > 0
