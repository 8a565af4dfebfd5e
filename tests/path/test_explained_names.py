"""Which blocked names are answered with the address of the pages: by the reason, and by what the name is."""

from __future__ import annotations

from datetime import datetime

import pytest

from gateway.path.explained_names import is_explained
from gateway.policy.time.time_rules import PLAIN, Situation
from gateway.policy.values import Decision, Observation, Reason, Verdict
from tests.policy.homes import a_judge, almaty, asks, the_world, used_up

DAY, NIGHT = almaty("2026-11-24T12:00"), almaty("2026-11-24T23:00")
CHILD = """
    band: 10-12
    block: [blocked.example, "service:tiktok", "service:nordvpn", dns.google, "category:ads_trackers"]
    categories: {new_domain: block, ads_trackers: block, proxy_vpn_doh: block}
    bedtime: "20:45-07:00"
    limits: {internet: 2h}
    windows: {"service:minecraft": ["16:00-18:00"]}
    """
ALLOW_LIST = "{band: 6-9, mode: allow-list}"
UNKNOWN = "{band: 10-12, unknown: block}"
OPEN = ("www.example.org", "www.wikipedia.org", "qalqan.home.arpa", "www.childline.org.uk", "www.google.com")


def decided(host: str, profile: str = CHILD, situation: Situation = PLAIN, at: datetime = DAY) -> Decision:
    return a_judge(profile).decide(asks(host), situation, at)


@pytest.mark.parametrize(
    ("profile", "host", "reason"),
    [
        (CHILD, "blocked.example", Reason.FAMILY_BLOCK),
        (CHILD, "www.blocked.example", Reason.FAMILY_BLOCK),
        (CHILD, "www.tiktok.com", Reason.FAMILY_BLOCK),
        (CHILD, "casino.example", Reason.CATEGORY),
        (CHILD, "porn.example", Reason.CATEGORY),
        (CHILD, "fresh.example", Reason.NEW_DOMAIN),
        (ALLOW_LIST, "www.example.org", Reason.NOT_ON_LIST),
        (UNKNOWN, "www.example.org", Reason.UNKNOWN_DOMAIN),
    ],
)
def test_blocks_by_family_age_group_mode_and_category_are_explained(
    profile: str, host: str, reason: Reason
) -> None:
    found = decided(host, profile)
    assert (found.verdict, found.reason) == (Verdict.BLOCK, reason)
    assert is_explained(host, found, the_world())


@pytest.mark.parametrize(
    "host",
    [
        "shop.example",  # ads
        "tunnel.example",  # a VPN, by a list
        "nordvpn.com",  # a VPN, by the family's own rule
        "www.torproject.org",
        "dns.google",  # a resolver, by the family's own rule
        "use-application-dns.net",
        "mask.icloud.com",
        "_dns.resolver.arpa",
        "porn-example.translate.goog",  # a proxy that shows a blocked site
        "virus.example",
        "phish.example",
        "sealed.example",
    ],
)
def test_ads_bypass_methods_signals_words_and_lists_for_everyone_are_not(host: str) -> None:
    found = decided(host)
    assert found.verdict is Verdict.BLOCK
    assert not is_explained(host, found, the_world())


@pytest.mark.parametrize(
    ("host", "situation", "at", "reason"),
    [
        ("www.tiktok.com", PLAIN, NIGHT, Reason.BEDTIME),
        ("www.example.org", PLAIN, NIGHT, Reason.BEDTIME),
        ("www.example.org", used_up("internet"), DAY, Reason.OUT_OF_TIME),
        ("www.minecraft.net", PLAIN, DAY, Reason.WINDOW),
        ("www.tiktok.com", Situation(paused_until=NIGHT, paused_by="Mum"), DAY, Reason.PAUSED),
        ("www.tiktok.com", Situation(quarantined=True), DAY, Reason.QUARANTINED),
    ],
)
def test_rules_of_time_are_not(host: str, situation: Situation, at: datetime, reason: Reason) -> None:
    found = decided(host, CHILD, situation, at)
    assert (found.verdict, found.reason) == (Verdict.BLOCK, reason)
    assert not is_explained(host, found, the_world())


@pytest.mark.parametrize("host", OPEN)
def test_no_open_name_is(host: str) -> None:
    found = decided(host)
    assert found.allowed
    assert not is_explained(host, found, the_world())


@pytest.mark.parametrize("reason", Reason)
def test_of_all_reasons_only_those_that_a_guardian_can_open(reason: Reason) -> None:
    found = Decision(Verdict.BLOCK, reason, "rule", "family")
    expected = {
        Reason.FAMILY_BLOCK, Reason.SERVICE, Reason.CATEGORY, Reason.NEW_DOMAIN, Reason.UNKNOWN_DOMAIN,
        Reason.NOT_ON_LIST,
    }  # fmt: skip
    assert is_explained("www.example.org", found, the_world()) is (reason in expected)


def test_an_unknown_resolver_outside_an_allow_list_is_not() -> None:
    found = decided("dns.school.example", ALLOW_LIST)
    assert found.reason is Reason.NOT_ON_LIST
    assert not is_explained("dns.school.example", found, the_world())


def test_a_word_that_a_person_searches_for_is_not() -> None:
    found = decided("word", ALLOW_LIST)
    assert found.reason is Reason.NOT_ON_LIST
    assert not is_explained("word", found, the_world())


def test_an_observation_without_a_host_is_not() -> None:
    seen = Observation(proto=asks("x").proto, host=None)
    found = a_judge(CHILD).decide(seen, PLAIN, DAY)
    assert not is_explained(seen.host or "", found, the_world())
