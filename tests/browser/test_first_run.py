"""The first run by a sign-in link, on a phone: from an empty home to a filtered tablet with a password."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import PHONE, Chromium, chromium, eventually
from tests.browser.family import Family, at_an_empty_home
from tests.lab import chromium as device_browser
from tests.lab.names import NEW, PARENT, TABLET
from tests.lab.netns import stop
from tests.pace import longest

pytestmark = [pytest.mark.browser, pytest.mark.lab]

TAPS, FIELDS = 7, 3
PASSWORD = "a warm loaf of bread"
TESTED_S = 40.0
CHILD = "aruzhan"


@pytest.fixture(scope="module")
def family() -> Iterator[Family]:
    with at_an_empty_home() as built:
        yield built


@pytest.fixture(scope="module")
def parent(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


class Thumb:
    """Counts taps and filled fields."""

    def __init__(self, browser: Chromium) -> None:
        self._browser = browser
        self.taps = self.fields = 0

    def tap(self, selector: str) -> None:
        self.taps += 1
        self._browser.tap(selector)

    def fill(self, ident: str, text: str) -> None:
        self.fields += 1
        self._browser.driver.find_element(By.ID, ident).send_keys(text)


def opened(browser: Chromium, endpoint: str) -> None:
    eventually(lambda: browser.driver.current_url.partition("#")[0].endswith(endpoint))
    browser.screenshot(f"first-run-{endpoint.strip('/').rpartition('/')[2]}", PHONE)
    assert browser.overflow() == 0


def test_a_filtered_tablet_and_a_password_in_seven_taps(family: Family, parent: Chromium) -> None:
    parent.driver.get(family.link())
    opened(parent, "/parent/setup/")
    thumb = Thumb(parent)
    thumb.tap("button[value=en]")
    opened(parent, "/people")
    thumb.fill("name-1", "Aruzhan")
    thumb.tap("input[name='band-1'][value='10-12']")
    thumb.tap(".save button")
    opened(parent, "/devices")
    thumb.tap(f"input[name='of-{TABLET.mac}'][value={CHILD}]")
    thumb.tap(".save button")
    opened(parent, "/password")
    thumb.fill("password", PASSWORD)
    thumb.tap("form[action='/account/password'] .primary")
    eventually(lambda: bool(parent.text(".recovery-code")))
    thumb.tap("main form .primary")
    opened(parent, "/summary")
    print(f"{thumb.taps} taps, {thumb.fields} fields")
    assert thumb.taps <= TAPS
    assert thumb.fields <= FIELDS
    (mum,) = family.daemon.client.call("guardian", action="list")["people"]
    assert mum["password"]
    assert family.http(TABLET.key, "www.tiktok.com").status == 302, "blocked on the tablet"


def test_the_last_screen_shows_the_results_of_the_tablet(family: Family, parent: Chromium) -> None:
    parent.driver.get(family.url(PARENT.key, "/parent/setup/summary"))
    parent.tap(f"section[aria-labelledby='test-{CHILD}'] form button")
    opened(parent, "/summary")
    flags = device_browser.flags(family.home, TABLET.key)
    argv = ["chromium", *flags, "--remote-debugging-port=0", "http://qalqan.home.arpa/proof"]
    process = family.home.devices[TABLET.key].popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: "All tests passed." in parent.text("main"), longest(TESTED_S))
    finally:
        stop(process)
    [test] = family.daemon.client.call("filter_test", action="look", id=CHILD)["tests"]
    checks = {check["id"]: check for check in test["checks"]}
    found = [checks[topic] for topic in ("adult", "messenger", "help")]
    assert [check["outcome"] for check in found] == ["blocked", "open", "open"]
    assert not any(check["fault"] for check in found)
    parent.screenshot("first-run-results", PHONE)


def test_signing_out_without_a_password_is_warned_about(
    family: Family, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with chromium(tmp_path_factory.mktemp("dad")) as browser:
        browser.driver.get(family.link("Dad"))
        browser.driver.get(family.url(PARENT.key, "/parent/more"))
        browser.tap("form[action='/signout'] button")
        opened(browser, "/account/leaving")
        browser.tap("main .primary")
        opened(browser, "/account/password")


def test_an_invitation_has_a_qr_code_and_is_copied_with_one_tap(family: Family, parent: Chromium) -> None:
    parent.driver.get(family.url(PARENT.key, "/parent/people/"))
    parent.driver.find_element(By.ID, "name").send_keys("Oma")
    parent.tap("section[aria-labelledby=invite] input[value=helper]")
    parent.tap("section[aria-labelledby=invite] .primary")
    eventually(lambda: bool(parent.text("#link-address")))
    assert parent.driver.find_element(By.CSS_SELECTOR, ".qr").is_displayed()
    parent.tap("[data-copy]")
    eventually(lambda: parent.text("[data-copy]") == "Copied")
    parent.screenshot("first-run-invitation", PHONE)
    assert parent.complaints() == []


def test_an_adult_guest_sees_one_door_the_end_and_what_is_blocked(family: Family, parent: Chromium) -> None:
    call = family.daemon.client.call
    call("edit_family", set={f"shared/{NEW.mac}": None}, by="Mum")  # set-up proposed that all share it
    call("assign", mac=NEW.mac, profile="visitor", by="Mum")
    parent.driver.get(family.url(NEW.key))
    text = parent.text("main")
    assert "until 06:00" in text
    assert parent.driver.find_elements(By.CSS_SELECTOR, "section[aria-labelledby=filtered] li")
    assert not parent.driver.find_element(By.CSS_SELECTOR, "#residents [href='/signin']").is_displayed()
    parent.tap("#residents summary")
    assert parent.driver.find_element(By.CSS_SELECTOR, "#residents [href='/signin']").is_displayed()
    parent.screenshot("first-run-guest", PHONE)
