from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.policy.judge.explanation import (
    ENGLISH,
    MAX_SHORT,
    Contest,
    Decider,
    Names,
    SetBy,
    contest,
    decider,
    sentence,
    setting,
    short,
)
from gateway.policy.rule_text import bedtime_rule
from gateway.policy.time.limit_periods import LimitPeriod
from gateway.policy.time.time_rules import PLAIN, Left, Situation
from gateway.policy.values import Decision, Reason, RecognitionSign, ServiceRecognition, Verdict
from tests.policy.homes import ALMATY, a_judge, almaty, asks, connects, product, used_up

NOW = datetime(2026, 11, 24, 20, 50, tzinfo=ALMATY)  # a Tuesday
NAMES = Names(
    services={key: one.name for key, one in product().catalogue.services.items()},
    categories={key: one.name["en"] for key, one in product().categories.by_id.items()},
    groups={key: one.name["en"] for key, one in product().catalogue.groups.items()},
)
CHILD = """
    band: 10-12
    categories: {new_domain: ask}
    block: ["service:tiktok"]
    homework: [bilimland.kz]
    windows: {"service:minecraft": ["16:00-18:00"], internet: ["08:00-22:00"]}
    limits: {"service:youtube": 1h, internet: 2h}
    """


def said(
    host: str,
    at: str = "2026-11-24T19:00",
    situation: Situation = PLAIN,
    set_by: SetBy | None = None,
    text: str = CHILD,
) -> str:
    now = almaty(at).astimezone(ALMATY)
    decision = a_judge(text).decide(asks(host), situation, now)
    return sentence(decision, host, now, NAMES, set_by)


MUM = SetBy("Mum", almaty("2026-11-22T10:00"))  # a Sunday


def test_who_paused_is_named() -> None:
    pause = Decision(Verdict.BLOCK, Reason.PAUSED, "pause", "guardian:Mum", until=NOW + timedelta(minutes=30))
    assert sentence(pause, "example.org", NOW) == "The internet is paused until 21:20. Mum set this."


@pytest.mark.parametrize(
    ("host", "at", "text"),
    [
        ("www.tiktok.com", "2026-11-24T19:00", "TikTok is blocked. Your family set this."),
        (
            "www.minecraft.net",
            "2026-11-24T19:00",
            "Minecraft is blocked until 16:00. Your family set this.",
        ),
        (
            "example.org",
            "2026-11-24T21:00",
            "It is bedtime: the internet is blocked until 07:00. These are the 10-12 rules.",
        ),
        ("porn.example", "2026-11-24T19:00",
         "porn.example is blocked: Adult sites. These are the 10-12 rules."),
        (
            "virus.example",
            "2026-11-24T19:00",
            "virus.example is blocked for everyone.",
        ),
        ("bilimland.kz", "2026-11-24T19:00",
         "bilimland.kz is allowed: it is for homework. Your family set this."),
        ("example.org", "2026-11-24T19:00", "example.org is allowed."),
        ("www.google.com", "2026-11-24T19:00", "www.google.com is allowed in its safe mode."),
        ("childline.org.uk", "2026-11-24T23:00", "childline.org.uk is always allowed."),
        ("fresh.example", "2026-11-24T19:00",
         "fresh.example is blocked: the name was registered a few days ago. Your family set this."),
    ],
)  # fmt: skip
def test_sentences(host: str, at: str, text: str) -> None:
    assert said(host, at) == text


def test_internet_windows_and_limits_speak_of_the_internet() -> None:
    early = said("example.org", "2026-11-24T07:30")
    assert early == "The internet is blocked until 08:00. Your family set this."
    used = used_up("internet")
    assert said("example.org", situation=used) == (
        "The internet is blocked until 08:00: today's 2 hours are used. Your family set this."
    )


def test_a_services_used_up_time_names_the_service() -> None:
    used = used_up("service:youtube")
    assert said("i.ytimg.com", situation=used, set_by=MUM) == (
        "YouTube is blocked until 08:00: today's hour is used. Mum set this on Sunday."
    )
    lived_in = 'band: 10-12\nlimits: {"service:youtube": 1h}'
    assert said("i.ytimg.com", situation=used, set_by=MUM, text=lived_in) == (
        "YouTube is blocked until 07:00: today's hour is used. Mum set this on Sunday."
    )


