"""TLS over TCP: whose hello is judged, and when it passes."""

from __future__ import annotations

from random import Random
from time import process_time

import pytest

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.packet import ACK, FIN, PSH
from tests.wire.flow_forge import (
    ALLOWED,
    REFUSED,
    RETRY,
    SERVER_HELLO,
    Talk,
    names_only,
)
from tests.wire.flow_said import hello
from tests.wire.tls_forge import (
    CHANGE_CIPHER_SPEC,
    FATAL_ALERT,
    client_hello,
    ech,
    extension,
    raw_client_hello,
    record,
    records,
    server_hello,
)


@pytest.mark.parametrize("version", [4, 6])
def test_a_refused_name_is_refused_at_once(version: int) -> None:
    talk = Talk(version=version)
    step = talk.client(hello(REFUSED))
    assert step.action is FlowAction.REFUSED
    assert step.observation == Observation(Proto.TLS, REFUSED, talk.remote, 443, alpn=("h2", "http/1.1"))
    assert step.packet is not None
    assert step.packet.dst == talk.remote


@pytest.mark.parametrize("version", [4, 6])
def test_an_allowed_name_passes_when_the_server_says_hello(version: int) -> None:
    talk = Talk(version=version)
    assert talk.client(hello(ALLOWED)).action is FlowAction.HOLD
    step = talk.server(SERVER_HELLO)
    assert step.action is FlowAction.PASSES
    assert step.observation is not None
    assert step.observation.host == ALLOWED
    assert talk.bench.hosts == [ALLOWED]


def test_a_server_hello_over_several_segments_and_records_in_any_order() -> None:
    answer = records(server_hello(share=1120), 100, version=0x0303)
    talk = Talk()
    talk.client(hello(ALLOWED))
    assert talk.server(answer[700:], at=700).action is FlowAction.HOLD
    assert talk.server(answer[:300], at=0).action is FlowAction.HOLD
    assert talk.server(answer[300:700], at=300).action is FlowAction.PASSES


@pytest.mark.parametrize(
    "answer", [FATAL_ALERT, b"\x15\x03\x03\x00\x02\x01\x00", b"HTTP/1.1 400 Bad\r\n\r\n", b"?"]
)
def test_what_is_no_server_hello_is_no_answer_to_a_client_hello(answer: bytes) -> None:
    talk = Talk(names_only)
    talk.client(hello(ALLOWED))
    assert talk.server(answer).action is FlowAction.HOLD


def test_a_server_hello_that_does_not_acknowledge_the_hello_is_no_answer_to_it() -> None:
    """The hello that we saw was a decoy: something else was answered."""
    sent = hello(ALLOWED)
    talk = Talk(names_only)
    talk.client(sent)
    step = talk.server(SERVER_HELLO, acks=len(sent) - 1)
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


def test_an_alert_before_the_server_hello_changes_nothing() -> None:
    talk = Talk()
    talk.client(hello(ALLOWED))
    assert talk.server(b"\x15\x03\x03\x00\x02\x01\x70" + SERVER_HELLO).action is FlowAction.PASSES


@pytest.mark.parametrize("ccs", [b"", CHANGE_CIPHER_SPEC])
@pytest.mark.parametrize(
    ("second", "expected"), [(ALLOWED, FlowAction.PASSES), (REFUSED, FlowAction.REFUSED)]
)
def test_after_a_hello_retry_the_second_hello_is_judged(
    ccs: bytes, second: str, expected: FlowAction
) -> None:
    talk = Talk(names_only)
    talk.client(hello(ALLOWED))
    assert talk.server(RETRY).action is FlowAction.HOLD
    step = talk.client(ccs + hello(second))
    if expected is FlowAction.PASSES:
        assert step.action is FlowAction.HOLD
        step = talk.server(SERVER_HELLO)
    assert step.action is expected
    assert talk.bench.hosts == [ALLOWED, second]


def test_after_a_hello_retry_the_first_hello_is_not_enough() -> None:
    talk = Talk(names_only)
    talk.client(hello(ALLOWED))
    talk.server(RETRY)
    talk.client(hello(REFUSED)[:-30])
    assert talk.server(SERVER_HELLO).action is FlowAction.REFUSED


