from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.asking import AGAIN, COPY, GONE, NEW, REPEATER, a_question, each
from tests.webui.standin.household import Household
from tests.webui.standin.pages import HOSTILE, text_of
from tests.webui.standin.places import GUEST


@pytest.fixture
def asked(household: Household) -> Household:
    household.questions = each()
    return household


def test_each_question_has_a_card_with_its_answers(mum: Browser, asked: Household) -> None:
    text = text_of(mum.get("/parent/").text)
    for expected in (
        "Two devices with one address? phone · 3 minutes ago · online "
        "Another device may use the address of Mum's Mums-Galaxy. "
        "What changed: its type, what it asks the network for. Until you answer, Aruzhan's rules apply. "
        "It is the same device It is another",
        "Is this Aruzhan's Tablet again? tablet · 3 minutes ago · online "
        "Aruzhan-iPad came with another address. What matches: its name, when it came. "
        "Until you answer, Aruzhan's rules apply. Yes No Something else "
        "No mobile data Yes, and keep the old address Aruzhan Timur Dana Not filtered "
        "For printers, lamps and the like. Only harmful sites are blocked. "
        "A guest Sites are filtered as for a child of 10 or older, no internet at night. "
        "Adult guest, until 06:00 Filtered like a guest, but with internet at night. "
        "An adult's Only harmful sites are blocked, and nothing is recorded.",
        f"New device: {GONE} 3 minutes ago · online "
        "It came with a made-up address when a child's device left.",
        "RE305 is a repeater 3 minutes ago · online We cannot tell the devices behind it "
        "apart. Your choice applies to all of them. No mobile data Aruzhan Timur Dana "
        "As it is Its rules do not change. Not filtered",
        "New device: Galaxy-S23 phone · 3 minutes ago · online Who uses it? No mobile data "
        "Aruzhan Timur Dana Not filtered",
    ):
        assert expected in text.replace("&#39;", "'"), text


def test_five_cards_and_the_rest_is_counted(mum: Browser, household: Household) -> None:
    household.questions = [a_question("new", mac=f"da:a1:19:00:01:{number:02x}") for number in range(12)]
    page = mum.get("/parent/").text
    assert len(re.findall(r'id="question-\d+"', page)) == 5
    assert "7 more devices wait for an answer." in text_of(page)


def test_nothing_is_asked(mum: Browser, household: Household) -> None:
    assert "question-1" not in mum.get("/parent/").text
    assert "questions" not in {do for do, _ in household.asked}


@pytest.mark.parametrize(
    ("mac", "values", "sent", "told"),
    [
        (AGAIN, {"answer": "again"}, {"answer": "again"}, "Aruzhan-iPad is Aruzhan's now."),
        (AGAIN, {"answer": "not_same"}, {"answer": "not_same"}, "Aruzhan-iPad is a new device."),
        (COPY, {"answer": "me"}, {"answer": "me"}, "The change is trusted from now on."),
        (COPY, {"answer": "not_same"}, {"answer": "not_same"}, "The stricter rules stay until you end them."),
        (NEW, {"profile": "son"}, {"profile": "son"}, "Galaxy-S23 is Timur's now."),
        (NEW, {"answer": "visitor"}, {"answer": "visitor"}, "is an adult guest until tomorrow at 06:00."),
        (REPEATER, {"answer": "fine"}, {"answer": "fine"}, "RE305 stays as it is."),
    ],
)
def test_one_tap_answers(
    mum: Browser, asked: Household, mac: str, values: dict[str, str], sent: dict[str, str], told: str
) -> None:
    answer = mum.post("/parent/devices/", {"mac": mac, **values})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/parent/")
    found = [values for do, values in asked.asked if do == "identify"]
    assert all(values.pop("session") for values in found)
    assert found == [{"mac": mac, "by": "Mum", "origin": "192.168.1.7", **sent}]
    assert told in text_of(mum.get("/parent/").text).replace("&#39;", "'")


@pytest.mark.parametrize(
    "values",
    [
        {"mac": NEW, "answer": "again"},
        {"mac": NEW, "answer": "me"},
        {"mac": NEW, "profile": "mum"},
        {"mac": COPY, "profile": "son"},
        {"mac": NEW},
    ],
)
def test_what_no_button_says_is_refused(mum: Browser, asked: Household, values: dict[str, str]) -> None:
    assert mum.post("/parent/devices/", values).status_code == 400
    assert "identify" not in {do for do, _ in asked.asked}


def test_who_was_slower_is_told_so(mum: Browser, asked: Household) -> None:
    assert mum.post("/parent/devices/", {"mac": "02:00:00:00:00:ff", "answer": "home"}).status_code == 303
    assert "Another parent has answered this already." in text_of(mum.get("/parent/").text)


def test_nobody_else_answers(tablet: Browser, asked: Household) -> None:
    assert tablet.post("/parent/devices/", {"mac": NEW, "answer": "home"}).headers["Location"] == "/signin"
    assert "identify" not in {do for do, _ in asked.asked}


def test_names_of_devices_are_text(mum: Browser, household: Household) -> None:
    household.questions = [{**one, "name": HOSTILE, "known_name": HOSTILE} for one in each()]
    page = mum.get("/parent/").text
    assert "<script>alert" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize(
    ("ask", "told"),
    [("again", "This may be a known device with another address."), ("copy", "seem to use one address")],
)
def test_a_device_about_which_is_asked_sees_its_state_and_nothing_of_the_child(
    app: Flask, daemon: Running, household: Household, ask: str, told: str
) -> None:
    household.devices["192.168.1.40"] = {
        "mac": AGAIN, "profile": "daughter", "name": "iPad", "asked": ask, "state": "open",
        "sentence": "Open until bedtime at 20:45.",
    }  # fmt: skip
    browser = browser_on(app, "192.168.1.40")
    for path in ("/my", "/my/ask", "/my/time", "/my/code"):
        assert browser.get(path).headers["Location"] == "/"
    text = text_of(browser.get("/").text)
    assert told in text
    assert "a child&#39;s rules apply" in text or "a child's rules apply" in text
    assert "Open until bedtime at 20:45." in text
    for path in ("/", "/why", "/refused?host=www.tiktok.com"):
        assert "Aruzhan" not in browser.get(path).text


def test_an_answer_can_be_undone(mum: Browser, asked: Household) -> None:
    question = a_question("new", mac=GUEST)
    asked.questions = [question]
    asked.things.of(GUEST).update(profile="guest")
    mum.post("/parent/devices/", {"mac": GUEST, "answer": "visitor"})
    page = mum.get("/parent/").text
    assert 'action="/parent/device/assign/back"' in page
    assert f'name="was" value="{GUEST} guest"' in page
    mum.post("/parent/device/assign/back", {"was": f"{GUEST} guest"})
    assert asked.things.of(GUEST)["profile"] == "guest"