@pytest.mark.parametrize(
    ("limits", "bonus", "text"),
    [
        ('"group:games": 1h', 0, "blocked until 07:00: today's hour for games is used."),
        ('"category:games": 90m', 0, "blocked until 07:00: today's 1 h 30 min for games are used."),
        ('"category:games": 90m', 30, "blocked until 07:00: today's 2 hours for games are used."),
        ("play: 45m", 15, "blocked until 07:00: today's hour for play is used."),
        ("play: 1m", 0, "blocked until 07:00: today's minute for play is used."),
        ('"service:roblox": 0m', 0, "blocked: there is no time today."),
        ('"group:games": 0m', 0, "blocked: there is no time for games today."),
        ('"group:games": {tue: 0m, wed: 1h}', 0,
         "blocked until 07:00: there is no time for games today."),
    ],
)  # fmt: skip
def test_how_much_time_is_used_and_for_what(limits: str, bonus: int, text: str) -> None:
    used = used_up("play", "service:roblox", "group:games", "category:games")
    used = replace(used, bonus=dict.fromkeys(used.used, bonus))
    rules = f'{{band: 13-15, bedtime: "21:00-07:00", limits: {{{limits}}}, categories: {{games: count}}}}'
    assert said("www.roblox.com", situation=used, text=rules).endswith(f" is {text} Your family set this.")


def test_what_was_opened_for_a_while_says_until_when() -> None:
    opened = Situation(allowed=(("service:tiktok", almaty("2026-11-24T20:00")),))
    assert said("www.tiktok.com", situation=opened) == "TikTok is allowed until 20:00. Your family set this."


def test_a_limit_of_a_band_is_told_as_one() -> None:
    used = used_up("play")
    assert said("www.roblox.com", situation=used, text="band: 10-12") == (
        "www.roblox.com is blocked until 07:00: today's 2 hours for play are used. These are the 10-12 rules."
    )


def test_a_rule_that_says_no_number_is_told_without() -> None:
    spent = Decision(Verdict.BLOCK, Reason.OUT_OF_TIME, "limits: service:youtube", "family")
    assert sentence(spent, None, NOW, NAMES).startswith("YouTube is blocked: the time for today is used.")


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (Left(40, "service:youtube", None), "example.org is allowed. 40 minutes left today."),
        (Left(1, "internet", None), "example.org is allowed. 1 minute left today."),
        (Left(120, "play", None), "example.org is allowed. 2 h left today for play."),
        (
            Left(61, "internet", None, period=LimitPeriod.WEEK),
            "example.org is allowed. 1 h 1 min left this week.",
        ),
        (Left(40, "play", None), "example.org is allowed. 40 minutes left today for play."),
        (Left(40, "group:games", None), "example.org is allowed. 40 minutes left today for games."),
        (
            Left(5, "category:ai_companions", None),
            "example.org is allowed. 5 minutes left today for AI companions.",
        ),
        (Left(40, "bedtime", NOW), "example.org is allowed."),
        (None, "example.org is allowed."),
    ],
)
def test_what_is_left_of_a_limit(left: Left | None, text: str) -> None:
    open_now = Decision(Verdict.ALLOW, Reason.OPEN, "nothing refuses it", "product")
    assert sentence(open_now, "example.org", NOW, NAMES, left=left) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("2026-11-24T08:00", "Mum set this today."),
        ("2026-11-22T08:00", "Mum set this on Sunday."),
        ("2026-09-01T08:00", "Mum set this on 1 September."),
    ],
)
def test_who_set_it_and_when(at: str, text: str) -> None:
    assert said("www.tiktok.com", set_by=SetBy("Mum", almaty(at))).endswith(text)


@pytest.mark.parametrize(
    ("until", "text"),
    [
        (timedelta(hours=10), "until 06:50"),
        (timedelta(days=2), "until Thursday 20:50"),
        (timedelta(days=30), "until 24 December, 20:50"),
    ],
)
def test_until_when(until: timedelta, text: str) -> None:
    decision = Decision(Verdict.BLOCK, Reason.PAUSED, "pause", "Dad", until=(NOW + until).astimezone(UTC))
    assert sentence(decision, "x", NOW) == f"The internet is paused {text}."


def test_a_pause_without_an_end_says_none() -> None:
    assert (
        sentence(Decision(Verdict.BLOCK, Reason.PAUSED, "pause", "Dad"), "x", NOW)
        == "The internet is paused."
    )


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_reason_has_words_and_no_alarm(reason: Reason, verdict: Verdict) -> None:
    for what in (None, "x.example"):
        text = sentence(Decision(verdict, reason, "rule", "family", until=NOW), what, NOW)
        assert text.endswith(".")
        assert text[0].isupper() or text.startswith("x.example")
        assert "!" not in text
        assert "{" not in text
        assert "protected" not in text


