"""One device cannot spend the house's time."""

from __future__ import annotations

import time

import pytest

from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.limits import SHARE_IDLE, SHARES, Effort, Limits
from gateway.wire.flows.table import FlowTable
from tests.pace import EXACT
from tests.wire.flow_forge import ALLOWED, HTTP_OK, SERVER_HELLO, Talk, names_only
from tests.wire.quic_forge import encrypt_initial
from tests.wire.tls_forge import client_hello, records


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    effort = Effort(Limits(work_rate=100, work_burst=1000))
    effort.spend(1, 900, 0.0)
    assert effort.allows(1, 0.0)
    effort.spend(1, 300, 0.0)
    assert not effort.allows(1, 0.0)
    assert effort.allows(2, 0.0)
    assert not effort.allows(1, 2.0)
    assert effort.allows(1, 2.1)
    effort.spend(1, 10, 1000.0)
    assert effort.allows(1, 1000.0)


def test_a_device_that_sends_crafted_hellos_waits_and_others_do_not() -> None:
    table = FlowTable()
    small = records(client_hello(ALLOWED, padding_before_sni=3000), 1)
    for sport in range(1, 60):
        talk = Talk(names_only, table=table, zone=1, sport=sport)
        for at in range(0, len(small), 1400):
            talk.client(small[at : at + 1400])
        if FlowAction.DROP in talk.actions:
            break
    assert talk.actions[-1] is FlowAction.DROP
    assert table.stats.postponed > 0
    other = Talk(table=table, zone=2)
    other.client(records(client_hello(ALLOWED)))
    assert other.server(SERVER_HELLO).action is FlowAction.PASSES
    talk = Talk(table=table, zone=1, sport=999)
    assert talk.client(records(client_hello(ALLOWED))).action is FlowAction.DROP
    talk.now += 3
    assert talk.client(records(client_hello(ALLOWED)), at=0).action is FlowAction.HOLD
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES


def test_many_initials_in_one_datagram_cost_as_many() -> None:
    table = FlowTable(Limits(work_burst=1000, work_rate=1))
    one = encrypt_initial(b"\x01", dcid=b"12345678", pad_to=0)
    for sport in range(1, 5):
        talk = Talk(names_only, table=table, sport=sport)
        talk.datagram(one * 25)
    assert talk.actions == [FlowAction.DROP]


def test_ordinary_use_stays_far_below() -> None:
    table = FlowTable()
    hello = records(client_hello(ALLOWED, post_quantum=True))
    for sport in range(1, 401):  # in one second
        talk = Talk(table=table, sport=sport)
        for at in range(0, len(hello), 700):
            assert talk.client(hello[at : at + 700]).action is FlowAction.HOLD
        assert talk.server(SERVER_HELLO).action is FlowAction.PASSES
    assert table.stats.postponed == 0


POST = b"POST / HTTP/1.1\r\nHost: " + ALLOWED.encode() + b"\r\nContent-Length: 90000000\r\n\r\n"
# Seconds for a packet on average, far more than any takes that is not charged, and for what is charged.
SLOWER = 1 if EXACT else 3
TOUCH, CHARGED = 0.0005 * SLOWER, 30e-6 * SLOWER


def answered(**how: object) -> Talk:
    talk = Talk(names_only, dport=80, **how)  # type: ignore[arg-type]
    talk.client(POST)
    talk.server(HTTP_OK)
    return talk


def seconds_for(talk: Talk, packets: list[bytes]) -> float:
    began = time.process_time()
    for packet in packets:
        talk.raw(packet)
    return time.process_time() - began


