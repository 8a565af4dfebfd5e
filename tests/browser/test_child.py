"""The child's pages in a real browser: each reading level in each state, read aloud, and the quick exit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import WEIGHT, Chromium, chromium, eventually
from tests.browser.conftest import Site
from tests.browser.test_pages import check_looks
from tests.webui.standin.household import NOW, TABLET

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

STATES = ("open", "bedtime", "paused", "out_of_time", "window")
REFUSED_LIMIT = 20 * 1024  # bytes over the wire, with all that it loads
# Voices that a test gives the browser, and what was said by which.
VOICES = """
window.said = [];
window.voices = [];
class Utterance { constructor(text) { this.text = text; } }
const speech = {
  getVoices: () => window.voices,
  cancel: () => { window.stopped = true; },
  speak: one => { window.said.push([one.text, one.voice.name]); window.last = one; },
  addEventListener: (kind, heard) => { window.changed = heard; },
};
Object.defineProperty(window, "speechSynthesis", { value: speech });
window.SpeechSynthesisUtterance = Utterance;
"""
PRESSED = "return document.querySelector('[data-aloud]').getAttribute('aria-pressed')"
CAME = """
window.voices = [
  { name: "server", lang: "en-GB", localService: false },
  { name: "kazakh", lang: "kk-KZ", localService: true },
  { name: "own", lang: "en_US", localService: true },
];
window.changed();
"""


def be(site: Site, profile: str, **values: object) -> None:
    """The tablet is somebody else's, or in another state."""
    device = site.household.devices["127.0.0.1"]
    device.clear()
    device.update(mac=TABLET, profile=profile, name="Tablet", **values)


def in_state(site: Site, profile: str, state: str) -> None:
    until = None if state == "open" else NOW + timedelta(hours=11)
    be(site, profile, state=state, until=until, sentence="The internet is as it is until 06:40.")


@pytest.fixture
def speaking(browser: Chromium) -> Iterator[Chromium]:
    script = browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": VOICES})
    yield browser
    browser.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("profile", ["son", "daughter", "teen"])
def test_each_level_looks_right_in_each_state(
    browser: Chromium, site: Site, profile: str, state: str
) -> None:
    in_state(site, profile, state)
    browser.driver.get(f"{site.url}/my")
    check_looks(browser)
    assert browser.text("#help") == "Someone to talk to"


@pytest.mark.parametrize("profile", ["son", "daughter", "teen"])
@pytest.mark.parametrize("path", ["/why", "/refused?host=www.instagram.com", "/my/asked", "/my/time"])
def test_the_pages_beside_it_look_right(browser: Chromium, site: Site, profile: str, path: str) -> None:
    be(site, profile)
    browser.driver.get(site.url + path)
    check_looks(browser)


def test_the_page_of_a_new_device_looks_right(browser: Chromium, site: Site) -> None:
    be(site, "quarantine")
    browser.driver.get(f"{site.url}/refused?host=captive.apple.com")
    check_looks(browser)
    assert browser.text("h1") == "This device is new here"


def test_minutes_are_doubted_by_two_taps(browser: Chromium, site: Site) -> None:
    browser.driver.get(f"{site.url}/my/time")
    browser.tap(".doubt a")
    eventually(lambda: browser.text("h1") == "I think this is wrong")
    check_looks(browser)
    browser.tap(".fields .primary")
    eventually(lambda: "Your parents see what you wrote." in browser.text())
    assert "40 min of play are wrong" in browser.text(".asked")


def test_a_card_is_read_aloud_by_the_device_s_own_voice(speaking: Chromium, site: Site) -> None:
    in_state(site, "son", "bedtime")
    speaking.driver.get(f"{site.url}/my")
    assert not speaking.driver.find_element(By.CSS_SELECTOR, "[data-aloud]").is_displayed(), "no voice yet"
    speaking.measure(CAME)
    check_looks(speaking)
    speaking.tap("[data-aloud]")
    said = speaking.measure("return window.said")
    assert {voice for _, voice in said} == {"own"}
    assert [text for text, _ in said] == ["Timur", "It is bedtime. The internet opens at 06:40 tomorrow."]
    assert speaking.measure(PRESSED) == "true"
    speaking.tap("[data-aloud]")
    assert speaking.measure("return [window.stopped, window.said.length]") == [True, len(said)]
    assert speaking.measure(PRESSED) == "false"


def test_without_a_voice_of_the_language_there_is_nothing_to_tap(speaking: Chromium, site: Site) -> None:
    be(site, "son")
    speaking.driver.get(f"{site.url}/my")
    speaking.measure(CAME.replace('lang: "en_US"', 'lang: "ru-RU"'))
    buttons = speaking.driver.find_elements(By.CSS_SELECTOR, "[data-aloud]")
    assert buttons
    assert not any(one.is_displayed() for one in buttons)


def test_the_quick_exit_leaves_nothing_in_the_history(browser: Chromium, site: Site) -> None:
    browser.driver.get(f"{site.url}/my")
    browser.driver.get(f"{site.url}/refused?host=www.tiktok.com")
    asked = len(site.household.asked)
    browser.tap("[data-leave]")
    eventually(lambda: browser.driver.current_url == f"{site.url}/calendar")
    check_looks(browser)
    assert "Qalqan" not in browser.driver.title + browser.text()
    assert len(site.household.asked) == asked, "nobody was asked, so nobody can note it"
    browser.driver.back()
    eventually(lambda: browser.driver.current_url == f"{site.url}/my")


def test_the_refused_page_is_light_and_whole_without_script(site: Site, tmp_path: Path) -> None:
    with chromium(tmp_path, script=False) as browser:
        browser.driver.get(f"{site.url}/refused?host=www.instagram.com")
        assert browser.measure(WEIGHT) <= REFUSED_LIMIT
        assert "111" in browser.text(".help")
        browser.tap("[data-leave]")
        eventually(lambda: browser.driver.current_url == f"{site.url}/calendar")
        browser.driver.back()
        browser.tap(".refused form button")
        eventually(lambda: "You asked for it. It waits for an answer." in browser.text())


def test_the_family_card_prints_without_the_rest(parent: Chromium, site: Site) -> None:
    parent.driver.get(f"{site.url}/parent/card")
    check_looks(parent)
    parent.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = parent.measure(
        "return [...document.querySelectorAll('.qr, .family-card, .no-print, .tabs, .top')]"
        ".filter(one => one.getClientRects().length).map(one => one.getAttribute('class'))"
    )
    parent.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert shown == ["card family-card", "qr"]
