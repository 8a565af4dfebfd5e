"""Questions judged and answers mended, as packets and as messages; dnspython is the other end."""

from __future__ import annotations

import dns.edns
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsigkeyring
import dns.update
import pytest

from gateway.path.dns import Style
from gateway.path.renamed_questions import PENDING_AGE
from gateway.policy.values import Verdict
from gateway.wire.dns.svcb import Unwanted
from gateway.wire.ip.build import udp_reply
from gateway.wire.ip.packet import checksum_ok, parse_ip
from tests.path.asked import AT, CLIENT, DEVICE, DEVICE6, RESOLVER, RESOLVER6, Path, upstream
from tests.wire.flow_forge import udp_packet


def test_an_allowed_question_goes_on_byte_for_byte() -> None:
    path = Path()
    query = dns.message.make_query("ExaMple.com", "A", use_edns=0)
    assert path.ask(query) == (query.to_wire(), None)
    assert path.seen == [("example.com", Verdict.ALLOW)]


@pytest.mark.parametrize(
    ("host", "code"), [("www.tiktok.com", 17), ("malware.example", 15), ("register.example", 16)]
)
def test_a_refused_name_is_answered_with_the_reason(host: str, code: int) -> None:
    _, reply = Path().ask(dns.message.make_query(host, "A", use_edns=0))
    assert reply is not None
    assert reply.rcode() == dns.rcode.NXDOMAIN
    (option,) = reply.options
    assert isinstance(option, dns.edns.EDEOption)
    assert option.code == code
    assert option.text == f"{host} is closed."


def test_without_edns_the_answer_has_none() -> None:
    _, reply = Path().ask(dns.message.make_query("tiktok.com", "A"))
    assert reply is not None
    assert reply.edns == -1
    assert reply.rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize(("kind", "text"), [("A", "0.0.0.0"), ("AAAA", "::")])
def test_null_style(kind: str, text: str) -> None:
    _, reply = Path(Style.NULL).ask(dns.message.make_query("tiktok.com", kind))
    assert reply is not None
    (rrset,) = reply.answer
    assert rrset.ttl == 10
    assert [str(item) for item in rrset] == [text]


def test_null_style_gives_other_types_nothing_and_bedtime_no_positive_answer() -> None:
    path = Path(Style.NULL)
    _, https = path.ask(dns.message.make_query("tiktok.com", "HTTPS"))
    _, late = path.ask(dns.message.make_query("late.example", "A"))
    assert https is not None
    assert late is not None
    assert (https.rcode(), https.answer) == (dns.rcode.NOERROR, [])
    assert (late.rcode(), late.answer) == (dns.rcode.NXDOMAIN, [])
    assert late.authority == []  # no SOA: nobody may keep the refusal


@pytest.mark.parametrize("style", Style)
def test_an_explained_name_has_the_pages_ipv4_address_and_nothing_else(style: Style) -> None:
    path = Path(style, explained=("www.tiktok.com",))
    for kind in ("A", "ANY"):
        _, reply = path.ask(dns.message.make_query("www.TikTok.com", kind, use_edns=0))
        assert reply is not None
        assert reply.rcode() == dns.rcode.NOERROR
        (rrset,) = reply.answer
        assert (str(rrset.name), rrset.ttl) == ("www.TikTok.com.", 10)
        assert [str(item) for item in rrset] == ["192.168.77.1"]
        (option,) = reply.options
        assert isinstance(option, dns.edns.EDEOption)
        assert (option.code, option.text) == (17, "www.tiktok.com is closed.")
    for kind in ("AAAA", "HTTPS", "SVCB", "TXT", "MX", "CNAME"):
        _, reply = path.ask(dns.message.make_query("www.tiktok.com", kind))
        assert reply is not None
        assert (reply.rcode(), reply.answer, reply.authority) == (dns.rcode.NOERROR, [], [])
    assert not path.book.knows(1, bytes([192, 168, 77, 1]), 0.0)  # no allowed name resolved to it


def test_no_name_is_explained_to_an_unfiltered_device() -> None:
    path = Path(explained=("www.tiktok.com",))
    path.subject.slot = 0
    _, reply = path.ask(dns.message.make_query("www.tiktok.com", "A"))
    assert reply is not None
    assert (reply.rcode(), reply.answer) == (dns.rcode.NXDOMAIN, [])


