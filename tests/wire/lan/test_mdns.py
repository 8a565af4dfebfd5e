"""What devices say over multicast DNS, as dnspython writes it."""

from __future__ import annotations

from socket import inet_aton

import dns.flags
import dns.message
import dns.rrset
import pytest

from gateway.core.errors import WireError
from gateway.wire.lan.mdns import MAX_HOSTS, MAX_SERVICES, Mdns, parse_mdns


def said(*records: tuple[str, int, str, str], response: bool = True) -> bytes:
    made = dns.message.Message(id=0)
    made.flags = dns.flags.QR | dns.flags.AA if response else 0
    for owner, ttl, rtype, text in records:
        made.answer.append(dns.rrset.from_text(owner, ttl, "IN", rtype, text))
    return made.to_wire()


def test_a_television() -> None:
    data = said(
        ("_googlecast._tcp.local.", 120, "PTR", "TV._googlecast._tcp.local."),
        ("TV._googlecast._tcp.local.", 120, "SRV", "0 0 8009 Living-TV.local."),
        ("TV._googlecast._tcp.local.", 4500, "TXT", '"id=1" "md=Chromecast Ultra" "ve=05"'),
        ("_services._dns-sd._udp.local.", 120, "PTR", "_googlecast._tcp.local."),
        ("Living-TV.local.", 120, "A", "192.168.77.10"),
        ("Living-TV.local.", 120, "AAAA", "fe80::1"),
    )
    assert parse_mdns(data) == Mdns(
        (("living-tv", inet_aton("192.168.77.10")), ("living-tv", b"\xfe\x80" + bytes(13) + b"\1")),
        frozenset({"_googlecast"}),
        "Chromecast Ultra",
    )


def test_the_cache_flush_bit_changes_nothing() -> None:
    data = bytearray(said(("a.local.", 120, "A", "192.0.2.1")))
    at = bytes(data).index(b"\0\1\0\1\0\0\0\x78")
    data[at + 2] = 0x80
    assert parse_mdns(bytes(data)) == Mdns((("a", inet_aton("192.0.2.1")),))


@pytest.mark.parametrize(
    "data",
    [
        said(),
        said(("a.local.", 120, "A", "192.0.2.1"), response=False),
        said(("a.local.", 0, "A", "192.0.2.1")),  # a goodbye
        said(("a.example.", 120, "A", "192.0.2.1")),
        said(("a.b.local.", 120, "A", "192.0.2.1")),
        said(("1.77.168.192.in-addr.arpa.", 120, "PTR", "a.local.")),
        said(("_services._dns-sd._udp.local.", 120, "PTR", "_airplay._tcp.local.")),
    ],
)
def test_what_says_nothing(data: bytes) -> None:
    assert parse_mdns(data) is None


def test_bounds() -> None:
    many = [(f"h{n}.local.", 120, "A", "192.0.2.1") for n in range(60)]
    kinds = [(f"_s{n}._tcp.local.", 120, "PTR", "x.local.") for n in range(60)]
    read = parse_mdns(said(*many, *kinds))
    assert read is not None
    assert (len(read.hosts), len(read.services)) == (MAX_HOSTS, MAX_SERVICES)
    assert parse_mdns(said(("x._raop._tcp.local.", 9, "TXT", '"am=' + "x" * 200 + '"'))) == Mdns(
        (), frozenset({"_raop"}), "x" * 64
    )


@pytest.mark.parametrize("cut", range(1, 60))
def test_every_cut(cut: int) -> None:
    whole = said(("Living-TV.local.", 120, "A", "192.168.77.10"), ("_ipp._tcp.local.", 9, "PTR", "x.local."))
    with pytest.raises(WireError):
        parse_mdns(whole[:-cut])


def test_a_text_that_lies_about_its_length() -> None:
    data = said(("x._ipp._tcp.local.", 120, "TXT", '"ty=Printer"')).replace(b"\x0aty=", b"\xffty=")
    read = parse_mdns(data)
    assert read is not None
    assert read.model == "Printer"
