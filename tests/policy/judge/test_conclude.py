"""The contract's precedence between entries, bands, categories and modes; the clock plays no part here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.age.bands import Band
from gateway.policy.judge.conclude import conclude, owned_rule
from gateway.policy.judge.facts import FactFinder
from gateway.policy.names.packs import Site
from gateway.policy.profile.rules import Entry, Kind, Rules
from gateway.policy.values import Reason, Verdict
from tests.policy.concluded import concluded, outcome
from tests.policy.homes import a_profile, a_world, the_world


@pytest.mark.parametrize(
    ("allow", "block", "host", "verdict"),
    [
        # longer name before shorter
        ("a.example.com", "example.com", "x.a.example.com", "allow"),
        ("example.com", "a.example.com", "x.a.example.com", "block"),
        ("example.com", "a.example.com", "b.example.com", "allow"),
        # a tie is a block
        ("example.com", "example.com", "www.example.com", "block"),
        ("service:youtube", "service:youtube", "www.youtube.com", "block"),
        ("category:games", "category:games", "plays.example", "block"),
        # name before service
        ("youtube.com", "service:youtube", "www.youtube.com", "allow"),
        ("service:youtube", "youtube.com", "www.youtube.com", "block"),
        ("youtube.com", "service:youtube", "i.ytimg.com", "block"),
        # service before category
        ("service:youtube", "category:video_sharing", "i.ytimg.com", "allow"),
        ("category:video_sharing", "service:youtube", "i.ytimg.com", "block"),
        # name before category
        ("films.example", "category:video_sharing", "films.example", "allow"),
        ("category:video_sharing", "films.example", "films.example", "block"),
        # two categories of one host are a tie
        ("category:games", "category:gambling", "mixed.example", "block"),
        # one side alone
        ("mixed.example", "other.example", "mixed.example", "allow"),
        ("other.example", "plays.example", "plays.example", "block"),
    ],
)
def test_family_allow_against_family_block(allow: str, block: str, host: str, verdict: str) -> None:
    text = f"{{band: 10-12, safe_search: off, allow: ['{allow}'], block: ['{block}']}}"
    found = outcome(text, host)
    entry, word = (allow, "allow") if verdict == "allow" else (block, "block")
    assert found == (verdict, f"family_{word}", f"{word}: {entry}")


def test_an_allow_lifts_categories_and_the_mode() -> None:
    for text in (
        "{band: 10-12, allow: [porn.example]}",
        "{band: 0-5, allow: [porn.example]}",
        "{band: 6-9, mode: allow-list, allow: ['category:adult']}",
    ):
        assert outcome(text, "porn.example")[:2] == ("allow", "family_allow")


@pytest.mark.parametrize(
    ("text", "host", "rule"),
    [
        ("{band: 10-12, allow: ['category:ai']}", "civitai.com", "band 10-12: category:adult = block"),
        (
            "{band: 10-12, allow: ['category:games']}",
            "mixed.example",
            "band 10-12: category:gambling = block",
        ),
        ("{band: 10-12, homework: ['category:ai']}", "civitai.com", "band 10-12: category:adult = block"),
        ("{band: 10-12, allow: ['category:ai', 'category:adult']}", "civitai.com", "allow: category:adult"),
        ("{band: 10-12, allow: ['category:ai']}", "chatgpt.com", "allow: category:ai"),
        ("{band: 10-12, allow: ['service:civitai']}", "civitai.com", "allow: service:civitai"),
        ("{band: 10-12, allow: [civitai.com]}", "civitai.com", "allow: civitai.com"),
    ],
)
def test_an_allow_of_a_category_lifts_no_other(text: str, host: str, rule: str) -> None:
    assert outcome(text, host)[2] == rule


FILM = (
    "www.youtubekids.com",
    "youtubei.googleapis.com",
    "r1---sn-abc.googlevideo.com",
    "i.ytimg.com",
    "yt3.ggpht.com",
)


@pytest.mark.parametrize(
    "text",
    [
        "{band: 6-9, allow: ['service:youtube-kids']}",
        "{band: 0-5, allow: ['service:youtube-kids']}",
        "{band: 10-12, mode: allow-list, allow: ['service:youtube-kids']}",
        "{band: 10-12, allow: ['service:youtube-kids'], block: ['service:youtube']}",
        "{band: 10-12, allow: ['service:youtube-kids'], block: ['category:video_sharing']}",
        "{band: 10-12, homework: ['service:youtube-kids'], block: ['service:youtube']}",
    ],
)
def test_a_film_of_youtube_kids_plays_while_youtube_is_shut(text: str) -> None:
    assert [outcome(text, host)[0] for host in FILM] == ["allow"] * len(FILM)
    assert [outcome(text, host)[0] for host in ("www.youtube.com", "youtu.be")] == ["block"] * 2


def test_what_a_service_needs_ranks_below_a_name() -> None:
    text = "{band: 10-12, allow: ['service:youtube-kids'], block: [googlevideo.com]}"
    assert outcome(text, "r1---sn-abc.googlevideo.com") == ("block", "family_block", "block: googlevideo.com")


def test_a_companion_is_counted_as_ever() -> None:
    text = "{band: 10-12, homework: ['service:youtube-kids'], limits: {'service:youtube': 1h}}"
    assert "service:youtube" in concluded(text, "r1---sn-abc.googlevideo.com").gates


@pytest.mark.parametrize("band", ["6-9", "10-12", "13-15"])
def test_a_page_proxy_opens_no_refused_site(band: str) -> None:
    assert outcome(f"band: {band}", "porn-example.translate.goog")[0] == "block"


def test_where_proxies_are_open_a_refused_site_stays_refused() -> None:
    text = "{band: 13-15, categories: {proxy_vpn_doh: allow}, block: [example.com]}"
    assert outcome(text, "porn-example.translate.goog")[2] == "band 13-15: category:adult = block"
    assert outcome(text, "a-example-com.translate.goog")[2] == "block: example.com"
    assert outcome(text, "en-wikipedia-org.translate.goog")[0] == "allow"


def test_an_allow_lifts_no_time_rule() -> None:
    part = concluded(
        "{band: 10-12, allow: ['service:youtube'], limits: {internet: 2h, 'service:youtube': 1h}}",
        "i.ytimg.com",
    )
    assert part.outcome.gates == {"device", "bedtime", "internet", "service:youtube", "play"}
    assert part.gates == ("device", "bedtime", "internet", "service:youtube", "play")


def test_an_allow_of_a_refused_category_does_not_count_as_play() -> None:
    part = concluded("{band: 10-12, allow: [porn.example]}", "porn.example")
    assert "play" not in part.outcome.gates


def test_an_allow_does_not_turn_safe_search_off() -> None:
    part = concluded("{band: 10-12, allow: [google.com]}", "www.google.com")
    assert part.rewrite is not None
    assert part.rewrite.rewrite == "forcesafesearch.google.com"


def test_the_familys_entry_wins_over_the_bands() -> None:
    bare = a_profile("band: 10-12")
    band_block = Entry(Kind.NAME, "www.example.com", "band:10-12")
    band_allow = Entry(Kind.NAME, "porn.example", "band:10-12")
    rules = replace(bare.rules, block=(band_block,), allow=(band_allow,))
    family = (Entry(Kind.NAME, "example.com", "family"), Entry(Kind.CATEGORY, "adult", "family"))

    def verdict(host: str, with_rules: Rules) -> str:
        profile = replace(bare, rules=with_rules)
        decision = conclude(FactFinder(profile, the_world()).facts(host), profile).outcome
        return f"{decision.verdict} {decision.reason} {decision.owner}"

    assert verdict("www.example.com", rules) == "block category band:10-12"
    # shorter, but the family's
    assert verdict("www.example.com", replace(rules, allow=family)) == "allow family_allow family"
    assert verdict("porn.example", rules) == "allow open band:10-12"
    blocks = (band_block, family[1])
    assert verdict("porn.example", replace(rules, block=blocks)) == "block family_block family"


def test_the_familys_word_on_a_category_goes_before_an_approved_site() -> None:
    site = Site(
        "s", "Plays", frozenset({Band.AGE_0_5, Band.AGE_6_9}), "en", ("plays.example", "porn.example")
    )
    world = a_world(sites=(site,))
    assert outcome("band: 6-9", "plays.example", world) == ("allow", "open", "approved site: Plays")
    assert outcome("band: 6-9", "porn.example", world) == ("allow", "open", "approved site: Plays")
    refused = outcome("{band: 6-9, categories: {games: block}}", "plays.example", world)
    assert refused == ("block", "category", "category:games = block")


def test_an_approved_site_that_is_a_game_spends_play() -> None:
    site = Site("s", "Plays", frozenset({Band.AGE_0_5}), "en", ("plays.example",))
    assert "play" in concluded("band: 0-5", "plays.example", a_world(sites=(site,))).outcome.gates


# Homework.


def test_homework_is_bound_by_bedtime_and_pause_but_by_no_limit() -> None:
    text = "{band: 10-12, homework: [plays.example], limits: {internet: 2h, 'category:games': 1h}}"
    part = concluded(text, "www.plays.example")
    assert part.outcome.reason is Reason.HOMEWORK
    assert part.outcome.gates == {"device", "bedtime"}


def test_homework_is_bound_by_windows() -> None:
    text = """
        band: 10-12
        homework: ["service:youtube"]
        windows: {internet: ["08:00-20:00"], "service:youtube": []}
        """
    gates = concluded(text, "i.ytimg.com").outcome.gates
    assert gates == {"device", "bedtime", "window:internet", "window:service:youtube"}


@pytest.mark.parametrize(
    ("block", "verdict", "reason"),
    [
        ("service:youtube", "allow", "homework"),
        ("youtube.com", "block", "family_block"),  # a tie
        ("www.youtube.com", "block", "family_block"),
    ],
)
def test_homework_has_the_rank_of_an_allow(block: str, verdict: str, reason: str) -> None:
    text = f"{{band: 10-12, safe_search: off, homework: [youtube.com], block: ['{block}']}}"
    assert outcome(text, "www.youtube.com")[:2] == (verdict, reason)


# What devices need.


@pytest.mark.parametrize("band", ["0-5", "6-9", "10-12", "13-15", "16-17"])
@pytest.mark.parametrize(
    "host", ["captive.apple.com", "time.android.com", "crl.apple.com", "x.push.apple.com"]
)
def test_what_devices_need_is_open_in_every_band(band: str, host: str) -> None:
    assert outcome(f"band: {band}", host)[:2] == ("allow", "device_needs")


def test_updates_of_a_service_are_never_counted_and_open_at_bedtime() -> None:
    services = the_world().catalogue.services
    steam = next(one for one in services.values() if one.id == "steam")
    assert steam.update
    name = steam.update[0].removeprefix("=")
    text = "{band: 10-12, limits: {internet: 2h, 'service:steam': 1h}}"
    assert concluded(text, name).outcome.gates == {"device"}
    assert outcome("{band: 10-12, block: ['service:steam']}", name)[1] == "family_block"


# Services and safe search.


def test_a_refused_category_is_said_after_the_services_own_rules() -> None:
    part = concluded("{band: 10-12, windows: {'service:tiktok': ['16:00-18:00']}}", "www.tiktok.com")
    assert part.gates[-1] == "window:service:tiktok"
    assert part.outcome.reason is Reason.CATEGORY


@pytest.mark.parametrize(
    ("band", "host", "safe"),
    [
        ("10-12", "www.google.kz", "forcesafesearch.google.com"),
        ("10-12", "www.youtube.com", "restrict.youtube.com"),
        ("13-15", "www.youtube.com", "restrictmoderate.youtube.com"),
        ("13-15", "www.google.com", "forcesafesearch.google.com"),
        ("10-12", "ya.ru", "213.180.193.56"),
        ("10-12", "duckduckgo.com", "safe.duckduckgo.com"),
    ],
)
def test_safe_search(band: str, host: str, safe: str) -> None:
    part = concluded(f"band: {band}", host)
    assert part.rewrite is not None
    assert (part.rewrite.verdict, part.rewrite.reason) == (Verdict.REWRITE, Reason.SAFE_SEARCH)
    assert part.rewrite.rewrite == safe
    assert part.outcome.verdict is Verdict.ALLOW


def test_mail_and_maps_are_no_search() -> None:
    for host in ("mail.google.com", "maps.google.com", "forcesafesearch.google.com"):
        assert concluded("band: 10-12", host).rewrite is None


def test_resolver_signals_are_refused_whatever_is_allowed() -> None:
    found = outcome("{band: 16-17, allow: [icloud.com]}", "mask.icloud.com")
    assert found == ("block", "resolver_signal", "resolver signal")


def test_a_bands_rule_says_whose_it_is() -> None:
    assert owned_rule("band:10-12", "mode = allow-list") == "band 10-12: mode = allow-list"
    assert owned_rule("family", "mode = allow-list") == "mode = allow-list"
