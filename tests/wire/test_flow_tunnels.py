"""Tunnels in flows: judged once, in either direction, whatever is sent ahead, and in whatever pieces."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.build import tcp_segment
from gateway.wire.ip.packet import PSH, SYN
from tests.wire.flow_forge import (
    ALLOWED,
    HTTP_OK,
    REFUSED,
    SERVER_HELLO,
    Talk,
    fragments,
    udp_packet,
    with_bad_checksum,
    with_ttl,
)
from tests.wire.test_tunnels import QUERY, framed
from tests.wire.tls_forge import client_hello, record
from tests.wire.tunnel_vectors import ORDINARY, TCP, UDP, Vector

BANNER = b"SSH-2.0-OpenSSH_10.0\r\n"
TUNNELS = frozenset(Proto) - {Proto.DNS, Proto.TLS, Proto.QUIC, Proto.HTTP, Proto.TCP, Proto.UDP, Proto.OTHER}
WIREGUARD = next(one.payload for one in UDP if one.proto is Proto.WIREGUARD)


def no_tunnels(seen: Observation) -> bool:
    return seen.proto not in TUNNELS and seen.host != REFUSED


def all_but_faults(seen: Observation) -> bool:
    return seen.fault is None or seen.fault is Fault.UNANSWERED


def junk(count: int) -> list[bytes]:
    source = random.Random(5)
    return [source.randbytes(source.randint(10, 900)) for _ in range(count)]


# ---------------------------------------------------------------- UDP


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("vector", UDP, ids=str)
def test_a_refused_tunnel_is_refused_at_its_first_datagram(vector: Vector, version: int) -> None:
    talk = Talk(no_tunnels, version=version, dport=vector.port)
    step = talk.datagram(vector.payload) if vector.side == "client" else talk.answer(vector.payload)
    assert step.action is FlowAction.REFUSED
    assert step.observation == Observation(vector.proto, None, talk.remote, vector.port)
    for _ in range(3):
        assert talk.datagram(b"more").action is talk.answer(b"more").action is FlowAction.REFUSED
    assert talk.bench.heard == [step.observation]


@pytest.mark.parametrize("vector", UDP, ids=str)
def test_an_allowed_tunnel_goes_on_as_a_flow_without_a_name(vector: Vector) -> None:
    talk = Talk(all_but_faults, dport=vector.port)
    for _ in range(3):
        assert talk.datagram(vector.payload).action is FlowAction.HOLD
    step = talk.answer(b"\x00" * 60)
    tunnel = Observation(vector.proto, None, talk.remote, vector.port)
    assert step.action is FlowAction.PASSES
    assert step.observation == tunnel._replace(proto=Proto.UDP)
    assert talk.bench.heard == [tunnel, step.observation]
    assert tunnel in step.judged  # so that a change of rules finds it


@pytest.mark.parametrize("count", [1, 15, 16, 17, 128, 300])
@pytest.mark.parametrize("dport", [443, 51820])
def test_junk_ahead_hides_nothing(count: int, dport: int) -> None:
    """AmneziaWG sends up to 128 datagrams of noise ahead of WireGuard's first, which servers drop."""
    talk = Talk(no_tunnels, dport=dport)
    for noise in junk(count):
        noise = b"\x00" + noise  # else a part of it has QUIC's form
        assert talk.datagram(noise).action is FlowAction.HOLD
    assert talk.datagram(WIREGUARD).action is FlowAction.REFUSED


def test_decoys_that_die_on_the_way_hide_nothing() -> None:
    talk = Talk(no_tunnels, dport=51820)
    decoy = udp_packet(talk.device, talk.remote, 40000, 51820, bytes(148))
    for _ in range(20):
        assert talk.raw(with_ttl(decoy, 2)).action is FlowAction.HOLD
        assert talk.raw(with_bad_checksum(decoy)).action is FlowAction.DROP
    assert talk.datagram(WIREGUARD).action is FlowAction.REFUSED


def test_fragments_of_a_tunnel_go_no_further() -> None:
    talk = Talk(no_tunnels, dport=51820)
    for piece in fragments(udp_packet(talk.device, talk.remote, 40000, 51820, WIREGUARD), 64):
        assert talk.raw(piece).action is FlowAction.REFUSED


