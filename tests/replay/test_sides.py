"""Which end of a flow is the device's."""

from __future__ import annotations

import pytest

from gateway.replay.engine import FlowClients
from gateway.wire.ip.build import tcp_segment
from gateway.wire.ip.packet import ACK, SYN, parse_ip
from tests.wire.flow_forge import ADDRESSES, udp_packet

CLIENT, SERVER = ADDRESSES[4]


def tcp(*, up: bool, flags: int = ACK, payload: bytes = b"", ports: tuple[int, int] = (40000, 443)) -> bytes:
    (src, sport), (dst, dport) = ((CLIENT, ports[0]), (SERVER, ports[1]))[:: 1 if up else -1]
    return tcp_segment(src, dst, sport, dport, seq=1, ack=1, flags=flags, payload=payload)


def side(sides: FlowClients, data: bytes) -> bool | None:
    return sides.from_client(parse_ip(data))


HELLO = b"\x16\x03\x01\x02\x00\x01"
SERVER_HELLO = b"\x16\x03\x03\x02\x00\x02"


@pytest.mark.parametrize(
    ("first", "from_client"),
    [
        (tcp(up=True, flags=SYN, ports=(443, 40000)), True),
        (tcp(up=True, flags=SYN | ACK, ports=(443, 40000)), False),
        (tcp(up=True), True),
        (tcp(up=False), False),
        (tcp(up=True, payload=HELLO, ports=(443, 40000)), True),
        (tcp(up=True, payload=SERVER_HELLO, ports=(40000, 443)), False),
        (tcp(up=True, payload=b"GET / HTTP/1.1\r\n", ports=(40000, 40001)), True),
        (tcp(up=True, payload=b"HTTP/1.1 200 OK\r\n", ports=(40000, 40001)), False),
        (tcp(up=True, payload=b"\x7fanything", ports=(40000, 40001)), True),
        (udp_packet(CLIENT, SERVER, 40000, 443, b"x"), True),
        (udp_packet(SERVER, CLIENT, 443, 40000, b"x"), False),
        (udp_packet(CLIENT, SERVER, 40000, 51820, b"x"), True),
        (udp_packet(CLIENT, SERVER, 40000, 40001, b"x"), True),
    ],
)
def test_who_asks_is_kept_for_both_directions(first: bytes, from_client: bool) -> None:
    sides = FlowClients()
    assert side(sides, first) is from_client
    packet = parse_ip(first)
    back = tcp_segment(
        packet.dst, packet.src, packet.dport, packet.sport, seq=1, ack=1, flags=ACK, payload=b"x"
    )
    if packet.proto == 6:
        assert side(sides, back) is not from_client


def test_a_syn_corrects_a_guess_and_nothing_corrects_a_syn() -> None:
    sides = FlowClients()
    ports = (50000, 50001)
    assert side(sides, tcp(up=False, payload=b"x", ports=ports)) is True  # heard first
    assert side(sides, tcp(up=True, flags=SYN, ports=ports)) is True
    assert side(sides, tcp(up=False, payload=b"x", ports=ports)) is False
    assert side(sides, tcp(up=False, flags=SYN, ports=ports)) is False


def test_a_decided_flow_rests_until_a_syn() -> None:
    sides = FlowClients()
    data = tcp(up=True, payload=b"x")
    assert side(sides, data) is True
    sides.decided(parse_ip(data))
    assert side(sides, data) is None
    assert side(sides, tcp(up=False, payload=b"x")) is None
    assert side(sides, tcp(up=True, flags=SYN)) is True
    assert side(sides, data) is True


def test_flows_are_bounded_and_the_used_ones_stay() -> None:
    sides = FlowClients(limit=10)
    kept = tcp(up=True, flags=SYN, ports=(1, 2))
    side(sides, kept)
    for port in range(100, 200):
        side(sides, tcp(up=True, ports=(port, 443)))
        assert side(sides, tcp(up=True, payload=b"x", ports=(1, 2))) is True
        assert side(sides, tcp(up=False, payload=b"x", ports=(1, 2))) is False
    assert len(sides) <= 22
