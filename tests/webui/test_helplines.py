"""Help lines while the daemon is not there, and was never asked for any."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gateway.control.schema import values_of
from gateway.feed.data_set import DataSet
from gateway.household import loading as files
from tests.webui.conftest import browser_on
from tests.webui.standin.household import Household, at_home
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