def test_a_line_of_many_words_is_cheap_however_often_it_is_read() -> None:
    talk = Talk(names_only, dport=80)
    head = (
        b"GET "
        + b"/ " * 5500
        + b"HTTP/1.1\r\nHost: "
        + ALLOWED.encode()
        + b"\r\nContent-Length: 3000\r\n\r\n"
    )
    for at in range(0, len(head), 1400):
        talk.client(head[at : at + 1400])
    start = talk.end
    taken = seconds_for(talk, [talk.segment(b"z", start + number) for number in range(100)])
    assert taken < 100 * 4 * TOUCH
    assert talk.table.stats.postponed == 0
    work = talk.table._effort._debts[0][0]
    assert work > 100 * 20  # each is charged for the eleven kilobytes that are read again


@pytest.mark.parametrize(
    ("piece", "charged"),
    [
        (b"a " * 690 + b"HTTP/1.1\r\n", 1),  # many words
        (b"a b HTTP/1.1\n" * 100, 50),  # many request lines
        (b"A HTTP/1.1\n" * 127, 50),
        (b"a http://b.example/ " * 69 + b"HTTP/1.1\n\n", 60),  # many places in one
        (b"CONNECT / " * 127 + b"x HTTP/1.1\n\n", 100),
        (b"\n\r" * 700, 0),
    ],
)
def test_what_is_searched_in_bodies_is_charged(piece: bytes, charged: int) -> None:
    talk = answered()
    before = talk.table._effort._debts[0][0]
    start, count = talk.end, 200
    packets = [talk.segment(piece, start + len(piece) * number) for number in range(count)]
    taken = seconds_for(talk, packets)
    work = talk.table._effort._debts[0][0] - before
    assert work >= charged * count
    assert taken < count * TOUCH + work * CHARGED


def test_many_chunks_are_charged() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(POST.replace(b"Content-Length: 90000000", b"Transfer-Encoding: chunked"))
    talk.server(HTTP_OK)
    before = talk.table._effort._debts[0][0]
    for _ in range(20):
        talk.client(b"1\r\nx\r\n" * 200)
    assert talk.table._effort._debts[0][0] - before >= 20 * 200
    assert talk.table.stats.buffered < 400_000


def test_a_segment_that_is_sent_again_and_again_holds_and_costs_nothing_more() -> None:
    talk = Talk(names_only)
    packet = talk.segment(b"\x05" * 400, 0)
    talk.raw(packet)
    held = talk.table.stats.buffered
    assert seconds_for(talk, [packet] * 2000) < 2000 * TOUCH
    assert talk.table.stats.buffered == held
    start = time.process_time()
    for at in range(400):  # and each beginning and end of one is held once
        talk.client(b"\x05" * (400 - at), at=at)
    assert time.process_time() - start < 400 * TOUCH
    assert talk.table.stats.buffered < held + 400 * 50


def test_overlaps_that_differ_are_charged() -> None:
    talk = Talk(names_only)
    for at in range(1400):
        talk.client(b"\x05", at=at)
    before = talk.table._effort._debts[0][0]
    for _ in range(10):
        talk.client(b"\x05" * 700 + b"\x06" + b"\x05" * 699, at=0, decoy=True)
    assert talk.table._effort._debts[0][0] - before > 10 * 100


def test_segments_after_a_gap_are_bounded_and_counted() -> None:
    talk = answered()
    start = talk.end
    packets = [talk.segment(b"x", start + 2 + 2 * number) for number in range(5000)]
    taken = seconds_for(talk, packets)
    assert taken < 5000 * TOUCH
    assert talk.actions.count(FlowAction.HOLD) - 1 == Limits().pieces
    assert talk.actions[-1] is FlowAction.DROP
    assert 100 * Limits().pieces < talk.table.stats.buffered < 400 * Limits().pieces
    assert seconds_for(talk, [talk.segment(b"x", start)] * 200) < 200 * TOUCH


PIECES = (
    bytes(range(256)),
    b'192.0.2.1 - - [24/Nov/2026:20:00:00 +0000] "GET /x HTTP/1.1" 200 1 "http://www.x.example/"\n',
    b"some words of a text that is neither long nor short\r\n",
)
# Ahead of the answer, a request in a body may be where the server begins to read.
REQUESTS = b"GET /x HTTP/1.1\r\nHost: www.x.example\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n" + bytes(3000)


