"""Tunnels by their first bytes: what real programs send, whole and in part, and what is none."""

from __future__ import annotations

import random
from collections.abc import Callable

import dns.flags
import dns.message
import dns.opcode
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, PadN
from scapy.packet import Packet

from gateway.policy.values import Proto
from gateway.wire.tunnels import (
    LONGEST,
    MORE,
    TunnelSign,
    classify_ip,
    look_server,
    look_tcp,
    look_udp,
    may_begin,
)
from tests.wire import tunnel_vectors
from tests.wire.carriers import INNER, OUTER, zerotier
from tests.wire.quic_forge import crypto, encrypt_initial
from tests.wire.tls_forge import client_hello, record
from tests.wire.tunnel_vectors import MDNS, NETBIOS, ORDINARY, Vector

QUERY = bytes.fromhex("12340100000100000000000003777777076578616d706c65036f72670000010001")
ANSWER = bytes.fromhex("12348180000100010000000003777777076578616d706c65036f72670000010001") + bytes.fromhex(
    "c00c000100010000003c0004cb007107"
)
ASKED = TunnelSign(Proto.DNS, "www.example.org", 1)


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


@pytest.mark.parametrize("vector", tunnel_vectors.UDP, ids=str)
def test_datagrams_of_real_programs_are_known_on_any_port(vector: Vector) -> None:
    for port in (vector.port, 443, 5000):
        assert look_udp(vector.payload, port) == TunnelSign(vector.proto)


@pytest.mark.parametrize("vector", tunnel_vectors.TCP, ids=str)
def test_streams_of_real_programs_are_known_byte_by_byte(vector: Vector) -> None:
    look = look_tcp if vector.side == "client" else look_server
    data = vector.payload
    told = [look(data[:end]) for end in range(1, len(data) + 1)]
    known = told.index(TunnelSign(vector.proto))
    assert set(told[:known]) <= {MORE}
    assert told[-1] == TunnelSign(vector.proto)
    assert may_begin(data[0])


@pytest.mark.parametrize("vector", tunnel_vectors.UDP, ids=str)
def test_a_datagram_that_is_cut_is_none(vector: Vector) -> None:
    least = 48 if vector.program.startswith("nebula") else len(vector.payload)  # it says no length
    for end in range(least):
        assert look_udp(vector.payload[:end], 5000) is None


@pytest.mark.parametrize("payload", ORDINARY)
@pytest.mark.parametrize("port", [53, 123, 443, 3478, 4500, 5060, 27015])
def test_ordinary_datagrams_are_none(payload: bytes, port: int) -> None:
    assert look_udp(payload, port) is None
    assert look_udp(payload + bytes(7), port) is None


def test_quic_is_none() -> None:
    for version in (1, 0x6B3343CF):
        assert (
            look_udp(
                encrypt_initial(crypto(0, client_hello("a.example")), dcid=bytes(range(8)), version=version),
                443,
            )
            is None
        )


def test_ordinary_streams_are_none() -> None:
    mqtt, tls = bytes.fromhex("101000044d5154540402003c000474657374"), record(client_hello("a.example"))
    rpc = bytes.fromhex("05000b0310000000480000000100000000100010000000000100000000000100")
    starts = (
        mqtt,
        tls,
        rpc,
        b"GET / HTTP/1.1\r\n",
        b"SEARCH / HTTP/1.1\r\n",
        b"\x13BitTorrent protocol",
        b"SSH ",
    )
    for data in (
        *starts,
        bytes(40),
        b"\x04\x03" + bytes(20),
        b"\x05\xff",
        b"\x05\x01\x63",
        b"\x05\x02\x00\x00",
    ):
        assert look_tcp(data) is None
    assert look_tcp(b"") is look_server(b"") is None


def test_cloudflares_number_in_the_reserved_bytes() -> None:
    hello = bytearray(next(one.payload for one in tunnel_vectors.UDP if one.proto is Proto.WIREGUARD))
    assert hello.endswith(bytes(16))
    hello[1:4] = b"\x11\x22\x33"
    assert look_udp(bytes(hello), 2408) == TunnelSign(Proto.WIREGUARD)
    hello[-1] = 1
    assert look_udp(bytes(hello), 2408) is None