def test_the_servers_side_says_it_too() -> None:
    """Where the client's first datagram was not seen, or not known."""
    answer = next(one.payload for one in UDP if one.proto is Proto.WIREGUARD and one.side == "server")
    talk = Talk(no_tunnels, dport=51820)
    assert talk.datagram(bytes(100)).action is FlowAction.HOLD
    assert talk.answer(answer).action is FlowAction.REFUSED


def test_a_question_to_a_resolver_on_another_port() -> None:
    talk = Talk(lambda seen: seen.proto is not Proto.DNS, dport=5353)
    step = talk.datagram(QUERY)
    assert step.action is FlowAction.REFUSED
    assert step.observation == Observation(Proto.DNS, "www.example.org", talk.remote, 5353, 1)


def test_many_questions_on_one_flow_are_bounded() -> None:
    talk = Talk(lambda seen: True, dport=5353)
    for number in range(100):
        step = talk.datagram(QUERY.replace(b"www", b"%03d" % number))
        if step.action is FlowAction.REFUSED:
            break
    assert number == Limits().candidates - 1  # and that nothing was answered was heard, too
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


@pytest.mark.parametrize("payload", ORDINARY)
def test_ordinary_datagrams_are_heard_of_as_ever(payload: bytes) -> None:
    talk = Talk(no_tunnels, dport=3478)
    talk.datagram(payload)
    talk.answer(payload)
    assert {seen.proto for seen in talk.bench.heard} <= {Proto.UDP}


# ---------------------------------------------------------------- TCP


def send(talk: Talk, data: bytes, cuts: list[int]) -> FlowAction:
    for low, high in pairwise([0, *cuts, len(data)]):
        step = talk.client(data[low:high], at=low)
        if step.action is not FlowAction.HOLD:
            return step.action
    return FlowAction.HOLD


CLIENTS = [one for one in TCP if one.side == "client"]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("vector", TCP, ids=str)
def test_a_refused_stream_is_refused_at_once(vector: Vector, version: int) -> None:
    talk = Talk(no_tunnels, version=version, dport=vector.port)
    step = talk.client(vector.payload) if vector.side == "client" else talk.server(vector.payload)
    assert step.action is FlowAction.REFUSED
    assert step.observation == Observation(vector.proto, None, talk.remote, vector.port)
    assert talk.bench.heard == [step.observation]


@pytest.mark.parametrize("vector", CLIENTS, ids=str)
def test_cut_at_every_place_and_in_single_bytes(vector: Vector) -> None:
    data = vector.payload
    for cut in range(1, len(data)):
        assert send(Talk(no_tunnels, dport=vector.port), data, [cut]) is FlowAction.REFUSED, cut
        talk = Talk(no_tunnels, dport=vector.port)
        assert talk.client(data[cut:], at=cut).action in (FlowAction.HOLD, FlowAction.REFUSED)
        assert talk.client(data[:cut], at=0).action is FlowAction.REFUSED, cut
    assert send(Talk(no_tunnels, dport=vector.port), data, list(range(1, len(data)))) is FlowAction.REFUSED


@pytest.mark.parametrize("vector", CLIENTS, ids=str)
def test_an_early_answer_does_not_let_half_of_it_go(vector: Vector) -> None:
    talk = Talk(no_tunnels, dport=vector.port)
    for at in range(len(vector.payload)):
        action = talk.client(vector.payload[at : at + 1]).action
        if action is FlowAction.REFUSED:
            return
        if at < 8:
            assert talk.server(b"\xff").action is FlowAction.HOLD
    pytest.fail("never refused")


@pytest.mark.parametrize("vector", CLIENTS, ids=str)
def test_bytes_ahead_of_the_stream_hide_nothing(vector: Vector) -> None:
    """Left of the window, to a server; nobody here has seen the handshake."""
    for size in (1, 5, 700):
        for pieces in ([], list(range(1, len(vector.payload)))):
            talk = Talk(no_tunnels, dport=vector.port)
            assert talk.client(b"\xef" * size, at=-size, decoy=True).action is FlowAction.HOLD
            assert send(talk, vector.payload, pieces) is FlowAction.REFUSED


