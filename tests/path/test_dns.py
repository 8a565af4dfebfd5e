"""Questions judged and answers mended, as packets and as messages; dnspython is the other end."""

from __future__ import annotations

from datetime import UTC, datetime

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from gateway.errors import WireError
from gateway.path.addresses import AddressBook, ServiceBook
from gateway.path.dns import DnsPath, Style
from gateway.path.renamed import PENDING_AGE, Client
from gateway.path.safe import Safe
from gateway.path.share import BULK
from gateway.path.subject import Subject
from gateway.policy.values import Decision, Observation, Reason, Verdict
from gateway.wire.ip import checksum_ok, parse_ip
from gateway.wire.ip_build import udp_reply
from gateway.wire.svcb import Unwanted
from tests.wire.flow_forge import udp_packet

AT = datetime(2026, 11, 24, 18, tzinfo=UTC)
RESOLVER = bytes([198, 18, 0, 53])
DEVICE = bytes([192, 168, 77, 10])
DEVICE6, RESOLVER6 = bytes(15) + b"\x0a", bytes(15) + b"\x35"
CLIENT: Client = (1, DEVICE, 40000)
PAGES = (bytes([192, 168, 77, 1]), bytes(15) + b"\x01")


def rule(seen: Observation, at: datetime) -> Decision:
    host = seen.host or ""
    if host.endswith("tiktok.com"):
        return Decision(Verdict.BLOCK, Reason.FAMILY_BLOCK, "block: service:tiktok", "family")
    if host == "late.example":
        return Decision(Verdict.BLOCK, Reason.BEDTIME, "bedtime", "family")
    if host == "malware.example":
        return Decision(Verdict.BLOCK, Reason.REFUSED_FOR_EVERYONE, "list", "list:x")
    if host == "law.example":
        return Decision(Verdict.BLOCK, Reason.CATEGORY, "law", "law:kz")
    if host == "www.google.com":
        return Decision(
            Verdict.REWRITE, Reason.SAFE_SEARCH, "safe", "band:10-12", rewrite="forcesafesearch.google.com"
        )
    if host == "yandex.ru":
        return Decision(Verdict.REWRITE, Reason.SAFE_SEARCH, "safe", "band:10-12", rewrite="213.180.193.56")
    if host == "qalqan.home.arpa":
        return Decision(Verdict.ALLOW, Reason.GATEWAY, "gateway", "product")
    return Decision(Verdict.ALLOW, Reason.OPEN, "open", "product")


class Path:
    def __init__(self, style: Style = Style.NXDOMAIN, safe: Safe | None = None) -> None:
        self.seen: list[tuple[str | None, Verdict]] = []
        self.book = AddressBook()
        self.services = ServiceBook(lambda host: (host,), lambda: 0.0)
        self.subject = Subject(1, "daughter", rule, lambda gates: 1)
        self.dns = DnsPath(
            pages=PAGES,
            sentence=lambda seen, decision: f"{seen.host} is closed.",
            sink=lambda subject, seen, decision, at: self.seen.append((seen.host, decision.verdict)),
            book=self.book,
            style=style,
            services=self.services,
            safe=safe,
        )

    @staticmethod
    def answer(payload: bytes) -> bytes:
        """A packet of the resolver's."""
        return udp_packet(RESOLVER, DEVICE, 53, CLIENT[2], payload)

    def ask(
        self, query: dns.message.Message, now: float = 0.0
    ) -> tuple[bytes | None, dns.message.Message | None]:
        asked = self.dns.ask(query.to_wire(), self.subject, CLIENT, RESOLVER, now, AT)
        assert asked is not None
        return asked.forward, dns.message.from_wire(asked.reply) if asked.reply is not None else None


def test_an_allowed_question_goes_on_byte_for_byte() -> None:
    path = Path()
    query = dns.message.make_query("ExaMple.com", "A", use_edns=0)
    assert path.ask(query) == (query.to_wire(), None)
    assert path.seen == [("example.com", Verdict.ALLOW)]


