"""IP, TCP and UDP headers agree with scapy's; what is cut or contradicts itself is refused."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.packet import Packet as ScapyPacket
from scapy.packet import Raw

from gateway.core.errors import WireError
from gateway.wire.ip import packet as ip
from gateway.wire.ip.packet import Packet, checksum_ok, parse_ip

V4 = IP(src="10.0.0.2", dst="192.0.2.7", ttl=63)
V6 = IPv6(src="2001:db8::2", dst="2001:db8::7", hlim=63)
DATA = b"GET / HTTP/1.1\r\n"
TIMESTAMPS = [("NOP", None), ("NOP", None), ("Timestamp", (1, 2))]


def tcp(**fields: Any) -> ScapyPacket:
    defaults: dict[str, Any] = {"sport": 50000, "dport": 443, "seq": 0xFFFFFFF0, "ack": 7, "window": 501}
    return TCP(**defaults | {"flags": "PA"} | fields)


def udp(**fields: Any) -> ScapyPacket:
    return UDP(sport=50000, dport=53, **fields)


PACKETS: dict[str, ScapyPacket] = {
    "tcp4": V4 / tcp() / Raw(DATA),
    "tcp6": V6 / tcp() / Raw(DATA),
    "tcp4 odd": V4 / tcp() / Raw(DATA + b"x"),
    "tcp4 timestamps": V4 / tcp(options=TIMESTAMPS) / Raw(DATA),
    "tcp4 syn with options": V4 / tcp(flags="S", options=[("MSS", 1460), ("SAckOK", b""), ("WScale", 7)]),
    "tcp4 urgent": V4 / tcp(flags="PAU", urgptr=3) / Raw(DATA),
    "tcp4 fin": V4 / tcp(flags="FA"),
    "tcp4 with ip options": IP(
        src="10.0.0.2", dst="192.0.2.7", options=[IPOption_NOP(), IPOption_Router_Alert()]
    )
    / tcp()
    / Raw(DATA),
    "udp4": V4 / udp() / Raw(DATA),
    "udp6": V6 / udp() / Raw(DATA + b"x"),
    "udp4 empty": V4 / udp(),
    "udp4 without checksum": V4 / udp(chksum=0) / Raw(DATA),
    "tcp6 behind extension headers": V6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / tcp() / Raw(DATA),
    "udp6 in an only fragment": V6 / IPv6ExtHdrFragment(m=0, offset=0) / udp() / Raw(DATA),
}


@pytest.mark.parametrize("name", PACKETS)
def test_headers_agree_with_scapy(name: str) -> None:
    data = bytes(PACKETS[name])
    oracle = type(PACKETS[name])(data)
    packet = parse_ip(data)
    assert packet.version == oracle.version
    assert packet.src == ipaddress.ip_address(oracle.src).packed
    assert packet.dst == ipaddress.ip_address(oracle.dst).packed
    assert packet.ttl == (oracle.ttl if packet.version == 4 else oracle.hlim)
    assert (packet.fragment, packet.more_fragments) == (False, False)
    assert packet.total == len(data)
    upper = oracle[TCP] if TCP in oracle else oracle[UDP]
    assert (packet.sport, packet.dport) == (upper.sport, upper.dport)
    assert bytes(packet.payload) == bytes(upper.payload)
    assert data[packet.l4 : packet.l4 + 2] == packet.sport.to_bytes(2, "big")
    if TCP in oracle:
        assert packet.proto == ip.TCP
        assert (packet.seq, packet.ack) == (upper.seq, upper.ack)
        assert (packet.flags, packet.window) == (int(upper.flags), upper.window)
        assert packet.urgent == upper.urgptr
    else:
        assert packet.proto == ip.UDP
    assert checksum_ok(data, packet)


@pytest.mark.parametrize("name", PACKETS)
def test_a_cut_packet_is_refused_at_each_offset(name: str) -> None:
    data = bytes(PACKETS[name])
    for cut in range(len(data)):
        with pytest.raises(WireError):
            parse_ip(data[:cut])


@pytest.mark.parametrize("name", PACKETS)
def test_bytes_after_the_ip_length_are_not_payload(name: str) -> None:
    data = bytes(PACKETS[name])
    packet = parse_ip(data + b"trailer")
    assert packet == parse_ip(data)
    assert checksum_ok(data + b"trailer", packet)


@pytest.mark.parametrize("name", [name for name in PACKETS if "without" not in name])
def test_each_flipped_bit_that_still_parses_the_same_way_breaks_a_checksum(name: str) -> None:
    data = bytes(PACKETS[name])
    whole = parse_ip(data)
    first = 0 if whole.version == 4 else whole.l4
    for bit in range(first * 8, len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 0x80 >> bit % 8
        try:
            packet = parse_ip(bytes(changed))
        except WireError:
            continue
        if (packet.total, packet.proto) != (whole.total, whole.proto):
            continue
        if packet.fragment or packet.more_fragments:
            continue
        none = changed[packet.l4 + 6 : packet.l4 + 8] == b"\0\0"
        if whole.proto == ip.UDP and whole.version == 4 and none:
            continue
        assert not checksum_ok(bytes(changed), packet), f"bit {bit}"


@given(st.integers(0, 3000), st.binary(min_size=1, max_size=40), st.binary(max_size=1))
def test_a_sum_is_that_of_all_16_bit_words(length: int, pattern: bytes, more: bytes) -> None:
    segment = (pattern * (length // len(pattern) + 1))[:length] + more
    padded = segment + bytes(len(segment) % 2)
    words = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    pseudo = 0x0A00 + 0x0002 + 0xC000 + 0x0207 + ip.TCP + len(segment)
    source, target = b"\x0a\x00\x00\x02", b"\xc0\x00\x02\x07"
    assert ip.transport_sum(source, target, ip.TCP, segment) == (words + pseudo) % 65535


def test_udp_over_ipv6_must_carry_a_checksum() -> None:
    data = bytes(V6 / udp(chksum=0) / Raw(DATA))
    assert not checksum_ok(data, parse_ip(data))


def test_udp_length_ends_the_payload_before_the_ip_length_does() -> None:
    data = bytes(V4 / udp(len=8 + 4, chksum=0) / Raw(DATA))
    assert bytes(parse_ip(data).payload) == DATA[:4]


@pytest.mark.parametrize("length", [0, 7, 8 + len(DATA) + 1])
@pytest.mark.parametrize("header", [V4, V6])
def test_a_udp_length_that_cannot_be_is_refused(header: ScapyPacket, length: int) -> None:
    with pytest.raises(WireError, match="UDP length"):
        parse_ip(bytes(header / udp(len=length, chksum=1) / Raw(DATA)))


@pytest.mark.parametrize("offset", [0, 4, 10])
def test_a_tcp_data_offset_that_cannot_be_is_refused(offset: int) -> None:
    with pytest.raises(WireError):
        parse_ip(bytes(V4 / tcp(dataofs=offset) / Raw(DATA[:8])))


@pytest.mark.parametrize(
    ("options", "md5"),
    [
        ([("MD5", b"s" * 16)], True),
        ([*TIMESTAMPS, ("MD5", b"s" * 16)], True),
        ([("NOP", None), ("MD5", b"s" * 16), ("EOL", None)], True),
        ([("EOL", None), ("MD5", b"s" * 16)], False),
        ([("MSS", 1460)], False),
        (TIMESTAMPS, False),
    ],
)
def test_the_md5_option_is_found_where_a_receiver_finds_it(options: list[Any], md5: bool) -> None:
    assert parse_ip(bytes(V4 / tcp(options=options) / Raw(DATA))).md5 is md5


@pytest.mark.parametrize(
    "options", [b"\x13\x01\x01\x01", b"\x13\x12\x01\x01", b"\x01\x01\x01\x13", b"\x02\x00\x00\x00"]
)
def test_tcp_options_that_overrun_are_refused(options: bytes) -> None:
    header = bytes(tcp(dataofs=6, chksum=1))
    with pytest.raises(WireError, match="TCP option"):
        parse_ip(_v4(ip.TCP, header + options))


def _v4(proto: int, payload: bytes, *, frag: int = 0, flags: int = 0, options: bytes = b"") -> bytes:
    header = IP(src="10.0.0.2", dst="192.0.2.7", proto=proto, frag=frag, flags=flags)
    header.ihl = 5 + len(options) // 4
    header.len = 20 + len(options) + len(payload)
    return bytes(header)[:20] + options + payload


@pytest.mark.parametrize(
    "options",
    [
        b"\x83\x07\x04\x01\x02\x03\x04\x00",  # loose source route
        b"\x89\x07\x04\x01\x02\x03\x04\x00",  # strict source route
        b"\x94\x01\x00\x00",
        b"\x94\x05\x00\x00",
        b"\x01\x01\x01\x94",
    ],
)
def test_ipv4_source_routes_and_options_that_overrun_are_refused(options: bytes) -> None:
    with pytest.raises(WireError):
        parse_ip(_v4(ip.UDP, bytes(udp()), options=options))


RECORD_ROUTE = b"\x07\x0b\x04" + bytes(8) + b"\0"
TIMESTAMP = b"\x44\x0c\x05\0" + bytes(8)


@pytest.mark.parametrize("options", [RECORD_ROUTE, b"\x01\x01\x01\x01" + RECORD_ROUTE, TIMESTAMP])
def test_what_a_router_writes_into_options_breaks_no_checksum(options: bytes) -> None:
    """The kernel writes its address before the queue, and updates the header's checksum after it."""
    plain = V4 / tcp() / Raw(DATA)
    segment = bytes(plain)[20:]
    sent = bytearray(_v4(ip.TCP, segment, options=options))
    sent[10:12] = b"\0\0"
    sent[10:12] = (-int.from_bytes(sent[: 20 + len(options)], "big") % 65535).to_bytes(2, "big")
    assert checksum_ok(bytes(sent), parse_ip(bytes(sent)))
    at = 20 + len(options) - 12
    sent[at + 2] += 4
    sent[at + 4 : at + 8] = bytes([10, 0, 0, 1])
    packet = parse_ip(bytes(sent))
    assert checksum_ok(bytes(sent), packet)
    assert bytes(packet.payload) == DATA
    sent[-1] ^= 1
    assert not checksum_ok(bytes(sent), parse_ip(bytes(sent))), "the segment's own checksum counts"


