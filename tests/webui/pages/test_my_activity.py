"""A child's own activity: the parents' strip, marks and totals, in its words and on its own device."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, Household
from tests.webui.standin.pages import text_of

SONS = "192.168.1.22"
PAGES = ("/my/activity/", "/my/activity/week", "/my/activity/month")


def test_a_day_has_its_strip_its_marks_and_its_totals_against_limits(tablet: Browser) -> None:
    page = tablet.get("/my/activity/").text
    text = text_of(page)
    assert '<rect class="mark"' in page
    assert page.count('class="mark-initial"') >= 2
    for expected in ("My activity", "Your time", "left of", "YouTube", "What was blocked"):
        assert expected in text


def test_each_request_is_about_the_device_itself(tablet: Browser, household: Household) -> None:
    tablet.get("/my/activity/")
    for do, values in household.asked:
        if do in ("history", "ledger"):
            assert "id" not in values
            assert "who" not in values
            assert values["device"]


def test_a_week_and_a_month_have_bars(tablet: Browser) -> None:
    for path in PAGES[1:]:
        assert "Minutes by day" in tablet.get(path).text


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("band", ["10-12", "13-15"])
def test_the_child_compares_itself_at_every_age(
    tablet: Browser, household: Household, band: str, level: int
) -> None:
    household.edited["daughter"] = {"band": band, "log_level": level}
    assert "Usual for you" in text_of(tablet.get("/my/activity/").text)


def test_nothing_of_it_leads_to_a_parents_page(tablet: Browser) -> None:
    for path in PAGES:
        page = tablet.get(path).text
        assert "/parent/" not in page
        assert "Set a limit" not in page


def test_what_was_blocked_can_be_asked_for_once(tablet: Browser, household: Household) -> None:
    page = tablet.get("/my/activity/").text
    asks = re.findall(r'name="host" value="([^"]+)"', page)
    assert asks
    assert tablet.post("/my/ask/site", {"host": asks[0]}).status_code == 303
    (asked,) = [values for do, values in household.asked if do == "request"]
    assert asked["site"] == asks[0]


def test_what_was_never_blocked_cannot_be_asked_for(tablet: Browser, household: Household) -> None:
    assert tablet.post("/my/ask/site", {"host": "guessed.example"}).status_code == 409
    assert [do for do, _ in household.asked if do == "request"] == []


def test_my_rules_leads_to_it_and_young_children_read_fewer_words(
    mum: Browser, app: Flask, daemon: Running, household: Household
) -> None:
    sons = browser_on(app, SONS)
    assert 'href="/my/activity/"' in sons.get("/my").text


@pytest.mark.parametrize("path", PAGES)
def test_a_device_of_no_child_has_none(app: Flask, daemon: Running, path: str) -> None:
    answer = browser_on(app, "192.168.1.99").get(path)
    assert answer.status_code == 303


def test_from_ten_on_it_needs_the_pin(tablet: Browser, household: Household) -> None:
    household.lending.needs_pins = True
    household.lending.pins["daughter"] = ("4821", "")
    assert tablet.get("/my/activity/").headers["Location"] == "/my/pin"


def test_an_earlier_day_is_a_tap_away(tablet: Browser) -> None:
    yesterday = (NOW.date() - timedelta(days=1)).isoformat()
    assert f"/my/activity/?day={yesterday}" in tablet.get("/my/activity/").text