@pytest.mark.parametrize("reason", [Reason.ENCRYPTED_DNS, Reason.RELAY])
def test_tools_that_protect_many_are_named_as_such_and_why_they_are_off(reason: Reason) -> None:
    text = sentence(Decision(Verdict.BLOCK, reason, "band 10-12: ways", "band:10-12"), "x.example", NOW)
    assert re.search(r"(safety|privacy) tool for many people\. It is off here because it would bypass", text)


def test_a_query_for_private_relay_says_that_it_is_off_and_no_other_thing() -> None:
    judge, day = a_judge("band: 10-12"), NOW.replace(hour=16)
    for host in ("mask.icloud.com", "mask-h2.icloud.com"):
        query, flow = (judge.decide(seen, PLAIN, day) for seen in (asks(host), connects(host)))
        assert (query.reason, flow.reason) == (Reason.RESOLVER_SIGNAL, Reason.RELAY)
        for decision in (query, flow):
            assert sentence(decision, host, NOW).startswith(ENGLISH["relay"])
    other = judge.decide(asks("use-application-dns.net"), PLAIN, day)
    assert sentence(other, None, NOW) == ENGLISH["resolver_signal"]


def test_the_words_can_be_replaced() -> None:
    russian = Names(words={**ENGLISH, "category": "{what}: закрыто ({kind}).", "by_band": "Правила {band}."})
    decision = Decision(Verdict.BLOCK, Reason.CATEGORY, "band 10-12: category:games = block", "band:10-12")
    assert sentence(decision, "x.example", NOW, russian) == "x.example: закрыто (games). Правила 10-12."


def test_what_a_dns_error_says_is_short_and_names_nobody() -> None:
    decision = Decision(Verdict.BLOCK, Reason.FAMILY_BLOCK, "block: service:tiktok", "family")
    told = "TikTok is blocked. Your family set this. A parent can change it."
    assert short(decision, "www.tiktok.com", NOW, NAMES) == told
    long = short(Decision(Verdict.BLOCK, Reason.FAMILY_BLOCK, "block: x", "family"), "ü" * 250, NOW)
    assert len(long.encode()) <= MAX_SHORT
    assert long.endswith("…")


def test_a_host_name_full_of_braces_stays_itself() -> None:
    decision = Decision(Verdict.BLOCK, Reason.FAMILY_BLOCK, "block: x", "family")
    assert sentence(decision, "{until}", NOW).startswith("{until} is blocked.")


@pytest.mark.parametrize(
    ("sign", "text"),
    [
        (RecognitionSign.ADDRESS, "The connection was recognised by its address."),
        (RecognitionSign.FIRST_BYTES, "The connection was recognised by its first bytes."),
        (RecognitionSign.PORT, "The connection was recognised by its port, right after the app was in use."),
    ],
)
def test_how_a_service_without_its_name_was_recognised(sign: RecognitionSign, text: str) -> None:
    names = Names(services={"telegram": "Telegram"}, categories={"messaging": "Messengers"})
    recognised = ServiceRecognition(("telegram",), sign)
    blocked = Decision(Verdict.BLOCK, Reason.CATEGORY, "category:messaging = block", "family")
    found = sentence(replace(blocked, recognised=recognised), None, NOW, names)
    assert found == f"Telegram is blocked: Messengers. Your family set this. {text}"
    paused = Decision(Verdict.BLOCK, Reason.PAUSED, "pause", "family", recognised=recognised)
    assert "recognised" not in sentence(paused, None, NOW, names)


def test_a_service_that_the_child_must_ask_for_says_so_and_names_its_rule() -> None:
    text = 'band: 10-12\ncategories: {"service:roblox": ask}'
    assert said("www.roblox.com", text=text) == "Roblox is blocked. Your family set this."
    decision = a_judge(text).decide(asks("www.roblox.com"), PLAIN, NOW - timedelta(hours=5))
    assert contest(decision) is Contest.ASK
    assert setting(decision) == "categories/service:roblox"
    assert short(decision, "www.roblox.com", NOW, NAMES).endswith("You can ask for it.")


def test_a_time_that_a_teenager_set_is_the_family_s_and_no_rule_of_the_file() -> None:
    rule = bedtime_rule("21:00-07:00")
    own = Decision(Verdict.BLOCK, Reason.BEDTIME, rule, "self:Dana")
    assert decider(own) is Decider.FAMILY
    assert setting(own) == ""
    assert contest(own) is Contest.TIME
    assert setting(replace(own, owner="family")) == "bedtime"