@pytest.mark.parametrize("options", [b"", b"\x94\x04\0\0", b"\0\0\0\x07", b"\x01\0\x07\x44"])
def test_other_headers_need_their_checksum(options: bytes) -> None:
    data = bytearray(_v4(ip.TCP, bytes(V4 / tcp() / Raw(DATA))[20:], options=options))
    data[10:12] = b"\0\0"
    data[10:12] = (-int.from_bytes(data[: 20 + len(options)], "big") % 65535).to_bytes(2, "big")
    assert checksum_ok(bytes(data), parse_ip(bytes(data)))
    data[8] -= 1
    assert not checksum_ok(bytes(data), parse_ip(bytes(data)))


@pytest.mark.parametrize("first", [0x44, 0x4F, 0x55, 0x05, 0x75])
def test_a_first_byte_that_cannot_be_is_refused(first: int) -> None:
    with pytest.raises(WireError):
        parse_ip(bytes((first,)) + bytes(V4 / tcp())[1:])


def test_a_first_fragment_with_its_whole_header_has_ports_and_what_it_holds_of_the_payload() -> None:
    segment = bytes(PACKETS["udp4"])[20:]
    packet = parse_ip(_v4(ip.UDP, segment[:16], flags=1))
    assert (packet.fragment, packet.more_fragments) == (False, True)
    assert (packet.sport, packet.dport) == (50000, 53)
    assert bytes(packet.payload) == DATA[:8]
    assert checksum_ok(_v4(ip.UDP, segment[:16], flags=1), packet)  # it covers bytes of other fragments


