"""What is open or refused: sites as they are typed, services, kinds."""

from __future__ import annotations

from contextlib import suppress

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.contract.rules import CatalogueCategory, CatalogueService
from tests.webui.conftest import Browser
from tests.webui.rules.forms import PAGE, revision, send, text_of
from tests.webui.standin.editing import product
from tests.webui.standin.household import Household, asked_of
from tests.webui.standin.ruling import said
from webui.rules import typed
from webui.rules.catalogue import CatalogueIndex

NAMES = CatalogueIndex(
    {"youtube": CatalogueService("youtube", "YouTube", "video", "video_sharing", ("video_sharing",))},
    {"video": "Video"},
    {"gambling": CatalogueCategory("gambling", "Gambling", "")},
    {},
)

pytestmark = pytest.mark.usefixtures("ruled")


@pytest.mark.parametrize(("text", "word"), [
    ("example.com", "example.com"), ("  Example.COM. ", "example.com"),
    ("www.example.com", "www.example.com"), ("https://www.example.com/a/b?c=d#e", "www.example.com"),
    ("http://u:p@m.example.com:8080/", "m.example.com"),
    ("example.com/page", "example.com"), ("//example.com", "example.com"), ("example.com:443", "example.com"),
    ("қазақ.қаз", "xn--80aau21bd.xn--80ao21a"), ("www.com", "www.com"),
    ("YouTube", "service:youtube"), ("service:youtube", "service:youtube"),
    (" gambling ", "category:gambling"), ("category:gambling", "category:gambling"),
])  # fmt: skip
def test_what_is_typed_or_pasted_becomes_an_entry(text: str, word: str) -> None:
    assert typed.entry(text, NAMES) == word


@pytest.mark.parametrize("text", [
    "", "   ", "you tube", "http://", "https:///x", "192.168.1.1", "http://[::1]/", "localhost", "a..b", "-",
    "*", "service:nothing", "category:malware", "javascript:alert(1)", "ex ample.com", "\x00.com", "<b>.com",
    "http://[",
])  # fmt: skip
def test_nonsense_gets_one_line(text: str) -> None:
    with pytest.raises(typed.UnknownTargetError) as error:
        typed.entry(text, NAMES)
    assert str(error.value).isprintable()


@given(st.text(max_size=300))
def test_any_text_is_an_entry_or_told_to_be_none(text: str) -> None:
    with suppress(typed.UnknownTargetError):
        word = typed.entry(text, NAMES)
        assert word.isascii()
        assert word.isprintable()
        assert " " not in word


def test_a_pasted_address_is_refused_by_its_name_and_can_be_undone(
    mum: Browser, household: Household
) -> None:
    status, page = send(mum, "sites/", entry="https://www.chess.com/play?x=1", list="block")
    assert status == 303
    assert "Aruzhan: chess.com is blocked." in text_of(page)
    assert "Undo" in page
    assert said(household)["block"] == ["service:tiktok", "bet.example", "chess.com"]


def test_www_stays_before_a_public_suffix(mum: Browser, household: Household) -> None:
    status, page = send(mum, "sites/", entry="https://www.gov.kz/", list="block")
    assert status == 303
    assert "Aruzhan: www.gov.kz is blocked." in text_of(page)
    assert said(household)["block"] == ["service:tiktok", "bet.example", "www.gov.kz"]


def test_a_service_is_added_by_its_name_and_leaves_the_other_list(mum: Browser, household: Household) -> None:
    status, page = send(mum, "sites/", entry="tiktok", list="allow")
    assert status == 303
    assert "Aruzhan: TikTok is allowed." in text_of(page)
    now = said(household)
    assert now["allow"] == ["khanacademy.org", "service:tiktok"]
    assert now["block"] == ["bet.example"]


def test_what_is_no_site_is_told_at_its_field_and_kept(mum: Browser, household: Household) -> None:
    status, page = send(mum, "sites/", entry="bet example", list="homework")
    assert status == 422
    assert 'value="bet example"' in page
    assert 'aria-describedby="wrong"' in page
    assert "“bet example” is not a site." in text_of(page)
    assert 'value="homework" checked' in page
    assert asked_of(household, "edit") == []


def test_what_the_daemon_refuses_is_told_at_its_field_and_kept(mum: Browser, household: Household) -> None:
    status, page = send(mum, "sites/", entry="co.uk", list="block")
    assert status == 422
    assert 'value="co.uk"' in page
    assert "This cannot be set: 'co.uk' is a public suffix" in text_of(page)
    assert 'class="wrong" id="wrong"' in page
    assert "co.uk" not in said(household)["block"]


def test_somebody_else_s_change_is_shown_and_what_was_typed_is_kept(
    mum: Browser, household: Household
) -> None:
    old = revision(mum.get(f"{PAGE}sites/").text)
    send(mum, "sites/", entry="chess.com", list="block")
    status, page = send(mum, "sites/", entry="lichess.org", list="allow", revision=old)
    assert status == 409
    assert "These rules have changed in the meantime." in text_of(page)
    assert 'value="lichess.org"' in page
    assert "Remove · chess.com" in text_of(page), "the new state"
    status, page = send(mum, "sites/", entry="lichess.org", list="allow", revision=revision(page))
    assert status == 303
    assert "lichess.org is allowed" in text_of(page)


def test_an_entry_is_taken_out(mum: Browser, household: Household) -> None:
    status, page = send(mum, "sites/remove", entry="block/bet.example")
    assert status == 303
    assert "bet.example is removed for Aruzhan." in text_of(page)
    assert said(household)["block"] == ["service:tiktok"]
    assert send(mum, "sites/remove", entry="nothing/bet.example")[0] == 400


