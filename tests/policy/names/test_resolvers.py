"""`profiles/resolvers.yaml`: what its parser refuses, and the file that ships."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from gateway.core.errors import PolicyError
from gateway.lists.canaries import parse_canaries
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.names import networks as nets
from gateway.policy.names.hosts import PublicSuffixCheck, normalise
from gateway.policy.names.resolvers import Resolver, Resolvers, parse_resolvers
from gateway.policy.time.time_rules import PLAIN
from gateway.policy.values import Reason, Verdict
from tests.policy.homes import a_judge, a_world, almaty, asks, product, table

PROFILES = Path(__file__).resolve().parents[3] / "profiles"
LEAST_NAMES, LEAST_OPERATORS = 150, 60

GOOD = """
resolvers:
  one:
    name: One
    country: kz
    domains: [one-dns.com]
    hosts: [dns.one.co.uk]
    addresses: [1.2.3.4, "2001:db8::1"]
  two:
    name: Two
    country: any
    hosts: [dns.two.com]
    addresses: [5.6.7.0/24, 5.6.8.2/31]
    seen: true
"""


@pytest.fixture(scope="module")
def suffixes() -> PublicSuffixCheck:
    return public_suffix_check()


@pytest.fixture(scope="module")
def shipped(suffixes: PublicSuffixCheck) -> Resolvers:
    path = PROFILES / "resolvers.yaml"
    return parse_resolvers(path.read_bytes(), path.name, suffixes)


def operators(known: Resolvers) -> dict[str, Resolver]:
    found = [known.names.get(name) for name in known.names]
    return {one.id: one for one in found if one is not None}


def packed(text: str) -> bytes:
    return ip_address(text).packed


def test_by_name_and_by_address(suffixes: PublicSuffixCheck) -> None:
    known = parse_resolvers(GOOD, "resolvers.yaml", suffixes)
    one, two = operators(known).values()
    assert (one.name, one.country, one.seen) == ("One", "kz", False)
    assert (one.names, two.names) == (("one-dns.com", "dns.one.co.uk"), ("dns.two.com",))
    assert known.names.get("me.one-dns.com") is one
    assert known.names.get("one.co.uk") is None
    assert two.addresses == ("5.6.7.0/24", "5.6.8.2", "5.6.8.3")
    for text, found in [("1.2.3.4", one), ("2001:db8::1", one), ("5.6.7.99", two), ("5.6.8.3", two)]:
        assert known.at(packed(text)) is found
    for text in ("1.2.3.5", "5.6.8.4", "2001:db8::2"):
        assert known.at(packed(text)) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("dns.one.co.uk", "one.co.uk"), ":7: resolvers.one.hosts[1]: 'one.co.uk' is a whole"),
        (GOOD.replace("one-dns.com", "co.uk"), ":6: resolvers.one.domains[1]: 'co.uk' is a public"),
        (GOOD.replace("dns.two.com", "dns.one.co.uk"), ":12: resolvers.two.hosts[1]: 'dns.one.co.uk' is"),
        (GOOD.replace("dns.two.com", "a.one-dns.com"), "'a.one-dns.com' is included in 'one-dns.com'"),
        (GOOD.replace("[one-dns.com]", "[two.com]"), "'dns.two.com' is included in 'two.com'"),
        (GOOD.replace("dns.one.co.uk", "a.dns.two.com"), ":7: resolvers.one.hosts[1]: is included in"),
        (GOOD.replace("5.6.7.0/24", "1.2.3.4"), ":13: resolvers.two.addresses[1]: '1.2.3.4' is there"),
        (GOOD.replace("1.2.3.4", "10.2.3.4"), ":8: resolvers.one.addresses[1]: '10.2.3.4' is of a"),
        (GOOD.replace("5.6.7.0/24", "5.6.0.0/16"), "is a prefix that cannot be looked up; write /24"),
        (GOOD.replace("country: kz", "country: Kazakhstan"), "'Kazakhstan' is no country"),
        (GOOD.replace("    hosts: [dns.two.com]\n", ""), "resolvers.two: has no name"),
        (GOOD.replace("name: One", "names: One"), "did you mean 'name'?"),
        (GOOD.replace("  one:", "  One!:"), "'One!' is no id"),
        (GOOD.replace("dns.two.com", "https://dns.two.com/"), "is a web address"),
        (GOOD.replace("seen: true", "seen: often"), "is neither true nor false"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, says: str, suffixes: PublicSuffixCheck) -> None:
    with pytest.raises(PolicyError, match="; ") as refused:
        parse_resolvers(text, "resolvers.yaml", suffixes)
    assert says in str(refused.value)


# ---------------------------------------------------------------- the file that ships


def test_there_are_many_of_many_operators(shipped: Resolvers) -> None:
    found = operators(shipped)
    assert len(shipped.names) >= LEAST_NAMES
    assert len(found) >= LEAST_OPERATORS
    countries = {one.country for one in found.values()}
    assert {
        "us",
        "de",
        "fr",
        "nl",
        "ch",
        "ru",
        "kz",
        "kg",
        "by",
        "tr",
        "cn",
        "tw",
        "jp",
        "in",
        "eu",
    } <= countries
    assert sum(one.seen for one in found.values()) > len(found) * 0.9
    assert {4, 6} == {ip_network(one).version for one in shipped.addresses}


@pytest.mark.parametrize(
    "host",
    [
        "dns.google", "mozilla.cloudflare-dns.com", "chrome.cloudflare-dns.com", "one.one.one.one",
        "dns.quad9.net",
        "abcdef.dns.nextdns.io", "doh.opendns.com", "doh.familyshield.opendns.com", "d.adguard-dns.com",
        "family.adguard-dns.com", "dns.adguard.com", "p2.freedns.controld.com", "abc123.dns.controld.com",
        "family.dot.dns.yandex.net", "dns.comss.one", "ada.openbld.net", "dns.cctld.kg", "doh.datahata.by",
        "dns.alidns.com", "sm2.doh.pub", "dot.360.cn", "dns.twnic.tw", "lion.yazilimatolye.com",
        "ist01.dnscry.pt",
        "child.joindns4.eu", "doh.ffmuc.net", "odvr.nic.cz", "dns.switch.ch", "ordns.he.net",
        "wikimedia-dns.org",
    ],
)  # fmt: skip
def test_a_resolver_is_known(shipped: Resolvers, host: str) -> None:
    assert host in shipped.names


@pytest.mark.parametrize(
    "host",
    [
        "www.google.com", "google.com", "dns.google.example.com", "cloudflare.com", "www.cloudflare.com",
        "developers.cloudflare.com", "quad9.net", "www.quad9.net", "nextdns.io", "my.nextdns.io",
        "www.opendns.com",
        "adguard.com", "controld.com", "mullvad.net", "yandex.ru", "yandex.net", "comss.one", "openbld.net",
        "alidns.com", "www.360.cn", "twnic.tw", "joindns4.eu", "www.nic.cz", "switch.ch", "he.net",
        "www.wikimedia.org", "www.apple.com", "icloud.com", "www.telekom.de", "www.bt.com", "www.xfinity.com",
        "www.iij.jp", "tuna.tsinghua.edu.cn", "notdns.google", "mydns.quad9.net",
    ],
)  # fmt: skip
def test_a_site_is_not(shipped: Resolvers, host: str) -> None:
    assert host not in shipped.names


def test_names_are_normal(shipped: Resolvers) -> None:
    assert [one for one in shipped.names if normalise(one) != one] == []


def test_no_innocent_site_no_help_and_nothing_that_a_device_needs_is_one(shipped: Resolvers) -> None:
    path = PROFILES / "canaries.yaml"
    others = [*parse_canaries(path.read_bytes(), path.name), *product().help, *product().needs]
    others += [name for site in product().sites for name in site.names]
    hosts = [one.removeprefix("=").replace("*", "x") for one in others]
    assert len(hosts) > 500
    assert [one for one in hosts if one in shipped.names] == []


def test_no_service_of_another_kind_is_one(shipped: Resolvers) -> None:
    others = [one for one in product().catalogue.services.values() if one.group != "privacy"]
    names = [name.removeprefix("=").replace("*", "x") for one in others for name in one.domains]
    assert len(names) > 1000
    assert [one for one in names if one in shipped.names] == []


def test_what_everybody_calls_is_no_resolvers_address(shipped: Resolvers) -> None:
    """An address of a content network would take thousands of sites with it."""
    for text in (
        "104.16.132.229",
        "151.101.1.140",
        "142.250.74.36",
        "2606:4700::6810:84e5",
        "185.199.108.153",
    ):
        assert shipped.at(packed(text)) is None
    for text in (
        "1.1.1.1",
        "8.8.8.8",
        "9.9.9.9",
        "77.88.8.8",
        "45.90.28.77",
        "2620:fe::fe",
        "2a07:a8c0::ab:cdef",
    ):
        assert shipped.at(packed(text)) is not None


# ---------------------------------------------------------------- what the world makes of them


def test_a_name_and_an_address_count_as_a_way_around() -> None:
    from gateway.policy.judge.facts import FactFinder
    from tests.policy.homes import a_profile

    student = FactFinder(a_profile("band: 10-12"), a_world())
    assert [one.id for one in student.facts("ada.openbld.net").categories] == ["proxy_vpn_doh"]
    assert a_world().address_categories(packed("8.8.8.8")) == {"proxy_vpn_doh"}
    assert a_world().address_categories(packed("2001:4860:4860::8888")) == {"proxy_vpn_doh"}
    assert a_world().address_categories(packed("64:ff9b::8.8.8.8")) == {"proxy_vpn_doh"}
    assert a_world().address_categories(packed("93.184.215.14")) == frozenset()


class Counted:
    """A table that counts its look-ups."""

    def __init__(self, names: dict[str, set[str]]) -> None:
        self.table = table(names)
        self.asked: list[str] = []

    def categories(self, host: str) -> frozenset[str]:
        return self.table.categories(host)

    def entry(self, text: str) -> frozenset[str]:
        self.asked.append(text)
        return self.table.entry(text)


def test_an_address_costs_two_look_ups_in_the_table() -> None:
    from dataclasses import replace

    counted = Counted(
        {
            "192.0.2.7": {"malware"},
            "192.0.2.0/24": {"games"},
            "2001:db8::7": {"adult"},
            "2001:db8::/64": {"dating"},
        }
    )
    world = replace(a_world(), table=counted)
    for text, categories in [
        ("192.0.2.7", {"malware", "games"}),
        ("192.0.2.8", {"games"}),
        ("192.0.3.7", set()),
        ("2001:db8::7", {"adult", "dating"}),
        ("2001:db8::8", {"dating"}),
        ("2001:db8:0:1::7", set()),
    ]:
        counted.asked.clear()
        assert world.address_categories(packed(text)) == categories
        assert len(counted.asked) == 2
    assert counted.table.categories("192.0.2.7") == {"malware"}
    assert counted.table.categories("2001:db8::7") == {"adult"}
    assert list(nets.keys(packed("2001:db8::7"))) == ["2001:db8::7", "2001:db8::/64"]


@pytest.mark.parametrize("host", ["_dns.resolver.arpa", "_853._dns.example.com", "mask.apple-dns.net"])
def test_a_signal_is_no_name_to_a_child_and_any_name_to_an_adult(host: str) -> None:
    seen, now = asks(host, 64), almaty("2026-11-24T15:00")
    child = a_judge("{band: 16-17, allow: [example.com]}").decide(seen, PLAIN, now)
    assert (child.verdict, child.reason) == (Verdict.BLOCK, Reason.RESOLVER_SIGNAL)
    assert a_judge("band: adult").decide(seen, PLAIN, now).reason is Reason.UNFILTERED


@pytest.mark.parametrize(
    "address",
    [
        "94.130.110.185", "94.130.110.178", "51.38.83.141", "51.38.82.198", "209.250.227.42", "64.176.190.82",
        "51.15.70.167", "139.59.51.46", "146.185.167.43", "174.138.21.128", "176.103.130.130",
        "2a01:4f8:c0c:3c03::2", "2001:41d0:801:2000::d64", "2a03:b0c0:0:1010::e9a:3001",
    ],
)  # fmt: skip
def test_rented_addresses_of_what_has_ended_are_no_resolvers(shipped: Resolvers, address: str) -> None:
    """Whoever rents them now has ordinary sites there."""
    assert shipped.at(ip_address(address).packed) is None
