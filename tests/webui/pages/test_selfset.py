"""Times of one's own: a teenager turns them on by its PIN; the pages say who set what, to both."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household
from tests.webui.standin.pages import HOSTILE, text_of

PAGE = "/my/times/"
PHONE = "192.168.1.24"
PIN = "7035"
NIGHT = {
    "school-from": "22:00", "school-to": "07:00", "free-from": "23:30", "free-to": "09:00",
    "pin": PIN, "do": "set",
}  # fmt: skip
FAMILYS = {"days": None, "from": "23:00", "to": "06:30", "owner": "family"}


@pytest.fixture
def phone(app: Flask, household: Household, daemon: Running) -> Browser:
    household.devices[PHONE] = {"mac": "02:00:00:00:00:0d", "profile": "teen", "name": "Phone"}
    household.lending.needs_pins = True
    household.lending.pins["teen"] = (PIN, "")
    return browser_on(app, PHONE)


def own(household: Household) -> dict[str, object]:
    return {one.key: one.value for one in household.choosing.choices.get("teen", ())}


def test_the_suggestion_is_shown_and_off_until_the_child_turns_it_on(
    phone: Browser, household: Household
) -> None:
    before = text_of(phone.get("/my").text)
    assert "At 16 and 17 there is no bedtime and no limit at first." in before
    page = phone.get(PAGE).text
    assert "Off. A suggestion for 16 and 17: Bedtime on school nights 22:00–07:00" in text_of(page)
    assert 'name="school-from" value="22:00"' in page
    answer = phone.post(f"{PAGE}bedtime", NIGHT)
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert own(household) == {"bedtime": {"school": "22:00-07:00", "free": "23:30-09:00"}}
    told = text_of(phone.get(PAGE).text)
    assert "Your own bedtime is now active." in told
    assert "Bedtime before free days 23:30–09:00 You set this today." in told
    assert "You set this today." in text_of(phone.get("/my").text)


def test_it_is_changed_and_turned_off_by_the_pin(phone: Browser, household: Household) -> None:
    household.choosing.put("teen", bedtime="22:00-07:00")
    phone.post(f"{PAGE}bedtime", {**NIGHT, "school-from": "21:30", "free-from": "", "free-to": ""})
    assert own(household) == {"bedtime": {"school": "21:30-07:00", "free": {}}}
    assert phone.post(f"{PAGE}bedtime", {"do": "off", "pin": PIN}).status_code == 303
    assert own(household) == {}
    assert "Your own bedtime is off." in text_of(phone.get(PAGE).text)


def test_a_limit_is_added_changed_and_turned_off(phone: Browser, household: Household) -> None:
    new = {"target": "category:games", "school": "60", "free": "90", "pin": PIN, "do": "set"}
    assert phone.post(f"{PAGE}limit", new).status_code == 303
    assert own(household) == {"limits/category:games": {"school": "1h", "free": "90m"}}
    page = phone.get(PAGE).text
    assert "Games on school days: 1 h a day" in text_of(page)
    assert '<option value="category:games"' not in page, "there is one"
    phone.post(f"{PAGE}limit", {**new, "free": ""})
    assert own(household) == {"limits/category:games": {"school": "1h", "free": {}}}
    phone.post(f"{PAGE}limit", {"target": "category:games", "do": "off", "pin": PIN})
    assert own(household) == {}


def test_a_wrong_pin_changes_nothing_and_keeps_what_was_typed(phone: Browser, household: Household) -> None:
    answer = phone.post(f"{PAGE}bedtime", {**NIGHT, "school-from": "21:15", "pin": "1111"})
    assert answer.status_code == 409
    assert own(household) == {}
    assert 'role="alert"' in answer.text
    assert 'name="school-from" value="21:15"' in answer.text
    new = {"target": "category:games", "school": "45", "pin": "1111", "do": "set"}
    again = phone.post(f"{PAGE}limit", new).text
    assert '<option value="category:games" selected>' in again
    assert 'value="45"' in again


@pytest.mark.parametrize(
    ("form", "values", "told"),
    [
        ("bedtime", {**NIGHT, "school-to": ""}, "Write a start and an end from 00:00 to 23:59"),
        ("bedtime", {**NIGHT, "school-from": "22:99"}, "Write a start and an end from 00:00 to 23:59"),
        ("bedtime", {**NIGHT, "free-to": "12:75"}, "Write a start and an end from 00:00 to 23:59"),
        ("bedtime", {"do": "set", "pin": PIN}, "Nothing is filled in."),
        ("bedtime", {**NIGHT, "school-from": "08:00", "school-to": "20:00"}, "22:00"),
        ("limit", {"target": "internet", "school": "2000", "do": "set", "pin": PIN}, "Write a time such as"),
        ("limit", {"target": "internet", "do": "set", "pin": PIN}, "Nothing is filled in."),
    ],
)
def test_what_is_no_time_is_told_beside_its_form(
    phone: Browser, household: Household, form: str, values: dict[str, str], told: str
) -> None:
    answer = phone.post(f"{PAGE}{form}", values)
    assert answer.status_code in (409, 422)
    assert told in text_of(answer.text)
    assert own(household) == {}


@pytest.mark.parametrize(
    "values", [{"do": "more"}, {"target": "internet", "do": "burn"}, {"target": HOSTILE, "do": "off"}]
)
def test_what_no_form_of_ours_sends_is_none(phone: Browser, values: dict[str, str]) -> None:
    assert phone.post(f"{PAGE}limit", {**values, "pin": PIN}).status_code == 400


def test_without_a_pin_it_says_how_to_get_one(phone: Browser, household: Household) -> None:
    household.lending.pins.clear()
    page = phone.get(PAGE).text
    assert "It takes a PIN of your own, and you have none yet." in text_of(page)
    assert 'href="/my/pin"' in page
    assert 'name="pin"' not in page
    assert phone.post(f"{PAGE}bedtime", NIGHT).status_code == 409
    assert own(household) == {}


def test_who_else_knows_the_pin_is_told(phone: Browser, household: Household) -> None:
    assert "knows it" not in phone.get(PAGE).text
    household.lending.pins["teen"] = (PIN, "Mum")
    assert "Mum set your PIN and knows it. Once you set another, you alone do." in text_of(
        phone.get(PAGE).text
    )


def test_what_others_set_stands_beside_it(phone: Browser, household: Household) -> None:
    mine = {"days": None, "from": "22:00", "to": "07:00", "owner": "self:Dana"}
    household.edited["teen"] = {"bedtime": [FAMILYS, mine], "set": {"by": "Mum", "at": household.growing.now}}
    household.choosing.put("teen", bedtime="22:00-07:00")
    assert "Others have also set: Every night 23:00–06:30" in text_of(phone.get(PAGE).text)
    told = text_of(phone.get("/my").text)
    assert "Mum set this today 23:00–06:30" in told
    assert "You set this yourself. 22:00–07:00" in told


def test_the_parents_read_that_the_child_set_it_and_when(
    mum: Browser, phone: Browser, household: Household
) -> None:
    page = "/parent/child/teen/"
    assert "Nothing yet. At 16 and 17 bedtime and limits are suggestions" in text_of(mum.get(page).text)
    household.choosing.ago = timedelta(days=1)
    household.choosing.put("teen", bedtime="22:00-07:00", limits_internet="2h")
    told = text_of(mum.get(page).text)
    assert "Times that Dana set" in told
    assert "Bedtime every night 22:00–07:00 Dana’s own choice, set yesterday" in told
    assert "The internet: 2 h a day Dana’s own choice, set yesterday" in told
    assert "Only Dana can change it or turn it off." in told


def test_in_younger_rules_both_read_that_it_does_not_hold(
    mum: Browser, phone: Browser, household: Household
) -> None:
    household.choosing.put("teen", bedtime="22:00-07:00")
    household.edited["teen"] = {"band": "13-15"}
    mine = text_of(phone.get("/my").text)
    assert "They do not apply in your current rules. Bedtime every night 22:00–07:00" in mine
    assert phone.get(PAGE).status_code == 404
    assert phone.post(f"{PAGE}bedtime", NIGHT).status_code == 404
    assert "It does not apply in the" in text_of(mum.get("/parent/child/teen/").text)


def test_nobody_younger_and_no_other_device_has_the_page(tablet: Browser, app: Flask) -> None:
    assert tablet.get(PAGE).status_code == 404
    assert browser_on(app, "192.168.1.31").get(PAGE).status_code == 404
    assert "Times of your own" not in tablet.get("/my").text


def test_what_it_closes_is_told_to_the_child_as_its_own(phone: Browser, household: Household) -> None:
    household.devices[PHONE].update(
        state="bedtime", reason="bedtime", rule="bedtime: 22:00-07:00", owner="self:Dana",
        sentence="It is bedtime: the internet is blocked. This is Dana's own choice.",
    )  # fmt: skip
    told = text_of(phone.get("/my").text)
    assert "You set this yourself." in told
    assert "Dana's own choice" not in told


def test_programs_read_and_change_it_by_the_same_pin(
    phone: Browser, mum: Browser, household: Household
) -> None:
    def patch(**values: object) -> int:
        return phone.client.patch(
            "/api/v1/my/times", json=values, base_url="http://192.168.1.1:8080",
            environ_overrides={"REMOTE_ADDR": PHONE}, headers={"Origin": "http://192.168.1.1:8080"},
        ).status_code  # fmt: skip

    assert patch(pin="1111", set={"bedtime": "22:00-07:00"}) in (403, 409)
    assert patch(pin=PIN, set={"bedtime": "22:00-07:00", "limits/service:youtube": "1h"}) == 200
    told = phone.client.get(
        "/api/v1/my/times", base_url="http://192.168.1.1:8080", environ_overrides={"REMOTE_ADDR": PHONE}
    ).json
    assert told is not None
    assert [one["key"] for one in told["choices"]] == ["bedtime", "limits/service:youtube"]
    assert mum.get("/api/v1/children/teen/times").json == told
    younger = mum.get("/api/v1/children/daughter/times").json
    assert younger is not None
    assert (younger["may"], younger["choices"]) == (False, [])
    assert patch(pin=PIN, set={"bedtime": "soon"}) == 422
