from __future__ import annotations

import pytest

from gateway.age.bands import AgeBand
from gateway.policy.judge.facts import EntryIndex, FactFinder, HostFacts
from gateway.policy.judge.world import sites_behind_proxy
from gateway.policy.names.packs import Site
from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.policy.profile.rules import FAMILY, EntryKind, RuleEntry
from tests.policy.homes import a_profile, a_world, the_world

ENTRIES = [
    RuleEntry(EntryKind.CATEGORY, "games", FAMILY),
    RuleEntry(EntryKind.SERVICE, "roblox", FAMILY),
    RuleEntry(EntryKind.NAME, "example.com", FAMILY),
    RuleEntry(EntryKind.NAME, "kids.example.com", FAMILY),
]


@pytest.mark.parametrize(
    ("host", "services", "categories", "found"),
    [
        ("a.kids.example.com", ["roblox"], ["games"], "kids.example.com"),  # longer before shorter
        ("www.example.com", ["roblox"], ["games"], "example.com"),  # name before service
        ("other.org", ["x", "roblox"], ["games"], "service:roblox"),  # service before category
        ("other.org", [], ["x", "games"], "category:games"),
        ("notexample.com", [], [], "None"),
    ],
)
def test_the_strongest_entry(host: str, services: list[str], categories: list[str], found: str) -> None:
    assert str(EntryIndex(ENTRIES).find(host, services, categories)) == found


def facts(host: str, text: str = "band: 10-12") -> HostFacts:
    return FactFinder(a_profile(text), the_world()).facts(host)


def test_a_host_has_the_categories_of_its_services_and_of_the_table() -> None:
    assert facts("www.youtube.com").categories[0].id == "video_sharing"
    assert facts("www.youtube.com").services == ("youtube",)
    mixed = facts("x.mixed.example").categories
    assert [(one.id, str(one.rule.value)) for one in mixed] == [("gambling", "block"), ("games", "count")]


def test_binding_categories_are_none_of_the_profiles() -> None:
    assert facts("virus.example").binding
    assert not facts("virus.example").categories
    assert facts("sealed.example").binding


def test_sealed_sets_are_asked_beside_the_table() -> None:
    from dataclasses import replace

    world = replace(the_world(), sealed=lambda host: host == "x.invalid")
    assert FactFinder(a_profile("band: 10-12"), world).facts("x.invalid").binding
    assert not FactFinder(a_profile("band: 10-12"), world).facts("y.invalid").binding


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("www.youtube.com", True),
        ("plays.example", True),
        ("printer.lan", True),
        ("4.3.2.1.in-addr.arpa", True),
        ("nobody-knows.example", False),
        ("wlan", False),
    ],
)
def test_what_is_known(host: str, known: bool) -> None:
    assert facts(host).known is known


@pytest.mark.parametrize(
    ("host", "signal"),
    [
        ("use-application-dns.net", BypassMethod.ENCRYPTED_DNS),
        ("www.use-application-dns.net", None),
        ("_dns.resolver.arpa", BypassMethod.ENCRYPTED_DNS),
        ("resolver.arpa", BypassMethod.ENCRYPTED_DNS),
        ("_dns.example.com", BypassMethod.ENCRYPTED_DNS),
        ("_853._dns.dns.example.com", BypassMethod.ENCRYPTED_DNS),
        ("_8443._dns.example.com", BypassMethod.ENCRYPTED_DNS),
        ("_dns-sd.example.com", None),
        ("_dns", None),
        ("x._dns.example.com", None),
        ("_853._tcp.example.com", None),
        ("_dnsx.example.com", None),
        ("dns.example.com", None),
        ("mask.icloud.com", BypassMethod.RELAY),
        ("mask-h2.icloud.com", BypassMethod.RELAY),
        ("mask-api.icloud.com", BypassMethod.RELAY),
        ("mask-canary.icloud.com", BypassMethod.RELAY),
        ("dns-tunnel-check.googlezip.net", BypassMethod.RELAY),
        ("ota.googlezip.net", None),
        ("mask.apple-dns.net", BypassMethod.RELAY),
        ("mask-api.fe.apple-dns.net", BypassMethod.RELAY),
        ("www.icloud.com", None),
        ("gateway.icloud.com", None),
        ("gateway.fe.apple-dns.net", None),
        (
            "1a2b3c-dnsotls-ds.metric.gstatic.com",
            None,
        ),  # Android's probe of a resolver, through that resolver
    ],
)
def test_resolver_signals(host: str, signal: BypassMethod | None) -> None:
    assert facts(host).signal is signal


