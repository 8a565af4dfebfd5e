"""From one household to another: a child's rules by the exported file, all of the family by a backup.

Two real daemons with states of their own, and pages; between them goes what a parent's browser saved.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import Chromium, chromium, eventually
from tests.browser.family import CHILD, Family, at_an_empty_home, at_home
from tests.browser.test_family import SAVE
from tests.lab import clients
from tests.lab.names import PARENT, TABLET

pytestmark = [pytest.mark.browser, pytest.mark.lab]

PASSWORD = "four quiet words"
# What the link of the page saves, in base64.
FILE = """
const done = arguments[0];
fetch(document.querySelector("a[href$='/carry/file']").href)
  .then(answer => answer.arrayBuffer())
  .then(data => done(btoa(String.fromCharCode(...new Uint8Array(data)))));
"""
HOSTS = (
    "www.tiktok.com",
    "www.instagram.com",
    "kk.wikipedia.org",
    "bilimland.kz",
    "www.pornhub.com",
    "own.example",
)
CHANGES = {
    "block/own.example": True,
    "allow/service:instagram": True,
    "limits/service:youtube": "45m",
    "bedtime": {"school": "20:15-07:00", "free": "21:45-08:00"},
}


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    with chromium(tmp_path / "browser") as it:
        yield it


def rules_of(family: Family, who: str) -> dict[str, Any]:
    """What the family has set, and what holds with its band; names and devices are each home's."""
    told = family.daemon.client.call("rules", id=who)
    return {
        part: {key: value for key, value in told[part].items() if key not in ("name", "devices")}
        for part in ("own", "band_rules", "rules")
    }


def reached(family: Family) -> dict[str, bool]:
    tablet = family.home.devices[TABLET.key]
    return {host: clients.curl(tablet, f"https://{host}/", timeout=5.0).reached for host in HOSTS}


def sign_in(family: Family, browser: Chromium) -> None:
    browser.driver.get(family.link())
    eventually(lambda: "/signin" not in browser.driver.current_url)


@contextmanager
def household(*, empty: bool = False) -> Iterator[Family]:
    with at_an_empty_home() if empty else at_home() as built:
        yield built


def test_rules_that_were_saved_as_a_file_are_the_same_in_another_household(
    browser: Chromium, tmp_path: Path
) -> None:
    with household() as first:
        first.daemon.client.call("edit", id=CHILD, set=CHANGES, confirmed=True, by="Mum")
        ours, went = rules_of(first, CHILD), reached(first)
        sign_in(first, browser)
        browser.driver.get(first.url(PARENT.key, f"/parent/child/{CHILD}/carry/"))
        saved = tmp_path / "daughter.json"
        saved.write_bytes(base64.b64decode(browser.driver.execute_async_script(FILE)))
    for word in (TABLET.mac, "192.168.", "Mum"):
        assert word not in saved.read_text(), "no device, no history"
    with household(empty=True) as second:
        sign_in(second, browser)
        browser.driver.get(second.url(PARENT.key, "/parent/import/"))
        browser.driver.find_element(By.ID, "file").send_keys(str(saved))
        browser.tap("form[enctype] button")
        eventually(lambda: "TikTok is blocked" in browser.text("[aria-labelledby=found]"))
        assert second.daemon.client.call("status")["profiles"] == [], (
            "it says what it would set, and sets nothing"
        )
        name = browser.driver.find_element(By.ID, "name")
        name.clear()
        name.send_keys("Aliya")
        browser.tap("button[value=new]")
        eventually(lambda: "Aliya is added with these rules." in browser.text(".notice"))
        [child] = [one["id"] for one in second.daemon.client.call("status")["profiles"]]
        assert rules_of(second, child) == ours
        second.daemon.client.call("assign", mac=TABLET.mac, profile=child, by="Mum")
        assert reached(second) == went


def test_a_backup_of_one_gateway_makes_a_fresh_one_filter_the_family_as_before(
    browser: Chromium, tmp_path: Path
) -> None:
    with household() as first:
        first.daemon.client.call("edit", id=CHILD, set=CHANGES, confirmed=True, by="Mum")
        ours, went = {who: rules_of(first, who) for who in (CHILD, "son")}, reached(first)
        sign_in(first, browser)
        browser.driver.get(first.url(PARENT.key, "/parent/backup/"))
        saved = tmp_path / "family.backup"
        saved.write_bytes(base64.b64decode(browser.driver.execute_async_script(SAVE, PASSWORD)))
    assert b"daughter" not in saved.read_bytes(), "it is sealed"
    with household(empty=True) as fresh:
        assert reached(fresh)["www.tiktok.com"], "it is of the house there"
        sign_in(fresh, browser)
        browser.driver.get(fresh.url(PARENT.key, "/parent/backup/"))
        browser.driver.find_element(By.ID, "file").send_keys(str(saved))
        browser.driver.find_element(By.ID, "opens").send_keys(PASSWORD)
        browser.tap("form[enctype] button")
        eventually(lambda: "What would change" in browser.text("main"))
        assert fresh.daemon.client.call("status")["profiles"] == []
        browser.tap("button[name=token]")
        eventually(lambda: "The backup is restored." in browser.text(".notice"))
        assert {who: rules_of(fresh, who) for who in (CHILD, "son")} == ours
        assert reached(fresh) == went
        fresh.daemon.kill()
        fresh.daemon.start()
        assert reached(fresh) == went, "and after a crash"