@pytest.mark.parametrize("name", ["use-application-dns.net", "mask.icloud.com"])
def test_a_signal_that_stands_on_a_list_too_has_no_address_in_any_style(name: str) -> None:
    """A sealed list, a list or a register with such a name: an address would turn encrypted DNS on."""
    for style in Style:
        _, reply = Path(style).ask(dns.message.make_query(name, "A"))
        assert reply is not None
        assert (reply.rcode(), reply.answer) == (dns.rcode.NXDOMAIN, [])


def test_the_pages_name_is_answered_here() -> None:
    for kind, text in (("A", "192.168.77.1"), ("AAAA", "::1")):
        _, reply = Path().ask(dns.message.make_query("qalqan.home.arpa", kind))
        assert reply is not None
        assert [str(item) for item in reply.answer[0]] == [text]


def test_who_asks_for_the_text_of_the_pages_name_hears_how_the_gateway_is() -> None:
    _, reply = Path().ask(dns.message.make_query("QALQAN.home.arpa", "TXT"))
    assert reply is not None
    assert [str(item) for item in reply.answer[0]] == ['"Qalqan 0.1.0 on"']
    assert reply.answer[0].ttl == 10
    _, other = Path().ask(dns.message.make_query("qalqan.home.arpa", "HTTPS"))
    assert other is not None
    assert other.answer == []


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_safe_search_by_another_question(kind: str) -> None:
    path = Path()
    query = dns.message.make_query("wWw.GooGle.com", kind, use_edns=0)
    forward, reply = path.ask(query)
    assert reply is None
    assert forward is not None
    assert str(dns.message.from_wire(forward).question[0].name) == "forcesafesearch.google.com."
    value = "198.18.5.5" if kind == "A" else "2001:db8::5"
    response = upstream(forward, f"forcesafesearch.google.com. 300 IN {kind} {value}")
    mended = dns.message.from_wire(path.dns.edit_answer(response, CLIENT, 1.0, over_udp=True))
    assert mended.id == query.id
    assert str(mended.question[0].name) == "wWw.GooGle.com."
    assert [dns.rdatatype.to_text(rrset.rdtype) for rrset in mended.answer] == ["CNAME", kind]
    assert str(mended.answer[1][0]) == value
    packed = bytes([198, 18, 5, 5]) if kind == "A" else bytes.fromhex("20010db8000000000000000000000005")
    assert path.book.knows("forcesafesearch.google.com", packed, 1.0)
    again = path.dns.edit_answer(response, CLIENT, 1.0, over_udp=True)
    assert again == response  # one question, one answer


def test_safe_search_for_other_types_and_fixed_addresses() -> None:
    path = Path()
    _, https = path.ask(dns.message.make_query("www.google.com", "HTTPS"))
    assert https is not None
    assert [dns.rdatatype.to_text(rrset.rdtype) for rrset in https.answer] == ["CNAME"]
    _, fixed = path.ask(dns.message.make_query("yandex.ru", "A"))
    assert fixed is not None
    assert str(fixed.answer[0][0]) == "213.180.193.56"
    assert path.book.knows("yandex.ru", bytes([213, 180, 193, 56]), 1.0)


def test_a_late_answer_is_not_taken_for_the_safe_one() -> None:
    path = Path()
    forward, _ = path.ask(dns.message.make_query("www.google.com", "A"))
    assert forward is not None
    response = upstream(forward, "forcesafesearch.google.com. 300 IN A 198.18.5.5")
    assert path.dns.edit_answer(response, CLIENT, PENDING_AGE + 1, over_udp=True) == response


def test_an_answer_to_a_slot_that_is_nobody_s_is_not_taken_for_the_safe_one() -> None:
    path = Path()
    for slot, taken in ((CLIENT[0] + 1, True), (CLIENT[0], False)):
        forward, _ = path.ask(dns.message.make_query("www.google.com", "A"))
        assert forward is not None
        response = upstream(forward, "forcesafesearch.google.com. 300 IN A 198.18.5.5")
        path.dns.forget(slot)
        assert (path.dns.edit_answer(response, CLIENT, 1.0, over_udp=True) != response) is taken


def test_dohpath_is_taken_out_over_udp_and_tcp() -> None:
    path = Path()
    query = dns.message.make_query("dns.example", "SVCB").to_wire()
    response = upstream(
        query, 'dns.example. 300 IN SVCB 1 dns.example. alpn="h2,doq" key7="/dns-query{?dns}"'
    )
    for over_udp in (True, False):
        mended = dns.message.from_wire(path.dns.edit_answer(response, CLIENT, 0.0, over_udp=over_udp))
        assert str(mended.answer[0][0]) == '1 dns.example. alpn="h2"'