def test_a_wireguard_cookie_and_data() -> None:
    assert look_udp(b"\x03\0\0\0" + bytes(range(60)), 1) == TunnelSign(Proto.WIREGUARD)
    data = b"\x04\0\0\0" + b"\xab" * 4 + (1000).to_bytes(8, "little") + bytes(range(64))
    assert look_udp(data, 1) == TunnelSign(Proto.WIREGUARD)
    assert look_udp(data[:-1], 1) is None
    assert look_udp(b"\x04\0\0\0" + bytes(range(76)), 1) is None


def test_esp_in_udp_is_known_on_its_port_alone() -> None:
    esp = bytes.fromhex("c1d2e3f400000001") + bytes(range(80))
    assert look_udp(esp, 4500) == TunnelSign(Proto.IPSEC)
    assert look_udp(esp, 4501) is None
    assert look_udp(b"\xff", 4500) is None  # keeps the translation of addresses alive


def test_ike_over_tcp() -> None:
    assert look_tcp(b"IKETC") is MORE
    assert look_tcp(b"IKETCP" + framed(bytes(30))) == TunnelSign(Proto.IPSEC)


def test_l2tp_version_3() -> None:
    body = bytes.fromhex("80080000000000018008000000021234")
    for version in (2, 3):
        message = bytes([0xC8, version]) + (12 + len(body)).to_bytes(2, "big") + bytes(8) + body
        assert look_udp(message, 1701) == TunnelSign(Proto.L2TP)
    assert look_udp(message + b"\0", 1701) is None


ORIGIN = b"\0\0\x12\x34\x01\x02\x03\x04"
BEFORE_IPV6 = (b"", ORIGIN, b"\0\1\0\0" + bytes(9), b"\0\1\2\3" + bytes(14) + ORIGIN)
PEER = bytes.fromhex("200100004136e378") + bytes(8)
SITE = bytes.fromhex("2a0014504001080b") + bytes(8)
LOCAL, ROUTERS = bytes.fromhex("fe80") + bytes(6) + b"\xff" * 8, bytes.fromhex("ff02") + bytes(13) + b"\2"


def ipv6(inside: int, source: bytes, target: bytes, body: bytes = b"") -> bytes:
    return b"\x60\0\0\0" + len(body).to_bytes(2, "big") + bytes([inside, 21]) + source + target + body


@pytest.mark.parametrize("before", BEFORE_IPV6, ids=len)
@pytest.mark.parametrize(
    ("packet", "proto"),
    [
        (ipv6(59, PEER, PEER), Proto.TEREDO),  # a bubble
        (ipv6(50, PEER, PEER, bytes(100)), Proto.TEREDO),
        (ipv6(17, PEER, PEER, bytes(100)), Proto.TEREDO),
        (ipv6(58, LOCAL, ROUTERS, bytes(8)), Proto.TEREDO),  # a solicitation
        (ipv6(6, PEER, PEER, bytes(40)), Proto.IP_IN_IP),  # no console does that
        (ipv6(59, PEER, SITE), Proto.IP_IN_IP),  # through a relay to the internet
        (ipv6(58, PEER, SITE, bytes(8)), Proto.IP_IN_IP),  # and the try that finds the relay
        (ipv6(59, SITE, PEER), Proto.IP_IN_IP),
        (ipv6(58, LOCAL, SITE, bytes(8)), Proto.IP_IN_IP),
        (ipv6(50, SITE, SITE, bytes(100)), Proto.IP_IN_IP),
        (ipv6(17, LOCAL, ROUTERS, bytes(8)), Proto.IP_IN_IP),
    ],
    ids=lambda one: one.hex() if isinstance(one, bytes) else one,
)
def test_teredo_of_consoles_and_teredo_that_leads_to_the_internet(
    packet: bytes, proto: Proto, before: bytes
) -> None:
    assert look_udp(before + packet, 3545) == TunnelSign(proto)


def test_ip_bare() -> None:
    ipv4 = bytes.fromhex("4500001c000000004011") + bytes.fromhex("4cd2c0a80107cb007109") + bytes(8)
    total = int.from_bytes(ipv4[:20], "big") % 65535
    summed = (int.from_bytes(ipv4[10:12], "big") - total) % 65535
    ipv4 = ipv4[:10] + summed.to_bytes(2, "big") + ipv4[12:]
    assert look_udp(ipv4, 5555) == TunnelSign(Proto.IP_IN_IP)