@pytest.mark.parametrize(
    ("host", "code"), [("www.tiktok.com", 17), ("malware.example", 15), ("law.example", 16)]
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


def test_the_pages_name_is_answered_here() -> None:
    for kind, text in (("A", "192.168.77.1"), ("AAAA", "::1")):
        _, reply = Path().ask(dns.message.make_query("qalqan.home.arpa", kind))
        assert reply is not None
        assert [str(item) for item in reply.answer[0]] == [text]


def upstream(query: bytes, *rows: str, edns: bool = True) -> bytes:
    """What a resolver says to ``query``."""
    asked = dns.message.from_wire(query)
    response = dns.message.make_response(asked)
    for row in rows:
        name, ttl, _, kind, value = row.split(" ", 4)
        response.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, value))
    return response.to_wire()


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
    mended = dns.message.from_wire(path.dns.mend(response, CLIENT, 1.0, over_udp=True))
    assert mended.id == query.id
    assert str(mended.question[0].name) == "wWw.GooGle.com."
    assert [dns.rdatatype.to_text(rrset.rdtype) for rrset in mended.answer] == ["CNAME", kind]
    assert str(mended.answer[1][0]) == value
    packed = bytes([198, 18, 5, 5]) if kind == "A" else bytes.fromhex("20010db8000000000000000000000005")
    assert path.book.knows("forcesafesearch.google.com", packed, 1.0)
    again = path.dns.mend(response, CLIENT, 1.0, over_udp=True)
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
    assert path.dns.mend(response, CLIENT, PENDING_AGE + 1, over_udp=True) == response


def test_an_answer_to_a_slot_that_is_nobody_s_is_not_taken_for_the_safe_one() -> None:
    path = Path()
    for slot, taken in ((CLIENT[0] + 1, True), (CLIENT[0], False)):
        forward, _ = path.ask(dns.message.make_query("www.google.com", "A"))
        assert forward is not None
        response = upstream(forward, "forcesafesearch.google.com. 300 IN A 198.18.5.5")
        path.dns.forget(slot)
        assert (path.dns.mend(response, CLIENT, 1.0, over_udp=True) != response) is taken


def test_dohpath_is_taken_out_over_udp_and_tcp() -> None:
    path = Path()
    query = dns.message.make_query("dns.example", "SVCB").to_wire()
    response = upstream(
        query, 'dns.example. 300 IN SVCB 1 dns.example. alpn="h2,doq" key7="/dns-query{?dns}"'
    )
    for over_udp in (True, False):
        mended = dns.message.from_wire(path.dns.mend(response, CLIENT, 0.0, over_udp=over_udp))
        assert str(mended.answer[0][0]) == '1 dns.example. alpn="h2"'


def test_ech_is_taken_out_and_addresses_are_learnt() -> None:
    path = Path()
    query = dns.message.make_query("example.com", "HTTPS").to_wire()
    response = upstream(query, 'example.com. 300 IN HTTPS 1 . alpn="h3,h2" ech="AAb+DQACAQI="')
    mended = dns.message.from_wire(path.dns.mend(response, CLIENT, 0.0, over_udp=True))
    assert str(mended.answer[0][0]) == '1 . alpn="h3,h2"'
    plain = upstream(dns.message.make_query("example.com", "A").to_wire(), "example.com. 30 IN A 198.18.9.9")
    assert path.dns.mend(plain, CLIENT, 0.0, over_udp=True) == plain
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
    again = path.dns.mend(response, CLIENT, 0.0, over_udp=False, unwanted=unwanted)
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
        packet(dns.message.make_query("tiktok.com", "A").to_wire()), path.subject, 0.0, AT
    )
    assert not refused.accept
    assert refused.reply is not None
    forged = parse_ip(refused.reply)
    assert (forged.src, forged.sport, forged.dst, forged.dport) == (dst, 53, src, 40000)
    assert checksum_ok(refused.reply, forged)

    allowed = path.dns.question_packet(
        packet(dns.message.make_query("example.com", "A").to_wire()), path.subject, 0.0, AT
    )
    assert allowed == (True, None, None)

    query = packet(dns.message.make_query("www.google.com", "A").to_wire())
    renamed = path.dns.question_packet(query, path.subject, 0.0, AT)
    assert renamed.packet is not None
    asked = parse_ip(renamed.packet)
    assert checksum_ok(renamed.packet, asked)
    response = upstream(bytes(asked.payload), "forcesafesearch.google.com. 300 IN A 198.18.5.5")
    answered = path.dns.answer_packet(udp_reply(asked, response), path.subject, 0.1)
    assert answered.packet is not None
    mended = parse_ip(answered.packet)
    assert checksum_ok(answered.packet, mended)
    assert str(dns.message.from_wire(bytes(mended.payload)).question[0].name) == "www.google.com."


