"""What is built parses, its checksums hold, and scapy agrees with every field."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.packet import Packet as ScapyPacket
from scapy.packet import Raw

from gateway.core.errors import WireError
from gateway.wire.ip import packet as ip
from gateway.wire.ip.build import tcp_reply, tcp_reset, tcp_reset_back, tcp_segment, udp_replace, udp_reply
from gateway.wire.ip.packet import checksum_ok, parse_ip

V4 = IP(src="10.0.0.2", dst="192.0.2.7")
V6 = IPv6(src="fd00::2", dst="2001:db8::7")
QUESTIONS = {"v4": V4 / UDP(sport=50000, dport=53) / Raw(b"question"), "v6": V6 / UDP(sport=50000, dport=53)}
ADDRESSES = st.one_of(
    st.tuples(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4)),
    st.tuples(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16)),
)


def with_scapys_checksums(data: bytes) -> bytes:
    """The same packet with every checksum computed by scapy."""
    packet: ScapyPacket = IP(data) if data[0] >> 4 == 4 else IPv6(data)
    for layer in (IP, TCP, UDP):
        if layer in packet:
            del packet[layer].chksum
    return bytes(packet)


@pytest.mark.parametrize("family", QUESTIONS)
@pytest.mark.parametrize("payload", [b"", b"answer", b"answer!"])
def test_udp_reply_comes_from_where_the_question_went(family: str, payload: bytes) -> None:
    question = parse_ip(bytes(QUESTIONS[family]))
    data = udp_reply(question, payload)
    reply = parse_ip(data)
    assert (reply.src, reply.dst) == (question.dst, question.src)
    assert (reply.sport, reply.dport) == (53, 50000)
    assert bytes(reply.payload) == payload
    assert reply.total == len(data)
    assert checksum_ok(data, reply)
    assert with_scapys_checksums(data) == data


@pytest.mark.parametrize(
    "packet",
    [
        IP(src="10.0.0.2", dst="192.0.2.7", id=9, tos=4, ttl=3, options=[IPOption_Router_Alert()])
        / UDP(sport=5, dport=53)
        / Raw(b"old"),
        IPv6(src="fd00::2", dst="2001:db8::7", tc=4, fl=77, hlim=3)
        / IPv6ExtHdrDestOpt()
        / UDP(sport=5, dport=53)
        / Raw(b"old"),
    ],
)
@pytest.mark.parametrize("payload", [b"", b"a longer payload"])
def test_udp_replace_changes_payload_lengths_and_checksums_alone(packet: ScapyPacket, payload: bytes) -> None:
    before = bytes(packet)
    data = udp_replace(before + b"trailer", parse_ip(before), payload)
    packet[UDP].payload = Raw(payload)
    for layer, field in ((IP, "len"), (IP, "chksum"), (IPv6, "plen"), (UDP, "len"), (UDP, "chksum")):
        if layer in packet:
            delattr(packet[layer], field)
    assert data == bytes(packet)
    assert checksum_ok(data, parse_ip(data))


@pytest.mark.parametrize(
    "packet",
    [
        V4 / TCP(),
        IP(src="10.0.0.2", dst="192.0.2.7", flags="MF") / UDP(len=100) / Raw(b"x" * 16),
        IP(src="10.0.0.2", dst="192.0.2.7", frag=1, proto=17) / Raw(b"x" * 16),
        V6 / IPv6ExtHdrFragment(m=1, offset=0) / UDP(len=100) / Raw(b"x" * 16),
    ],
)
def test_udp_replace_takes_whole_datagrams_only(packet: ScapyPacket) -> None:
    data = bytes(packet)
    with pytest.raises(WireError):
        udp_replace(data, parse_ip(data), b"")


@given(
    ADDRESSES,
    st.tuples(st.integers(0, 65535), st.integers(0, 65535)),
    st.integers(0, 2**33),
    st.integers(0, 255),
    st.binary(max_size=64),
)
def test_tcp_segments_parse_to_what_was_asked_for(
    addresses: tuple[bytes, bytes], ports: tuple[int, int], seq: int, flags: int, payload: bytes
) -> None:
    data = tcp_segment(*addresses, *ports, seq=seq, ack=seq + 5, flags=flags, payload=payload, window=9)
    packet = parse_ip(data)
    assert (packet.src, packet.dst) == addresses
    assert (packet.sport, packet.dport) == ports
    assert (packet.seq, packet.ack) == (seq % 2**32, (seq + 5) % 2**32)
    assert (packet.flags, packet.window, bytes(packet.payload)) == (flags, 9, payload)
    assert checksum_ok(data, packet)


@given(ADDRESSES, st.binary(max_size=40))
def test_udp_checksums_always_hold(addresses: tuple[bytes, bytes], payload: bytes) -> None:
    src, dst = addresses
    header = V4 if len(src) == 4 else V6
    question = parse_ip(bytes(header / UDP(sport=1, dport=2)))._replace(src=src, dst=dst)
    data = udp_reply(question, payload)
    assert data[-len(payload) - 2 :][:2] != b"\0\0"
    assert checksum_ok(data, parse_ip(data))


def test_a_udp_sum_of_zero_is_sent_as_all_ones() -> None:
    question = parse_ip(bytes(QUESTIONS["v4"]))
    segment = udp_reply(question, b"\0\0")[20:26] + bytes(4)
    payload = (-ip.transport_sum(question.dst, question.src, ip.UDP, segment) % 65535).to_bytes(2, "big")
    data = udp_reply(question, payload)
    assert data[26:28] == b"\xff\xff"
    assert checksum_ok(data, parse_ip(data))
    assert with_scapys_checksums(data) == data


@pytest.mark.parametrize("header", [V4, V6])
def test_tcp_segment_agrees_with_scapy(header: ScapyPacket) -> None:
    src, dst = (ipaddress.ip_address(address).packed for address in (header.src, header.dst))
    data = tcp_segment(src, dst, 80, 5000, seq=1, ack=2, flags=ip.PSH | ip.ACK, payload=b"302 Found\r\n")
    assert with_scapys_checksums(data) == data
    mss = b"\x02\x04\x05\xb4\x01"
    with_options = tcp_segment(src, dst, 80, 5000, seq=1, ack=2, flags=ip.SYN, options=mss)
    assert with_scapys_checksums(with_options) == with_options
    assert (IP if header is V4 else IPv6)(with_options)[TCP].options[0] == ("MSS", 1460)


def test_tcp_reply_acknowledges_all_of_the_segment() -> None:
    segment = TCP(sport=5000, dport=80, seq=0xFFFFFFFE, ack=9, flags="FPA") / Raw(b"GET")
    request = parse_ip(bytes(V4 / segment))
    reply = parse_ip(tcp_reply(request, b"302", flags=ip.FIN | ip.PSH | ip.ACK))
    assert (reply.src, reply.sport, reply.dst, reply.dport) == (request.dst, 80, request.src, 5000)
    assert (reply.seq, reply.ack) == (9, 2)
    assert bytes(reply.payload) == b"302"
    assert reply.flags == ip.FIN | ip.PSH | ip.ACK


def test_a_reset_takes_a_segments_place() -> None:
    """Its number is the next that the receiver waits for; others are challenged (RFC 5961 3.2)."""
    segment = parse_ip(bytes(V6 / TCP(sport=443, dport=5000, seq=100, ack=9, flags="PA") / Raw(b"abc")))
    data = tcp_reset(segment)
    reset = parse_ip(data)
    assert (reset.seq, reset.ack, reset.flags) == (100, 9, ip.RST | ip.ACK)
    assert (reset.src, reset.sport, reset.dst, reset.dport) == (segment.src, 443, segment.dst, 5000)
    assert not reset.payload
    assert checksum_ok(data, reset)
    data = tcp_reset_back(segment)
    reset = parse_ip(data)
    assert (reset.seq, reset.ack, reset.flags) == (9, 0, ip.RST)
    assert (reset.src, reset.sport, reset.dst, reset.dport) == (segment.dst, 5000, segment.src, 443)
    assert checksum_ok(data, reset)


def test_what_does_not_fit_is_refused() -> None:
    question = parse_ip(bytes(QUESTIONS["v4"]))
    assert len(udp_reply(question, bytes(65535 - 28))) == 65535
    with pytest.raises(WireError):
        udp_reply(question, bytes(65535 - 27))
    with pytest.raises(WireError):
        udp_replace(bytes(QUESTIONS["v4"]), question, bytes(65535 - 27))
    with pytest.raises(WireError):
        tcp_segment(bytes(4), bytes(4), 1, 2, seq=0, ack=0, flags=0, payload=bytes(65536))
    with pytest.raises(WireError, match="options"):
        tcp_segment(bytes(4), bytes(4), 1, 2, seq=0, ack=0, flags=0, options=bytes(41))
    with pytest.raises(WireError, match="addresses"):
        tcp_segment(bytes(4), bytes(16), 1, 2, seq=0, ack=0, flags=0)