INSIDE = {
    "unique local": ("fd12:3456:789a::2", "fd12:3456:789a::1"),
    "unique local to a site": ("fd00::2", "2a00:1450:4001:80b::200e"),
    "site-local": ("fec0::2", "fec0::1"),
    "site multicast": ("fd00::2", "ff05::1:3"),
    "NAT64": ("fd00::2", "64:ff9b::c000:201"),
    "not assigned": ("4000::2", "4000::1"),
    "loopback": ("::2", "::1"),
}
BODIES: dict[str, Packet] = {
    "TCP": TCP(sport=40000, dport=443, flags="S"),
    "UDP": UDP(sport=40000, dport=53) / b"odd",
    "echo": ICMPv6EchoRequest(data=b"ping"),
    "options": IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0")]) / UDP(sport=1, dport=2) / b"even",
}
BEFORE_ANY = {"nothing": b"", "GUE": bytes.fromhex("00290000"), "an unknown header": bytes(range(1, 14))}


@pytest.mark.parametrize("before", BEFORE_ANY.values(), ids=BEFORE_ANY)
@pytest.mark.parametrize("ends", INSIDE.values(), ids=INSIDE)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_ipv6_in_udp_whatever_its_addresses(ends: tuple[str, str], body: Packet, before: bytes) -> None:
    packet = before + bytes(IPv6(src=ends[0], dst=ends[1]) / body)
    for port in (5555, 443, 3544):
        assert look_udp(packet, port) == TunnelSign(Proto.IP_IN_IP)
    assert look_udp(packet[:-1], 5555) is None
    assert look_udp(packet + b"\0", 5555) is None


def test_ipv6_of_private_tunnels_without_a_checksum() -> None:
    esp = bytes(range(100))
    private, odd = bytes.fromhex("fd00") + bytes(13) + b"\1", bytes.fromhex("4000") + bytes(13) + b"\1"
    assert look_udp(ipv6(50, private, private, esp), 5555) == TunnelSign(Proto.IP_IN_IP)
    assert look_udp(ipv6(50, odd, odd, esp), 5555) is None
    assert look_udp(ipv6(17, odd, odd, esp), 5555) is None  # its checksum is wrong
    assert look_udp(ipv6(17, odd, odd, bytes(100)), 5555) is None


# GRE carries no Ethernet here, and so no ARP.
PAIRS = [(outer, inner) for outer in OUTER for inner in INNER if not (inner == "ARP" and "GRE" in outer)]


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_packets_behind_any_header_in_udp(outer: str, inner: str) -> None:
    data = bytes(OUTER[outer](INNER[inner]))
    for port in (4789, 53, 443):
        assert look_udp(data, port) == TunnelSign(Proto.IP_IN_IP)
    if inner != "ARP":  # which says no length
        assert look_udp(data + b"\0", 4789) is None
        assert look_udp(data[:-1], 4789) is None


def test_a_packet_in_the_midst_of_a_message_is_none() -> None:
    inner = bytes(INNER["IPv4"])
    assert look_udp(b"\xaa" * 64 + inner, 4000) == TunnelSign(Proto.IP_IN_IP)
    assert look_udp(b"\xaa" * 65 + inner, 4000) is None
    assert look_udp(b"\xaa" * 8 + inner + b"\xaa", 4000) is None
    assert look_udp(b"\xaa" * 8 + inner[:10] + b"\0\0" + inner[12:], 4000) is None  # its checksum is wrong


def test_zerotiers_hello() -> None:
    for verb in (1, 0x81):  # the upper bits are flags
        assert look_udp(zerotier(verb), 9993) == TunnelSign(Proto.MESH)
    for other in (zerotier(2), zerotier(flags=8), zerotier(source=b"abcde"), zerotier()[:100]):
        assert look_udp(other, 9993) is None


def test_dnscrypt_through_a_relay() -> None:
    relayed = b"\xff" * 8 + b"\0\0" + bytes(10) + b"\xff\xff\x09\x09\x09\x09\x01\xbb" + b"\xe7" * 300
    assert look_udp(relayed, 443) == TunnelSign(Proto.DNS)
    assert look_udp(b"\xff" * 9 + b"\0" + bytes(100), 443) is None


def test_a_dnscrypt_client_asks_for_a_certificate_in_the_clear() -> None:
    """At the resolver's own port, which is 443 most often; without it there is nothing to encrypt with."""
    query = bytes.fromhex("1234010000010000000000000132") + b"\x0ddnscrypt-cert\x07example\x03com\0\0\x10\0\1"
    for found in (look_udp(query, 443), look_tcp(framed(query))):
        assert found == TunnelSign(Proto.DNS, "2.dnscrypt-cert.example.com", 16)