def test_ech_is_taken_out_and_addresses_are_learnt() -> None:
    path = Path()
    query = dns.message.make_query("example.com", "HTTPS").to_wire()
    response = upstream(query, 'example.com. 300 IN HTTPS 1 . alpn="h3,h2" ech="AAb+DQACAQI="')
    mended = dns.message.from_wire(path.dns.edit_answer(response, CLIENT, 0.0, over_udp=True))
    assert str(mended.answer[0][0]) == '1 . alpn="h3,h2"'
    plain = upstream(dns.message.make_query("example.com", "A").to_wire(), "example.com. 30 IN A 198.18.9.9")
    assert path.dns.edit_answer(plain, CLIENT, 0.0, over_udp=True) == plain
    assert path.book.knows(1, bytes([198, 18, 9, 9]), 299.0)
    assert not path.book.knows(1, bytes([198, 18, 9, 9]), 301.0)


@pytest.mark.parametrize(
    ("unwanted", "kept"),
    [
        (Unwanted(), '1 . alpn="h2"'),
        (Unwanted(resolvers=False), '1 . alpn="h2,doq" dohpath="/dns-query{?dns}"'),
        (Unwanted(ech=False), '1 . alpn="h2" ech="AAb+DQACAQI="'),
        (
            Unwanted(resolvers=False, ech=False),
            '1 . alpn="h2,doq" ech="AAb+DQACAQI=" dohpath="/dns-query{?dns}"',
        ),
    ],
)
def test_what_a_profile_leaves_open_stays_in_its_answers(unwanted: Unwanted, kept: str) -> None:
    path = Path()
    path.subject.unwanted = unwanted
    query = dns.message.make_query("example.com", "HTTPS").to_wire()
    record = '1 . alpn="h2,doq" ech="AAb+DQACAQI=" key7="/dns-query{?dns}"'
    response = upstream(query, f"example.com. 300 IN HTTPS {record}")
    outcome = path.dns.answer_packet(Path.answer(response), path.subject, 0.0)
    assert outcome.accept
    packet = outcome.packet or Path.answer(response)
    assert str(dns.message.from_wire(bytes(parse_ip(packet).payload)).answer[0][0]) == kept
    again = path.dns.edit_answer(response, CLIENT, 0.0, over_udp=False, unwanted=unwanted)
    assert str(dns.message.from_wire(again).answer[0][0]) == kept


@pytest.mark.parametrize(("src", "dst"), [(DEVICE, RESOLVER), (DEVICE6, RESOLVER6)])
def test_packets(src: bytes, dst: bytes) -> None:
    import socket

    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6

    def packet(payload: bytes) -> bytes:
        family = socket.AF_INET if len(src) == 4 else socket.AF_INET6
        ends = socket.inet_ntop(family, src), socket.inet_ntop(family, dst)
        head = IP(src=ends[0], dst=ends[1]) if len(src) == 4 else IPv6(src=ends[0], dst=ends[1])
        return bytes(head / UDP(sport=40000, dport=53) / payload)

    path = Path()
    refused = path.dns.question_packet(
        packet(dns.message.make_query("tiktok.com", "A").to_wire()), path.subject, 0.0, AT, first=True
    )
    assert not refused.accept
    assert refused.reply is not None
    forged = parse_ip(refused.reply)
    assert (forged.src, forged.sport, forged.dst, forged.dport) == (dst, 53, src, 40000)
    assert checksum_ok(refused.reply, forged)

    allowed = path.dns.question_packet(
        packet(dns.message.make_query("example.com", "A").to_wire()), path.subject, 0.0, AT, first=True
    )
    assert allowed == (True, None, None, ())

    query = packet(dns.message.make_query("www.google.com", "A").to_wire())
    renamed = path.dns.question_packet(query, path.subject, 0.0, AT, first=True)
    assert renamed.packet is not None
    asked = parse_ip(renamed.packet)
    assert checksum_ok(renamed.packet, asked)
    response = upstream(bytes(asked.payload), "forcesafesearch.google.com. 300 IN A 198.18.5.5")
    answered = path.dns.answer_packet(udp_reply(asked, response), path.subject, 0.1)
    assert answered.packet is not None
    mended = parse_ip(answered.packet)
    assert checksum_ok(answered.packet, mended)
    assert str(dns.message.from_wire(bytes(mended.payload)).question[0].name) == "www.google.com."