def test_early_data_between_two_hellos_is_passed_over() -> None:
    talk = Talk()
    talk.client(hello(ALLOWED) + record(b"\x99" * 500, kind=23))
    talk.client(record(b"\x88" * 500, kind=23))
    talk.server(RETRY)
    assert talk.client(hello(REFUSED)).action is FlowAction.REFUSED


def test_early_data_that_is_not_yet_acknowledged_does_not_hinder_the_answer() -> None:
    sent = hello(ALLOWED)
    talk = Talk()
    talk.client(sent)
    talk.client(record(b"\x99" * 1000, kind=23))
    assert talk.server(SERVER_HELLO, acks=len(sent)).action is FlowAction.PASSES


def test_a_server_hello_to_a_hello_that_went_past_us_is_refused() -> None:
    """Also what is left of a flow that was forgotten half-way."""
    talk = Talk(names_only)
    talk.client(hello(REFUSED)[100:], at=100)
    step = talk.server(SERVER_HELLO)
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (hello(None), Fault.NO_NAME),
        (hello(b"192.0.2.1"), Fault.NO_NAME),
        (hello(b"bad name"), Fault.BAD_NAME),
        (records(raw_client_hello(b"\x00\x00\x00\x09short")), Fault.MALFORMED),
        (hello("cover.example", after=ech()), Fault.ECH),
        (hello(None, after=ech()), Fault.ECH),
    ],
)
def test_faults_are_judged(sent: bytes, fault: Fault) -> None:
    table = FlowTable(ech_names=lambda: {"cover.example"})
    talk = Talk(table=table)
    step = talk.client(sent)
    if fault is Fault.MALFORMED:  # bytes that come ahead of their place look so, too
        assert step.action is FlowAction.HOLD
        step = talk.server(FATAL_ALERT)
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is fault
    assert len(talk.bench.heard) == 1


def test_faults_pass_where_the_judge_lets_them() -> None:
    talk = Talk(names_only)
    assert talk.client(hello(None)).action is FlowAction.HOLD
    step = talk.server(SERVER_HELLO)
    assert step.action is FlowAction.PASSES
    assert step.observation is not None
    assert step.observation.fault is Fault.NO_NAME


def test_an_ech_that_may_be_grease_goes_by_its_clear_name() -> None:
    talk = Talk(table=FlowTable(ech_names=lambda: {"cover.example"}))
    talk.client(hello(ALLOWED, after=ech()))
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES


def test_a_hello_that_never_ends_is_refused_at_the_limit() -> None:
    talk = Talk(names_only, table=FlowTable(Limits(stream_bytes=4000, hello_bytes=5000)))
    start = (
        record(client_hello(ALLOWED), version=0x0301)[:3] + b"\x40\x00" + b"\x01\x00\x3f\xfc" + bytes(1000)
    )
    talk.client(start)
    while talk.end < 5000:
        assert talk.actions[-1] is FlowAction.HOLD
        talk.client(bytes(1000))
    assert talk.actions[-1] is FlowAction.REFUSED
    assert talk.bench.heard[-1].fault is Fault.OVERFLOW


LARGE = [17_000, 20_000, 40_000, 65_000]


@pytest.mark.parametrize("size", LARGE)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("name", "kernel"), [(ALLOWED, True), (ALLOWED, False), (REFUSED, True)])
def test_a_large_hello_is_judged_by_its_name(size: int, backwards: bool, name: str, kernel: bool) -> None:
    """As with large key shares or session tickets. A window has ten segments at first (RFC 6928)."""
    filling = Random(size).randbytes(size - 250)
    data = records(client_hello(name, after=extension(0xFFEE, filling)), 16_384)
    talk = Talk(kernel=kernel)
    starts = range(0, len(data), 1400)
    windows = [starts[at : at + 10] for at in range(0, len(starts), 10)]
    for window in windows:
        for at in reversed(window) if backwards else window:
            talk.client(data[at : at + 1400], at=at)
    if name == REFUSED:
        assert talk.actions[-1] is FlowAction.REFUSED
        assert talk.bench.heard[-1].host == REFUSED
        return
    assert talk.actions[-1] is (FlowAction.ANSWERABLE if kernel else FlowAction.HOLD)
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES
    assert talk.bench.heard == [Observation(Proto.TLS, name, talk.remote, 443, alpn=("h2", "http/1.1"))]