def test_ssh_behind_other_lines_of_a_server() -> None:
    assert look_server(b"Welcome.\r\nSSH-2.0-x\r\n") == TunnelSign(Proto.SSH)
    assert look_tcp(b"Welcome.\r\nSSH-2.0-x\r\n") is None
    for banner in (b"SSH-1.99-x", b"SSH-1.5-x"):
        assert look_tcp(banner) == TunnelSign(Proto.SSH)
    assert look_tcp(b"SSH-3.0-x") is None


def test_socks_that_does_not_wait() -> None:
    request = bytes.fromhex("050100030b") + b"a.example.org"[:11] + b"\x01\xbb"
    assert look_tcp(b"\x05\x01\x00" + request) == TunnelSign(Proto.SOCKS)
    assert look_tcp(b"\x05\x01\x02\x01\x01u\x01p") == TunnelSign(Proto.SOCKS)
    assert look_tcp(b"\x05\x01\x00\x07\x07\x07\x07") is None
    assert look_tcp(b"\x04\x01\x00\x50\xcb\x00\x71\x07me\x00more") is None
    assert look_tcp(b"\x04\x01\x00\x50\x00\x00\x00\x01me\x00a.example") is MORE


@pytest.mark.parametrize("message", [QUERY, ANSWER])
def test_dns_on_another_port(message: bytes) -> None:
    assert look_udp(message, 5353) == ASKED
    assert look_udp(message, 53) is None  # judged as DNS elsewhere
    stream = framed(message)
    assert [look_tcp(stream[:end]) for end in range(1, len(stream))] == [MORE] * (len(stream) - 1)
    assert look_tcp(stream) == look_tcp(stream + b"more") == look_server(stream) == ASKED


LABEL = QUERY[:12] + b"\x0ba-long-name" + bytes(1) + QUERY[-4:]  # of one label: a resolver has no such host
EXTRA = bytes.fromhex("c00c000100010000003c0004cb007107")
ODDITIES: dict[str, Callable[[bytes], bytes]] = {
    "behind": lambda message: message + b"\0",
    "long": lambda message: message + bytes(900),
    "class": lambda message: message[:-2] + b"\0\7",
    "type": lambda message: message[:-4] + b"\0\0\0\1",
    "opcode": lambda message: message[:2] + b"\x29\0" + message[4:],
    "answer's bit": lambda message: message[:2] + b"\5\0" + message[4:],
    "every flag": lambda message: message[:2] + b"\x37\xff" + message[4:],
    "answer": lambda message: message[:6] + b"\0\1" + message[8:] + EXTRA,
    "additional": lambda message: message[:10] + b"\0\1" + message[12:] + EXTRA,
    "cut records": lambda message: message[:6] + b"\0\1\0\2\0\3" + message[12:] + EXTRA[:5],
}


@pytest.mark.parametrize("odd", ODDITIES.values(), ids=ODDITIES)
def test_a_question_for_a_host_is_known_whatever_else_the_message_has(
    odd: Callable[[bytes], bytes],
) -> None:
    found = TunnelSign(Proto.DNS, ASKED.host, int.from_bytes(odd(QUERY)[29:31], "big"))
    stream = framed(odd(QUERY))
    assert look_udp(odd(QUERY), 5353) == look_udp(odd(QUERY), 443) == found
    assert look_tcp(stream) == look_server(stream) == found
    assert {look_tcp(stream[:end]) for end in range(1, len(stream))} == {MORE}


@pytest.mark.parametrize("odd", ODDITIES.values(), ids=ODDITIES)
def test_an_odd_message_without_the_name_of_a_host_is_none(odd: Callable[[bytes], bytes]) -> None:
    assert look_udp(LABEL, 5353) == TunnelSign(Proto.DNS, "a-long-name", 1)
    assert look_udp(odd(LABEL), 5353) is None
    assert not isinstance(look_tcp(framed(odd(LABEL))), TunnelSign)


@pytest.mark.parametrize(
    "flags", [0, dns.flags.RD, dns.flags.AD | dns.flags.CD, 0x0040, 0x0040 | dns.flags.QR]
)
@pytest.mark.parametrize("opcode", range(6))
@pytest.mark.parametrize("kind", ["IN", "CH", "HS", "NONE", "ANY", "CLASS77"])
def test_messages_of_another_library(flags: int, opcode: int, kind: str) -> None:
    query = dns.message.make_query("WwW.example.org", "A", kind, use_edns=True, pad=468)
    query.flags = flags
    query.set_opcode(dns.opcode.Opcode(opcode))
    found = look_udp(query.to_wire(), 5300)
    assert found == look_tcp(framed(query.to_wire()))
    assert found is not None
    assert (found.proto, found.host) == (Proto.DNS, "www.example.org")