@pytest.mark.parametrize(
    ("piece", "answered_first"),
    [*((piece, first) for piece in PIECES for first in (False, True)), (REQUESTS, True)],
)
def test_uploads_at_full_speed_are_not_postponed(piece: bytes, answered_first: bool) -> None:
    """4,000 segments a second, as the kernel's guard lets through."""
    talk = Talk(names_only, dport=80)
    talk.client(POST)
    if answered_first:
        talk.server(HTTP_OK)
    body = piece * (6_000_000 // len(piece))
    for at in range(0, len(body), 1400):
        talk.now += 1 / 4000
        talk.client(body[at : at + 1400])
    assert talk.table.stats.postponed == 0
    assert FlowAction.REFUSED not in talk.actions


def test_a_device_that_is_gone_owes_nothing() -> None:
    effort = Effort(Limits(work_rate=100, work_burst=1000))
    effort.spend(1, 2000, 0.0)
    effort.spend(2, 2000, 0.0)
    effort.forget(1)
    effort.forget(3)
    assert effort.allows(1, 0.0)
    assert not effort.allows(2, 0.0)


def a_flooded_zone() -> Effort:
    """A zone of several devices, of which one spends all that it is allowed."""
    effort = Effort(Limits(work_rate=160, work_burst=1600))
    effort.spend(1, 10, 0.0, b"known")
    while effort.allows(1, 0.0, device=b"flood"):
        effort.spend(1, 10, 0.0, b"flood")
    return effort


def test_in_a_shared_zone_each_device_has_a_share() -> None:
    effort = a_flooded_zone()
    assert not effort.allows(1, 0.0)
    assert not effort.allows(1, 0.0, device=b"flood")
    for device in (b"known", b"new"):
        spent = 0
        while effort.allows(1, 0.0, device=device):
            effort.spend(1, 10, 0.0, device)
            spent += 10
        assert spent >= 80, device
        assert spent <= 110, device
    assert effort.allows(1, 3.0, device=b"new"), "ten steps a second"
    assert effort.allows(2, 0.0, device=b"flood"), "another zone"


def test_invented_addresses_give_no_further_shares() -> None:
    effort, spent, passed = a_flooded_zone(), 0, 0
    for number in range(6000):
        now, device = number / 100, number.to_bytes(4)
        if number % 100 == 0:
            passed += effort.allows(1, now, device=b"known")
            effort.spend(1, 5, now, b"known")
        if effort.allows(1, now, device=device):
            effort.spend(1, 10, now, device)
            spent += 10
    assert passed == 60, "a device that was there before keeps its share"
    assert spent < 2 * (160 * 60 + 1600), "twice the limit of the zone"


def test_a_share_without_traffic_goes_to_another_device() -> None:
    effort = a_flooded_zone()
    for number in range(SHARES):
        effort.spend(1, 10, 0.0, number.to_bytes(4))
    assert not effort.allows(1, 0.0, device=b"late")
    effort.spend(1, 10**6, SHARE_IDLE, b"flood")
    assert effort.allows(1, SHARE_IDLE, device=b"late")
    effort.forget(1)
    assert effort.allows(1, SHARE_IDLE)


def test_a_guest_with_crafted_hellos_does_not_keep_another_waiting() -> None:
    table = FlowTable()
    small = records(client_hello(ALLOWED, padding_before_sni=3000), 1)
    for sport in range(1, 60):
        talk = Talk(names_only, table=table, zone=1, shared=True, sport=sport)
        for at in range(0, len(small), 1400):
            talk.client(small[at : at + 1400])
        if FlowAction.DROP in talk.actions:
            break
    assert talk.actions[-1] is FlowAction.DROP
    other = Talk(table=table, zone=1, shared=True, device=bytes([192, 168, 1, 99]))
    other.client(records(client_hello(ALLOWED)))
    assert other.server(SERVER_HELLO).action is FlowAction.PASSES
