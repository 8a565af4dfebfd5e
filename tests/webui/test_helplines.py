"""Help lines while the daemon is not there, and was never asked for any."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from flask import Flask, template_rendered

import webui
from gateway.control.schema import values_of
from gateway.feed.data_set import DataSet
from gateway.household import loading as files
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household, at_home
from tests.webui.standin.refusing import HELP, RIGHTS
from webui import Settings, create_app
from webui.helplines import NO_LINES, packaged

PATHS = ["/", "/my", "/why", "/refused?host=x.kz"]


@pytest.mark.parametrize("path", PATHS)
def test_those_of_the_country_are_there_before_anybody_asked(tmp_path: Path, path: str) -> None:
    tablet = browser_on(create_app(Settings(tmp_path / "control.sock", country="kz")), "192.168.1.20")
    answer = tablet.get(path)
    assert answer.status_code == 503
    assert "The filter is stopped" in answer.text
    assert 'href="tel:111"' in answer.text
    assert "findahelpline.com" in answer.text
    assert "Контакт-центр 111" in tablet.get(path, Accept_Language="ru").text


@pytest.mark.parametrize("country", ["", "zz"])
def test_a_home_in_no_country_that_is_known_has_those_for_everywhere(tmp_path: Path, country: str) -> None:
    tablet = browser_on(create_app(Settings(tmp_path / "control.sock", country=country)), "192.168.1.20")
    page = tablet.get("/my").text
    assert "findahelpline.com" in page
    assert "tel:111" not in page


def test_a_chat_comes_before_the_phone_and_three_lines_before_the_rest(tmp_path: Path) -> None:
    tablet = browser_on(create_app(Settings(tmp_path / "control.sock", country="kz")), "192.168.1.20")
    page = tablet.get("/my").text
    first, _, rest = page.partition('id="more-help"')
    assert first.rpartition('<ul class="lines">')[2].count("<li>") == 3
    assert rest.partition("</details>")[0].count("<li>") == len(packaged("kz").lines) - 3
    assert page.index("QR code in your school or college") < page.index('href="tel:111"')
    assert page.index('href="https://wa.me/77081060810"') < page.index('href="tel:150"')
    assert page.count('href="https://telefon150.kz"') == 1
    assert 'href="tel:112"' in first
    assert "findahelpline.com" in rest
    assert "QR-код в твоей школе" in tablet.get("/my", Accept_Language="ru").text


def test_what_is_not_verified_says_so(tmp_path: Path) -> None:
    tablet = browser_on(create_app(Settings(tmp_path / "control.sock", country="kz")), "192.168.1.20")
    assert not all(line.confirmed for line in packaged("kz").lines)
    assert tablet.get("/my").text.count("Not yet checked with the services") == 1, "once for the list"
    assert "Not yet checked" not in tablet.get("/mean").text, "not for a child in distress"


UNCHECKED = "Not yet checked with the services"
TRY_NEXT = "If one of them does not answer, try the next one."
STOPPED = "stopped.html"  # shown without a daemon, in the tests above
CHILD, NEW, PARENT = "192.168.1.20", "192.168.1.99", "192.168.1.7"
# Each page with help lines: whose device opens it, its address, and what it says of unverified lines.
PAGES = {
    "child.html": (CHILD, "/my", UNCHECKED),
    "family_card.html": (PARENT, "/parent/card", UNCHECKED),
    "leaflet.html": (PARENT, "/parent/guide/leaflet", UNCHECKED),
    "learn.html": (CHILD, "/learn/", UNCHECKED),
    "learn_one.html": (CHILD, "/learn/category:gambling", UNCHECKED),
    "mean.html": (CHILD, "/mean", TRY_NEXT),
    "my_activity.html": (CHILD, "/my/activity/", UNCHECKED),
    "my_asked.html": (CHILD, "/my/asked", UNCHECKED),
    "my_step.html": (CHILD, "/my/step", UNCHECKED),
    "my_time.html": (CHILD, "/my/time", UNCHECKED),
    "offline.html": (CHILD, "/offline", UNCHECKED),
    "refused.html": (CHILD, "/refused?host=www.tiktok.com", UNCHECKED),
    "refused/everyone.html": (CHILD, "/refused?reason=refused_for_everyone", TRY_NEXT),
    "rights.html": (CHILD, "/rights", UNCHECKED),
    "visitor.html": (NEW, "/", UNCHECKED),
    "why.html": (CHILD, "/why?host=www.tiktok.com", UNCHECKED),
}


def test_every_page_with_help_lines_is_looked_at() -> None:
    folder = Path(webui.__file__).with_name("templates")
    shows = re.compile(r"parts/(help|lines)\.html")
    found = {
        str(page.relative_to(folder)) for page in folder.rglob("*.html") if shows.search(page.read_text())
    }
    assert found - {"parts/help.html"} == {*PAGES, STOPPED}


@pytest.mark.parametrize("template", PAGES)
def test_no_page_shows_an_unverified_line_as_verified(
    template: str, app: Flask, mum: Browser, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, path, note = PAGES[template]
    device = mum if who == PARENT else browser_on(app, who)
    rendered: list[str] = []
    template_rendered.connect(lambda _, template, **__: rendered.append(template.name), app, weak=False)
    if template == "my_step.html":
        mum.post("/parent/child/daughter/step/later", {"until": "2027-02", "reason": "School first"})
    lines = [{**line, "kind": "child_helpline", "phone": "111"} for line in HELP]
    silent = {UNCHECKED, TRY_NEXT} - {note}
    for confirmed in ((False, False), (True, False), (True, True)):
        known = [{**line, "confirmed": sure} for line, sure in zip(lines, confirmed, strict=True)]
        monkeypatch.setattr("tests.webui.standin.refusing.HELP", known)
        household.rights = [{**right, "confirmed": all(confirmed)} for right in RIGHTS]
        page = device.get(path).text
        assert "Contact centre for children and families" in page
        assert (note in page) is not all(confirmed)
        assert not any(other in page for other in silent)
    assert rendered[-1] == template or template.startswith("refused/")


def test_programs_are_told_them_too(tmp_path: Path) -> None:
    tablet = browser_on(create_app(Settings(tmp_path / "control.sock", country="gb")), "192.168.1.20")
    answer = tablet.get("/api/v1/home/help-lines")
    assert answer.status_code == 200
    assert answer.json is not None
    assert "0800 1111" in [one["phone"] for one in answer.json["lines"]]


def test_what_the_daemon_told_last_goes_before(tmp_path: Path, household: Household) -> None:
    tablet = browser_on(create_app(Settings(tmp_path / "control.sock", country="gb")), "192.168.1.20")
    with at_home(tmp_path / "control.sock", household):
        tablet.get("/my")
    asked = [values for do, values in household.asked if do == "helplines"]
    assert asked == [{}], "of the country that the home is in by now, not at the start of the pages"
    page = tablet.get("/my").text
    assert "The filter is stopped" in page
    assert 'href="tel:111"' in page
    assert "0800 1111" not in page


def test_a_damaged_package_is_no_reason_for_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "countries").mkdir()
    (tmp_path / "countries" / "kz.yaml").write_text("country: [")
    monkeypatch.setattr(files, "packaged_data", lambda: DataSet(tmp_path, 1, 1))
    with caplog.at_level(logging.ERROR):
        assert packaged("kz") is NO_LINES
    assert "help lines cannot be read" in caplog.text
    tablet = browser_on(create_app(Settings(tmp_path / "control.sock", country="kz")), "192.168.1.20")
    assert "The filter is stopped" in tablet.get("/my").text


def test_they_are_told_as_the_daemon_tells_them() -> None:
    assert {key for line in packaged("kz").lines for key in values_of(line)} == {
        "name", "names", "phone", "text", "web", "kind", "confirmed", "channels",
    }  # fmt: skip