def test_a_change_is_tried_before_it_is_saved(mum: Browser, household: Household) -> None:
    status, page = send(
        mum, "sites/", entry="chess.com", list="block", do="try",
        host="https://www.chess.com/", day="2026-11-24", time="17:00",
    )  # fmt: skip
    assert status == 200
    told = text_of(page)
    assert "chess.com is blocked. Your family set this." in told
    assert "Nothing is saved yet." in told
    assert 'name="entry" list="known"' in page
    assert 'value="chess.com"' in page
    assert "chess.com" not in said(household)["block"]
    [asked] = asked_of(household, "why")
    assert asked == {
        "profile": "daughter", "host": "www.chess.com", "at": "2026-11-24T17:00",
        "set": {"block/chess.com": True},
    }  # fmt: skip


def test_services_are_found_by_group_and_by_search_without_script(mum: Browser) -> None:
    page = text_of(mum.get(f"{PAGE}services/").text)
    assert "With rules of your own" in page
    assert "TikTok Blocked" in page
    assert "Roblox Allowed, with limits" in page
    assert "Video 20 services" in page
    group = mum.get(f"{PAGE}services/?group=video").text
    assert "YouTube Kids" in group
    assert "Roblox" not in group
    found = text_of(mum.get(f"{PAGE}services/?q=you+tube").text)
    assert "YouTube Kids" in found
    assert "No service found" in text_of(mum.get(f"{PAGE}services/?q=zzzz").text)
    assert mum.get(f"{PAGE}services/?group=nothing").status_code == 404


def test_a_wide_search_shows_some_and_says_how_many_more(mum: Browser) -> None:
    page = text_of(mum.get(f"{PAGE}services/?q=e").text)
    assert "more match. Type more of the name." in page


@pytest.mark.parametrize(("state", "block", "allow", "told"), [
    ("refused", ["service:tiktok", "bet.example", "service:youtube"], ["khanacademy.org"],
     "YouTube is blocked for Aruzhan."),
    ("open", ["service:tiktok", "bet.example"], ["khanacademy.org", "service:youtube"],
     "YouTube is allowed for Aruzhan."),
])  # fmt: skip
def test_a_service_is_opened_or_refused(
    mum: Browser, household: Household, state: str, block: list[str], allow: list[str], told: str
) -> None:
    page = mum.get(f"{PAGE}services/youtube").text
    assert "Video sharing: uses daily time" in page
    assert "YouTube: 1 h a day" in page
    status, page = send(mum, "services/youtube", state=state)
    assert status == 303
    assert told in text_of(page)
    assert f'value="{state}" checked' in page
    now = said(household)
    assert (now["block"], now["allow"]) == (block, allow)
    status, page = send(mum, "services/youtube", state="kind")
    assert "YouTube: same as its category for Aruzhan." in text_of(page)
    assert "service:youtube" not in said(household)["block"]


@pytest.mark.parametrize(("state", "told", "line"), [
    ("ask", "Aruzhan must ask for Roblox.", "Roblox: needs approval"),
    ("count", "Roblox uses the daily time of Aruzhan.", "Roblox: uses daily time"),
])  # fmt: skip
def test_a_service_has_an_action_of_its_own(
    mum: Browser, household: Household, state: str, told: str, line: str
) -> None:
    send(mum, "services/roblox", state="refused")
    status, page = send(mum, "services/roblox", state=state)
    assert status == 303
    assert told in text_of(page)
    assert f'value="{state}" checked' in page
    now = said(household)
    assert now["categories"] == {"social_networks": "ask", "service:roblox": state}
    assert "service:roblox" not in now["block"]
    overview = mum.get(PAGE).text
    assert line in text_of(overview)
    assert f'href="{PAGE}services/roblox"' in overview
    send(mum, "services/roblox", state="open")
    now = said(household)
    assert (now["categories"], now["allow"]) == (
        {"social_networks": "ask"}, ["khanacademy.org", "service:roblox"]
    )  # fmt: skip
    send(mum, "services/roblox", state=state)
    send(mum, "services/roblox", state="kind")
    assert said(household)["categories"] == {"social_networks": "ask"}


def test_a_service_that_is_none_has_no_page(mum: Browser) -> None:
    assert mum.get(f"{PAGE}services/nothing").status_code == 404
    assert send(mum, "services/youtube", state="half")[0] == 400


def test_kinds_are_changed_together_and_only_those_that_differ(mum: Browser, household: Household) -> None:
    page = mum.get(f"{PAGE}kinds/").text
    for kind in product().categories.choosable:
        assert f'name="{kind}"' in page
    assert (
        "Betting, casinos, lotteries and other games for money. The 10-12 rules recommend: Block"
        in text_of(page)
    )
    status, page = send(mum, "kinds/", games="block", gambling="block", social_networks="block")
    assert status == 303
    assert "Aruzhan: the categories are changed." in text_of(page)
    assert said(household)["categories"] == {"games": "block"}
    [asked] = asked_of(household, "edit")
    assert asked["set"] == {"categories/games": "block", "categories/social_networks": None}


def test_a_form_of_which_nothing_differs_changes_nothing(mum: Browser, household: Household) -> None:
    status, page = send(mum, "kinds/", games="count")
    assert status == 303
    assert "Nothing was changed." in text_of(page)
    assert asked_of(household, "edit") == []


def test_kinds_are_tried_before_they_are_saved(mum: Browser) -> None:
    status, page = send(
        mum, "kinds/", games="block", do="try", host="roblox.com", day="2026-11-24", time="17:00"
    )
    assert status == 200
    assert 'name="games" value="block" checked' in page
    assert "Nothing is saved yet." in page


def test_names_are_those_of_the_reader_s_language(app: Flask, mum: Browser) -> None:
    page = mum.get(f"{PAGE}kinds/", Accept_Language="ru").text
    assert "Азартные игры" in page
