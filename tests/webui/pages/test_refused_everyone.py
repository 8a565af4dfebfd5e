"""What is blocked for everyone: one heading and one text for all of it, light, in three languages."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from gateway.control.contract.rules import help_line_entry
from gateway.control.schema import values_of
from gateway.household.loading import load_countries
from gateway.policy.names.countries import lines_for
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of

LIMIT = 20 * 1024
PAGE = "/refused?reason=refused_for_everyone"
LINES = [
    {"name": "A hotline", "names": {}, "web": "hotline.invalid", "kind": "csam_hotline"},
    {"name": "Take It Down", "names": {}, "web": "removal.invalid", "kind": "image_removal"},
    {"name": "A line for children", "names": {}, "phone": "111", "kind": "child_helpline"},
    {
        "name": "Stop It Now",
        "names": {},
        "phone": "0808 1000 900",
        "web": "deterrence.invalid",
        "kind": "deterrence",
    },
]  # fmt: skip


@pytest.fixture(autouse=True)
def lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.webui.standin.refusing.HELP", LINES)


def test_it_says_why_who_what_to_do_and_where_help_is(tablet: Browser) -> None:
    answer = tablet.get(PAGE)
    assert answer.status_code == 403
    text = text_of(answer.text)
    for expected in (
        "Blocked for everyone This address is on a list of harmful sites. Such sites spread harmful "
        "software, steal passwords or show the sexual abuse of children.",
        "adults and guests too",
        "Who decided Those who make the lists",
        "Nothing about you or this device. Nothing was reported to anyone.",
        "If it is a mistake",
        "do not open the site again. Do not copy or photograph",
        "A hotline hotline.invalid",
        "It is not your fault.",
        "Take It Down removal.invalid",
        "A line for children 111",
        "Stop It Now 0808 1000 900 deterrence.invalid",
        "Leave this page",
    ):
        assert expected in text, expected
    assert text.count("Blocked for everyone") == 1
    assert "!" not in text


def test_first_aid_is_a_tap_away_for_whom_it_is_about(tablet: Browser) -> None:
    text = tablet.get(PAGE).text
    about = text.partition("If you are under 18 and it is about you")[2].partition("<h2>")[0]
    assert '<a class="link" href="/mean">Someone is being mean to me</a>' in about


@pytest.mark.parametrize(
    ("language", "said"),
    [("ru", "ещё не читал носитель языка"), ("kk", "ана тілінде сөйлейтін адам әлі оқыған жоқ"), ("en", "")],
)
def test_what_no_native_speaker_has_read_says_so(tablet: Browser, language: str, said: str) -> None:
    text = text_of(tablet.get(PAGE, Accept_Language=language).text)
    assert (said or "native speaker") in text if said else "native speaker" not in text


def test_reporting_opens_the_hotlines_own_page_in_this_browser(tablet: Browser) -> None:
    """A plain link, without a referrer; no form, and no verb of the daemon stands behind it."""
    main = tablet.get(PAGE).text.partition("<main")[2].partition("</main")[0]
    assert '<a href="https://hotline.invalid" rel="noreferrer">' in main
    assert "<form" not in main


@pytest.mark.parametrize(
    "host", ["", "&host=malware.invalid", "&host=sealed-marker.invalid", "&host=%3Cb%3E"]
)
def test_the_page_is_the_same_whatever_was_refused(tablet: Browser, host: str) -> None:
    def without_nonce(page: str) -> str:
        return re.sub(r'(name="csrf"|nonce=)[^>]*', "", page)

    assert without_nonce(tablet.get(PAGE + host).text) == without_nonce(tablet.get(PAGE).text)
    assert "marker" not in tablet.get(PAGE + host).text


@pytest.mark.parametrize(
    "ip", ["192.168.1.20", "192.168.1.22", "192.168.1.30", "192.168.1.40", "192.168.1.99"]
)
def test_everybody_is_told_the_same(app: Flask, daemon: Running, household: Household, ip: str) -> None:
    """A child of ten, one of six, a guest, a new device, and one that nobody knows."""
    household.devices["192.168.1.40"] = {"mac": "02:00:00:00:00:2a", "profile": "quarantine", "name": "Pixel"}
    text = text_of(browser_on(app, ip).get(PAGE).text)
    assert "Blocked for everyone" in text
    assert "No one in this home can open it." in text


@pytest.mark.parametrize("language", ["en", "kk", "ru"])
@pytest.mark.parametrize("country", ["kz", "ru", "gb", "us", "au", "eu", ""])
def test_it_weighs_at_most_20_kb_in_each_language_and_country(
    tablet: Browser, monkeypatch: pytest.MonkeyPatch, country: str, language: str
) -> None:
    told = [values_of(help_line_entry(line)) for line in lines_for(load_countries(), country)]
    monkeypatch.setattr("tests.webui.standin.refusing.HELP", told)
    page = tablet.get(PAGE, Accept_Language=language)
    assert f'<html lang="{language}"' in page.text
    sizes = [len(page.data)]
    for one in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
        with tablet.get(one) as part:
            sizes.append(len(part.data))
    assert sum(sizes) <= LIMIT, sizes


def test_why_leads_to_it_and_lists_nothing_of_it(tablet: Browser) -> None:
    page = tablet.get("/why").text
    assert 'href="/refused?reason=refused_for_everyone"' in page
    assert "Sites that are blocked for everyone are never listed here." in text_of(page)
