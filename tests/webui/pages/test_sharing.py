"""Who is using this device, "I'm on the TV", PINs, "I am an adult", and a phone that is handed over."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import GUEST, NOW, Household
from tests.webui.standin.lending import SHARED, TV

PIN = "4821"


@pytest.fixture
def shared(app: Flask, daemon: Running, household: Household) -> Browser:
    """The tablet of both: the son's rules, until somebody says who it is."""
    household.lending.share()
    household.lending.needs_pins = True
    household.lending.pins["daughter"] = (PIN, "Mum")
    return browser_on(app, "192.168.1.40")


def test_a_shared_device_asks_who_it_is(shared: Browser) -> None:
    page = shared.get("/my").text
    assert "Who is using this device?" in page
    assert "Until someone says who it is, Timur's rules apply." in page
    page = shared.get("/my/use").text
    assert page.index("Timur") < page.index("Aruzhan")
    assert 'href="/my/use/daughter"' in page
    assert 'action="/my/use/son"' in page, "below ten years a tap is enough"


def test_with_the_pin_her_rules_hold_until_she_is_done(shared: Browser, household: Household) -> None:
    assert 'name="pin"' in shared.get("/my/use/daughter").text
    assert shared.post("/my/use/daughter", {"pin": PIN}).status_code == 303
    page = shared.get("/my").text
    assert "Aruzhan is using this device" in page
    assert "until 21:40 at the latest" in page
    assert "I'm done" in page
    assert shared.post("/my/leave").status_code == 303
    assert household.lending.uses == {}
    assert "Who is using this device?" in shared.get("/my").text


def test_what_it_says_of_itself_is_kept_fresh(shared: Browser, tablet: Browser) -> None:
    assert 'data-live="/my/sharing"' in shared.get("/my").text
    assert "Who is using this device?" in shared.get("/my/sharing").text
    shared.post("/my/use/daughter", {"pin": PIN})
    assert "Aruzhan is using this device" in shared.get("/my/sharing").text
    assert "/my/sharing" not in tablet.get("/my").text
    assert tablet.get("/my/sharing").text.strip() == ""


def test_a_wrong_pin_is_told_and_nothing_changes(shared: Browser, household: Household) -> None:
    answer = shared.post("/my/use/daughter", {"pin": "1111"})
    assert answer.status_code == 409
    assert "This is not Aruzhan&#39;s PIN." in answer.text
    assert "1111" not in answer.text
    assert household.lending.uses == {}


@pytest.mark.parametrize("who", ["teen", "mum", "nobody"])
def test_nobody_else_can_be_named(shared: Browser, household: Household, who: str) -> None:
    assert shared.get(f"/my/use/{who}").status_code == 404
    assert shared.post(f"/my/use/{who}", {"pin": PIN}).status_code == 404
    assert household.lending.uses == {}


def test_a_device_of_one_child_asks_nothing(tablet: Browser) -> None:
    assert "Who is using" not in tablet.get("/my").text
    assert tablet.get("/my/use").status_code == 404
    assert tablet.post("/my/use/son").status_code == 404


def test_a_child_is_on_the_television_from_its_phone(
    shared: Browser, app: Flask, household: Household
) -> None:
    phone = browser_on(app, "192.168.1.21")
    assert "on the TV" in phone.get("/my").text
    assert "No one has said who uses it, so Timur's rules apply." in phone.get("/my/screens").text
    phone.post("/my/screens", {"screen": TV})
    assert household.lending.uses[TV][0] == "daughter"
    page = phone.get("/my/screens").text
    assert "You are on Television now." in page
    assert "You are on it until 21:40 at the latest." in page
    brother = browser_on(app, "192.168.1.22")
    assert "Aruzhan is on it until 21:40 at the latest." in brother.get("/my/screens").text
    answer = brother.post("/my/screens", {"screen": TV})
    assert answer.status_code == 409
    assert "Aruzhan is on it now." in answer.text
    phone.post("/my/leave", {"screen": TV})
    assert household.lending.uses == {}


@pytest.mark.parametrize("screen", ["", SHARED, "02:00:00:00:00:0c"])
def test_no_other_screen_can_be_named(shared: Browser, app: Flask, household: Household, screen: str) -> None:
    assert browser_on(app, "192.168.1.21").post("/my/screens", {"screen": screen}).status_code == 400
    assert household.lending.uses == {}


# ---------------------------------------------------------------------------------------- the child's own


def test_the_ledger_is_behind_the_pin(shared: Browser, tablet: Browser) -> None:
    assert tablet.get("/my/time").headers["Location"] == "/my/pin"
    assert tablet.post("/my/pin", {"pin": "1111"}).status_code == 409
    assert tablet.get("/my/time").status_code == 303
    assert tablet.post("/my/pin", {"pin": PIN}).headers["Location"] == "/my/time"
    assert "Where my time went" in tablet.get("/my/time").text
    for path in ("/my", "/my/ask", "/why"):
        assert shared.get(path).status_code == 200


