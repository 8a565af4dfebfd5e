"""Somebody is being mean to me: there for everybody, at any hour, without script, and told to nobody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

import webui
from tests.control.running import Running
from tests.webui.charts.codes import read_codes
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of
from webui import Settings, create_app

STATIC = Path(webui.__file__).parent / "static"
TITLES = {"en": "Someone is being mean to me", "ru": "Меня обижают", "kk": "Мені біреу ренжітіп жүр"}
NOT_YET = {
    "ru": "Этот текст ещё не читал носитель языка.",
    "kk": "Бұл мәтінді ана тілінде сөйлейтін адам әлі оқыған жоқ.",
}


@pytest.mark.parametrize("band", ["6-9", "10-12", "13-15", "16-17"])
@pytest.mark.parametrize(
    "path",
    [
        "/my",
        "/my/step",
        "/refused?host=www.tiktok.com",
        "/refused?reason=refused_for_everyone",
        "/why",
        "/rights",
    ],
)
def test_it_is_one_tap_away(tablet: Browser, household: Household, path: str, band: str) -> None:
    household.editing.files["daughter"] |= {"band": band, "log_level": "0"}
    page = tablet.get(path).text
    assert 'href="/mean"' in page


@pytest.mark.parametrize(
    "path", ["/mean", "/rights", "/learn/", "/refused?reason=refused_for_everyone", "/why"]
)
def test_a_page_about_harm_has_the_quick_exit_in_each_language(tablet: Browser, path: str) -> None:
    for language in ("en", "ru", "kk"):
        page = tablet.get(path, Accept_Language=language)
        assert '<a class="exit" href="/calendar" rel="noreferrer" data-leave>' in page.text
        assert page.headers["Cache-Control"] == "no-store", "the back button shows nothing of it either"


def test_it_tells_to_keep_to_block_and_whom_to_tell(tablet: Browser) -> None:
    text = text_of(tablet.get("/mean").text)
    for expected in (
        "Keep the proof Take a picture of the screen",
        "Block Do not write back.",
        "Tell someone Tell an adult you trust",
        "Report it in the app WhatsApp Open the chat",
        "Menus change. Look for Report",
        "Call from another phone",
        "Contact centre for children and families 111",
    ):
        assert expected in text
    assert "No native speaker" not in text


@pytest.mark.parametrize(
    ("ip", "level"), [("192.168.1.22", "little"), ("192.168.1.20", "middle"), ("192.168.1.99", "middle")]
)
def test_it_is_in_the_words_of_the_child_whose_device_it_is(
    app: Flask, daemon: Running, ip: str, level: str
) -> None:
    page = browser_on(app, ip).get("/mean").text
    assert f'class="narrow {level}"' in page
    assert ("data-aloud" in page) == (level == "little")


@pytest.mark.parametrize("level", ["little", "middle", "teen"])
def test_any_other_words_are_one_tap_away(tablet: Browser, level: str) -> None:
    page = tablet.get(f"/mean?level={level}").text
    assert f'class="narrow {level}"' in page
    assert page.count("/mean?level=") == 2
    assert tablet.get("/mean?level=%00nonsense").status_code == 200


@pytest.mark.parametrize("language", ["ru", "kk"])
@pytest.mark.parametrize("level", ["little", "middle", "teen"])
def test_a_child_in_distress_does_not_read_what_nobody_has_checked(
    tablet: Browser, language: str, level: str
) -> None:
    text = text_of(tablet.get(f"/mean?level={level}", Accept_Language=language).text)
    assert NOT_YET[language] not in text
    assert TITLES[language] in text


def test_each_square_calls_the_number_beside_it(tablet: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        {"name": "A line", "names": {}, "phone": "150"},
        {"name": "Another", "names": {}, "phone": "0808 1000 900"},
        {"name": "x", "names": {}, "web": "x.invalid"},
    ]
    monkeypatch.setattr("tests.webui.standin.refusing.HELP", lines)
    page = tablet.get("/mean").text
    assert read_codes(page) == ["tel:150", "tel:08081000900"]


def test_it_is_there_while_the_filter_is_stopped(tmp_path: Path) -> None:
    app = create_app(Settings(tmp_path / "nobody.sock", country="kz"))
    answer = browser_on(app, "192.168.1.20").get("/mean")
    assert answer.status_code == 200
    text = text_of(answer.text)
    assert "Keep the proof" in text
    assert "111" in text
    assert 'href="/calendar"' in answer.text


@pytest.mark.parametrize("profile", ["quarantine", "guest", "home", "daughter"])
def test_it_is_there_in_quarantine_and_in_a_pause_and_nothing_is_told_of_it(
    app: Flask, daemon: Running, household: Household, profile: str
) -> None:
    household.devices["192.168.1.20"]["profile"] = profile
    household.paused["daughter"] = None
    answer = browser_on(app, "192.168.1.20").get("/mean")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert {do for do, _values in household.asked} <= {"status", "device", "helplines"}, "questions alone"


def test_it_needs_no_script_and_leaves_quickly(tablet: Browser) -> None:
    page = tablet.get("/mean").text
    scripts = re.findall(r'<script src="[^"]*/([a-z]+)\.js', page)
    assert scripts == ["leave"]
    assert re.search(r'<a class="exit" href="/calendar" rel="noreferrer" data-leave>', page)
    assert "<form" not in page.partition("</main>")[0]


def test_it_weighs_less_than_a_first_visit_may(tablet: Browser) -> None:
    page = tablet.get("/mean")
    loaded = [STATIC / name for name in re.findall(r'(?:href|src)="/static/([^"?]+)', page.text)]
    assert loaded
    assert len(page.data) + sum(one.stat().st_size for one in loaded) <= 80 * 1024