def test_what_is_no_question_is_dropped_and_counted() -> None:
    path = Path()
    from scapy.layers.inet import IP, UDP

    response = dns.message.make_response(dns.message.make_query("example.com", "A")).to_wire()
    for payload in (b"", b"\x00" * 11, b"GET / HTTP/1.1\r\n\r\n", response):
        data = bytes(IP(src="192.168.77.10", dst="198.18.0.53") / UDP(sport=4000, dport=53) / payload)
        assert path.dns.question_packet(data, path.subject, 0.0, AT) == (False, None, None)
        assert path.dns.question_packet(data[:-1], path.subject, 0.0, AT) == (False, None, None)
    assert path.dns.malformed == 8


def test_other_opcodes_are_not_carried() -> None:
    path = Path()
    query = dns.message.make_query("example.com", "A")
    query.set_opcode(dns.opcode.STATUS)
    _, reply = path.ask(query)
    assert reply is not None
    assert reply.rcode() == dns.rcode.NOTIMP


def test_services_are_noted_when_they_are_asked_for_and_answered() -> None:
    path = Path()
    for host in ("example.com", "www.tiktok.com"):
        path.ask(dns.message.make_query(host, "A"))
    query = dns.message.make_query("example.com", "A")
    response = dns.message.make_response(query)
    response.answer.append(dns.rrset.from_text("example.com.", 60, "IN", "A", "192.0.2.7"))
    path.dns.mend(response.to_wire(), CLIENT, 0.0, over_udp=True)
    slot = CLIENT[0]
    assert [path.services.asked(slot, one) for one in ("example.com", "www.tiktok.com", "x")] == [
        True,
        True,
        False,
    ]
    assert path.services.gave(slot, "example.com", bytes([192, 0, 2, 7]))


# ---------------------------------------------------------------- resolvers that are not the gateway's

GOOGLE, SAFE_GOOGLE = "www.google.com", "forcesafesearch.google.com"
SAFE_ADDRESSES = (bytes([216, 239, 38, 120]), bytes(15) + b"\x78")


class Known:
    """The gateway's own knowledge; it uses RESOLVER6."""

    def __init__(self, *addresses: bytes) -> None:
        self.addresses = addresses

    def of(self, name: str) -> tuple[bytes, ...]:
        return self.addresses if name == SAFE_GOOGLE else ()

    def trusts(self, resolver: bytes) -> bool:
        return resolver == RESOLVER6


def ask_of(path: Path, resolver: bytes, qtype: str) -> tuple[bytes | None, dns.message.Message | None]:
    query = dns.message.make_query(GOOGLE, qtype)
    asked = path.dns.ask(query.to_wire(), path.subject, CLIENT, resolver, 0.0, AT)
    assert asked is not None
    return asked.forward, dns.message.from_wire(asked.reply) if asked.reply is not None else None


@pytest.mark.parametrize(("qtype", "address"), [("A", "216.239.38.120"), ("AAAA", "::78")])
def test_a_devices_own_resolver_is_not_asked_where_the_safe_name_is(qtype: str, address: str) -> None:
    path = Path(safe=Known(*SAFE_ADDRESSES))
    forward, reply = ask_of(path, RESOLVER, qtype)
    assert forward is None
    assert reply is not None
    cname, found = reply.answer
    assert (cname.rdtype, str(cname[0])) == (dns.rdatatype.CNAME, f"{SAFE_GOOGLE}.")
    assert (str(found.name), str(found[0])) == (f"{SAFE_GOOGLE}.", address)
    assert ask_of(path, RESOLVER6, qtype)[0] is not None, "the gateway's own resolver is"


def test_while_the_gateway_knows_nothing_the_devices_resolver_is_asked() -> None:
    forward, reply = ask_of(Path(safe=Known()), RESOLVER, "A")
    assert forward is not None
    assert reply is None


def test_an_answer_that_is_cut_inside_a_record_still_says_that_it_is_truncated() -> None:
    query = dns.message.make_query("long.example", "TXT")
    response = dns.message.make_response(query)
    response.flags |= dns.flags.TC
    for number in range(20):
        response.answer.append(dns.rrset.from_text("long.example.", 60, "IN", "TXT", f'"{number:0200}"'))
    path = Path()
    mended = dns.message.from_wire(path.dns.mend(response.to_wire()[:512], CLIENT, 0.0, over_udp=True))
    assert (mended.id, mended.question, mended.answer) == (query.id, query.question, [])
    assert mended.flags & dns.flags.TC
    whole = dns.message.make_response(query)
    whole.answer.append(dns.rrset.from_text("long.example.", 60, "IN", "TXT", '"words"'))
    with pytest.raises(WireError):
        path.dns.mend(whole.to_wire()[:-3], CLIENT, 0.0, over_udp=True)


