"""The NAT64 prefixes of the line: learning them, and the IPv4 address in an address behind one."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_address

import pytest

from gateway.path.addresses import AddressBook, AnswerRecorder, NameBook, ServiceBook, ignore_answer
from gateway.path.nat64 import IPV4_ONLY, MAX_PREFIXES, Nat64Prefixes
from gateway.policy.values import Observation
from gateway.wire.dns.message import AAAA, parse_message
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.build import tcp_segment
from gateway.wire.ip.packet import ACK, PSH
from tests.wire.flow_forge import udp_packet
from tests.wire.tls_forge import client_hello, record

# RFC 6052 §2.4: 192.0.2.33 behind a prefix of each length.
EXAMPLES = {
    "2001:db8::/32": "2001:db8:c000:221::",
    "2001:db8:100::/40": "2001:db8:1c0:2:21::",
    "2001:db8:122::/48": "2001:db8:122:c000:2:2100::",
    "2001:db8:122:300::/56": "2001:db8:122:3c0:0:221::",
    "2001:db8:122:344::/64": "2001:db8:122:344:c0:2:2100::",
    "2001:db8:122:344::/96": "2001:db8:122:344::c000:221",
}
PLAIN = ip_address("192.0.2.33").packed
DEVICE = ip_address("2001:db8:77::10").packed
PLACES = {32: (4, 5, 6, 7), 40: (5, 6, 7, 9), 48: (6, 7, 9, 10), 56: (7, 9, 10, 11), 64: (9, 10, 11, 12),
          96: (12, 13, 14, 15)}  # fmt: skip


def packed(text: str) -> bytes:
    return ip_address(text).packed


def behind(prefix: str, address: str) -> bytes:
    """Return the IPv4 address behind the prefix."""
    network = IPv6Network(prefix)
    found = bytearray(network.network_address.packed)
    for place, byte in zip(PLACES[network.prefixlen], packed(address), strict=True):
        found[place] = byte
    return bytes(found)


def learned(*prefixes: str) -> Nat64Prefixes:
    known = Nat64Prefixes()
    for prefix in prefixes:
        known.learn(IPV4_ONLY, [behind(prefix, "192.0.0.170"), behind(prefix, "192.0.0.171")])
    return known


@pytest.mark.parametrize("prefix", EXAMPLES)
def test_a_prefix_of_each_length(prefix: str) -> None:
    translated = packed(EXAMPLES[prefix])
    assert behind(prefix, "192.0.2.33") == translated
    assert Nat64Prefixes().plain(translated) == translated
    known = learned(prefix)
    assert known.plain(translated) == PLAIN
    for other in ("2001:db9::1", "192.0.2.33", "::ffff:192.0.2.33"):
        assert known.plain(packed(other)) == packed(other)


def test_one_known_address_is_enough() -> None:
    known = Nat64Prefixes()
    known.learn(IPV4_ONLY, [behind("2001:db8:64::/96", "192.0.0.171")])
    assert known.plain(packed("2001:db8:64::192.0.2.33")) == PLAIN


@pytest.mark.parametrize(
    "answer",
    [
        "192.0.0.170",
        "2001:db8:64::192.0.0.172",
        "2001:db8:c000:aa::192.0.0.170",  # as of /32 and of /96
        "2001:db8:0:0:ff00::c000:aa",  # byte 8 is not zero
    ],
)
def test_an_answer_without_a_single_prefix_teaches_nothing(answer: str) -> None:
    known = Nat64Prefixes()
    known.learn(IPV4_ONLY, [packed(answer), b""])
    for address in (packed(answer), behind("2001:db8:64::/96", "192.0.2.33")):
        assert known.plain(address) == address


def test_an_answer_for_ipv4_keeps_what_is_known_and_the_number_is_limited() -> None:
    prefixes = [f"2001:db8:{number:x}::/96" for number in range(1, MAX_PREFIXES + 2)]
    known = learned(*prefixes)
    known.learn(IPV4_ONLY, [packed("192.0.0.170")])
    first, *others = (behind(prefix, "192.0.2.33") for prefix in prefixes)
    assert known.plain(first) == first, "the oldest one went"
    assert [known.plain(other) for other in others] == [PLAIN] * MAX_PREFIXES


def test_a_connection_to_a_translated_address_is_judged_by_its_ipv4_address() -> None:
    """A hello, a datagram without a name, and a fragment."""
    seen: list[Observation] = []

    def judge(observation: Observation) -> bool:
        seen.append(observation)
        return True

    server = packed("2001:db8:64::192.0.2.33")
    table = FlowTable(plain=learned("2001:db8:64::/96").plain)
    hello = record(client_hello("www.example.org"))
    segment = tcp_segment(DEVICE, server, 40000, 443, seq=1, ack=1, flags=ACK | PSH, payload=hello)
    datagram = udp_packet(DEVICE, server, 40001, 599, b"\1" * 80)
    fragment = bytearray(segment)
    fragment[6] = 44  # a fragment header follows, with the offset 8
    fragment[4:6] = (16).to_bytes(2, "big")
    fragment[40:] = bytes([6, 0, 0, 8, 0, 0, 0, 1]) + bytes(8)
    answer = udp_packet(server, DEVICE, 599, 40001, b"\2" * 80)
    for packet in (segment, datagram, answer, bytes(fragment)):
        table.packet(packet, from_lan=packet is not answer, now=1.0, judge=judge)
    assert len(seen) == 3
    assert {observation.dst for observation in seen} == {PLAIN}


def test_an_answer_gives_a_device_both_addresses() -> None:
    """With CLAT a device gets the one and uses the other."""
    book, names = AddressBook(), NameBook()
    names.watch([1])
    known = learned("2001:db8:64::/96")
    recorder = AnswerRecorder(book, ServiceBook(lambda _: (), lambda: 0.0), names, ignore_answer, known)
    translated = packed("2001:db8:64::192.0.2.33")
    name = b"\3www\7example\3org\0"
    question = name + AAAA.to_bytes(2, "big") + b"\0\1"
    row = b"\xc0\x0c" + AAAA.to_bytes(2, "big") + b"\0\1" + (60).to_bytes(4, "big") + b"\0\x10" + translated
    response = b"\0\1\x81\x80\0\1\0\1\0\0\0\0" + question + row
    recorder.record(1, response, parse_message(response), 0.0, vouched=True)
    for address in (translated, PLAIN):
        assert book.knows(1, address, 1.0)
        assert names.vouched(1, "www.example.org", address, 1.0)
