"""The table: keys, ages, limits, and what is remembered of decided flows."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows import Action, FlowTable, Judge, Limits
from gateway.wire.ip import SYN, TCP, parse_ip
from tests.wire.flow_forge import (
    ADDRESSES,
    ALLOWED,
    HTTP_OK,
    REFUSED,
    SERVER_HELLO,
    Talk,
    careful,
    names_only,
    with_bad_checksum,
    with_ttl,
)
from tests.wire.quic_forge import crypto, encrypt_initial
from tests.wire.tls_forge import FATAL_ALERT, client_hello, record, records

HELLO = records(client_hello(ALLOWED))
BAD_HELLO = records(client_hello(REFUSED))
GET = b"GET / HTTP/1.1\r\nHost: " + ALLOWED.encode() + b"\r\n\r\n"
GET_REFUSED = GET.replace(ALLOWED.encode(), REFUSED.encode())


def initial(name: str) -> bytes:
    return encrypt_initial(crypto(0, client_hello(name)), dcid=b"12345678")


# ------------------------------------------------------------------------------ packets of no flow


@pytest.mark.parametrize("data", [b"", b"\x45", b"\x00" * 40, bytes([0x45]) + bytes(40), b"\x60" + bytes(10)])
def test_what_is_no_ip_packet_vanishes_and_is_counted(data: bytes) -> None:
    talk = Talk()
    step = talk.raw(data)
    assert step == (Action.DROP, None, None, ())
    assert talk.table.stats.malformed == 1
    assert talk.bench.heard == []


@pytest.mark.parametrize("version", [4, 6])
def test_a_cut_packet_vanishes(version: int) -> None:
    packet = Talk(version=version).segment(HELLO, 0)
    for size in range(0, len(packet), 7):
        assert Talk(version=version).raw(packet[:size]).action is Action.DROP


@pytest.mark.parametrize("version", [4, 6])
def test_a_wrong_checksum_vanishes_unless_a_card_was_to_compute_it(version: int) -> None:
    talk = Talk(version=version)
    assert talk.raw(with_bad_checksum(talk.segment(BAD_HELLO, 0))).action is Action.DROP
    assert talk.bench.heard == []
    assert talk.table.stats.bad_checksums == 1
    talk = Talk(version=version, table=FlowTable(verify_checksums=False))
    assert talk.raw(with_bad_checksum(talk.segment(BAD_HELLO, 0))).action is Action.REFUSED


def test_a_wrong_checksum_of_a_server_is_no_answer() -> None:
    talk = Talk(names_only)
    talk.client(HELLO)
    answer = talk.server_segment(SERVER_HELLO, 0)
    assert talk.raw(with_bad_checksum(answer), from_lan=False).action is Action.DROP
    assert talk.raw(answer, from_lan=False).action is Action.PASSES


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
            assert step.action is Action.HOLD
        else:
            assert step.action is Action.REFUSED
            assert step.observation == Observation(Proto.IPSEC, None, remote)
            assert Talk().raw(packet).action is Action.PASSES


# ------------------------------------------------------------------------------ whose flow it is


def test_devices_never_share_a_flow() -> None:
    table = FlowTable()
    one, other = Talk(table=table, zone=1), Talk(table=table, zone=2)
    one.client(HELLO)
    assert other.client(BAD_HELLO).action is Action.REFUSED
    assert one.server(SERVER_HELLO).action is Action.PASSES


def test_ports_and_protocols_never_share_a_flow() -> None:
    table = FlowTable()
    talks = [Talk(table=table, sport=40000 + i) for i in range(3)]
    for talk in talks:
        talk.client(HELLO[:100])
        talk.datagram(initial(ALLOWED))
    assert table.stats.flows == 6
    assert talks[1].client(BAD_HELLO, at=0).action is Action.REFUSED
    assert talks[0].client(HELLO[100:]).action is Action.HOLD
    assert talks[0].server(SERVER_HELLO).action is Action.PASSES


# ------------------------------------------------------------------------------ decided flows


def test_what_is_in_the_queue_behind_the_server_hello_passes_too() -> None:
    talk = Talk()
    talk.client(HELLO)
    talk.server(SERVER_HELLO)
    step = talk.server(b"\x17\x03\x03\x10\x00" + bytes(1000))
    assert step.action is Action.PASSES
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
        assert step.action is Action.REFUSED


def test_a_capture_shows_when_ports_are_used_anew() -> None:
    table = FlowTable(handshakes=True)
    talk = Talk(table=table)
    talk.handshake()
    talk.client(HELLO)
    talk.server(SERVER_HELLO)
    for _ in range(50):  # the flow goes on, and nobody but the table remembers it
        talk.now += 100
        assert talk.client(b"\x17\x03\x03\x04\x00" + bytes(1024)).action is Action.PASSES
        assert talk.server(b"\x17\x03\x03\x04\x00" + bytes(1024)).action is Action.PASSES
    assert talk.bench.hosts == [ALLOWED]
    again = Talk(table=table, isn=5)
    again.handshake()
    assert again.client(BAD_HELLO).action is Action.REFUSED
    third = Talk(table=table, isn=77777)
    third.handshake()
    third.client(HELLO)
    assert third.server(SERVER_HELLO).action is Action.PASSES


def test_an_undecided_flow_is_replaced_by_a_new_connection_on_its_ports() -> None:
    table = FlowTable(handshakes=True)
    talk = Talk(table=table)
    talk.handshake()
    talk.client(HELLO)
    again = Talk(names_only, table=table, isn=5)
    again.handshake()
    assert again.server(SERVER_HELLO).action is Action.REFUSED


def test_a_resent_syn_is_no_new_connection() -> None:
    talk = Talk(table=FlowTable(handshakes=True))
    talk.handshake()
    talk.client(HELLO[:200])
    talk.raw(talk.segment(b"", -1, flags=SYN))
    talk.client(HELLO[200:])
    assert talk.server(SERVER_HELLO).action is Action.PASSES


def test_a_refused_tcp_flow_stays_refused_for_what_is_in_the_queue() -> None:
    talk = Talk()
    talk.client(BAD_HELLO)
    assert talk.client(b"more").action is Action.REFUSED
    assert talk.server(SERVER_HELLO).action is Action.REFUSED
    talk.now += 3  # the kernel has its mark by now; the ports may serve another connection
    talk.client(HELLO)
    assert talk.server(SERVER_HELLO).action is Action.PASSES


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


# ------------------------------------------------------------------------------ limits


def test_the_flow_that_was_idle_longest_makes_room() -> None:
    table = FlowTable(Limits(flows=3))
    talks = [Talk(table=table, sport=i) for i in range(1, 5)]
    for talk in talks[:3]:
        talk.client(HELLO)
    talks[0].client(HELLO, at=0)
    talks[3].client(HELLO)
    assert table.stats.flows == 3
    assert table.stats.evicted == 1
    assert talks[0].server(SERVER_HELLO).action is Action.PASSES
    assert talks[2].server(SERVER_HELLO).action is Action.PASSES


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
        assert step.action is Action.REFUSED
        assert step.observation is not None
        assert step.observation.fault is Fault.OVERFLOW


def test_an_idle_flow_is_refused_when_it_goes_on() -> None:
    """Its first half was read and forgotten: the second would be read as the start of another flow."""
    talk = Talk(table=FlowTable())
    talk.client(HELLO)
    talk.now += 59
    assert talk.client(HELLO, at=0).action is Action.HOLD
    assert talk.bench.hosts == [ALLOWED]
    talk.now += 61
    step = talk.client(HELLO, at=0)
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW
    assert talk.server(SERVER_HELLO).action is Action.REFUSED


def test_an_idle_flow_that_said_nothing_begins_again() -> None:
    talk = Talk(dport=25)
    talk.server(b"220 mail.example\r\n")
    talk.now += 61
    assert talk.client(HELLO).action is Action.HOLD
    assert talk.bench.hosts == [ALLOWED]


def test_open_http_may_rest_longer() -> None:
    talk = Talk(dport=80)
    talk.client(GET)
    talk.server(HTTP_OK)
    for _ in range(3):
        talk.now += 250
        assert talk.client(GET).action is Action.ASKS


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
    assert half.server(SERVER_HELLO).action is Action.PASSES


def test_after_forgetting_a_refused_flow_is_judged_again() -> None:
    table = FlowTable()
    assert Talk(table=table).datagram(initial(REFUSED)).action is Action.REFUSED
    table.forget(0)
    assert Talk(lambda observation: True, table=table).datagram(initial(REFUSED)).action is Action.HOLD


def test_the_time_to_live_is_of_no_matter() -> None:
    for ttl in (1, 3, 255):
        talk = Talk()
        assert talk.raw(with_ttl(talk.segment(BAD_HELLO, 0), ttl)).action is Action.REFUSED


def test_a_step_holds_the_packet_as_it_was_read() -> None:
    talk = Talk()
    packet = talk.segment(HELLO, 0)
    step = talk.raw(packet)
    assert step.packet == parse_ip(packet)


def test_limits_are_all_positive_and_explained() -> None:
    for field in dataclasses.fields(Limits):
        assert getattr(Limits(), field.name) > 0


# --------------------------------------------- what must not be taken for a new flow, and what is


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
    assert talk.client(b"x", at=-1000, decoy=True, flags=SYN).action is Action.DROP
    talk.client(halves(ALLOWED)[0], at=0, decoy=True)
    talk.client(rest)
    talk.server(SERVER_HELLO, acks=len(first + rest))
    assert Action.PASSES not in talk.actions


def test_what_a_syn_in_mid_connection_names_is_judged() -> None:
    talk = Talk()
    talk.client(halves(ALLOWED)[0])
    whole = record(client_hello(REFUSED))
    assert talk.client(whole, at=-5000, decoy=True, flags=SYN).action is Action.REFUSED


def test_in_a_capture_the_answer_tells_that_a_syn_was_meant() -> None:
    talk = Talk(table=FlowTable(handshakes=True))
    talk.client(halves(REFUSED)[0])
    again = Talk(table=talk.table, isn=5_000_000)
    again.handshake()
    assert again.client(HELLO).action is Action.HOLD
    assert again.server(SERVER_HELLO).action is Action.PASSES


def test_what_lies_behind_the_servers_acknowledgement_never_reaches_it() -> None:
    """Another connection on the same ports can be made to lie there: its hello would go unread."""
    size = len(record(client_hello(REFUSED)))
    talk = Talk(names_only)
    talk.client(record(client_hello(ALLOWED)), at=0, decoy=True)
    talk.client(bytes(size), at=0)
    talk.server(FATAL_ALERT, acks=size)
    assert talk.client(record(client_hello(REFUSED)), at=0).action is Action.DROP
    # And where a part of it lies there, it is read in both ways.
    talk.client(bytes(100), at=size)
    assert talk.client(record(client_hello(REFUSED)), at=size - 50).action is Action.REFUSED


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
    assert victim.server(SERVER_HELLO).action is Action.PASSES
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
    assert victim.server(SERVER_HELLO).action is Action.PASSES


def open_http(judge: Judge = careful, *, table: FlowTable | None = None, sport: int = 40000) -> Talk:
    talk = Talk(judge, dport=80, table=table, sport=sport)
    talk.asks = False
    talk.client(GET)
    assert talk.server(HTTP_OK).action is Action.ASKS
    return talk


@pytest.mark.parametrize("jump", [20_000, -20_000, 1_000_000_000, -1_000_000_000, 1])
def test_a_new_connection_on_the_ports_of_open_http(jump: int) -> None:
    talk = open_http()
    talk.now += 5 if abs(jump) < 1 << 20 else 0.1
    start = talk.end + jump
    assert talk.client(GET, at=start).action is Action.HOLD
    assert talk.server(HTTP_OK, acks=start + len(GET)).action is Action.ASKS
    talk.asks = True
    assert talk.client(GET_REFUSED, at=start + len(GET)).action is Action.REFUSED


def test_its_next_requests_may_be_in_the_queue_before_the_kernel_knows() -> None:
    talk = open_http()
    assert talk.client(GET).action is Action.ASKS
    assert talk.client(GET, at=0).action is Action.DROP  # old bytes come again when the kernel knows
    talk.asks = True
    assert talk.client(GET, at=0).action is Action.ASKS
    assert talk.client(GET_REFUSED).action is Action.REFUSED


def test_open_http_that_nobody_remembers_is_refused() -> None:
    talk = Talk(dport=80)
    talk.asks = True
    assert talk.client(GET).action is Action.REFUSED


def test_open_http_rests_for_as_long_as_the_kernel_knows_it() -> None:
    talk = open_http()
    talk.asks = True
    talk.now += 4000
    assert talk.client(GET).action is Action.ASKS
    assert talk.client(GET_REFUSED).action is Action.REFUSED


def test_an_answer_may_take_minutes() -> None:
    """Plain HTTP that waits for news."""
    talk = Talk(dport=80)
    talk.client(GET)
    talk.now += 240
    assert talk.server(HTTP_OK).action is Action.ASKS


@pytest.mark.parametrize("asks", [None, True])
def test_open_http_never_expires(asks: bool | None) -> None:
    """A download, a radio stream, a long poll: the client says nothing, and other flows come and go."""
    gone: list[object] = []
    table = FlowTable(forgotten=gone.append)
    talk = open_http(table=table)
    held = table.stats.buffered
    talk.asks = asks
    for hour in range(1, 30):
        for number in range(5):
            other = Talk(table=table, sport=1000 + number)
            other.now = talk.now + 3600 * hour + number
            other.client(HELLO)
            other.server(SERVER_HELLO)
    assert gone == []
    assert table.stats.expired == 0
    assert table.stats.buffered < held
    talk.now += 30 * 3600
    assert talk.client(GET).action is Action.ASKS
    assert talk.client(b"\x00", at=talk.end - 1).action is Action.ASKS
    assert talk.client(GET_REFUSED).action is Action.REFUSED


def test_open_http_rests_in_the_middle_of_a_body_and_of_a_head() -> None:
    chunk = (
        b"POST / HTTP/1.1\r\nHost: " + ALLOWED.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n0123"
    )
    for before, after in (
        (GET[:20], GET[20:]),
        (chunk, b"45678\r\n0\r\n\r\n"),
        (chunk + b"45678\r", b"\n0\r\n\r\n"),
    ):
        talk = open_http()
        talk.asks = None
        talk.client(before)
        for number in range(3):
            other = Talk(table=talk.table, sport=1000 + number)
            other.now = talk.now + 1000
            other.client(HELLO)
        talk.now += 2000
        assert talk.client(after).action is Action.ASKS
        assert talk.client(GET_REFUSED).action is Action.REFUSED


def test_what_is_sent_again_after_a_rest_cannot_be_compared() -> None:
    talk = open_http()
    talk.asks = None
    other = Talk(table=talk.table, sport=1000)
    other.now = talk.now + 1000
    other.client(HELLO)
    talk.now += 2000
    assert talk.client(GET, at=0).action is Action.REFUSED


def test_open_http_makes_room_and_takes_it() -> None:
    """Of connections that may rest and of others, those go of which there are more."""
    gone: list[int] = []
    table = FlowTable(Limits(flows=20), forgotten=lambda key: gone.append(key[3]))
    resting = [open_http(table=table, sport=number) for number in range(100, 110)]
    for number in range(200, 220):
        Talk(table=table, sport=number).client(HELLO)
    assert gone == list(range(200, 210))
    for talk in resting:
        talk.asks = True
        assert talk.client(GET).action is Action.ASKS
    for number in range(300, 310):
        open_http(table=table, sport=number)
    assert len(gone) == 20
    assert all(port < 300 for port in gone)
    assert table.stats.flows == 20


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
        assert talk.client(GET).action is Action.ASKS


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
            assert talk.server(b"\x02news").action is Action.HOLD
        assert talk.client(said).action is Action.HOLD
        assert talk.server(b"\x02ok").action is Action.PASSES
    assert gone == []


@pytest.mark.parametrize(
    "said", [HELLO, HELLO[:30], GET, GET[:10], b"\x16", b"X", record(b"\x01\x00\x00\x02ab")]
)
def test_what_may_be_half_a_hello_is_not_forgotten(said: bytes) -> None:
    gone: list[object] = []
    talk = Talk(names_only, dport=6514, table=FlowTable(forgotten=gone.append))
    talk.client(said)
    talk.now += 400
    assert talk.client(b"more").action is Action.REFUSED
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
    assert actions[0] is Action.DROP
    assert actions[-1] is Action.HOLD
    assert again.server(SERVER_HELLO).action is Action.PASSES


def test_more_open_http_than_there_is_room_for() -> None:
    """Each new one takes the room of the one that said nothing for longest, never its own."""
    table = FlowTable(Limits(table_bytes=60_000))
    talks = [open_http(table=table, sport=number) for number in range(100, 150)]
    assert table.stats.buffered <= 60_000
    assert 5 < table.stats.flows < 20
    talks[-1].asks = True
    assert talks[-1].client(GET).action is Action.ASKS
    talks[0].asks = True
    assert talks[0].client(GET).action is Action.REFUSED
