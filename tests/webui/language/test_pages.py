"""Which language a page is in, and its times and numbers."""

from __future__ import annotations

from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.language.catalogues import reading
from tests.webui.standin.household import NOW, Household
from webui import Settings, create_app
from webui.language import words
from webui.language.i18n import COOKIE

TABLET_IP = "192.168.1.20"


def lang(page: str) -> str:
    return page.split('<html lang="', 1)[1].split('"', 1)[0]


# The choice.


def test_the_menu_is_below_every_page_and_is_remembered(tablet: Browser) -> None:
    page = tablet.get("/my").text
    assert lang(page) == "en"
    for code, name in (("en", "English"), ("kk", "Қазақша"), ("ru", "Русский")):
        assert f'value="{code}" lang="{code}"' in page
        assert name in page
    answer = tablet.post("/language", {"language": "kk", "to": "/my"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/my")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert lang(tablet.get("/my", Accept_Language="ru").text) == "kk"
    tablet.post("/language", {"language": "en", "to": "/my"})
    assert lang(tablet.get("/my", Accept_Language="ru").text) == "en"


def test_what_the_browser_asks_for_goes_before_the_family_s(tablet: Browser, household: Household) -> None:
    household.extra["language"] = "kk"
    tablet.get("/my")  # the daemon says so
    assert lang(tablet.get("/my", Accept_Language="de, fr").text) == "kk"
    assert lang(tablet.get("/my", Accept_Language="de, ru;q=0.5").text) == "ru"
    household.extra["language"] = "xx"  # of a newer daemon
    tablet.get("/my")
    assert lang(tablet.get("/my", Accept_Language="de").text) == "kk"


def test_the_family_s_language_is_there_before_the_daemon_and_can_be_given_up(
    tmp_path: Path, household: Household, daemon: Running
) -> None:
    app = create_app(Settings(daemon.path, language="ru"))
    tablet = browser_on(app, TABLET_IP)
    assert lang(tablet.get("/my").text) == "ru"
    assert lang(tablet.get("/my").text) == "en", "the daemon said that none is chosen"


@pytest.mark.parametrize(
    "to",
    ["//evil.example", "/\\evil.example", "https://evil.example/", "", "/a\r\nb", "/" + "x" * 2000, "/é"],
)
def test_the_menu_leads_to_these_pages_alone(tablet: Browser, to: str) -> None:
    assert tablet.post("/language", {"language": "ru", "to": to}).headers["Location"] == "/"


def test_a_language_that_is_not_ours_is_refused(tablet: Browser) -> None:
    assert tablet.post("/language", {"language": "xx", "to": "/"}).status_code == 400
    tablet.client.set_cookie(COOKIE, "xx", domain="192.168.1.1")
    assert lang(tablet.get("/my", Accept_Language="ru").text) == "ru"


def test_the_menu_works_while_the_filter_is_stopped(app: Flask) -> None:
    browser = browser_on(app, TABLET_IP)
    assert browser.post("/language", {"language": "ru", "to": "/my"}).status_code == 303
    page = browser.get("/my")
    assert page.status_code == 503
    assert "Фильтр остановлен" in page.text


def test_the_menu_of_a_page_that_came_of_a_form_leads_to_the_first_page(tablet: Browser) -> None:
    page = tablet.post("/my/code", {"code": ""}).text
    assert '<input type="hidden" name="to" value="/">' in page
    assert 'name="to" value="/my/time"' in tablet.get("/my/time?day=2026-11-20").text
    refused = tablet.get("/refused?host=www.tiktok.com&reason=x").text
    assert 'name="to" value="/refused?host=www.tiktok.com"' in refused
    assert 'name="to" value="/refused"' in tablet.get("/refused?host=other.example").text


# Times and numbers.


@pytest.mark.parametrize(
    ("moment", "russian", "kazakh"),
    [
        (NOW.replace(hour=20, minute=45), "20:45", "20:45"),
        (NOW + timedelta(hours=12), "07:40 завтра", "ертең, 07:40"),
        (NOW + timedelta(days=1), "19:40 завтра", "ертең, 19:40"),
        (NOW + timedelta(days=8), "19:40 2 декабря", "2 желтоқсан, 19:40"),
        (NOW + timedelta(days=4), "19:40 в субботу", "сенбі күні, 19:40"),
        (NOW + timedelta(days=40), "19:40 3 января 2027 года", "2027 жылғы 3 қаңтар, 19:40"),
    ],
)
def test_times(app: Flask, moment: datetime, russian: str, kazakh: str) -> None:
    for language, told in (("ru", russian), ("kk", kazakh)):
        with reading(app, language):
            assert words.clock(moment, NOW) == told


def test_numbers_lists_and_lengths(app: Flask) -> None:
    with reading(app, "ru"):
        assert (words.size(250_000), words.size(36_400_000)) == ("0,2 МБ", "36 МБ")
        assert words.number(1.25, 2) == "1,25"
        assert words.day_name(NOW.date() - timedelta(days=2), NOW.date()) == "Воскресенье, 22"
        assert words.duration(150) == "2 ч 30 мин"
        assert words.listed(["видео", "музыка", "игры"]) == "видео, музыка и игры"
        assert words.ago(NOW - timedelta(hours=26), NOW) == "вчера в 17:40"
    with reading(app, "kk"):
        assert words.size(250_000) == "0,2 МБ"
        assert words.duration(150) == "2 сағ 30 мин"
        assert words.listed(["бейне", "ойын"]) == "бейне және ойын"
    with reading(app, "en"):
        assert words.listed([]) == ""
        assert words.listed(["a"]) == "a"
        assert words.listed(["a", "b", "c"]) == "a, b and c"
        assert words.size(250_000) == "0.2 MB"


@pytest.mark.parametrize(("language", "told"), [("ru", "Куда ушло моё время"), ("kk", "Уақытым қайда кетті")])
def test_a_whole_page(app: Flask, daemon: Running, language: str, told: str) -> None:
    browser = browser_on(app, TABLET_IP)
    page = unescape(browser.get("/my", Accept_Language=language).text)
    assert told in page
    assert lang(page) == language