def test_a_later_query_of_a_port_is_answered_from_each_resolver_that_it_queried() -> None:
    path, other, gateway = Path(), bytes([8, 8, 4, 4]), bytes([192, 168, 77, 1])

    def ask(resolver: bytes, host: str, *, first: bool, port: int = 4000) -> tuple[bytes, ...]:
        query = udp_packet(DEVICE, resolver, port, 53, dns.message.make_query(host, "A").to_wire())
        return path.dns.question_packet(query, path.subject, 0.0, AT, first=first).resolvers

    assert ask(RESOLVER, "example.com", first=True) == ()
    assert ask(other, "tiktok.com", first=True) == (), "from the address in the query"
    assert ask(gateway, "tiktok.com", first=False) == (other, RESOLVER)
    assert ask(gateway, "tiktok.com", first=False, port=4001) == ()
    path.dns.forget(path.subject.slot)
    assert ask(gateway, "tiktok.com", first=False) == ()


def test_what_is_no_question_is_dropped_and_counted() -> None:
    path = Path()
    from scapy.layers.inet import IP, UDP

    response = dns.message.make_response(dns.message.make_query("example.com", "A")).to_wire()
    for payload in (b"", b"\x00" * 11, b"GET / HTTP/1.1\r\n\r\n", response):
        data = bytes(IP(src="192.168.77.10", dst="198.18.0.53") / UDP(sport=4000, dport=53) / payload)
        assert path.dns.question_packet(data, path.subject, 0.0, AT, first=True) == (False, None, None, ())
        assert path.dns.question_packet(data[:-1], path.subject, 0.0, AT, first=True) == (
            False,
            None,
            None,
            (),
        )
    assert path.dns.malformed == 8


OPCODES = [dns.opcode.STATUS, dns.opcode.NOTIFY, dns.opcode.UPDATE]


@pytest.mark.parametrize(
    ("opcode", "slot"),
    [*((opcode, 1) for opcode in OPCODES), (dns.opcode.IQUERY, 0), (dns.opcode.IQUERY, 1), (6, 0), (15, 0)],
)
def test_other_opcodes_are_not_carried(opcode: int, slot: int) -> None:
    path = Path()
    path.subject.slot = slot
    query = dns.message.make_query("example.com", "A")
    query.flags |= opcode << 11
    result = path.dns.judge_query(query.to_wire(), path.subject, CLIENT, RESOLVER, 0.0, AT)
    assert result is not None
    assert result.forward is None
    assert result.reply is not None
    assert result.reply[3] & 0x0F == dns.rcode.NOTIMP


@pytest.mark.parametrize("opcode", OPCODES)
def test_an_unfiltered_device_sends_other_opcodes_untouched(opcode: dns.opcode.Opcode) -> None:
    path = Path()
    path.subject.slot = 0
    message = dns.message.make_query("tiktok.com", "SOA")
    message.set_opcode(opcode)
    assert path.ask(message) == (message.to_wire(), None)
    assert path.seen == []


def test_an_unfiltered_device_updates_a_zone_with_a_signature() -> None:
    path = Path()
    path.subject.slot = 0
    update = dns.update.UpdateMessage("example.org", keyring=dns.tsigkeyring.from_text({"key.": "c2VjcmV0"}))
    update.present("router")
    update.replace("router", 300, "A", "192.0.2.7")
    for wire in (update.to_wire(), b"\x00\x07\x10\x00" + bytes(8)):  # the latter: STATUS without a question
        data = udp_packet(DEVICE, RESOLVER, 4000, 53, wire)
        assert path.dns.question_packet(data, path.subject, 0.0, AT, first=True) == (True, None, None, ())


def test_services_are_noted_when_they_are_asked_for_and_answered() -> None:
    path = Path()
    for host in ("example.com", "www.tiktok.com"):
        path.ask(dns.message.make_query(host, "A"))
    query = dns.message.make_query("example.com", "A")
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text("example.com.", 60, "IN", "A", "192.0.2.7"))
    path.dns.edit_answer(response.to_wire(), CLIENT, 0.0, over_udp=True)
    slot = CLIENT[0]
    assert [path.services.asked(slot, one) for one in ("example.com", "www.tiktok.com", "x")] == [
        True,
        True,
        False,
    ]
    assert path.services.gave(slot, "example.com", bytes([192, 0, 2, 7]))
