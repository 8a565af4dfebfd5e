from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from webui.language import words

NOW = datetime(2026, 11, 24, 19, 40, tzinfo=ZoneInfo("Asia/Almaty"))  # a Tuesday


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW.replace(hour=20, minute=45), "20:45"),
        (NOW + timedelta(hours=4, minutes=20), "midnight"),
        (NOW + timedelta(hours=12), "07:40 tomorrow"),
        (NOW + timedelta(days=2), "19:40 on Thursday"),
        (NOW + timedelta(days=30), "19:40 on 24 December"),
        (NOW - timedelta(days=1), "19:40 on 23 November"),
        (datetime(2026, 11, 24, 15, 45, tzinfo=ZoneInfo("UTC")), "20:45"),
    ],
)
def test_clock(moment: datetime, text: str) -> None:
    assert words.clock(moment, NOW) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (0, "today"),
        (1, "yesterday"),
        (2, "on Sunday"),
        (6, "on Wednesday"),
        (8, "on 16 November"),
        (400, "on 20 October 2025"),
    ],
)
def test_day_past(days: int, text: str) -> None:
    assert words.day_past(NOW - timedelta(days=days), NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "just now"), (59, "just now"), (60, "1 minute ago"), (150, "2 minutes ago")]
)
def test_ago(seconds: int, text: str) -> None:
    assert words.ago(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("minutes", "text"), [(45, "45 min"), (60, "1 h"), (150, "2 h 30 min"), (0, "0 min")]
)
def test_duration(minutes: int, text: str) -> None:
    assert words.duration(minutes) == text


@pytest.mark.parametrize(
    ("owner", "text"),
    [
        ("family", "Your family's own rule"),
        ("band:10-12", "The 10-12 rules"),
        ("guardian:Mum", "Mum"),
        ("guardian:console", "The gateway's console"),
        ("law:kz", "Register of Kazakhstan"),
        ("law:kz:Mum", "Register of Kazakhstan; Mum turned it on"),
        ("law:kz:provider", "Register of Kazakhstan; Your internet provider turned it on"),
        ("law:zz", "Register of ZZ"),
        ("product", "Part of the filter, in every home"),
        ("something new", "something new"),
    ],
)
def test_owner(owner: str, text: str) -> None:
    assert words.owner(owner) == text


def test_the_family_s_rule_names_who_set_it_and_when() -> None:
    assert words.owner("family", "Mum", NOW - timedelta(days=2), NOW) == "Mum set this on Sunday"
    assert words.owner("family", "qalqan", NOW, NOW) == "The gateway set this today"


@pytest.mark.parametrize(
    ("days", "text"),
    [
        ("", "Every day"),
        ("school", "School days"),
        ("sat,sun", "Saturdays, Sundays"),
        ("2026-12-31", "2026-12-31"),
    ],
)
def test_days(days: str, text: str) -> None:
    assert words.days(days) == text


@pytest.mark.parametrize(
    ("days", "text"),
    [("", "Every night"), ("school", "Before school days"), ("mon", "Nights before Mondays")],
)
def test_a_bedtime_is_named_by_its_morning(days: str, text: str) -> None:
    assert words.nights(days) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Tablet", "Tablet"),
        ("планшет", "планшет"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("a\nb\x00c\u200b\u2028d", "abcd"),
        ("\ud800x", "x"),
        ("x" * 41, "x" * 39 + "…"),
    ],
)
def test_names_cannot_turn_or_hide_what_is_around_them(text: str, shown: str) -> None:
    assert words.plain(text) == shown


@pytest.mark.parametrize(
    ("refusal", "sentences"),
    [
        (
            "Aruzhan: has already used “Finish my game” today; it works once a day",
            "Aruzhan has already used “Finish my game” today. It works once a day.",
        ),
        ('grant: "who" names nobody', "Who names nobody."),
        ("the daemon did not do it", "The daemon did not do it."),
        ("Dana sets her own pauses.", "Dana sets her own pauses."),
        ("", ""),
    ],
)
def test_a_refusal_of_the_daemon_is_told_in_sentences(refusal: str, sentences: str) -> None:
    assert words.error_text(refusal) == sentences


@pytest.mark.parametrize(
    ("ago", "name"), [(0, "Today"), (1, "Yesterday"), (2, "Sunday 22"), (7, "Tuesday 17")]
)
def test_a_day_of_the_last_seven(ago: int, name: str) -> None:
    today = NOW.date()
    assert words.day_name(today - timedelta(days=ago), today) == name


def test_what_is_long_ago_is_told_by_the_clock() -> None:
    assert words.ago(NOW - timedelta(minutes=59), NOW) == "59 minutes ago"
    assert words.ago(NOW - timedelta(hours=2), NOW) == "today at 17:40"
    assert words.ago(NOW - timedelta(hours=26), NOW) == "yesterday at 17:40"


def test_sizes() -> None:
    assert (words.size(250_000), words.size(36_400_000)) == ("0.2 MB", "36 MB")
    assert words.size(25_277_000_000) == "25.3 GB"
