"""Categories, unknown names, what devices need and safe search, concluded."""

from __future__ import annotations

import pytest

from gateway.policy.values import Reason, Verdict
from tests.policy.concluded import concluded, outcome

# Categories.


@pytest.mark.parametrize(
    ("band", "own", "host", "verdict", "rule", "askable"),
    [
        ("10-12", "", "porn.example", "block", "adult = refuse", False),
        ("13-15", "", "www.facebook.com", "block", "social_networks = ask", True),
        ("10-12", "", "films.example", "allow", "video_sharing = count", False),
        ("10-12", "", "oddsearch.example", "block", "search_without_safe_mode = refuse", False),
        ("10-12", "", "mixed.example", "block", "gambling = refuse", False),  # the strictest counts
        ("10-12", "gambling: open", "mixed.example", "allow", "games = count", False),
    ],
)
def test_categories_of_the_band(
    band: str, own: str, host: str, verdict: str, rule: str, askable: bool
) -> None:
    decision = concluded(f"{{band: {band}, categories: {{streaming: open, {own}}}}}", host).outcome
    assert (str(decision.verdict), decision.askable) == (verdict, askable)
    assert decision.rule == f"band {band}: category:{rule}"
    assert decision.owner == f"band:{band}"


@pytest.mark.parametrize(
    ("own", "host", "rule", "askable"),
    [
        ("games: ask", "plays.example", "category:games = ask", True),
        ("gambling: ask, games: refuse", "mixed.example", "category:games = refuse", False),
        ("streaming: refuse", "www.netflix.com", "category:streaming = refuse", False),
    ],
)
def test_categories_of_the_family(own: str, host: str, rule: str, askable: bool) -> None:
    decision = concluded(f"{{band: 10-12, categories: {{{own}}}}}", host).outcome
    assert (decision.verdict, decision.rule, decision.owner) == (Verdict.BLOCK, rule, "family")
    assert decision.askable is askable


def test_what_no_rule_names_is_open() -> None:
    decision = concluded("band: 16-17", "films.example").outcome
    assert (decision.verdict, decision.rule, decision.owner) == (
        Verdict.ALLOW,
        "nothing refuses it",
        "product",
    )


def test_count_spends_play_and_open_does_not() -> None:
    assert "play" in concluded("band: 10-12", "plays.example").outcome.gates
    assert "play" not in concluded("{band: 10-12, categories: {games: open}}", "plays.example").outcome.gates
    assert "play" not in concluded("{band: 10-12, limits: {}}", "plays.example").outcome.gates


def test_young_names_have_a_reason_of_their_own() -> None:
    assert outcome("band: 10-12", "fresh.example")[1] == "new_domain"
    assert concluded("band: 10-12", "fresh.example").outcome.askable
    assert outcome("band: 13-15", "fresh.example")[0] == "allow"


# Modes and unknown names.


@pytest.mark.parametrize(
    ("band", "reason", "askable"),
    [
        ("0-5", "not_on_list", True),
        ("6-9", "unknown_domain", True),
        ("10-12", "open", False),
        ("13-15", "open", False),
        ("16-17", "open", False),
    ],
)
def test_a_name_in_no_category(band: str, reason: str, askable: bool) -> None:
    decision = concluded(f"band: {band}", "nobody-knows.example").outcome
    assert (str(decision.reason), decision.askable) == (reason, askable)


def test_a_known_game_is_open_in_6_9_and_asks_in_an_allow_list() -> None:
    assert outcome("band: 6-9", "plays.example")[0] == "allow"
    assert outcome("band: 0-5", "plays.example")[1] == "not_on_list"
    assert outcome("{band: 10-12, mode: allow-list}", "plays.example") == (
        "block",
        "not_on_list",
        "mode = allow-list",
    )


def test_a_family_may_say_what_happens_to_unknown_names() -> None:
    assert outcome("{band: 6-9, unknown: open}", "nobody-knows.example")[0] == "allow"
    refused = concluded("{band: 10-12, unknown: refuse}", "nobody-knows.example").outcome
    assert (refused.reason, refused.askable) == (Reason.UNKNOWN_DOMAIN, False)


@pytest.mark.parametrize("host", ["www.khanacademy.org", "bilimland.kz", "captive.apple.com", "printer.lan"])
def test_what_an_allow_list_lets_through(host: str) -> None:
    text = "{band: 0-5, allow: ['service:khan-academy'], homework: [bilimland.kz]}"
    assert outcome(text, host)[0] == "allow"


def test_probes_are_bound_by_nothing_updates_by_a_pause_push_by_bedtime_too() -> None:
    text = "{band: 10-12, limits: {internet: 2h}, windows: {internet: ['08:00-20:00']}}"
    assert concluded(text, "captive.apple.com").gates == (), "else a phone leaves for mobile data"
    assert concluded(text, "swcdn.apple.com").gates == ("device",)
    assert concluded(text, "x.push.apple.com").gates == ("device", "bedtime", "window:internet")


@pytest.mark.parametrize(
    ("block", "verdict"),
    [("captive.apple.com", "block"), ("apple.com", "allow"), ("category:device_updates", "allow")],
)
def test_only_a_family_that_names_what_a_device_needs_refuses_it(block: str, verdict: str) -> None:
    assert outcome(f"{{band: 10-12, block: ['{block}']}}", "captive.apple.com")[0] == verdict


@pytest.mark.parametrize("text", ["band: 16-17", "{band: 10-12, safe_search: off}"])
def test_safe_search_may_be_off(text: str) -> None:
    assert concluded(text, "www.google.com").rewrite is None
