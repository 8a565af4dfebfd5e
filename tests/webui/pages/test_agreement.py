"""A family's agreement on the pages: each says it alone, and a later change is told to both."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of

MINE, PARENTS, RULES = "/my/agreement", "/parent/child/daughter/agreement", "/parent/child/daughter/"
PIN = "7035"
YES = {"do": "agree", "pin": PIN}


@pytest.fixture(autouse=True)
def _pins(household: Household) -> None:
    household.lending.needs_pins = True
    household.lending.pins["daughter"] = (PIN, "")


def test_it_is_whole_once_both_have_said_so(mum: Browser, tablet: Browser) -> None:
    assert "You and a parent can read the rules together and agree on them." in text_of(
        tablet.get("/my").text
    )
    assert "Read the rules together with Aruzhan." in text_of(mum.get(RULES).text)
    assert tablet.post(MINE, YES).status_code == 303
    told = text_of(tablet.get(MINE).text)
    assert "You have agreed to the rules as they are now. A parent has not yet." in told
    assert "We have read these rules together" not in told
    assert "Aruzhan has agreed to the rules as they are now, and waits for a parent." in text_of(
        mum.get(RULES).text
    )
    answer = mum.post(PARENTS, {"do": "agree"})
    assert (answer.status_code, answer.location) == (303, RULES)
    assert "Aruzhan and Mum agreed on these rules today." in text_of(mum.get(RULES).text)
    assert "You and Mum agreed on these rules today." in text_of(tablet.get("/my").text)


def test_a_guardian_may_say_it_first(mum: Browser, tablet: Browser) -> None:
    mum.post(PARENTS, {"do": "agree"})
    assert "Mum has agreed to the rules as they are now, and waits for you." in text_of(
        tablet.get("/my").text
    )
    assert "Aruzhan has not yet, and can do so on My rules" in text_of(mum.get(RULES).text)
    tablet.post(MINE, YES)
    assert "You and Mum agreed on these rules today." in text_of(tablet.get(MINE).text)


def test_a_later_change_is_told_to_both(mum: Browser, tablet: Browser, household: Household) -> None:
    household.agreeing.both("daughter")
    household.edited["daughter"] = {"bedtime": []}
    mine = tablet.get("/my").text
    assert "The rules have changed since you and Mum agreed on them on Sunday." in text_of(mine)
    assert 'href="/my#changed"' in mine
    page = mum.get(RULES).text
    assert "The rules have changed since Aruzhan and Mum agreed on them on Sunday." in text_of(page)
    assert 'value="agree"' in page
    mum.post(PARENTS, {"do": "agree"})
    tablet.post(MINE, YES)
    assert "You and Mum agreed on these rules today." in text_of(tablet.get("/my").text)


def test_either_takes_it_back(mum: Browser, tablet: Browser, household: Household) -> None:
    for browser, page in ((mum, PARENTS), (tablet, MINE)):
        household.agreeing.both("daughter")
        assert browser.post(page, {"do": "end", "pin": PIN}).status_code == 303
        assert "You and a parent can read the rules together" in text_of(tablet.get(MINE).text)


def test_a_wrong_pin_says_nothing_for_anybody(tablet: Browser, household: Household) -> None:
    answer = tablet.post(MINE, {**YES, "pin": "1111"})
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    assert household.agreeing.kept == {}
    assert tablet.post(MINE, {"do": "burn", "pin": PIN}).status_code == 400


def test_without_a_pin_it_says_how_to_get_one(tablet: Browser, household: Household) -> None:
    household.lending.pins.clear()
    page = tablet.get(MINE).text
    assert "It takes a PIN of your own" in text_of(page)
    assert 'value="agree"' not in page


def test_below_ten_there_is_none(mum: Browser, app: Flask) -> None:
    laptop = browser_on(app, "192.168.1.22")
    assert laptop.get(MINE).status_code == 404
    assert "Agreed together" not in laptop.get("/my").text
    assert "Agreed together" not in mum.get("/parent/child/son/").text
    assert mum.get("/api/v1/children/son/agreement").status_code == 404


def test_programs_say_and_read_it(mum: Browser, tablet: Browser, household: Household) -> None:
    site = {"base_url": "http://192.168.1.1:8080", "headers": {"Origin": "http://192.168.1.1:8080"}}
    own = {**site, "environ_overrides": {"REMOTE_ADDR": tablet.ip}}
    told = tablet.client.post("/api/v1/my/agreement", json={"pin": PIN}, **own)
    assert told.status_code == 200
    assert told.json is not None
    assert (told.json["state"], told.json["waits"]["side"]) == ("none", "child")
    both = mum.client.post(
        "/api/v1/children/daughter/agreement",
        **site,
        environ_overrides={"REMOTE_ADDR": mum.ip},
    )
    assert both.json is not None
    assert (both.json["state"], both.json["by"]) == ("agreed", "Mum")
    assert mum.get("/api/v1/children/daughter/agreement").json == both.json
    ended = tablet.client.post("/api/v1/my/agreement/end", json={"pin": PIN}, **own)
    assert ended.json is not None
    assert ended.json["state"] == "none"
    assert household.agreeing.kept == {}