@pytest.mark.parametrize("vector", CLIENTS, ids=str)
def test_a_decoy_in_its_place_hides_nothing(vector: Vector) -> None:
    size = len(vector.payload)
    for decoy in (
        b"\xef" * size,
        b"\xef" * 900,
        record(client_hello(ALLOWED)),
        b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    ):
        for first in (True, False):
            talk = Talk(no_tunnels, dport=vector.port)
            packets = [with_ttl(talk.segment(decoy, 0), 2), talk.segment(vector.payload, 0)]
            for packet in packets if first else reversed(packets):
                talk.raw(packet)
            assert FlowAction.REFUSED in talk.actions


@pytest.mark.parametrize("count", [16, 17, 40])
def test_many_decoys_ahead_hide_nothing(count: int) -> None:
    talk = Talk(no_tunnels, dport=2222)
    for _ in range(count):
        assert talk.raw(with_ttl(talk.segment(b"\xef" * 100, 0), 2)).action is FlowAction.HOLD
        assert talk.raw(with_bad_checksum(talk.segment(b"\xef" * 100, 0))).action is FlowAction.DROP
    assert talk.client(BANNER, at=0).action is FlowAction.REFUSED


def test_a_segment_that_servers_ignore_is_judged_alone() -> None:
    for how in ({"flags": PSH}, {"options": b"\x13\x12" + bytes(16)}):
        talk = Talk(no_tunnels, dport=22)
        assert talk.client(BANNER, decoy=True, **how).action is FlowAction.REFUSED


def test_data_on_the_syn() -> None:
    talk = Talk(no_tunnels, dport=22)
    packet = tcp_segment(talk.device, talk.remote, 40000, 22, seq=99, ack=0, flags=SYN, payload=BANNER)
    assert talk.raw(packet).action is FlowAction.REFUSED


def test_an_allowed_stream_goes_on_as_one_without_a_name() -> None:
    talk = Talk(all_but_faults, dport=22)
    assert talk.server(b"SSH-2.0-x\r\n").action is FlowAction.HOLD
    assert talk.client(BANNER).action is FlowAction.HOLD
    step = talk.server(b"\x00\x00\x04\x5c\x0a\x14")
    assert step.action is FlowAction.PASSES
    ssh = Observation(Proto.SSH, None, talk.remote, 22)
    assert talk.bench.heard == [ssh, ssh._replace(proto=Proto.TCP)]
    assert ssh in step.judged


