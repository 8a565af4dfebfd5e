"""What answers teach, through the whole DNS path; dnspython makes the answers."""

from __future__ import annotations

import dns.message
import dns.rrset
import pytest

from gateway.path.addresses import AddressBook, NameBook, ServiceBook, origin
from gateway.path.dns import DnsPath
from gateway.path.renamed_questions import Client

RESOLVER, FOREIGN = bytes([198, 18, 0, 53]), bytes([8, 8, 8, 8])
CLIENT: Client = (1, bytes([192, 168, 77, 10]), 40000)
A, B, C = (bytes([192, 0, 2, number]) for number in (1, 2, 3))
SIX = bytes.fromhex("20010db8000000000000000000000007")


class Home:
    """Whose own resolver is RESOLVER."""

    def __init__(self) -> None:
        self.book = AddressBook()
        self.names = NameBook()
        self.names.watch([1])
        self.dns = DnsPath(
            pages=(),
            sentence=lambda seen, decision: "",
            sink=lambda *_: None,
            book=self.book,
            services=ServiceBook(lambda host: (host,), lambda: 0.0),
            safe=self,
            names=self.names,
        )

    def of(self, name: str) -> tuple[bytes, ...]:
        return ()

    def trusts(self, resolver: bytes) -> bool:
        return resolver == RESOLVER

    def hears(
        self, asked: str, qtype: str, *records: str, slot: int = 1, resolver: bytes | None = RESOLVER
    ) -> bytes:
        query = dns.message.make_query(asked, qtype)
        answer = dns.message.make_response(query)
        for record in records:
            owner, ttl, rclass, rtype, data = record.split(" ", 4)
            answer.answer.append(dns.rrset.from_text(owner, int(ttl), rclass, rtype, data))
        client = (slot, CLIENT[1], CLIENT[2])
        return self.dns.edit_answer(answer.to_wire(), client, 0.0, over_udp=True, resolver=resolver)

    def gave(self, host: str, address: bytes) -> bool:
        return self.names.gave(1, host, address, 1.0)


def test_the_name_that_was_asked_gave_what_its_aliases_gave() -> None:
    home = Home()
    home.hears(
        "WWW.Example.org", "A", "www.example.org. 60 IN CNAME cdn.example.", "cdn.example. 60 IN A 192.0.2.1"
    )
    home.hears("www.example.org", "AAAA", "www.example.org. 60 IN AAAA 2001:db8::7")
    assert home.gave("www.example.org", A)
    assert home.gave("www.example.org", SIX)
    assert not home.gave("other.example", A)
    assert home.book.knows(1, A, 1.0)


def test_hints_and_targets_of_https_records() -> None:
    home = Home()
    home.hears(
        "www.example.org",
        "HTTPS",
        "www.example.org. 60 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::7",
    )
    assert all(home.gave("www.example.org", one) for one in (A, B, SIX))
    home.hears("shop.example", "HTTPS", "shop.example. 60 IN HTTPS 0 shop.cdn.example.")
    home.hears("shop.cdn.example", "A", "shop.cdn.example. 60 IN A 192.0.2.3")
    assert home.gave("shop.example", C)
    assert not home.gave("www.example.org", C)


def test_a_service_on_another_port_is_its_origins() -> None:
    home = Home()
    home.hears(
        "_8443._https.www.example.org", "HTTPS", "_8443._https.www.example.org. 60 IN HTTPS 1 svc.example."
    )
    home.hears("svc.example", "A", "svc.example. 60 IN A 192.0.2.1")
    assert home.gave("www.example.org", A)


def test_what_a_srv_record_names_is_reached_by_the_domain() -> None:
    home = Home()
    record = "_xmpps-client._tcp.jabber.example. 60 IN SRV 5 0 5223 xmpp.jabber.example."
    home.hears("_xmpps-client._tcp.jabber.example", "SRV", record)
    home.hears("xmpp.jabber.example", "A", "xmpp.jabber.example. 60 IN A 192.0.2.1")
    assert home.gave("jabber.example", A)


@pytest.mark.parametrize(
    ("asked", "host"),
    [
        ("_8443._https.example.org", "example.org"),
        ("example.org", "example.org"),
        ("_dmarc.example.org", "example.org"),
        ("a._b.example.org", "a._b.example.org"),
        ("_https", "_https"),
    ],
)
def test_on_whose_behalf_a_name_is_asked(asked: str, host: str) -> None:
    assert origin(asked) == host


@pytest.mark.parametrize(("resolver", "hosts"), [(RESOLVER, ["x.example"]), (FOREIGN, []), (None, [])])
def test_the_gateways_own_resolver_vouches(resolver: bytes | None, hosts: list[str]) -> None:
    home = Home()
    home.hears("x.example", "A", "x.example. 60 IN A 192.0.2.1", resolver=resolver)
    assert home.gave("x.example", A)
    assert home.names.hosts(1, A, 1.0) == hosts


def test_of_others_only_addresses_are_kept() -> None:
    home = Home()
    home.hears("x.example", "A", "x.example. 60 IN A 192.0.2.1", slot=2)
    assert home.book.knows(2, A, 1.0)
    assert len(home.names) == 0


def test_an_answer_goes_on_as_it_was() -> None:
    home = Home()
    answer = home.hears("x.example", "HTTPS", "x.example. 60 IN HTTPS 1 . ipv4hint=192.0.2.1")
    assert "192.0.2.1" in str(dns.message.from_wire(answer))
