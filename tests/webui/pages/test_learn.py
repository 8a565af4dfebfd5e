"""Short explanations beside the things; the first steps, the leaflet and the week, for parents."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.charts.codes import read_codes
from tests.webui.conftest import Browser, browser_on
from tests.webui.rules.forms import PAGE, post
from tests.webui.standin.household import NOW, Household
from tests.webui.standin.pages import text_of
from webui.features.activity.digest_text import Week, week_of
from webui.learn.book import ABOUT, TextBook, entries


def test_every_key_has_a_page_on_a_childs_device(tablet: Browser) -> None:
    for one in entries(TextBook.LEARN, "en"):
        answer = tablet.get(f"/learn/{one.key}")
        assert answer.status_code == 200, one.key
        assert "What it cannot do" in text_of(answer.text), one.key


@pytest.mark.parametrize("key", ["nothing", ABOUT, "category:", "../en/learn", "category:adult%0a", "%00"])
def test_what_is_no_key_has_none(tablet: Browser, key: str) -> None:
    assert tablet.get(f"/learn/{key}").status_code == 404


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "Betting, casinos"), ("ru", "Ставки, казино"), ("kk", "Бәс тігу, казино"), ("de", "Betting")],
)
def test_it_is_read_in_the_pages_language(tablet: Browser, language: str, expected: str) -> None:
    assert expected in tablet.get("/learn/category:gambling", Accept_Language=language).text


def test_a_kind_says_what_each_age_band_recommends(mum: Browser) -> None:
    mum.get(PAGE)  # the files are there
    text = text_of(mum.get("/learn/category:social_networks").text)
    assert "Age Recommended 0-5" in text
    assert "10-12 Block 13-15 Needs approval 16-17 Open Adults Open" in text


def test_kinds_that_bind_everyone_have_one_text(tablet: Browser) -> None:
    pages = {
        text_of(tablet.get(f"/learn/category:{kind}").text).partition("This is blocked for everyone")[2]
        for kind in ("csam", "malware", "phishing")
    }
    assert len(pages) == 1
    assert "you did nothing wrong" in pages.pop()


@pytest.mark.parametrize("reason", ["encrypted_dns", "relay"])
def test_tools_that_protect_many_have_a_text_of_their_own(tablet: Browser, reason: str) -> None:
    for language in ("en", "ru", "kk"):
        by_key = {entry.key: entry for entry in entries(TextBook.LEARN, language)}
        entry = by_key[f"reason:{reason}"]
        assert entry.one("why") == by_key["reason:encrypted_dns"].one("why"), "why it is off"
        assert entry.one("what") not in {one.one("what") for key, one in by_key.items() if key != entry.key}
        page = unescape(text_of(tablet.get(f"/learn/{entry.key}", Accept_Language=language).text))
        assert all(entry.one(line) in page for line in ("name", "what", "why", "not")), page
    page = unescape(text_of(tablet.get(f"/learn/reason:{reason}").text))
    assert "It is off here because it would bypass the family's rules." in page


def test_each_stands_beside_its_thing(mum: Browser, tablet: Browser) -> None:
    places = {
        "kinds/": "category:gambling",
        "basics/": "setting:log_level",
        "limits/play": "setting:limits",
        "week/bedtime": "setting:bedtime",
        "week/service:roblox": "setting:windows",
        "sites/": "setting:homework",
    }
    for place, key in places.items():
        assert f'href="/learn/{key}"' in mum.get(PAGE + place).text, place
    assert 'href="/learn/setting:country"' in mum.get("/parent/settings/").text
    assert 'href="/learn/category:gambling"' in tablet.get("/my").text
    assert 'href="/learn/reason:service"' in tablet.get("/refused?host=www.tiktok.com").text
    assert 'href="/learn/"' in tablet.get("/my").text


def test_all_of_them_stand_in_one_place(tablet: Browser) -> None:
    text = text_of(tablet.get("/learn/").text)
    for expected in (
        "Age groups The 0-5 rules",
        "Settings Name",
        "Categories Adult sites",
        "Reasons Help",
    ):
        assert expected in text


def test_the_first_steps_say_talk_first_and_what_a_filter_cannot_do(mum: Browser, tablet: Browser) -> None:
    text = text_of(mum.get("/parent/guide/").text)
    assert text.index("Talk first") < text.index("What it can help with") < text.index("What it cannot do")
    assert "little or no effect" in text
    assert 'href="/parent/guide/"' in mum.get("/parent/setup/summary").text
    assert tablet.get("/parent/guide/").status_code == 303


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "with rules that everyone knows"),
        ("ru", "по правилам, которые знают все"),
        ("kk", "ережесін бәрі біледі"),
    ],
)
def test_the_leaflet_has_the_brand_the_address_and_the_numbers(
    mum: Browser, language: str, expected: str
) -> None:
    page = mum.get("/parent/guide/leaflet", Accept_Language=language).text
    assert expected in page
    assert '<p class="brand-name">Qalqan</p>' in page
    assert 'aria-label="' in page
    assert "http://qalqan.home.arpa/" in page
    assert "<b>111</b>" in page
    unconfirmed = {
        "en": "Not yet checked with the services",
        "ru": "Ещё не сверено с самими службами",
        "kk": "әлі салыстырылмаған",
    }[language]
    assert page.count(unconfirmed) == 1, "on paper too"
    native = {"en": "native speaker", "ru": "носитель языка", "kk": "ана тілінде сөйлейтін адам"}[language]
    assert (native in page.partition('<article class="card leaflet"')[0]) == (language != "en")


@pytest.mark.parametrize("language", ["en", "ru", "kk"])
def test_the_square_on_paper_is_read_back_as_the_address_beside_it(mum: Browser, language: str) -> None:
    for path, address in (
        ("guide/leaflet", "http://qalqan.home.arpa/"),
        ("card", "http://qalqan.home.arpa/why"),
    ):
        page = mum.get(f"/parent/{path}", Accept_Language=language).text
        assert read_codes(page) == [address]
        assert f'<strong class="address">{address}</strong>' in page


class TestDigest:
    def test_of_an_empty_home_it_says_so(self, mum: Browser, household: Household) -> None:
        household.children = ()
        text = text_of(mum.get("/parent/digest/").text)
        assert "No child has rules yet" in text
        assert "New devices None in these days." in text

    def test_a_child_has_minutes_by_kind_requests_changes_and_the_next_step(
        self, mum: Browser, tablet: Browser, household: Household
    ) -> None:
        post(mum, "limits/play", school="45", free="60", because="Exams")
        tablet.post("/my/ask/site", {"host": "www.instagram.com"})
        household.edited["daughter"] = {"next_step": "2027-05"}
        household.things.found[0]["first_seen"] = NOW - timedelta(days=2)
        text = text_of(mum.get("/parent/digest/").text)
        ours = text.partition("Aruzhan")[2].partition("Timur")[0]
        for expected in (
            "counted in all.",
            "Requests: 0 answered, 1 waiting.",
            "Rules that changed Mum changed this today: Play",
            "Exams",
            "Next age group, 13-15: due in May 2027",
        ):
            assert expected in ours
        assert "What the filter could not see Mobile data" in text

    def test_what_was_refused_is_told_without_counted_minutes_too(
        self, mum: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = week_of

        def without_minutes(*args: Any) -> Week:
            return replace(known(*args), minutes=0, kinds=(), refused=2)

        monkeypatch.setattr("webui.features.activity.digest_pages.week_of", without_minutes)
        text = text_of(mum.get("/parent/digest/").text)
        assert "No minutes counted. 2 blocked attempts." in text.partition("Aruzhan")[2].partition("Timur")[0]
        ru = text_of(mum.get("/parent/digest/", Accept_Language="ru").text)
        assert "Засчитанных минут нет. 2 заблокированные попытки." in ru

    def test_at_log_level_0_nothing_is_asked_for_and_nothing_is_told(
        self, mum: Browser, household: Household
    ) -> None:
        text = text_of(mum.get("/parent/digest/").text)
        assert "Dana Nothing that this child does is stored" in text
        asked = {values["id"] for do, values in household.asked if do == "history"}
        assert asked == {"daughter", "son"}

    def test_no_child_sees_it(self, app: Flask, daemon: Running) -> None:
        assert browser_on(app, "192.168.1.22").get("/parent/digest/").status_code == 303
