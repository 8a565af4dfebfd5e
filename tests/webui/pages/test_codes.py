from __future__ import annotations

import pytest
from flask import Flask

from gateway.policy.accounts.people import Account
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household, asked_of
from tests.webui.standin.pages import text_of
from webui.features.time.sheets import SHEET_LIFE, SHEETS, Sheet, Sheets, normalize_code

FORM = {"who": "daughter", "minutes": "30", "count": "5"}


def make(mum: Browser, **values: str) -> str:
    """The path of the sheet."""
    answer = mum.post("/parent/codes/", {**FORM, **values})
    assert answer.status_code == 303
    return answer.headers["Location"]


def test_codes_are_made_and_shown_on_their_sheet_alone(mum: Browser, household: Household) -> None:
    path = make(mum)
    assert asked_of(household, "ticket") == [
        {"who": "daughter", "minutes": 30, "count": 5, "by": "Mum", "origin": "192.168.1.7"}
    ]
    sheet = text_of(mum.get(path).text)
    assert len(household.tickets) == 5
    for code in household.tickets:
        assert (
            f"{code} 30 min for Aruzhan qalqan.home.arpa · I have a code · valid until 22 February 2027"
            in sheet
        )
    for other in ("/parent/", "/parent/codes/", "/parent/more"):
        page = mum.get(other).text
        assert not any(code in page for code in household.tickets)


def test_the_page_says_where_a_code_is_entered_for_how_long_it_is_good_and_what_it_opens_not(
    mum: Browser,
) -> None:
    text = text_of(mum.get("/parent/codes/").text)
    assert "A child opens qalqan.home.arpa, taps “I have a code” and gets the minutes." in text
    assert "Each code works once, for 90 days. It does not end a pause or allow blocked sites." in text


def test_unused_ones_are_listed_without_the_codes(mum: Browser, household: Household) -> None:
    make(mum)
    make(mum, who="all", minutes="60", count="1")
    text = text_of(mum.get("/parent/codes/").text)
    assert "5 codes of 30 min for Aruzhan Made by Mum just now · valid until 22 February 2027" in text
    assert "1 code of 1 h for any child" in text


def test_codes_that_were_made_on_the_gateway_say_so(mum: Browser, household: Household) -> None:
    make(mum)
    for ticket in household.tickets.values():
        ticket["by"] = "qalqan"
    assert "Made by The gateway just now" in text_of(mum.get("/parent/codes/").text)


def test_no_code_that_waits_says_so(mum: Browser) -> None:
    assert "No unused codes." in mum.get("/parent/codes/").text


def test_a_list_that_is_not_to_be_had_keeps_nobody_from_making_codes(
    mum: Browser, household: Household
) -> None:
    household.tells_batches = False
    text = text_of(mum.get("/parent/codes/").text)
    assert "The list is not available now. You can still make codes." in text
    assert "tickets" not in text
    assert make(mum)


def test_a_batch_is_withdrawn_after_a_question(mum: Browser, tablet: Browser, household: Household) -> None:
    make(mum)
    code = next(iter(household.tickets))
    page = mum.get("/parent/codes/").text
    assert "This cannot be undone." in page
    assert "<summary>Withdraw</summary>" in page
    mum.post("/parent/codes/withdraw", {"batch": "1"})
    assert asked_of(household, "withdraw") == [{"batch": "1", "by": "Mum", "origin": "192.168.1.7"}]
    assert "5 codes no longer work." in mum.get("/parent/codes/").text
    assert tablet.post("/my/code", {"code": code}).status_code == 409


def test_a_batch_that_is_gone_is_told(mum: Browser) -> None:
    mum.post("/parent/codes/withdraw", {"batch": "7"})
    assert "None of these codes works any longer." in mum.get("/parent/codes/").text


@pytest.mark.parametrize("batch", ["", "x" * 41, "a\nb", "\u202e"])
def test_a_batch_needs_an_id(mum: Browser, household: Household, batch: str) -> None:
    assert mum.post("/parent/codes/withdraw", {"batch": batch}).status_code == 400
    assert asked_of(household, "withdraw") == []


@pytest.mark.parametrize(
    "values",
    [
        {"who": "nobody"},
        {"who": ""},
        {"who": "02:00:00:00:00:0a"},
        {"minutes": "0"},
        {"minutes": "31"},
        {"minutes": "99999"},
        {"count": "0"},
        {"count": "2"},
        {"count": "100000"},
        {"count": "x"},
    ],
)
def test_what_the_form_does_not_offer_makes_nothing(
    mum: Browser, household: Household, values: dict[str, str]
) -> None:
    assert mum.post("/parent/codes/", {**FORM, **values}).status_code == 400
    assert household.tickets == {}


def test_a_sheet_is_for_who_made_it(app: Flask, daemon: Running, mum: Browser, household: Household) -> None:
    path = make(mum)
    household.stamps.put(Account("Dad", secret="another"))
    dad = browser_on(app, "192.168.1.8")
    dad.post("/signin", {"code": household.guardians.link("Dad")})
    answer = dad.get(path)
    assert answer.status_code == 410
    assert "These codes are no longer shown" in answer.text
    dad.post(path)
    assert mum.get(path).status_code == 200


def test_done_puts_the_sheet_away(mum: Browser, household: Household) -> None:
    path = make(mum)
    assert mum.post(path).headers["Location"] == "/parent/codes/"
    assert mum.get(path).status_code == 410
    assert len(household.tickets) == 5


def test_a_sheet_lasts_ten_minutes_and_few_are_kept() -> None:
    sheets, sheet = Sheets(), Sheet("Mum", ("K7QM-3X12",), 30, "", None)
    first = sheets.put(sheet, 0.0)
    assert sheets.get(first, "Mum", SHEET_LIFE - 1) is sheet
    assert sheets.get(first, "Mum", SHEET_LIFE) is None
    keys = [sheets.put(sheet, 0.0) for _ in range(SHEETS + 1)]
    assert sheets.get(keys[0], "Mum", 1.0) is None
    assert all(sheets.get(key, "Mum", 1.0) for key in keys[1:])
    assert len({*keys}) == len(keys)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("K7QM-3XPR", "K7QM-3XPR"),
        ("k7qm3xpr", "K7QM-3XPR"),
        (" k7 qm\u00a03x—pr. ", "K7QM-3XPR"),
        ("К7QМ-3ХРR", "K7QM-3XPR"),
        ("", ""),
        ("-", ""),
    ],
)
def test_a_code_is_read_as_a_child_types_it(text: str, code: str) -> None:
    assert normalize_code(text) == code
