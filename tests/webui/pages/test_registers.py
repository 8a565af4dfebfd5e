"""A state's register on the pages: its switch, who turned it on, and a refused page of its own."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from tests.webui.conftest import Browser
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of
from tests.webui.standin.places import NOW

PAGE = "/parent/settings/"
SWITCH = f"{PAGE}registers/"
HEADING = "State registers"
LIMIT = 20 * 1024
REFUSED = {
    "at": NOW, "host": "listed.example", "name": None, "proto": "dns", "reason": "register",
    "rule": "law:kz since 2026-11-24", "owner": "law:kz:Mum", "until": None, "askable": False,
    "sentence": "listed.example is blocked: it is on a list of a state, the register of Kazakhstan. "
    "Mum turned it on today.",
}  # fmt: skip


@pytest.fixture
def named(household: Household) -> Household:
    """A provider named it in the home's file, and nobody turned it on."""
    household.editing.settings["registers"] = {"kz": {"file": "/srv/kz.txt"}}
    return household


def on(household: Household, **values: Any) -> None:
    said = {"file": "/srv/kz.txt", "on": True, "by": "Mum", "since": date(2026, 11, 24).isoformat()}
    household.editing.settings["registers"] = {"kz": said | values}


def state(household: Household) -> bool:
    return household.editing.rules.household.config.registers[0].on


def test_where_nobody_names_one_the_page_has_nothing_of_it(mum: Browser, household: Household) -> None:
    assert HEADING not in mum.get(PAGE).text


def test_it_is_off_until_somebody_turns_it_on_and_an_undo_takes_it_back(
    mum: Browser, named: Household
) -> None:
    text = text_of(mum.get(PAGE).text)
    assert f"{HEADING} Some states keep a list" in text
    assert "Register of Kazakhstan Off. It blocks nothing." in text
    answer = mum.post(SWITCH, {"country": "kz", "on": "yes"})
    assert (answer.status_code, answer.location) == (303, f"{PAGE}#registers")
    assert state(named)
    page = mum.get(PAGE).text
    assert "Mum turned it on today." in text_of(page)
    assert "Its sites are not downloaded yet, so it blocks nothing so far." in text_of(page)
    assert ("register_on", "kz") in named.editing.audit
    was = page.split('action="/parent/settings/undo"')[1].split('name="was" value="')[1].split('"')[0]
    mum.post(f"{PAGE}undo", {"was": was})
    assert not state(named)


def test_off_is_at_once(mum: Browser, household: Household) -> None:
    on(household)
    mum.get(PAGE)
    mum.post(SWITCH, {"country": "kz", "on": "no"})
    assert not state(household)
    assert "Register of Kazakhstan is off." in text_of(mum.get(PAGE).text)
    assert ("register_off", "kz") in household.editing.audit


@pytest.mark.parametrize(
    ("sent", "status"),
    [({"country": "ru", "on": "yes"}, 404), ({"country": "kz", "on": "maybe"}, 400), ({}, 400)],
)
def test_what_is_no_answer_of_the_form_changes_nothing(
    mum: Browser, named: Household, sent: dict[str, str], status: int
) -> None:
    assert mum.post(SWITCH, sent).status_code == status
    assert not state(named)


def test_a_child_s_device_has_no_switch(tablet: Browser, named: Household) -> None:
    assert tablet.post(SWITCH, {"country": "kz", "on": "yes"}).status_code in (302, 303, 403)
    assert not state(named)


def test_changed_today_tells_it_with_its_undo(mum: Browser, named: Household) -> None:
    mum.post(SWITCH, {"country": "kz", "on": "yes"})
    page = mum.get("/parent/activity/").text
    assert "Register of Kazakhstan: on, for everyone in the home" in text_of(page)
    assert 'action="/parent/settings/undo"' in page


def test_the_refused_page_says_whose_list_it_is_who_turned_it_on_and_where_to_complain(
    tablet: Browser, household: Household
) -> None:
    on(household)
    household.refusals = [REFUSED]
    answer = tablet.get("/refused?host=listed.example&reason=register")
    assert answer.status_code == 403
    text = text_of(answer.text)
    for expected in (
        "the register of Kazakhstan.",
        "Register of Kazakhstan: the list is the state’s and not your family’s. It says nothing about you.",
        "Mum turned it on in this home today, for everyone: adults and guests too.",
        "Your rights, and where to complain",
    ):
        assert expected in text, expected
    assert 'href="/rights"' in answer.text
    assert "Blocked for everyone" not in text
    assert "!" not in text.replace("<!", "")
    assert len(answer.data) < LIMIT


def test_a_device_without_a_list_of_its_own_is_told_without_a_name(
    tablet: Browser, household: Household
) -> None:
    on(household)
    household.refusals = []
    answer = tablet.get("/refused?host=listed.example&reason=register")
    text = text_of(answer.text)
    assert "On a state register" in text
    assert "listed.example" not in text
    assert "Kazakhstan" not in text


def test_an_address_alone_tells_nothing_where_none_is_on(tablet: Browser, named: Household) -> None:
    named.refusals = []
    assert "register" not in text_of(tablet.get("/refused?host=a.example&reason=register").text)


def test_my_rules_tell_it(tablet: Browser, household: Household) -> None:
    rule = {"target": "law:kz", "name": "Register of Kazakhstan", "verdict": "block", "owner": "law:kz:Mum"}
    household.edited["daughter"] = {"refused": [rule]}
    text = text_of(tablet.get("/my").text)
    assert "Register of Kazakhstan" in text
    assert "Register of Kazakhstan; Mum turned it on" in text


@pytest.mark.parametrize(("language", "word"), [("ru", "Реестр"), ("kk", "тізілім")])
def test_in_the_reader_s_language(
    mum: Browser, tablet: Browser, household: Household, language: str, word: str
) -> None:
    on(household)
    household.refusals = [REFUSED]
    said = {"Accept-Language": language}
    assert re.search(word, mum.get(PAGE, **said).text, re.IGNORECASE)
    text = text_of(tablet.get("/refused?host=listed.example&reason=register", **said).text)
    assert re.search(word, text, re.IGNORECASE)
    assert "turned it on" not in text


def test_a_site_on_a_register_alone_is_no_wrong_entry_of_a_list(mum: Browser, household: Household) -> None:
    page = mum.get("/parent/lists/?host=listed.example").text
    text = text_of(page)
    assert "Register of Kazakhstan" in text
    assert "It is a list of a state, not a category." in text
    assert "who hears complaints" in text
    assert "small list that comes with the filter." not in text.partition("Wrong entries")[0]
    assert 'id="report"' not in page
    assert mum.get("/parent/lists/wrong.json?host=listed.example&list=qalqan").status_code == 404
