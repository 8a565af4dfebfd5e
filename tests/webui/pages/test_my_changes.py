"""A guardian says why, and the child reads who changed what, in its own words."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.rules.forms import PAGE, post, revision, send, text_of
from tests.webui.standin.household import Household

EXAMS = "Because of the exams"
LIMIT = "limits/play"


def test_the_child_reads_who_what_before_and_why(mum: Browser, tablet: Browser) -> None:
    assert "What was changed" not in tablet.get("/my").text, "nothing was"
    post(mum, LIMIT, school="45", free="60", because=EXAMS)
    text = text_of(tablet.get("/my").text)
    assert "What was changed, and why Mum changed this today: Play" in text
    assert f"Before: Play on school days: 2 h a day · Play on free days: 3 h a day {EXAMS}" in text
    assert f"Why: {EXAMS}" in text_of(mum.get("/parent/activity/").text), "so do parents"


@pytest.mark.parametrize(
    ("band", "expected", "before"),
    [
        ("6-9", "What was changed Mum changed a rule today. Play", False),
        ("10-12", "What was changed, and why Mum changed this today: Play", True),
        ("16-17", "Mum changed this today: Play", True),
    ],
)
def test_each_reading_level_has_it_in_its_words(
    mum: Browser, tablet: Browser, household: Household, band: str, expected: str, *, before: bool
) -> None:
    household.editing.files["daughter"] |= {
        "band": band, "log_level": "0", "limits": {"play": "2h"}
    }  # fmt: skip
    post(mum, LIMIT, school="45", free="60", because=EXAMS)
    text = text_of(tablet.get("/my").text)
    assert expected in text
    assert EXAMS in text
    assert ("Before: Play" in text) == before


def test_a_siblings_page_has_none_of_it(app: Flask, daemon: Running, mum: Browser) -> None:
    post(mum, LIMIT, school="45", free="60", because=EXAMS)
    page = browser_on(app, "192.168.1.22").get("/my").text
    assert EXAMS not in page
    assert "changed a rule" not in page


def test_hostile_words_are_words(mum: Browser, tablet: Browser) -> None:
    post(mum, LIMIT, school="45", free="60", because="<script>alert(1)</script> \u202eturned\x07\nlines")
    page = tablet.get("/my").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; turned lines" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_long_words_are_cut_and_a_refused_form_keeps_them(mum: Browser, tablet: Browser) -> None:
    status, page = send(mum, LIMIT, school="4000", because=EXAMS)
    assert status == 422
    assert f'name="because" maxlength="200" autocomplete="off" value="{EXAMS}"' in page
    post(mum, LIMIT, school="45", free="60", because="x" * 500)
    assert f"{'x' * 199}…<" in tablet.get("/my").text


def test_every_form_that_saves_rules_has_a_place_for_why(mum: Browser) -> None:
    places = (
        "limits/play",
        "week/bedtime",
        "kinds/",
        "sites/",
        "basics/",
        "services/roblox",
        "band/?to=13-15",
    )
    for place in places:
        page = mum.get(PAGE + place)
        assert page.status_code == 200, (place, page.location)
        assert len(re.findall(r'<input[^>]* name="because" maxlength="200"', page.text)) == 1, place


LAW = "on kz-under-16-social"
TAPS = (
    ("", "switch", {"switch": "off categories/social_networks"}),
    ("", "reset", {"key": "categories/social_networks"}),
    ("laws/", "laws/", {"switch": LAW}),
    ("sites/", "sites/remove", {"entry": "block/service:tiktok"}),
    ("limits/play", "reset", {"key": "limits/service:roblox"}),
    ("week/bedtime", "reset", {"key": "windows/service:roblox"}),
)


@pytest.mark.parametrize(("page", "form", "tapped"), TAPS)
def test_every_tap_that_changes_a_rule_has_a_place_for_why(
    mum: Browser, tablet: Browser, household: Household, page: str, form: str, tapped: dict[str, str]
) -> None:
    if page.startswith(("limits", "week")):
        household.editing.files["daughter"]["bedtime"] = {"school": "20:00-07:00"}
        household.editing.files["daughter"]["limits"]["play"] = "30m"
    fields = re.findall(r"<textarea[^>]*>", mum.get(PAGE + page).text)
    assert ['name="because" maxlength="200"' in one for one in fields] == [True]
    post(mum, form, because=EXAMS, **tapped)
    assert [v["because"] for do, v in household.asked if do == "edit"] == [EXAMS]
    assert EXAMS in text_of(tablet.get("/my").text)


def test_the_field_beside_taps_belongs_to_their_form_and_the_enter_key_presses_none(mum: Browser) -> None:
    for place, form in (("", "switches"), ("laws/", "laws"), ("sites/", "listed")):
        page = mum.get(PAGE + place).text
        assert re.search(rf'<form class="(rule-)?cards" id="{form}" method="post"', page)
        assert re.search(rf'<textarea [^>]*name="because"[^>]* form="{form}">', page)


def test_what_was_said_is_kept_from_one_tap_to_the_next(mum: Browser, household: Household) -> None:
    page = send(mum, "switch", switch="off categories/social_networks", because=EXAMS)[1]
    assert f">{EXAMS}</textarea>" in page
    assert '<details id="say-because" open>' in page
    page = send(mum, "switch", switch="on categories/social_networks", because=EXAMS)[1]
    assert f">{EXAMS}</textarea>" in page
    assert [v["because"] for do, v in household.asked if do == "edit"] == [EXAMS, EXAMS]
    assert EXAMS not in mum.get(PAGE).text, "whoever comes back later has other reasons"
    assert "open" not in re.findall(r'<details id="say-because"([^>]*)>', mum.get(PAGE).text)[0]


def test_what_was_said_is_not_lost_when_the_tap_is_refused_and_is_of_one_child(mum: Browser) -> None:
    page = send(mum, "switch", switch="off categories/social_networks", because=EXAMS, revision="1")[1]
    assert "This has changed in the meantime." in text_of(page)
    assert f">{EXAMS}</textarea>" in page
    mum.post(
        PAGE + "switch",
        {"switch": "off categories/gambling", "because": EXAMS, "revision": "1", "confirmed": "yes"},
    )
    assert EXAMS not in mum.get("/parent/child/son/").text


def test_the_api_says_why_too(mum: Browser, household: Household) -> None:
    number = int(revision(mum.get(PAGE).text))
    assert number
    answer = mum.client.patch(
        "/api/v1/children/daughter/rules",
        json={"set": {"limits/play": "45m"}, "because": EXAMS},
        base_url="http://192.168.1.1:8080",
        headers={"Origin": "http://192.168.1.1:8080"},
        environ_overrides={"REMOTE_ADDR": mum.ip},
    )
    assert answer.status_code == 200, answer.text
    assert [v["because"] for do, v in household.asked if do == "edit"] == [EXAMS]
