"""Every service of the catalogue in every age group: what its rules make of it."""

from __future__ import annotations

from functools import cache

import pytest

from gateway.age.bands import AgeBand
from gateway.policy.judge.conclude import conclude
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.facts import FactFinder
from gateway.policy.names.services import Service
from gateway.policy.profile.rules import Action
from gateway.policy.time.time_rules import PLAIN
from gateway.policy.values import Decision, Verdict
from tests.policy.homes import CALENDAR, a_profile, a_world, almaty, asks, product

CHILDREN = [band for band in AgeBand if band.is_child]
ORDER = ("allow", "count", "ask", "block")
# At 6-9 these are open on purpose. Everything else there needs approval or is blocked.
OPEN_AT_SIX = {"games", "education", "health", "search", "device_updates"}
AFTERNOON = almaty("2026-11-24T16:00")
# Assistants and companions without an age in the data: their terms name none, or no copy of them was found.
NO_AGE = {
    "deepseek", "kimi", "doubao", "ernie", "yuanbao", "yandex-alice", "gigachat", "you-com", "suno",
    "elevenlabs", "duck-ai", "chai", "janitor-ai", "talkie", "paradot", "anima",
    "chub-ai", "novelai", "ai-dungeon", "dreamgf", "muah-ai", "pi", "xingye",
}  # fmt: skip
ASSISTANTS = {
    "ai": "block block ask allow allow",
    "ai_adults": "block block block block ask",
    "ai_companions": "block block block block ask",
    "proxy_vpn_doh": "block block block block ask",
    "tor": "block block block block ask",
}


@cache
def finder(band: AgeBand) -> FactFinder:
    return FactFinder(a_profile(f'band: "{band.value}"'), a_world())


def does(band: AgeBand, service: str) -> str:
    """What an age group does with a service, as one of ORDER."""
    profile = a_profile(f'band: "{band.value}"')
    conclusion = conclude(finder(band).facts_of((service,)), profile)
    if conclusion.outcome.verdict is Verdict.BLOCK:
        return "ask" if conclusion.outcome.askable else "block"
    return "count" if finder(band).facts_of((service,)).counted else "allow"


def opened_by(band: AgeBand, service: Service) -> set[str]:
    """The categories of a service that an age group allows or counts."""
    rules = product().bands[band].rules.categories
    return {name for name in service.categories if name in rules and not rules[name].value.refuses}


def word_of(decision: Decision) -> str:
    """A decision as one of ORDER."""
    if not decision.allowed:
        return "ask" if decision.askable else "block"
    return "count" if decision.rule.endswith("= count") else "allow"


@pytest.mark.parametrize("band", CHILDREN, ids=lambda band: band.value)
def test_no_name_of_a_service_is_more_open_than_an_unknown_name(band: AgeBand) -> None:
    """As the judge decides each name of the catalogue, with approved sites and help lines."""
    judge = Judge(a_profile(f'band: "{band.value}"'), a_world(), CALENDAR)
    unknown = word_of(judge.decide(asks("nobody-knows.example"), PLAIN, AFTERNOON))
    wrong = {}
    for service in product().catalogue.services.values():
        for entry in service.domains:
            host = entry.removeprefix("=").removeprefix("*.").replace("*", "x1")
            found = judge.decide(asks(host), PLAIN, AFTERNOON)
            opened = opened_by(band, service)
            wanted = opened & OPEN_AT_SIX if band is AgeBand.AGE_6_9 else opened
            if ORDER.index(word_of(found)) < ORDER.index(unknown) and not wanted:
                wrong[host] = (service.id, found.rule)
    assert wrong == {}


@pytest.mark.parametrize("service", sorted(product().catalogue.services))
def test_no_service_is_more_open_than_an_unknown_name(service: str) -> None:
    """An unknown name counts as what `unknown` says; a category of the age group may open a service."""
    categories = product().catalogue.services[service].categories
    assert categories, f"{service} has no category, so no age group decides about it"
    for band in CHILDREN:
        rules = product().bands[band].rules
        unknown = str(rules.unknown.value.value)
        found = does(band, service)
        opened = opened_by(band, product().catalogue.services[service])
        if ORDER.index(found) < ORDER.index(unknown):
            assert opened, f"{band.value}: {service} is {found}, an unknown name is {unknown}"
            assert band is not AgeBand.AGE_6_9 or opened & OPEN_AT_SIX, f"{service} is {found}"


@pytest.mark.parametrize(
    "service",
    [
        "chatgpt",
        "netflix",
        "binance",
        "mega",
        "spotify",
        "amazon",
        "youtube-music",
        "reddit",
        "github",
        "uber",
    ],
)
def test_a_known_service_asks_at_six_as_an_unknown_name_does(service: str) -> None:
    assert does(AgeBand.AGE_6_9, service) in ("ask", "block")


@pytest.mark.parametrize("service", ["wikipedia", "kundelik", "google-search", "windows-update", "nhs"])
def test_learning_health_search_and_updates_open_at_six(service: str) -> None:
    assert does(AgeBand.AGE_6_9, service) == "allow"


@pytest.mark.parametrize("category", ASSISTANTS)
def test_assistants_and_tunnels_by_age(category: str) -> None:
    """At least as strict as the table, for every service of the category."""
    for service, one in product().catalogue.services.items():
        if category in one.categories:
            for band, action in zip(CHILDREN, ASSISTANTS[category].split(), strict=True):
                assert ORDER.index(does(band, service)) >= ORDER.index(action), (band.value, service)


@pytest.mark.parametrize(
    ("service", "actions"),
    [
        ("chatgpt", "block block ask allow allow"),
        ("gemini", "block block ask allow allow"),
        ("copilot", "block block ask allow allow"),
        ("yandex-alice", "block block ask allow allow"),
        ("duck-ai", "block block ask allow allow"),
        ("claude", "block block block block ask"),
        ("qwen", "block block block block ask"),
        ("grok", "block block block block ask"),
        ("character-ai", "block block block block ask"),
        ("telegram", "block block block ask allow"),
        ("kik", "block block block ask allow"),
        ("whatsapp", "block ask allow allow allow"),
        ("max-messenger", "block ask allow allow allow"),
        ("nordvpn", "block block block block ask"),
        ("tor", "block block block block ask"),
    ],
)
def test_named_services_by_age(service: str, actions: str) -> None:
    assert [does(band, service) for band in CHILDREN] == actions.split()


def test_an_age_in_the_terms_agrees_with_the_categories() -> None:
    services = product().catalogue.services
    kinds = {"ai", "ai_adults", "ai_companions"}
    assert {key for key, one in services.items() if kinds & one.categories and one.min_age is None} == NO_AGE
    for service, one in services.items():
        if one.min_age is not None and "ai" in one.categories:
            assert one.min_age.years < 18, service
        if "ai_adults" in one.categories:
            assert one.min_age is not None, service
            assert one.min_age.years >= 18, service


def test_every_age_group_sets_every_category() -> None:
    for band in CHILDREN:
        assert set(product().bands[band].rules.categories) == set(product().categories.choosable)
        assert all(isinstance(rule.value, Action) for rule in product().bands[band].rules.categories.values())