def test_approved_sites_count_where_names_are_asked_for_first() -> None:
    site = Site("s", "S", frozenset({AgeBand.AGE_6_9}), "en", ("site.example",))
    world = a_world(sites=(site,))
    for text, approved in [
        ("band: 6-9", True),
        ("band: 0-5", False),  # not for this band
        ("band: 10-12", False),  # open but for what is refused
        ("{band: 10-12, mode: allow-list}", True),
    ]:
        assert (FactFinder(a_profile(text), world).facts("www.site.example").site is not None) is approved


def test_the_familys_entries_and_the_bands_are_apart() -> None:
    found = facts("www.example.com", "{band: 10-12, block: [example.com], homework: ['category:games']}")
    assert str(found.block) == "example.com"
    assert found.band_block is None
    assert (
        str(facts("plays.example", "{band: 10-12, homework: ['category:games']}").homework)
        == "category:games"
    )


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("porn-example.translate.goog", ["porn.example"]),
        ("my--site-porn-example.translate.goog", ["my-site.porn.example"]),
        ("www-porn-example.cdn.ampproject.org", ["www.porn.example"]),
        ("0-xn----80ak6aa92e-com-0.translate.goog", ["xn--80ak6aa92e.com"]),
        ("lenta-ru.turbopages.org", ["lenta.ru"]),
        ("translate.goog", []),
        ("translate.goog.example", []),
        ("example.translate.goog", []),  # names no site
        ("-.translate.goog", []),
        ("xn--99999999.translate.goog", []),
    ],
)
def test_the_name_that_a_page_proxy_shows(host: str, shown: list[str]) -> None:
    assert list(sites_behind_proxy(host)) == shown


@pytest.mark.parametrize(
    "label", ["xn--" + "пример-рф".encode("punycode").decode(), "xn----e1afmkfd-xn----p1ai"]
)
def test_an_international_name_as_page_proxies_write_it(label: str) -> None:
    assert "xn--e1afmkfd.xn--p1ai" in sites_behind_proxy(f"{label}.cdn.ampproject.org")


def test_a_page_proxy_is_judged_by_itself_and_by_what_it_shows() -> None:
    plain = facts("nobody-example.translate.goog", "band: 10-12")
    assert [one.id for one in plain.categories] == ["proxy_vpn_doh"]
    shown = facts("www-youtube-com.translate.goog")
    assert shown.services == ("youtube",)
    assert {one.id for one in shown.categories} == {"proxy_vpn_doh", "video_sharing"}
    assert facts("virus-example.translate.goog").binding
    blocked = facts("a-example-com.translate.goog", "{band: 13-15, block: [example.com]}")
    assert str(blocked.block) == "example.com"
    assert not facts("www-khanacademy-org.cdn.ampproject.org").refused


def test_an_allow_of_a_whole_page_proxy_does_not_reach_what_is_refused() -> None:
    text = "{band: 10-12, allow: [ampproject.org, www-casino-example.cdn.ampproject.org]}"
    assert facts("porn-example.cdn.ampproject.org", text).allow is None
    assert facts("nobody-example.cdn.ampproject.org", text).allow is not None
    assert facts("www-casino-example.cdn.ampproject.org", text).allow is not None


def test_companions_are_an_allow_of_their_service_alone() -> None:
    text = "{band: 10-12, allow: ['service:youtube-kids'], block: ['service:youtube']}"
    assert str(facts("r1---sn-abc.googlevideo.com", text).companion) == "service:youtube-kids"
    assert facts("www.youtube.com", text).companion is None
    assert facts("r1---sn-abc.googlevideo.com").companion is None
    both = "{band: 10-12, allow: ['service:youtube-kids'], block: ['service:youtube-kids']}"
    assert facts("r1---sn-abc.googlevideo.com", both).companion is None
