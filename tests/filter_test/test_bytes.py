"""What a bypass test sends, read by the filter's own parsers: each is what it says it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.filter_test import hellos, tunnels, zone
from gateway.filter_test.rawtcp import SegmentOptions, shaped
from gateway.policy.values import Proto
from gateway.wire.dns.message import AAAA, HTTPS, IN, A, Encoder, parse_message
from gateway.wire.dns.svcb import ALPN, DOHPATH, ECH, parse_service
from gateway.wire.ip.build import tcp_segment
from gateway.wire.ip.fragments import Defragmenter
from gateway.wire.ip.packet import ACK, PSH, TCP, URG, parse_ip, transport_sum
from gateway.wire.quic.crypto import VERSION_1, initial_keys
from gateway.wire.quic.initials import DatagramKind, Initials, classify
from gateway.wire.tls.build import records
from gateway.wire.tls.hello import parse_client_hello, read_client_hellos
from gateway.wire.tunnels import ip_in_udp, proxies, vpn
from gateway.wire.tunnels.signs import TunnelMatch

NAME = b"www.example.org"
ENDS = {
    4: (bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))),
    6: (b"\x20\x01" + bytes(14), b"\x20\x01" + bytes(13) + b"\1"),
}


# ---------------------------------------------------------------- TLS, QUIC


def test_a_hello_has_its_name_and_protocols() -> None:
    hello = parse_client_hello(hellos.client_hello(NAME, [b"dot"]))
    assert hello is not None
    assert (hello.sni, hello.alpn, hello.fault, hello.ech) == ("www.example.org", ("dot",), None, None)
    nameless = parse_client_hello(hellos.client_hello(None))
    assert nameless is not None
    assert nameless.sni is None


def test_a_hidden_name_is_taken_for_one() -> None:
    hello = parse_client_hello(hellos.client_hello(b"cloudflare-ech.com", ech=True))
    assert hello is not None
    assert hello.hides_name({"cloudflare-ech.com"})


@pytest.mark.parametrize("size", [0, 1, 10])
def test_records_of_any_size_hold_the_hello(size: int) -> None:
    message = hellos.client_hello(NAME)
    stream = records(message, size)
    assert len(stream) == len(message) + 5 * (-(-len(message) // size) if size else 1)
    ((hello, _),) = read_client_hellos(stream)
    assert hello.sni == "www.example.org"


@pytest.mark.parametrize("pieces", [1, 6])
def test_initials_are_opened_by_whoever_is_on_the_way(pieces: int) -> None:
    reader, found = Initials(), []
    sent = hellos.initials(hellos.client_hello(NAME, [b"h3"], quic=True), pieces=pieces)
    assert len(sent) == (2 if pieces > 1 else 1)
    for datagram in sent:
        assert len(datagram) == hellos.DATAGRAM
        assert classify(datagram) is DatagramKind.INITIAL
        found += reader.from_client(datagram)
    assert [hello.sni for hello in found] == ["www.example.org"]
    (answer,) = reader.from_server(hellos.server_answer(sent[0][6:14]))
    assert not answer.hello.hello_retry


def test_a_draft_is_none_of_the_known_versions() -> None:
    (one,) = hellos.initials(hellos.client_hello(NAME, quic=True), version=0xFF00001D)
    assert classify(one) is DatagramKind.UNKNOWN_VERSION


@pytest.mark.parametrize(
    ("value", "written"), [(0, "00"), (63, "3f"), (64, "4040"), (16383, "7fff"), (16384, "80004000")]
)
def test_integers_as_rfc_9000_writes_them(value: int, written: str) -> None:
    assert hellos.varint(value).hex() == written


def test_what_is_sealed_is_opened_again() -> None:
    keys = initial_keys(VERSION_1, b"12345678", server=False)
    header = b"\xc3" + VERSION_1.to_bytes(4, "big") + b"\x0812345678\x00\x00\x40\x28" + (7).to_bytes(4, "big")
    opened = keys.open(keys.seal(header, 7, b"\x01" * 20), len(header) - 4, -1)
    assert opened is not None
    assert (opened.number, opened.payload) == (7, b"\x01" * 20)


# ---------------------------------------------------------------- tunnels

_UDP = (vpn.wireguard_udp, vpn.openvpn_udp, vpn.ipsec_udp, vpn.l2tp_udp, ip_in_udp.classify_udp)


@pytest.mark.parametrize(
    ("said", "proto", "port"),
    [
        (tunnels.wireguard(), Proto.WIREGUARD, 51820), (tunnels.openvpn(), Proto.OPENVPN, 1194),
        (tunnels.ike(), Proto.IPSEC, 500), (tunnels.ike_behind_nat(), Proto.IPSEC, 4500),
        (tunnels.esp(), Proto.IPSEC, 4500), (tunnels.l2tp(), Proto.L2TP, 1701),
        (tunnels.teredo(), Proto.TEREDO, 3544), (tunnels.ipv4_inside(), Proto.IP_IN_IP, 7),
    ],
    ids=lambda one: "" if isinstance(one, bytes) else str(one),  # the bytes are random in part
)  # fmt: skip
def test_datagrams_are_the_tunnels_that_they_say(said: bytes, proto: Proto, port: int) -> None:
    assert {one for classify in _UDP if (one := classify(said, port))} == {proto}
    answer = tunnels.answer_datagram(said)
    assert {one for classify in _UDP if (one := classify(answer, port))} == {proto}


@pytest.mark.parametrize(
    ("said", "classify", "proto"),
    [
        (tunnels.openvpn_stream(), vpn.openvpn_tcp, Proto.OPENVPN),
        (tunnels.pptp(), vpn.pptp_tcp, Proto.PPTP),
        (tunnels.SSH, proxies.ssh_tcp, Proto.SSH), (tunnels.SOCKS4, proxies.socks_tcp, Proto.SOCKS),
        (tunnels.SOCKS4A, proxies.socks_tcp, Proto.SOCKS), (tunnels.SOCKS5, proxies.socks_tcp, Proto.SOCKS),
    ],
    # The bytes are random in part.
    ids=lambda one: "" if isinstance(one, bytes) else getattr(one, "__name__", str(one)),
)  # fmt: skip
def test_streams_are_the_tunnels_that_they_say(
    said: bytes, classify: Callable[[bytes], TunnelMatch], proto: Proto
) -> None:
    assert classify(said) is proto
    assert tunnels.answer_stream(said) != b""


def test_pptps_messages_have_their_length() -> None:
    said = tunnels.pptp()
    assert len(said) == int.from_bytes(said[:2], "big") == 156
    answer = tunnels.answer_stream(said)
    assert (len(answer), answer[8:10]) == (156, b"\0\2")


# ---------------------------------------------------------------- DNS


def question(name: str, qtype: int) -> bytes:
    out = Encoder(7, 0x0100, (1, 0, 0, 0))
    out.question(tuple(name.encode().split(b".")), qtype, IN)
    return out.message()


@pytest.mark.parametrize(("version", "qtype"), [(4, A), (6, AAAA)])
def test_every_name_has_an_address_that_leads_nowhere(version: int, qtype: int) -> None:
    data = zone.answer(question("WWW.Example.org", qtype))
    assert data is not None
    message = parse_message(data)
    (address,) = message.addresses()
    assert zone.is_marker(address)
    assert message.question is not None
    assert message.question.raw.startswith(b"\3WWW\7Example"), "letters as sent"
    assert zone.address_of("www.example.org", version) == zone.address_of("WWW.EXAMPLE.ORG", version)
    assert not zone.is_marker(bytes((192, 0, 2, 1)))


def test_an_answer_leads_to_what_has_to_be_taken_out() -> None:
    data = zone.answer(question("www.example.org", HTTPS))
    assert data is not None
    service = parse_service(data, parse_message(data).answers[0])
    assert [key for key, _ in service.params] == [ALPN, ECH, DOHPATH]


@pytest.mark.parametrize("noise", [b"", b"\0" * 12, b"x" * 40])
def test_noise_is_not_answered(noise: bytes) -> None:
    assert zone.answer(noise) is None


# ---------------------------------------------------------------- packets


def segment(version: int, payload: bytes) -> bytes:
    return tcp_segment(*ENDS[version], 61000, 443, seq=1, ack=2, flags=PSH | ACK, payload=payload)


@pytest.mark.parametrize("version", [4, 6])
def test_odd_segments_are_odd_in_one_way_alone(version: int) -> None:
    plain = segment(version, b"hello")
    assert shaped(plain, SegmentOptions()) == [plain]
    (late,) = shaped(plain, SegmentOptions(ttl=2))
    assert parse_ip(late)._replace(ttl=64) == parse_ip(plain)
    (wrong,) = shaped(plain, SegmentOptions(bad_checksum=True))
    assert _sum(wrong) != 0
    (urgent,) = shaped(plain, SegmentOptions(urgent=3))
    packet = parse_ip(urgent)
    assert (packet.flags & URG, packet.urgent, _sum(urgent)) == (URG, 3, 0)


def _sum(packet: bytes) -> int:
    read = parse_ip(packet)
    return transport_sum(read.src, read.dst, TCP, packet[read.l4 :])


@pytest.mark.parametrize("version", [4, 6])
def test_fragments_are_put_together_again(version: int) -> None:
    plain, joiner = segment(version, bytes(range(200))), Defragmenter()
    pieces = shaped(plain, SegmentOptions(fragments=64))
    assert len(pieces) == 4
    whole = [one for piece in pieces if (one := joiner.feed(piece, 0.0)) is not None]
    assert [bytes(parse_ip(packet).payload) for packet in whole] == [bytes(range(200))]