def test_a_page_of_large_hellos_is_not_postponed() -> None:
    """Six connections at the same moment, each with a hello of 64 kB."""
    data = records(client_hello(ALLOWED, after=extension(0xFFEE, Random(1).randbytes(64_500))), 16_384)
    table = FlowTable()
    talks = [Talk(table=table, kernel=True, sport=40_000 + number) for number in range(6)]
    for at in range(0, len(data), 1400):
        for talk in talks:
            talk.client(data[at : at + 1400], at=at)
    assert [talk.actions[-1] for talk in talks] == [FlowAction.ANSWERABLE] * 6
    assert table.stats.postponed == 0


def test_large_hellos_that_never_end_take_no_more_than_the_table_has_and_displace_only_their_device() -> None:
    table = FlowTable(Limits(work_rate=1 << 40, work_burst=1 << 40))
    other = Talk(table=table, zone=2)
    other.client(hello(ALLOWED))
    data = records(client_hello(ALLOWED, after=extension(0xFFEE, bytes(65_000))), 16_384)
    for number in range(200):
        talk = Talk(table=table, zone=1, sport=1000 + number)
        for at in range(0, 65_000, 3700):
            talk.client(data[at : at + 3700], at=at)
        assert table.stats.buffered <= Limits().table_bytes
    assert table.stats.evicted > 60
    assert other.server(SERVER_HELLO).action is FlowAction.PASSES