def test_it_is_open_for_half_an_hour_and_for_nobody_else(
    shared: Browser, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared.post("/my/use/daughter", {"pin": PIN})
    shared.post("/my/pin", {"pin": PIN})
    assert shared.get("/my/time").status_code == 200
    later = time.time() + 31 * 60
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: later)
        assert shared.get("/my/time").status_code == 303
    assert shared.get("/my/time").status_code == 200
    household.lending._begin(SHARED, "son", "use")
    assert shared.get("/my/time").headers["Location"] == "/my/pin", "her brother took the tablet"
    household.lending._begin(SHARED, "daughter", "use")
    assert shared.get("/my/time").status_code == 200
    del household.lending.pins["daughter"]
    assert shared.get("/my/time").status_code == 303, "a PIN that is gone opens nothing"


def test_a_clock_that_is_put_back_does_not_keep_it_open(
    shared: Browser, tablet: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    tablet.post("/my/pin", {"pin": PIN})
    earlier = time.time() - 3600
    monkeypatch.setattr(time, "time", lambda: earlier)
    assert tablet.get("/my/time").status_code == 303


def test_below_ten_years_a_parent_opens_it(shared: Browser, app: Flask, household: Household) -> None:
    laptop = browser_on(app, "192.168.1.22")
    assert laptop.get("/my/time").headers["Location"] == "/my/pin"
    assert "Together with a parent" in laptop.get("/my/pin").text
    laptop.post("/signin", {"code": household.guardians.link("Mum")})
    assert laptop.get("/my/time").status_code == 200


def test_a_child_sets_its_first_pin_on_its_own_device(
    shared: Browser, tablet: Browser, household: Household
) -> None:
    household.lending.pins.clear()
    assert "See how to set one" in tablet.get("/my").text
    assert "Set a PIN of your own" in tablet.get("/my/pin").text
    answer = tablet.post("/my/pin/set", {"pin": "7035", "again": "7036"})
    assert "The two are not the same." in answer.text
    tablet.post("/my/pin/set", {"pin": "7035", "again": "7035"})
    assert household.lending.pins["daughter"] == ("7035", "")
    assert "but not the PIN" in tablet.get("/my").text


@pytest.mark.parametrize(
    ("ago", "by", "told"),
    [(timedelta(minutes=5), "", True), (timedelta(minutes=5), "Mum", False), (timedelta(days=2), "", False)],
)
def test_the_parents_are_told_for_a_day_that_a_child_set_one(
    mum: Browser, household: Household, ago: timedelta, by: str, told: bool
) -> None:
    household.lending.pins["daughter"] = (PIN, by)
    household.lending.set_ago = ago
    assert ("Aruzhan set a PIN" in mum.get("/parent/").text) is told


def test_on_a_shared_device_it_is_told_where_to_set_one(shared: Browser, household: Household) -> None:
    household.lending.pins.clear()
    household.lending._begin(SHARED, "daughter", "use", "Mum")
    assert "You set it on your own device:" in shared.get("/my/pin").text
    assert shared.post("/my/pin/set", {"pin": "7035", "again": "7035"}).status_code == 400
    assert "daughter" not in household.lending.pins


# ---------------------------------------------------------------------------------------- parents


@pytest.fixture
def mums(mum: Browser, household: Household) -> Browser:
    """Mum's phone, which is an adult's."""
    household.devices[mum.ip] = {"mac": "02:00:00:00:00:07", "profile": "adult", "name": "Mum's phone"}
    return mum


def test_a_phone_that_is_handed_over_shows_the_child_s_page_until_a_parent_signs_in(
    mums: Browser, household: Household, app: Flask
) -> None:
    assert "Hand over to Timur" in mums.get("/parent/sharing/").text
    assert mums.post("/parent/sharing/hand-over", {"who": "son"}).headers["Location"] == "/my"
    asked = dict(household.asked)["hand_over"]
    assert (asked["by"], asked["origin"]) == ("Mum", mums.ip)
    assert "Mum gave it to Timur." in mums.get("/my").text
    for path in ("/parent/", "/parent/sharing/", "/parent/requests"):
        assert mums.get(path).headers["Location"] == "/signin"
    assert mums.post("/parent/sharing/take-back", {"device": "02:00:00:00:00:07"}).status_code == 303
    assert household.lending.uses
    assert mums.get("/").headers["Location"] == "/my"
    mums.post("/signin", {"code": household.guardians.link("Mum")})
    assert household.lending.uses == {}
    assert mums.get("/parent/").status_code == 200


def test_another_browser_of_that_phone_is_locked_too(mums: Browser, household: Household, app: Flask) -> None:
    other = browser_on(app, mums.ip)
    other.post("/signin", {"code": household.guardians.link("Mum")})
    assert other.get("/parent/").status_code == 200
    mums.post("/parent/sharing/hand-over", {"who": "son"})
    assert other.get("/parent/").headers["Location"] == "/signin"


def test_a_session_of_that_phone_is_locked_under_another_address_too(
    mums: Browser, household: Household, app: Flask
) -> None:
    """The child switches the phone's private address on: another device for the network, the same browser."""
    other = browser_on(app, mums.ip)
    other.post("/signin", {"code": household.guardians.link("Mum")})
    dads = browser_on(app, "192.168.1.8")
    dads.post("/signin", {"code": household.guardians.link("Mum")})
    mums.post("/parent/sharing/hand-over", {"who": "son"})
    for other.ip in ("192.168.1.99", "fd00::aaaa"):
        assert other.get("/parent/").headers["Location"] == "/signin"
        assert other.get("/api/v1/account").status_code == 401
    assert dads.get("/parent/").status_code == 200
    dads.post("/parent/sharing/take-back", {"device": "02:00:00:00:00:07"})
    assert other.get("/parent/").status_code == 200


def test_it_is_taken_back_from_another_device_too(mums: Browser, household: Household, app: Flask) -> None:
    mums.post("/parent/sharing/hand-over", {"who": "son"})
    dads = browser_on(app, "192.168.1.8")
    dads.post("/signin", {"code": household.guardians.link("Mum")})
    page = dads.get("/parent/sharing/").text
    assert "Handed over to Timur by Mum." in page
    household.lending.uses["02:00:00:00:00:07"] = ("son", "handed", "console")
    assert "by The gateway's console." in dads.get("/parent/sharing/").text.replace("&#39;", "'")
    dads.post("/parent/sharing/take-back", {"device": "02:00:00:00:00:07"})
    assert household.lending.uses == {}
    assert "has its own rules again." in dads.get("/parent/sharing/").text


def test_a_child_s_device_is_not_handed_over(mum: Browser, household: Household) -> None:
    household.devices[mum.ip] = {"mac": "02:00:00:00:00:07", "profile": "guest", "name": ""}
    assert "Only an adult" in mum.get("/parent/sharing/").text
    mum.post("/parent/sharing/hand-over", {"who": "son"})
    assert household.lending.uses == {}
    assert mum.post("/parent/sharing/hand-over", {"who": "nobody"}).status_code == 400


def test_a_parent_says_who_is_on_it_and_takes_a_pin_away(
    shared: Browser, mum: Browser, household: Household
) -> None:
    page = mum.get("/parent/sharing/").text
    assert "Aruzhan is on it" in page
    assert "Mum set it" in page
    mum.post("/parent/sharing/use", {"device": SHARED, "who": "daughter"})
    assert household.lending.uses[SHARED] == ("daughter", "use", "Mum")
    mum.post("/parent/sharing/use", {"device": SHARED, "who": ""})
    assert household.lending.uses == {}
    assert mum.post("/parent/sharing/use", {"device": SHARED, "who": "teen"}).status_code == 400
    mum.post("/parent/sharing/pin", {"who": "daughter", "action": "clear"})
    assert "daughter" not in household.lending.pins
    mum.post("/parent/sharing/pin", {"who": "daughter", "action": "set", "pin": "7035"})
    assert household.lending.pins["daughter"] == ("7035", "Mum")
    page = mum.get("/parent/sharing/").text
    assert "Aruzhan has a new PIN." in page
    assert "7035" not in page


@pytest.mark.parametrize("path", ["/", "/hand-over", "/take-back", "/use", "/pin"])
def test_the_parents_page_is_the_parents(tablet: Browser, path: str) -> None:
    answer = tablet.get("/parent/sharing/") if path == "/" else tablet.post(f"/parent/sharing{path}")
    assert answer.headers["Location"] == "/signin"


# ---------------------------------------------------------------------------------------- a stranger


def test_who_says_to_be_an_adult(app: Flask, daemon: Running, household: Household) -> None:
    guest = browser_on(app, "192.168.1.30")
    assert "I am an adult" in guest.get("/").text
    assert guest.post("/my/adult").status_code == 303
    assert household.lending.adults == {GUEST}
    page = guest.get("/").text
    assert "Nothing is recorded on this device, and the parents are asked." in page
    assert "Tell the parents" not in page


def test_a_parent_reads_who_says_so(mum: Browser, household: Household) -> None:
    household.questions[:] = [
        {
            "mac": GUEST, "ask": "new", "at": NOW - timedelta(minutes=1), "name": "", "kind": "",
            "online": True, "sightings": "moment", "known": None, "known_name": "", "owner": None,
            "owner_name": "", "rules": None, "rules_name": "", "signs": [], "settled": False, "adult": True,
            "replies": ["home", "guest", "visitor", "adult"], "people": True, "sentence": "",
        }
    ]  # fmt: skip
    assert "Its user says they’re an adult." in mum.get("/parent/").text


def test_a_hostile_name_is_shown_as_text(shared: Browser, household: Household) -> None:
    household.devices["192.168.1.40"]["name"] = "<script>alert(1)</script>"
    for path in ("/my", "/my/use", "/my/pin"):
        assert "<script>alert" not in shared.get(path).text
