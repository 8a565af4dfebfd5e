from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, TABLET, Household
from tests.webui.standin.pages import text_of


def test_the_child_sees_what_is_open_what_is_refused_and_who_decided(tablet: Browser) -> None:
    text = text_of(tablet.get("/my").text)
    for expected in (
        "Aruzhan Open Open until bedtime at 20:45.",
        "Mum set this on Sunday TikTok",
        "The 10-12 rules Adult sites Gambling Ask · Gambling Social networks a parent may allow it",
        "Allowed for you Khan Academy Everything else is allowed.",
        "Bedtime Before school days 20:45–07:00",
        "Roblox School days 16:00–18:00",
        "Play and video Every day 2 h",
        "Blocked sites and when, for 7 days.",
        "Contact centre for children and families 111",
    ):
        assert expected in text


def test_an_approved_list_is_told_as_one(app: Flask, daemon: Running) -> None:
    text = text_of(browser_on(app, "192.168.1.22").get("/my").text)
    assert "Open for you B BilimLand Everything else is closed." in text
    assert "Open for you BilimLand All other sites are blocked." in text, "to read with somebody"
    assert "Sleep 20:00–07:00 Every night" in text
    assert "Sites that you visit and when, for 7 days." in text


@pytest.mark.parametrize(
    ("ip", "child", "expected"),
    [
        ("192.168.1.22", "son", "Your next age group is due in May 2027."),
        ("192.168.1.22", "son", "Next age group, 10-12: due in May 2027"),  # to read with somebody
        ("192.168.1.20", "daughter", "Next age group, 13-15: due in May 2027"),
        ("192.168.1.23", "teen", "Adulthood: due in May 2027"),
    ],
)
def test_a_child_reads_when_its_next_step_is_due(
    app: Flask, daemon: Running, household: Household, ip: str, child: str, expected: str
) -> None:
    household.devices["192.168.1.23"] = {"mac": "02:00:00:00:00:0d", "profile": "teen", "name": "Phone"}
    browser = browser_on(app, ip)
    assert "next step" not in text_of(browser.get("/my").text), "nobody said a month"
    household.edited[child] = {"next_step": "2027-05"}
    assert expected in text_of(browser.get("/my").text)
    assert expected in text_of(browser.get("/my/now").text)


def test_a_child_without_refusals_is_told_so(app: Flask, daemon: Running, household: Household) -> None:
    household.devices["192.168.1.23"] = {"mac": "02:00:00:00:00:0d", "profile": "teen", "name": "Phone"}
    text = text_of(browser_on(app, "192.168.1.23").get("/my").text)
    assert "Nothing. Only harmful sites are blocked, in every home." in text
    assert "Nothing that you do is stored." in text


@pytest.mark.parametrize("path", ["/my", "/my/now", "/why"])
def test_a_sibling_is_never_shown(tablet: Browser, path: str) -> None:
    page = tablet.get(path).text
    for other in ("Timur", "Dana", "Laptop", "BilimLand"):
        assert other not in page


def test_a_pause_is_shown_with_its_end(tablet: Browser, household: Household) -> None:
    household.paused["daughter"] = NOW + timedelta(minutes=30)
    assert "Paused Paused until 20:10. Mum set this." in text_of(tablet.get("/my/now").text)


def test_while_all_is_closed_nothing_else_is_called_open(tablet: Browser, household: Household) -> None:
    household.paused["daughter"] = NOW + timedelta(minutes=30)
    text = text_of(tablet.get("/my").text)
    assert "Everything else is allowed." not in text
    assert "While the internet is blocked, help still works. So does what the device itself needs." in text


def test_a_device_that_is_paused_alone_says_so_itself(tablet: Browser, household: Household) -> None:
    """The child's other devices go on, and the parents' card says Open."""
    household.devices["192.168.1.20"].update(
        state="paused", until=NOW + timedelta(minutes=30), sentence="The internet is paused until 20:10."
    )
    assert "Aruzhan Paused The internet is paused until 20:10." in text_of(tablet.get("/my").text)


def test_a_closed_device_is_not_told_that_the_internet_works(tablet: Browser, household: Household) -> None:
    assert "Internet works" in text_of(tablet.get("/my").text)
    household.devices["192.168.1.20"].update(
        state="bedtime", sentence="It is bedtime: the internet is blocked until 07:00."
    )
    text = text_of(tablet.get("/my").text)
    assert "the internet is blocked until 07:00" in text
    assert "Internet works" not in text


@pytest.mark.parametrize(("state", "shown"), [("bedtime", True), ("open", False)])
def test_what_follows_a_pause_is_said_unless_the_sentence_says_it(
    tablet: Browser, household: Household, state: str, shown: bool
) -> None:
    end = NOW.replace(hour=20, minute=50)
    household.devices["192.168.1.20"].update(
        state="paused", until=end, sentence="Paused until 20:50.", next_change={"at": end, "state": state}
    )
    assert ("Next: bedtime at 20:50" in text_of(tablet.get("/my").text)) is shown
    assert "Next: open" not in text_of(tablet.get("/my").text)


def test_a_device_of_no_child_is_led_to_the_door(stranger: Browser) -> None:
    for path in ("/my", "/my/now"):
        assert stranger.get(path).headers["Location"] == "/"


def test_why_shows_this_device_s_refusals_newest_first(tablet: Browser, household: Household) -> None:
    text = text_of(tablet.get("/why").text)
    assert "TikTok 2 minutes ago TikTok is blocked. Mum set this on Sunday." in text
    assert text.index("TikTok") < text.index("bet.example 7 minutes ago")
    assert ("refusals", {"device": TABLET, "limit": 10}) in household.asked


def test_why_on_another_device_shows_nothing_of_it(stranger: Browser, household: Household) -> None:
    page = stranger.get("/why").text
    assert "Nothing was blocked." in page
    assert "TikTok" not in page
    assert "refusals" not in {do for do, _ in household.asked}


def test_guests_that_cannot_be_told_apart_are_shown_nothing(
    app: Flask, daemon: Running, household: Household
) -> None:
    household.guests_are_several = True
    guest = browser_on(app, "192.168.1.30")
    for path in ("/why", "/refused?host=www.tiktok.com"):
        text = text_of(guest.get(path).text)
        assert "What was blocked for one guest is not shown to another." in text
        assert "TikTok" not in text


def test_the_child_s_page_changes_nothing(tablet: Browser, household: Household) -> None:
    for path in ("/my", "/why", "/refused"):
        assert tablet.post(path).status_code == 405
    assert {do for do, _ in household.asked} <= {"device", "status", "profile", "refusals", "helplines"}