@pytest.mark.parametrize(
    "filling",
    [b"\x16", b"\x17", b"\r\n", b"HTTP/", b"\x16\x03\x03\0\0", b"\x17\x02\0\0\0", b"\x16\x02\0\0\x01"],
)
def test_the_work_of_a_large_hello_is_charged(filling: bytes) -> None:
    """At most 20 microseconds for a step on a slow machine, so that a device cannot stall the filter."""
    data = records(client_hello(ALLOWED), 16_384) + filling * (64_000 // len(filling))
    work_of, spent = FlowTable(Limits(work_rate=1, work_burst=1 << 40)), 0.0
    talk = Talk(names_only, table=work_of)
    for at in range(0, len(data), 1400):
        began = process_time()
        talk.client(data[at : at + 1400], at=at)
        spent += process_time() - began
    steps, _ = work_of._effort._debts[0]
    assert spent / steps < 20e-6


@pytest.mark.parametrize("dport", [443, 8443, 2053, 2083, 2087, 2096])
def test_junk_that_nobody_answers_opens_no_port_of_web_servers(dport: int) -> None:
    """Segments that die on the way; then the hello that they hid."""
    talk = Talk(names_only, dport=dport)
    for at in range(0, 40 * 100, 100):
        talk.client(b"\x80" * 100, at=at - 5000, decoy=True)
    assert FlowAction.PASSES not in talk.actions
    assert talk.client(hello(REFUSED), at=0).action is FlowAction.REFUSED


def test_many_small_segments_of_a_hello_are_not_unanswered() -> None:
    sent = hello(ALLOWED)
    talk = Talk()
    for at in range(0, len(sent), 3):
        assert talk.client(sent[at : at + 3]).action is FlowAction.HOLD
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES
    assert talk.bench.hosts == [ALLOWED]


def test_a_client_hello_after_starttls_on_an_undecided_flow_is_judged() -> None:
    talk = Talk(dport=25)
    talk.server(b"220 mail.example ESMTP\r\n")
    talk.client(b"EHLO x\r\nSTARTTLS\r\n")
    assert talk.client(hello(REFUSED)).action is FlowAction.REFUSED


def test_resends_are_not_judged_again() -> None:
    talk = Talk()
    sent = hello(ALLOWED)
    for _ in range(5):
        talk.client(sent, at=0)
    assert talk.bench.hosts == [ALLOWED]
    assert set(talk.actions) == {FlowAction.HOLD}


@pytest.mark.parametrize("with_data", [False, True], ids=["FIN alone", "FIN with the hello"])
@pytest.mark.parametrize("kernel", [False, True])
def test_a_hello_and_a_fin_before_the_answer_is_neither_refused_nor_counted(
    with_data: bool, kernel: bool
) -> None:
    """Chrome leaves connections in this way. The server acknowledges the FIN's number as well."""
    talk, data = Talk(kernel=kernel), hello(ALLOWED)
    step = talk.client(data, flags=ACK | PSH | FIN) if with_data else talk.client(data)
    assert step.action is (FlowAction.ANSWERABLE if kernel else FlowAction.HOLD)
    assert talk.server(SERVER_HELLO, acks=len(data) + 1).action is FlowAction.PASSES
    assert (talk.table.stats.passed, talk.table.stats.refused) == (1, 0)
    assert talk.bench.hosts == [ALLOWED]


def test_after_a_retry_too() -> None:
    talk, data = Talk(kernel=True), hello(ALLOWED)
    talk.client(data)
    talk.server(RETRY)
    talk.client(data)
    assert talk.server(SERVER_HELLO, acks=2 * len(data) + 1).action is FlowAction.PASSES


def test_an_alert_is_the_answer_to_an_abandoned_hello() -> None:
    talk, data = Talk(), hello(ALLOWED)
    talk.client(data)
    assert talk.server(FATAL_ALERT, acks=len(data) + 1).action is FlowAction.HOLD
    assert talk.table.stats.refused == 0


def test_more_than_one_number_behind_the_hello_is_data_that_was_not_seen() -> None:
    talk, data = Talk(), hello(ALLOWED)
    talk.client(data)
    step = talk.server(SERVER_HELLO, acks=len(data) + 2)
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


def test_a_byte_that_was_not_seen_is_no_fin_if_data_follows() -> None:
    talk, data = Talk(), hello(ALLOWED)
    talk.client(data)
    assert talk.server(RETRY, acks=len(data) + 1).action is FlowAction.HOLD
    assert talk.client(data, at=0).action is FlowAction.HOLD, "resent, as without an acknowledgement"
    step = talk.client(hello(ALLOWED)[1:], at=len(data) + 1)
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


@pytest.mark.parametrize("after", [0.01, 0.5, 1.9])
@pytest.mark.parametrize("isn", [0x12345678, 0xFFFFFF00 + 200_000 - (1 << 32), 0xFFFFFF00 - 200_000])
@pytest.mark.parametrize("kernel", [False, True])
def test_the_ports_of_a_refused_connection_serve_an_allowed_one(after: float, isn: int, kernel: bool) -> None:
    """Linux begins 1.5 MB further after 0.1 s (RFC 6528), other systems anywhere."""
    first = Talk(kernel=kernel)
    first.client(hello(REFUSED))
    again = Talk(table=first.table, kernel=kernel, isn=isn)
    again.now += after
    data = hello(ALLOWED)
    again.client(data[:100])
    assert again.client(data[100:]).action is (FlowAction.ANSWERABLE if kernel else FlowAction.HOLD)
    assert again.server(SERVER_HELLO).action is FlowAction.PASSES
    assert again.bench.hosts == [ALLOWED]


@pytest.mark.parametrize("at", [-60_000, 0, 100, 60_000])
def test_what_a_refused_connection_sent_along_stays_refused(at: int) -> None:
    talk = Talk(names_only, kernel=True)
    talk.client(hello(REFUSED))
    assert talk.client(hello(ALLOWED), at=at).action is FlowAction.REFUSED


def test_after_a_refusal_at_the_servers_packet_too() -> None:
    talk, data = Talk(), hello(ALLOWED)
    talk.client(data)
    assert talk.server(SERVER_HELLO, acks=len(data) + 500).action is FlowAction.REFUSED
    assert talk.client(data, at=0).action is FlowAction.REFUSED
    again = Talk(table=talk.table, isn=0x12345678)
    assert again.client(data).action is FlowAction.HOLD
