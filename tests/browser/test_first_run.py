"""The first run by a sign-in link, on a phone: from an empty home to a filtered tablet with a password."""

from __future__ import annotations

import subprocess

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import PHONE, Chromium, chromium, eventually
from tests.browser.family import Family
from tests.browser.test_tasks import first_run, opened
from tests.lab import chromium as device_browser
from tests.lab.names import NEW, PARENT, TABLET
from tests.lab.netns import stop
from tests.pace import longest

pytestmark = [pytest.mark.browser, pytest.mark.lab]

TESTED_S = 40.0
CHILD = "aruzhan"


@pytest.fixture(scope="module")
def parent(empty_home: Family, browser: Chromium) -> Chromium:
    """After the first run; tests/browser/test_tasks.py counts its taps."""
    first_run(empty_home, browser)
    return browser


def test_the_last_screen_shows_the_results_of_the_tablet(empty_home: Family, parent: Chromium) -> None:
    parent.driver.get(empty_home.url(PARENT.key, "/parent/setup/summary"))
    parent.tap(f"section[aria-labelledby='test-{CHILD}'] form button")
    opened(parent, "/summary")
    command = device_browser.command(empty_home.home, TABLET.key)
    argv = [*command, "--remote-debugging-port=0", "http://qalqan.home.arpa/proof"]
    process = empty_home.home.devices[TABLET.key].popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: "All tests passed." in parent.text("main"), longest(TESTED_S))
    finally:
        stop(process)
    [test] = empty_home.daemon.client.call("filter_test", action="look", id=CHILD)["tests"]
    checks = {check["id"]: check for check in test["checks"]}
    found = [checks[topic] for topic in ("adult", "messenger", "help")]
    assert [check["outcome"] for check in found] == ["blocked", "open", "open"]
    assert not any(check["fault"] for check in found)
    parent.screenshot("first-run-results", PHONE)


@pytest.mark.usefixtures("parent")
def test_signing_out_without_a_password_is_warned_about(
    empty_home: Family, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with chromium(tmp_path_factory.mktemp("dad")) as browser:
        browser.driver.get(empty_home.link("Dad"))
        browser.driver.get(empty_home.url(PARENT.key, "/parent/more"))
        browser.tap("form[action='/signout'] button")
        opened(browser, "/account/leaving")
        browser.tap("main .primary")
        opened(browser, "/account/password")


def test_an_invitation_has_a_qr_code_and_is_copied_with_one_tap(empty_home: Family, parent: Chromium) -> None:
    parent.driver.get(empty_home.url(PARENT.key, "/parent/people/"))
    parent.driver.find_element(By.ID, "name").send_keys("Oma")
    parent.tap("section[aria-labelledby=invite] input[value=helper]")
    parent.tap("section[aria-labelledby=invite] .primary")
    eventually(lambda: bool(parent.text("#link-address")))
    assert parent.driver.find_element(By.CSS_SELECTOR, ".qr").is_displayed()
    parent.tap("[data-copy]")
    eventually(lambda: parent.text("[data-copy]") == "Copied")
    parent.screenshot("first-run-invitation", PHONE)
    assert parent.complaints() == []


def test_an_adult_guest_sees_one_door_the_end_and_what_is_blocked(
    empty_home: Family, parent: Chromium
) -> None:
    call = empty_home.daemon.client.call
    call("edit_family", set={f"shared/{NEW.mac}": None}, by="Mum")  # set-up proposed that all share it
    call("assign", mac=NEW.mac, profile="visitor", by="Mum")
    parent.driver.get(empty_home.url(NEW.key))
    text = parent.text("main")
    assert "until 06:00" in text
    assert parent.driver.find_elements(By.CSS_SELECTOR, "section[aria-labelledby=filtered] li")
    assert not parent.driver.find_element(By.CSS_SELECTOR, "#residents [href='/signin']").is_displayed()
    parent.tap("#residents summary")
    assert parent.driver.find_element(By.CSS_SELECTOR, "#residents [href='/signin']").is_displayed()
    parent.screenshot("first-run-guest", PHONE)