def test_a_greeting_of_a_server_ahead_of_its_banner() -> None:
    talk = Talk(no_tunnels, dport=22)
    assert talk.server(b"Be welcome,\r\nwhoever you are.\r\n").action is FlowAction.HOLD
    assert talk.server(b"SSH-2.0-x\r\n").action is FlowAction.REFUSED
    talk = Talk(no_tunnels, dport=80)
    talk.client(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert talk.server(HTTP_OK + b"\nSSH-2.0-x").action is FlowAction.ASKS


def test_questions_over_tcp_to_another_port() -> None:
    talk = Talk(lambda seen: seen.proto is not Proto.DNS, dport=5353)
    assert talk.client(framed(QUERY)[:20]).action is FlowAction.HOLD
    step = talk.client(framed(QUERY)[20:])
    assert step.action is FlowAction.REFUSED
    assert step.observation == Observation(Proto.DNS, "www.example.org", talk.remote, 5353, 1)


# ---------------------------------------------------------------- CONNECT


def connect(name: str) -> bytes:
    return f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode()


@pytest.mark.parametrize("version", [4, 6])
def test_connect_is_judged_as_a_name_and_as_a_proxy(version: int) -> None:
    talk = Talk(no_tunnels, version=version, dport=3128)
    assert talk.client(connect(ALLOWED)).action is FlowAction.REFUSED
    http = Observation(Proto.HTTP, ALLOWED, talk.remote, 3128)
    assert talk.bench.heard == [http, http._replace(proto=Proto.PROXY)]
    talk = Talk(no_tunnels, dport=3128)
    talk.client(connect(REFUSED))
    assert [seen.proto for seen in talk.bench.heard] == [Proto.HTTP]


def test_connect_to_an_address_is_a_proxy_too() -> None:
    for target in ("203.0.113.7", "[2001:db8::7]"):
        talk = Talk(no_tunnels, dport=3128)
        assert talk.client(connect(target)).action is FlowAction.REFUSED
        assert talk.bench.heard[-1] == Observation(Proto.PROXY, None, talk.remote, 3128)
        talk = Talk(no_tunnels, dport=3128)
        talk.raw(with_ttl(talk.segment(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 0), 2))
        assert talk.client(connect(target), at=0).action is FlowAction.REFUSED


def test_an_allowed_proxy_is_judged_once_and_what_it_carries_as_ever() -> None:
    talk = Talk(lambda seen: seen.host != REFUSED, dport=3128)
    talk.client(connect(ALLOWED))
    talk.server(b"HTTP/1.1 200 OK\r\n\r\n")
    assert [seen.proto for seen in talk.bench.heard].count(Proto.PROXY) == 1
    assert talk.client(record(client_hello(REFUSED))).action is FlowAction.REFUSED
    talk = Talk(lambda seen: seen.host != REFUSED, dport=3128)
    talk.client(connect(ALLOWED))
    talk.server(b"HTTP/1.1 200 OK\r\n\r\n")
    talk.client(record(client_hello(ALLOWED)))
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES


def test_ssh_through_a_proxy() -> None:
    talk = Talk(lambda seen: seen.proto is not Proto.SSH, dport=3128)
    talk.client(connect(ALLOWED))
    assert talk.client(BANNER).action is FlowAction.REFUSED


def test_a_later_connect_of_a_connection() -> None:
    talk = Talk(no_tunnels, dport=80)
    talk.client(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert talk.server(HTTP_OK).action is FlowAction.ASKS
    step = talk.client(connect(ALLOWED))
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.proto is Proto.PROXY


# ---------------------------------------------------------------- other protocols, and any order


def ip_packet(talk: Talk, number: int, payload: bytes) -> bytes:
    """As a whole IP packet with that protocol."""
    packet = udp_packet(talk.device, talk.remote, 1, 2, payload)
    if packet[0] >> 4 == 6:
        return packet[:6] + bytes([number]) + packet[7:]
    head = packet[:9] + bytes([number]) + b"\0\0" + packet[12:20]
    return head[:10] + (-int.from_bytes(head, "big") % 65535).to_bytes(2, "big") + packet[12:]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    ("number", "proto"),
    [
        (4, "ip_in_ip"),
        (41, "ip_in_ip"),
        (47, "pptp"),
        (50, "ipsec"),
        (115, "l2tp"),
        (132, "other"),
        (253, "other"),
    ],
)
def test_other_ip_protocols_are_judged_by_what_they_are(number: int, proto: str, version: int) -> None:
    for allowed in (True, False):
        talk = Talk(lambda seen, allowed=allowed: allowed, version=version)  # type: ignore[misc]
        step = talk.raw(ip_packet(talk, number, bytes(40)))
        assert step.action is (FlowAction.PASSES if allowed else FlowAction.REFUSED)
        assert step.observation == Observation(Proto(proto), None, talk.remote)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CLIENTS), st.data())
def test_any_cuts_in_any_order(vector: Vector, data: st.DataObject) -> None:
    size = len(vector.payload)
    cuts = sorted(data.draw(st.sets(st.integers(1, size - 1), max_size=6)))
    pieces = data.draw(st.permutations(list(pairwise([0, *cuts, size]))))
    talk = Talk(no_tunnels, dport=vector.port)
    actions = [talk.client(vector.payload[low:high], at=low).action for low, high in pieces]
    assert FlowAction.REFUSED in actions


def test_small_segments_are_charged_for() -> None:
    table = FlowTable(Limits(work_burst=5_000))
    talk = Talk(all_but_faults, dport=5222, table=table)
    for at in range(0, 4000, 2):
        talk.client(b"\x05", at=at)
        talk.client(b"\x05", at=at + 1)
    assert table.stats.postponed > 0