def test_a_resolver_that_causes_much_work_is_put_off_and_others_are_not() -> None:
    path = Path()
    other = Subject(2, "son", rule, lambda gates: 1)
    query = dns.message.make_query("large.example", "A")
    response = dns.message.make_response(query)
    for number in range(150):
        response.answer.append(
            dns.rrset.from_text(f"a{number}.b.c.d.e.f.g.h.large.example.", 60, "IN", "A", "192.0.2.1")
        )
    packet = Path.answer(response.to_wire())
    outcomes = [path.dns.answer_packet(packet, path.subject, 1.0).accept for _ in range(200)]
    assert outcomes[0]
    assert not outcomes[-1]
    assert path.dns.postponed > 0
    assert path.dns.answer_packet(packet, other, 1.0).accept
    assert path.dns.answer_packet(packet, path.subject, 5.0).accept


@pytest.mark.parametrize("over_udp", [True, False], ids=["udp", "tcp"])
@pytest.mark.parametrize("size", [200, 1200])
def test_a_tunnel_in_dns_trickles(over_udp: bool, size: int) -> None:
    """To a server of one's own that answers at once; each question and its answer are other ones."""
    path = Path()
    carried, seconds = 0, 60
    for number in range(seconds * 100):
        now = number / 100
        query = dns.message.make_query(f"x{number:050}.t.example", "TXT")
        forward, reply = path.ask(query, now)
        if forward is None:
            assert reply is not None
            assert reply.rcode() == dns.rcode.SERVFAIL
            continue
        answer = upstream(
            forward,
            f'{query.question[0].name} 1 IN TXT "{"y" * 200}"' + f' "{"y" * 200}"' * (size // 200 - 1),
        )
        if over_udp:
            taken = path.dns.answer_packet(path.answer(answer), path.subject, now).accept
        else:
            taken = path.dns.takes(path.subject.slot, answer, now)
        carried += (len(forward) + len(answer)) * taken
    share = BULK.work_burst + BULK.work_rate * seconds
    assert share * 0.8 < carried < share * 1.1
    assert path.dns.postponed > 0


def test_pages_of_a_home_without_filtering_are_not_counted() -> None:
    path = Path()
    path.subject = Subject(0, "everyone", rule, lambda gates: 1)
    for number in range(8000):
        assert path.ask(dns.message.make_query("www.example.com", "A"), 0.0)[0] is not None, number


def test_twenty_pages_in_a_row_are_not_put_off() -> None:
    """Sixty names each, of three types; answers of 300 bytes."""
    path = Path()
    for page in range(20):
        for number in range(180):
            now = page * 5 + number / 100
            query = dns.message.make_query(f"n{number}.site{page}.example", "A")
            forward, _ = path.ask(query, now)
            assert forward is not None
            answer = upstream(forward, f'{query.question[0].name} 1 IN TXT "{"y" * 220}"')
            assert path.dns.answer_packet(path.answer(answer), path.subject, now).accept


def test_fifty_pages_at_once_are_not_put_off() -> None:
    """A browser that opens its tabs again: thirty names each, of three types; answers of 180 bytes."""
    path = Path()
    for number in range(50 * 90):
        query = dns.message.make_query(f"n{number}.site{number // 90}.example", "A")
        forward, _ = path.ask(query, number / 2000)
        assert forward is not None, number
        answer = upstream(forward, f'{query.question[0].name} 1 IN TXT "{"y" * 120}"')
        assert path.dns.answer_packet(path.answer(answer), path.subject, number / 2000).accept


def test_ordinary_answers_are_never_put_off() -> None:
    path = Path()
    response = dns.message.make_response(dns.message.make_query("www.example.com", "A"))
    response.answer.append(dns.rrset.from_text("www.example.com.", 60, "IN", "A", *["192.0.2.1"] * 1))
    packet = Path.answer(response.to_wire())
    for number in range(2000):
        assert path.dns.answer_packet(packet, path.subject, number / 400).accept