def test_padding_over_tcp_hides_no_question() -> None:
    """A longer question passes, but the answer to it is seen."""
    for size in (468, 1000, 1150):
        padded = dns.message.make_query("www.example.org", "A", use_edns=True, pad=size)
        assert look_tcp(framed(padded.to_wire())[:LONGEST]) == ASKED
    padded = dns.message.make_query("www.example.org", "A", use_edns=True, pad=3000)
    assert look_tcp(framed(padded.to_wire(max_size=4096))) is None
    answer = dns.message.make_response(dns.message.make_query("www.example.org", "A"))
    assert look_server(framed(answer.to_wire(max_size=512))) == ASKED


def test_what_is_cut_is_no_question() -> None:
    assert look_udp(QUERY[:-1], 5353) is None
    assert look_udp(QUERY[:4] + b"\0\2" + QUERY[6:], 5353) is None  # two questions: no server answers


def test_a_call_by_h_323_is_no_question() -> None:
    """TPKT and Q.931 with call reference 1 look like a length and a header; Microsoft's sends TPKT alone."""
    for setup in ("0300012a080200010504038890a528", "030000d008020001050403"):
        data = bytes.fromhex(setup)
        assert look_tcp(data[:4]) is MORE
        assert look_tcp(data) is None
    assert look_udp(b"\0\7\1\0" + b"\0\1\5\4\3\x88" + QUERY[10:], 5353) is None


def test_names_of_the_local_network_are_none() -> None:
    unicast = MDNS[:12] + b"\x08computer\x05local\0\0\x01\x80\x01"
    scoped = NETBIOS[:2] + b"\x29\x10" + NETBIOS[4:-5] + b"\x05scope\x03lan\0" + b"\0\x20\0\1"
    for message in (unicast, scoped):
        assert look_udp(message, 5353) is None


def test_a_question_with_edns_or_for_what_is_no_host() -> None:
    edns = QUERY[:10] + b"\0\1" + QUERY[12:] + bytes.fromhex("0000291000000000000000")
    assert look_udp(edns, 5353) == ASKED
    odd = QUERY[:12] + b"\x03a\xffb\0\0\x10\0\1"
    assert look_udp(odd, 5353) == TunnelSign(Proto.DNS, None, 16)


def test_ip_protocols() -> None:
    known = {4: "ip_in_ip", 41: "ip_in_ip", 47: "pptp", 50: "ipsec", 51: "ipsec", 115: "l2tp"}
    assert {number: classify_ip(number) for number in known} == known
    assert classify_ip(132) is Proto.OTHER


# Those at which a check of the length can succeed at all, and others.
LENGTHS = (
    1, 2, 3, 4, 5, 9, 12, 14, 16, 26, 28, 36, 38, 42, 44, 48, 54, 56, 64, 66, 68, 76, 86, 92, 98, 148, 354,
)  # fmt: skip


def _random_payloads(count: int) -> None:
    source = random.Random(7)
    for size in LENGTHS:
        for _ in range(count):
            payload = source.randbytes(size)
            assert look_udp(payload, 4501) is None
            assert not isinstance(look_tcp(payload), TunnelSign)


def test_random_bytes_are_none() -> None:
    """The least unlikely, as the modules state: SOCKS of three bytes once in 2**20, of nine once in 2**23."""
    _random_payloads(2_000)


@pytest.mark.slow
def test_many_random_bytes_are_none() -> None:
    _random_payloads(100_000)


@given(st.binary(max_size=LONGEST), st.integers(1, 65535))
def test_nothing_is_raised_and_more_ends(data: bytes, port: int) -> None:
    look_udp(data, port)
    look_tcp(data)
    look_server(data)
    assert look_tcp((data + bytes(LONGEST))[:LONGEST]) is not MORE


@given(st.sampled_from([*tunnel_vectors.UDP, *tunnel_vectors.TCP]), st.data())
def test_a_damaged_message_raises_nothing(vector: Vector, data: st.DataObject) -> None:
    damaged = bytearray(vector.payload)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    look_udp(bytes(damaged), vector.port)
    look_tcp(bytes(damaged))
