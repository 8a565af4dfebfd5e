"""Resolvers that are not the gateway's, and how much goes through them."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from gateway.core.errors import WireError
from gateway.path.dns import BULK
from gateway.path.subject import Subject
from tests.path.asked import AT, CLIENT, DEVICE, RESOLVER, RESOLVER6, Path, rule, upstream

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
    asked = path.dns.judge_query(query.to_wire(), path.subject, CLIENT, resolver, 0.0, AT)
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
    mended = dns.message.from_wire(path.dns.edit_answer(response.to_wire()[:512], CLIENT, 0.0, over_udp=True))
    assert (mended.id, mended.question, mended.answer) == (query.id, query.question, [])
    assert mended.flags & dns.flags.TC
    whole = dns.message.make_response(query)
    whole.answer.append(dns.rrset.from_text("long.example.", 60, "IN", "TXT", '"words"'))
    with pytest.raises(WireError):
        path.dns.edit_answer(whole.to_wire()[:-3], CLIENT, 0.0, over_udp=True)


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


@pytest.mark.system  # sends thousands of DNS queries
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
            taken = path.dns.allows_answer(path.subject, DEVICE, answer, now)
        carried += (len(forward) + len(answer)) * taken
    share = BULK.work_burst + BULK.work_rate * seconds
    assert share * 0.8 < carried < share * 1.1
    assert path.dns.postponed > 0


def test_a_guest_that_floods_does_not_silence_the_others() -> None:
    """Guests have one slot: the queries of one used up what all might ask, and nobody had DNS for minutes."""
    path = Path()
    path.subject = Subject(1, "guest", rule, lambda gates: 1, shared=True)
    query = dns.message.make_query("www.example.com", "A", id=1)
    noise = dns.message.make_query("noise.example.com", "A", id=2).to_wire()
    flooding = (1, bytes([192, 168, 77, 66]), 50000)
    assert path.ask(query, 0.0)[0] is not None
    for number in range(60_000):
        path.dns.judge_query(noise, path.subject, flooding, RESOLVER, number / 1000, AT)
    assert path.dns.postponed > 10_000, "the flood is limited"
    answer = upstream(query.to_wire(), "www.example.com. 1 IN A 198.18.0.7")
    for number in range(20):
        now = 60 + number / 10
        assert path.ask(query, now)[0] is not None, number
        assert path.dns.answer_packet(path.answer(answer), path.subject, now).accept


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
