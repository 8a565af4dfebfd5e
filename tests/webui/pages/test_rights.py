"""Who hears complaints, on a child's page and on a parent's; and a wrong entry as one file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.household.loading import load_countries
from gateway.policy.names.countries import rights_for
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of
from webui import Settings, create_app
from webui.helplines import packaged

FILE = "/parent/lists/wrong.json"


def test_a_child_reads_who_hears_complaints_without_signing_in(tablet: Browser) -> None:
    assert 'href="/rights"' in tablet.get("/my").text
    page = tablet.get("/rights")
    assert "Children's Commissioner" in text_of(page.text).replace("&#39;", "'")
    assert 'href="https://rights.example" rel="noreferrer"' in page.text
    assert "Set-Cookie" not in page.headers


def test_parents_come_to_it_from_more(mum: Browser) -> None:
    assert 'href="/rights"' in mum.get("/parent/more").text


def test_where_nobody_is_known_it_says_how_to_choose_a_country(tablet: Browser, household: Household) -> None:
    household.rights.clear()
    assert "A parent can choose the country in Settings." in text_of(tablet.get("/rights").text)


def test_it_is_there_while_the_filter_is_stopped(tmp_path: Path) -> None:
    app = create_app(Settings(tmp_path / "nobody.sock", country="kz"))
    text = text_of(browser_on(app, "192.168.1.20").get("/rights").text)
    assert "ombudsman" in text.casefold()


@pytest.mark.parametrize("country", ["kz", "gb"])
def test_a_country_with_an_office_names_it_before_everywheres(country: str) -> None:
    found = rights_for(load_countries(), country)
    assert found[0].id.startswith(country)
    assert {one.kind for one in found} == {"complaint", "rights"}
    assert [line.web for line in packaged(country).rights] == [one.site for one in found]


def test_a_country_without_one_has_everywheres() -> None:
    countries = load_countries()
    assert [one.id for one in rights_for(countries, "")] == [one.id for one in rights_for(countries, "zz")]


def test_a_wrong_entry_is_one_file_with_three_words_and_nothing_of_the_home(mum: Browser) -> None:
    page = mum.get("/parent/lists/?host=www.bet.example").text
    link = f"{FILE}?host=bet.example&amp;list=ut1-gambling"
    assert f'href="{link}"' in page
    assert 'href="https://github.com/olbat/ut1-blacklists/issues"' in page, "and where it is handed in"
    answer = mum.get(link.replace("&amp;", "&"))
    assert answer.mimetype == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="wrong-entry.json"'
    told = {"domain": "bet.example", "list": "ut1-gambling", "version": "2026-11-24"}
    assert json.loads(answer.data) == told


def test_of_the_lists_that_come_along_the_version_is_the_filters(mum: Browser, household: Household) -> None:
    for one in household.listed.found:
        one["on"] = False
    answer = mum.get(f"{FILE}?host=bet.example&list=qalqan")
    assert json.loads(answer.data) == {"domain": "bet.example", "list": "qalqan", "version": "0.1.0"}


@pytest.mark.parametrize(
    "query",
    [
        "host=sealed.example&list=ut1-gambling",
        "host=sealed.example&list=qalqan",
        "host=bet.example&list=hostsvn-gambling",
        "host=bet.example&list=qalqan",
        "host=fine.example&list=qalqan",
        "host=%3Cscript%3E&list=qalqan",
        "",
    ],
)
def test_what_is_refused_for_everyone_or_on_no_such_list_gives_no_file(mum: Browser, query: str) -> None:
    assert mum.get(f"{FILE}?{query}").status_code == 404


def test_what_is_refused_for_everyone_has_the_address_for_complaints_alone(mum: Browser) -> None:
    page = mum.get("/parent/lists/?host=sealed.example").text
    assert 'href="/rights"' in page
    assert FILE not in page


def test_nobody_but_a_guardian_has_the_file(tablet: Browser) -> None:
    assert tablet.get(f"{FILE}?host=bet.example&list=ut1-gambling").status_code == 303


def test_a_request_leads_to_the_look_up(mum: Browser, tablet: Browser) -> None:
    tablet.post("/my/ask/site", {"host": "bet.example"})
    page = mum.get("/parent/requests").text
    assert "/parent/lists/?host=bet.example" in page
