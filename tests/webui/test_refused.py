from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.webui.conftest import Browser
from tests.webui.household import NOW, Household
from tests.webui.test_home import HOSTILE, text_of

LIMIT = 20 * 1024


def test_it_says_what_why_who_and_help(tablet: Browser) -> None:
    answer = tablet.get("/refused?host=www.tiktok.com")
    assert answer.status_code == 403
    text = text_of(answer.text)
    for expected in (
        "Leave this page",
        "Refused TikTok TikTok is refused. Mum set this on Sunday.",
        "Who decided Mum set this on Sunday",
        "Address www.tiktok.com",
        "111",
    ):
        assert expected in text


def test_it_says_until_when(tablet: Browser, household: Household) -> None:
    household.refusals[0]["until"] = NOW + timedelta(hours=12)
    assert "Until 07:40 tomorrow" in text_of(tablet.get("/refused?host=www.tiktok.com").text)


def test_it_weighs_at_most_20_kb_with_its_style_and_needs_no_script(tablet: Browser) -> None:
    page = tablet.get("/refused?host=www.tiktok.com")
    with tablet.get("/static/style.css") as style, tablet.get("/static/icon.svg") as icon:
        assert len(page.data) + len(style.data) + len(icon.data) <= LIMIT
    assert "<script" not in page.text


def test_what_the_sentence_says_is_not_said_twice(tablet: Browser, household: Household) -> None:
    household.refusals[1].update(sentence="bet.example is closed until 20:45. These are the 10-12 rules.")
    household.refusals[1]["until"] = NOW + timedelta(minutes=65)
    text = text_of(tablet.get("/refused?host=bet.example").text)
    assert "Who decided" not in text
    assert text.count("20:45") == 1


def test_the_filter_s_own_refusal_is_told_as_such(tablet: Browser, household: Household) -> None:
    household.refusals[1]["owner"] = "product"
    text = text_of(tablet.get("/refused?host=bet.example").text)
    assert "Who decided Part of the filter, in every home" in text


@pytest.mark.parametrize("host", ["WWW.TikTok.com", "www.tiktok.com."])
def test_case_and_a_closing_dot_do_not_matter(tablet: Browser, host: str) -> None:
    assert tablet.get(f"/refused?host={host}").status_code == 403


@pytest.mark.parametrize(
    "host",
    ["", "bilimland.kz", "x" * 300, HOSTILE, "a..b", "http://www.tiktok.com/", "www.tiktok.com\r\nX: y"],
)
def test_a_name_that_was_not_refused_here_is_not_looked_up(
    tablet: Browser, household: Household, host: str
) -> None:
    answer = tablet.get(f"/refused?host={quote(host)}")
    assert answer.status_code == 200
    assert "Open the site again to see why." in answer.text
    assert "why" not in {do for do, _ in household.asked}
    if host:
        assert host not in answer.text
    assert 'href="tel:111"' in answer.text


def test_another_device_learns_nothing(stranger: Browser) -> None:
    assert "TikTok" not in stranger.get("/refused?host=www.tiktok.com").text