@pytest.mark.parametrize(
    ("proto", "name", "need"), [(ip.TCP, "tcp4 timestamps", 32), (ip.UDP, "udp4", 8), (ip.TCP, "tcp4", 20)]
)
def test_a_first_fragment_without_its_whole_header_is_a_fragment(proto: int, name: str, need: int) -> None:
    segment = bytes(PACKETS[name])[20:]
    for held in range(need):
        packet = parse_ip(_v4(proto, segment[:held], flags=1))
        assert (packet.fragment, packet.more_fragments) == (True, True)
        assert (packet.sport, packet.dport, packet.flags) == (0, 0, 0)
        assert packet.proto == proto
    assert not parse_ip(_v4(proto, segment[:need], flags=1)).fragment


def test_a_later_fragment_is_a_fragment_whatever_it_looks_like() -> None:
    data = _v4(ip.TCP, bytes(tcp()), frag=1)
    packet = parse_ip(data)
    assert (packet.fragment, packet.more_fragments) == (True, False)
    assert (packet.sport, packet.dport) == (0, 0)
    assert bytes(packet.payload) == data[20:]
    assert parse_ip(_v4(ip.TCP, bytes(tcp()), frag=1, flags=1)).more_fragments


@given(st.binary(max_size=80), st.booleans())
def test_later_fragments_of_ipv6_are_fragments(payload: bytes, more: bool) -> None:
    data = bytes(V6 / IPv6ExtHdrFragment(nh=ip.TCP, m=int(more), offset=2) / Raw(payload))
    packet = parse_ip(data)
    assert (packet.fragment, packet.more_fragments, packet.proto) == (True, more, ip.TCP)
    assert bytes(packet.payload) == payload


def test_other_protocols_give_what_follows_the_ip_header() -> None:
    data = bytes(V4 / ICMP() / Raw(DATA))
    packet = parse_ip(data)
    assert (packet.proto, packet.sport, packet.dport) == (ip.ICMP, 0, 0)
    assert bytes(packet.payload) == data[20:]
    assert checksum_ok(data, packet)


@given(st.binary(max_size=120))
def test_any_bytes_raise_only_wire_errors(data: bytes) -> None:
    _parses_or_refuses(data)


@given(
    st.sampled_from([bytes(packet) for packet in PACKETS.values()]),
    st.lists(st.tuples(st.integers(0, 119), st.integers(0, 255)), max_size=6),
    st.integers(0, 8),
)
def test_any_change_of_a_real_packet_raises_only_wire_errors(
    data: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    changed = bytearray(data)
    for place, value in changes:
        changed[place % len(changed)] = value
    _parses_or_refuses(bytes(changed[: len(changed) - cut]))


def _parses_or_refuses(data: bytes) -> Packet | None:
    try:
        packet = parse_ip(data)
    except WireError:
        return None
    assert packet.total <= len(data)
    assert packet.l4 + len(packet.payload) <= packet.total
    assert checksum_ok(data, packet) in (True, False)
    return packet
