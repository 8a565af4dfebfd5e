"""From the code on the label to a proof on the child's own tablet, by two browsers and the real kernel."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import Chromium, chromium, eventually
from tests.browser.family import Family, at_an_empty_home
from tests.lab import chromium as device_browser
from tests.lab.names import PARENT, PHONE, TABLET
from tests.lab.netns import stop
from tests.pace import longest

pytestmark = [pytest.mark.browser, pytest.mark.lab]

PAGES = "http://qalqan.home.arpa"
PHONE_SIZE, DESKTOP_SIZE = (360, 800), (1280, 900)
TAPS = 10
PROVED_S = 40.0


@pytest.fixture(scope="module")
def family() -> Iterator[Family]:
    with at_an_empty_home() as built:
        yield built


@pytest.fixture(scope="module")
def parent(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@contextmanager
def open_on_the_tablet(family: Family) -> Iterator[None]:
    """Its own browser, with its own resolver, on the page of the proof."""
    flags = device_browser.flags(family.home, TABLET.key)
    argv = ["chromium", *flags, "--remote-debugging-port=0", f"{PAGES}/proof"]
    quiet = subprocess.DEVNULL
    process = family.home.devices[TABLET.key].popen(argv, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        stop(process)


def proof(family: Family) -> dict[str, Any]:
    found = family.daemon.client.call("filter_test", action="look", id="aruzhan")["tests"]
    return dict(next(test for test in found if test["method"] == "device"))


def proved(family: Family) -> dict[str, str]:
    """Return the state of each check once the tablet has reported all."""
    with open_on_the_tablet(family):
        deadline = time.monotonic() + longest(PROVED_S)
        while proof(family)["took"] is None:
            assert time.monotonic() < deadline, proof(family)
            time.sleep(0.2)
    checks = proof(family)["checks"]
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


def test_a_family_of_four_is_set_up_in_ten_taps(family: Family, parent: Chromium) -> None:
    label = family.daemon.client.call("guardian", action="list")["label"]
    parent.driver.get(family.url(PARENT.key, "/claim"))
    typed(parent, "label", label)
    typed(parent, "name", "Mum")
    typed(parent, "password", "a warm loaf of bread")
    parent.tap("form .primary")
    eventually(lambda: "Your recovery code" in parent.text("h1"))
    parent.tap("main form .primary")
    eventually(lambda: parent.text("h1") == "Set up")
    taps = 0

    def tap(selector: str) -> None:
        nonlocal taps
        taps += 1
        parent.tap(selector)

    assert "Yes: " in parent.text("main")
    pictures(parent, "setup-1-language")
    tap("button[value=en]")
    eventually(lambda: "Who is in the family" in parent.text("h1"))
    for number, name, band in ((1, "Dad", "adult"), (2, "Aruzhan", "10-12"), (3, "Timur", "6-9")):
        typed(parent, f"name-{number}", name)
        tap(f"input[name='band-{number}'][value='{band}']")
    pictures(parent, "setup-2-people")
    tap(".save button")
    eventually(lambda: "Who uses which device?" in parent.text("h1"))
    assert parent.driver.find_element(
        By.CSS_SELECTOR, f"input[name='of-{PARENT.mac}'][value=mum]"
    ).is_selected(), "her own phone is marked as hers"
    for seat in (TABLET, PHONE):
        shared = f"input[name='of-{seat.mac}'][value=children]"
        assert parent.driver.find_element(By.CSS_SELECTOR, shared).is_selected(), "proposed for every other"
    tap(f"input[name='of-{TABLET.mac}'][value=aruzhan]")
    tap(f"input[name='of-{PHONE.mac}'][value=timur]")
    pictures(parent, "setup-3-devices")
    tap(".save button")
    eventually(lambda: "These rules are now active" in parent.text("h1"))
    pictures(parent, "setup-4-summary")
    assert "Bedtime on school nights 20:45" in parent.text("main")
    tap(f"section[aria-labelledby=test-aruzhan] button[value='{TABLET.mac}']")
    eventually(lambda: f"{PAGES}/proof" in parent.text("main"))
    assert taps <= TAPS, taps
    print(f"{taps} taps")
    profiles = {one["id"]: one for one in family.daemon.client.call("status")["profiles"]}
    assert sorted(profiles) == ["aruzhan", "timur"]
    assert [one["mac"] for one in profiles["aruzhan"]["devices"]] == [TABLET.mac]


def test_back_and_reload_make_nobody_twice(family: Family, parent: Chromium) -> None:
    parent.driver.get(family.url(PARENT.key, "/parent/setup/people"))
    parent.tap(".save button")
    eventually(lambda: "Who uses which device?" in parent.text("h1"))
    parent.driver.back()
    eventually(lambda: "Who is in the family" in parent.text("h1"))
    parent.tap(".save button")
    eventually(lambda: "Who uses which device?" in parent.text("h1"))
    parent.driver.refresh()
    people = family.daemon.client.call("devices", brief=True)["people"]
    assert sorted(one["name"] for one in people) == ["Aruzhan", "Dad", "Mum", "Timur"]


def test_who_changed_what_tells_of_it_in_words(family: Family, parent: Chromium) -> None:
    parent.driver.get(family.url(PARENT.key, "/parent/log/"))
    log = parent.text("main")
    assert "Mum added Aruzhan to the family" in log
    assert "Mum set who uses tablet: Aruzhan" in log
    assert "_" not in log, "no name of the program's own"


def test_the_tablet_proves_each_line(family: Family, parent: Chromium) -> None:
    parent.driver.get(family.url(PARENT.key, "/parent/child/aruzhan/tests/"))
    parent.tap(f"button[value='{TABLET.mac}']")
    eventually(lambda: f"{PAGES}/proof" in parent.text("main"))
    pictures(parent, "proof-1-waits")
    states = proved(family)
    topics = ("refused", "open", "adult", "messenger", "private_dns", "bedtime", "help")
    assert states == dict.fromkeys(topics, "works"), proof(family)
    eventually(lambda: "All tests passed." in parent.text("main"))
    pictures(parent, "proof-2-holds")
    parent.driver.get(family.url(TABLET.key, "/proof"))
    eventually(lambda: "All tests passed." in parent.text("main"))
    pictures(parent, "proof-3-tablet")


def test_what_was_opened_meanwhile_is_told(family: Family, parent: Chromium) -> None:
    parent.driver.get(family.url(PARENT.key, "/parent/child/aruzhan/tests/"))
    parent.tap(f"button[value='{TABLET.mac}']")
    eventually(lambda: f"{PAGES}/proof" in parent.text("main"))
    assert next(one for one in proof(family)["checks"] if one["id"] == "refused")["name"] == "TikTok"
    family.daemon.client.call(
        "edit", id="aruzhan", set={"allow/service:tiktok": True}, confirmed=True, by="Mum"
    )
    states = proved(family)
    assert states.pop("refused") == "fails"
    assert set(states.values()) == {"works"}
    eventually(lambda: "It came through." in parent.text("main"))
    assert "All tests passed." not in parent.text("main")
    pictures(parent, "proof-4-came-through")
