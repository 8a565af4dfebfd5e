"""Laws of a country as switches: on a child's rules, in Settings, told to the child, undone, by the API."""

from __future__ import annotations

from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.rules.forms import PAGE, send, text_of
from tests.webui.standin.household import Household
from tests.webui.standin.ruling import said, write
from webui.language import things

AU, KZ = "au-under-16-social", "kz-under-16-social"


def in_australia(household: Household) -> None:
    household.editing.settings["country"] = "au"


def test_the_page_says_what_the_law_is_and_that_it_is_off(mum: Browser, household: Household) -> None:
    in_australia(household)
    text = text_of(mum.get(f"{PAGE}laws/").text)
    for expected in (
        "Social Media Minimum Age (Australia) In force since 10 December 2025. Below 16 years.",
        "Blocked when it is on: Facebook, Instagram, Threads, TikTok, Snapchat, X (Twitter), Kick, Reddit",
        "Named by the law, and left as your rules have it: YouTube.",
        "the gateway cannot tell who is signed in",
        "Not part of it: Discord, GitHub,",
        "Source: Online Safety Amendment",
    ):
        assert expected in text
    assert 'aria-checked="false"' in mum.get(f"{PAGE}laws/").text


def test_a_bill_is_called_one(mum: Browser) -> None:
    text = text_of(mum.get(f"{PAGE}laws/").text)
    assert "Social networks from 16 (Kazakhstan) A bill: it is not signed. Below 16 years." in text


def test_where_no_law_is_known_the_page_says_so(mum: Browser, household: Household) -> None:
    household.editing.settings["country"] = "de"
    assert "no such law is known here" in text_of(mum.get(f"{PAGE}laws/").text)


def test_one_tap_turns_it_on_in_the_guardians_name_and_the_undo_off(
    mum: Browser, household: Household
) -> None:
    in_australia(household)
    status, page = send(mum, "laws/", switch=f"on {AU}")
    assert status == 303
    assert "Social Media Minimum Age (Australia): on for Aruzhan." in text_of(page)
    assert 'aria-checked="true"' in page
    assert said(household)["laws"] == {AU: "Mum"}
    overview = text_of(mum.get(PAGE).text)
    assert "Social Media Minimum Age (Australia): on, by Mum" in overview
    settings = text_of(mum.get("/parent/settings/").text)
    assert "On for Aruzhan" in settings
    assert "Off for Timur" in settings
    assert "Dana" not in settings.rpartition("Social Media Minimum Age")[2].partition("Addresses")[0]
    activity = text_of(mum.get("/parent/activity/").text)
    assert "Social Media Minimum Age (Australia): on, by Mum" in activity
    status, page = send(mum, "laws/", switch=f"off {AU}")
    assert status == 303
    assert "Social Media Minimum Age (Australia): off for Aruzhan." in text_of(page)
    assert "laws" not in said(household)


def test_for_an_older_child_it_says_that_it_refuses_nothing(mum: Browser) -> None:
    text = text_of(mum.get("/parent/child/teen/laws/").text)
    assert "The age group 16-17 is not below that age, so it blocks nothing for Dana." in text


def test_what_is_no_law_is_no_form_of_ours(mum: Browser) -> None:
    assert send(mum, "laws/", switch="on xx-none")[0] == 400
    assert send(mum, "laws/", switch=f"maybe {KZ}")[0] == 400


def test_it_is_taken_out_from_the_overview_too(mum: Browser, household: Household) -> None:
    write(household, laws={KZ: "Dad"})
    status, page = send(mum, "reset", key=f"laws/{KZ}")
    assert status == 303
    assert "Social networks from 16 (Kazakhstan) is removed for Aruzhan." in text_of(page)
    assert "laws" not in said(household)


def test_a_child_reads_which_law_and_who(
    app: Flask, daemon: Running, household: Household, tablet: Browser
) -> None:
    refused = {"target": "service:tiktok", "name": "TikTok", "verdict": "block", "owner": f"law:{AU}:Mum"}
    household.edited["daughter"] = {"refused": [refused]}
    assert "Social Media Minimum Age (Australia); Mum turned it on TikTok" in text_of(tablet.get("/my").text)


def test_marks_of_films_and_games_stand_beside_the_bands(mum: Browser, household: Household) -> None:
    text = text_of(mum.get(f"{PAGE}band/").text)
    assert "10-12 Films and games up to 6+, from 12 years up to 12+ (Law 169-VI)" in text
    assert "13-15 Films and games up to 12+, from 14 years up to 14+ (Law 169-VI)" in text
    assert "Nothing is filtered by them." in text


def test_games_and_films_of_britain(mum: Browser, household: Household) -> None:
    household.editing.settings["country"] = "gb"
    text = text_of(mum.get(f"{PAGE}band/").text)
    assert "16-17 Films up to 15 (BBFC) · Games up to 16 (PEGI)" in text


def test_the_pages_have_each_law_by_the_name_of_its_file(app: Flask, household: Household) -> None:
    from tests.webui.standin.editing import product

    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        assert things.laws() == {one.id: one.name["en"] for one in product().laws.values()}


def test_the_bracket_is_on_the_childs_page_as_text_and_leaves_it_in_no_header(
    app: Flask, daemon: Running, household: Household
) -> None:
    household.devices["192.168.1.23"] = {"mac": "02:00:00:00:00:0d", "profile": "teen", "name": "Phone"}
    for ip, bracket in (("192.168.1.20", "<13"), ("192.168.1.22", "<13"), ("192.168.1.23", "16-17")):
        answer = browser_on(app, ip).get("/my")
        assert "Age bracket for this device" in text_of(answer.text)
        assert f'id="bracket-value" translate="no">{bracket.replace("<", "&lt;")}</strong>' in answer.text
        assert not any(bracket in value for _name, value in answer.headers), "nothing tells it to a site"
    assert "bracket" not in browser_on(app, "192.168.1.30").get("/").text, (
        "of nobody's device nothing is known"
    )
