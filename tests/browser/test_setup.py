"""From the code on the label to a proof on the child's own tablet, by two browsers and the real kernel."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import Chromium, eventually
from tests.browser.family import Family
from tests.lab import chromium as device_browser
from tests.lab.names import PARENT, PHONE, TABLET
from tests.lab.netns import stop
from tests.pace import longest

pytestmark = [pytest.mark.browser, pytest.mark.lab]

PAGES = "http://qalqan.home.arpa"
PHONE_SIZE, DESKTOP_SIZE = (360, 800), (1280, 900)
TAPS = 10
PROVED_S = 40.0


@contextmanager
def open_on_the_tablet(empty_home: Family) -> Iterator[None]:
    """Its own browser, with its own resolver, on the page of the proof."""
    command = device_browser.command(empty_home.home, TABLET.key)
    argv = [*command, "--remote-debugging-port=0", f"{PAGES}/proof"]
    quiet = subprocess.DEVNULL
    process = empty_home.home.devices[TABLET.key].popen(argv, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        stop(process)


def proof(empty_home: Family) -> dict[str, Any]:
    found = empty_home.daemon.client.call("filter_test", action="look", id="aruzhan")["tests"]
    return dict(next(test for test in found if test["method"] == "device"))


def proved(empty_home: Family) -> dict[str, str]:
    """Return the state of each check once the tablet has reported all."""
    with open_on_the_tablet(empty_home):
        deadline = time.monotonic() + longest(PROVED_S)
        while proof(empty_home)["took"] is None:
            assert time.monotonic() < deadline, proof(empty_home)
            time.sleep(0.2)
    checks = proof(empty_home)["checks"]
    tested = [check for check in checks if check["outcome"] in ("blocked", "open")]
    assert len(tested) == len(checks), "all could be tested"
    return {check["id"]: "fails" if check["fault"] else "works" for check in checks}


def typed(browser: Chromium, ident: str, text: str) -> None:
    field = browser.driver.find_element(By.ID, ident)
    field.clear()
    field.send_keys(text)


def pictures(browser: Chromium, name: str) -> None:
    for theme in ("light", "dark"):
        browser.theme(theme)
        browser.screenshot(f"{name}-phone-{theme}", PHONE_SIZE)
        browser.screenshot(f"{name}-desktop-{theme}", DESKTOP_SIZE)
    browser.theme("light")
    browser.resize(PHONE_SIZE)


@pytest.fixture(scope="module")
def taps(empty_home: Family, browser: Chromium) -> int:
    """Set up a family of four, and return how many taps it took from the first screen on."""
    label = empty_home.daemon.client.call("guardian", action="list")["label"]
    browser.driver.get(empty_home.url(PARENT.key, "/claim"))
    typed(browser, "label", label)
    typed(browser, "name", "Mum")
    typed(browser, "password", "a warm loaf of bread")
    browser.tap("form .primary")
    eventually(lambda: "Your recovery code" in browser.text("h1"))
    browser.tap("main form .primary")
    eventually(lambda: browser.text("h1") == "Set up")
    taps = 0

    def tap(selector: str) -> None:
        nonlocal taps
        taps += 1
        browser.tap(selector)

    assert "Yes: " in browser.text("main")
    pictures(browser, "setup-1-language")
    tap("button[value=en]")
    eventually(lambda: "Who is in the family" in browser.text("h1"))
    for number, name, band in ((1, "Dad", "adult"), (2, "Aruzhan", "10-12"), (3, "Timur", "6-9")):
        typed(browser, f"name-{number}", name)
        tap(f"input[name='band-{number}'][value='{band}']")
    pictures(browser, "setup-2-people")
    tap(".save button")
    eventually(lambda: "Who uses which device?" in browser.text("h1"))
    assert browser.driver.find_element(
        By.CSS_SELECTOR, f"input[name='of-{PARENT.mac}'][value=mum]"
    ).is_selected(), "her own phone is marked as hers"
    for seat in (TABLET, PHONE):
        shared = f"input[name='of-{seat.mac}'][value=children]"
        assert browser.driver.find_element(By.CSS_SELECTOR, shared).is_selected(), "proposed for every other"
    tap(f"input[name='of-{TABLET.mac}'][value=aruzhan]")
    tap(f"input[name='of-{PHONE.mac}'][value=timur]")
    pictures(browser, "setup-3-devices")
    tap(".save button")
    eventually(lambda: "These rules are now active" in browser.text("h1"))
    pictures(browser, "setup-4-summary")
    assert "Bedtime on school nights 20:45" in browser.text("main")
    tap(f"section[aria-labelledby=test-aruzhan] button[value='{TABLET.mac}']")
    eventually(lambda: f"{PAGES}/proof" in browser.text("main"))
    return taps


def test_a_family_of_four_is_set_up_in_ten_taps(empty_home: Family, taps: int) -> None:
    assert taps <= TAPS, taps
    print(f"{taps} taps")
    profiles = {one["id"]: one for one in empty_home.daemon.client.call("status")["profiles"]}
    assert sorted(profiles) == ["aruzhan", "timur"]
    assert [one["mac"] for one in profiles["aruzhan"]["devices"]] == [TABLET.mac]


@pytest.mark.usefixtures("taps")
def test_back_and_reload_make_nobody_twice(empty_home: Family, browser: Chromium) -> None:
    browser.driver.get(empty_home.url(PARENT.key, "/parent/setup/people"))
    browser.tap(".save button")
    eventually(lambda: "Who uses which device?" in browser.text("h1"))
    browser.driver.back()
    eventually(lambda: "Who is in the family" in browser.text("h1"))
    browser.tap(".save button")
    eventually(lambda: "Who uses which device?" in browser.text("h1"))
    browser.driver.refresh()
    people = empty_home.daemon.client.call("devices", brief=True)["people"]
    assert sorted(one["name"] for one in people) == ["Aruzhan", "Dad", "Mum", "Timur"]


@pytest.mark.usefixtures("taps")
def test_who_changed_what_tells_of_it_in_words(empty_home: Family, browser: Chromium) -> None:
    browser.driver.get(empty_home.url(PARENT.key, "/parent/log/"))
    log = browser.text("main")
    assert "Mum added Aruzhan to the family" in log
    assert "Mum set who uses tablet: Aruzhan" in log
    assert "_" not in log, "no name of the program's own"


@pytest.mark.usefixtures("taps")
def test_the_tablet_proves_each_line(empty_home: Family, browser: Chromium) -> None:
    browser.driver.get(empty_home.url(PARENT.key, "/parent/child/aruzhan/tests/"))
    browser.tap(f"button[value='{TABLET.mac}']")
    eventually(lambda: f"{PAGES}/proof" in browser.text("main"))
    pictures(browser, "proof-1-waits")
    states = proved(empty_home)
    topics = ("refused", "open", "adult", "messenger", "private_dns", "bedtime", "help")
    assert states == dict.fromkeys(topics, "works"), proof(empty_home)
    eventually(lambda: "All tests passed." in browser.text("main"))
    pictures(browser, "proof-2-holds")
    browser.driver.get(empty_home.url(TABLET.key, "/proof"))
    eventually(lambda: "All tests passed." in browser.text("main"))
    pictures(browser, "proof-3-tablet")


@pytest.mark.usefixtures("taps")
def test_what_was_opened_meanwhile_is_told(empty_home: Family, browser: Chromium) -> None:
    browser.driver.get(empty_home.url(PARENT.key, "/parent/child/aruzhan/tests/"))
    browser.tap(f"button[value='{TABLET.mac}']")
    eventually(lambda: f"{PAGES}/proof" in browser.text("main"))
    assert next(one for one in proof(empty_home)["checks"] if one["id"] == "refused")["name"] == "TikTok"
    call = empty_home.daemon.client.call
    done = call("edit", id="aruzhan", set={"allow/service:tiktok": True}, confirmed=True, by="Mum")
    try:
        states = proved(empty_home)
    finally:
        call("unedit", id="aruzhan", revision=done["undo"], by="Mum")
    assert states.pop("refused") == "fails"
    assert set(states.values()) == {"works"}
    eventually(lambda: "It came through." in browser.text("main"))
    assert "All tests passed." not in browser.text("main")
    pictures(browser, "proof-4-came-through")
