"""Why a rule is changed, said beside switches, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import PHONE, Chromium, eventually
from tests.browser.conftest import Site
from tests.webui.standin.ruling import by_hand

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

PAGE = "/parent/child/daughter/"
WHY = "Because of the exams"
SWITCH = "button[name=switch][value$='categories/social_networks']"


@pytest.fixture
def rules(parent: Chromium, site: Site) -> Iterator[Chromium]:
    by_hand(site.household)
    yield parent
    parent.resize(PHONE)
    by_hand(site.household)


def edits(site: Site) -> list[object]:
    return [values["because"] for do, values in site.household.asked if do == "edit"]


def test_one_reason_is_said_for_two_switches_and_the_enter_key_presses_none(
    rules: Chromium, site: Site
) -> None:
    rules.driver.get(site.url + PAGE)
    site.household.asked.clear()
    rules.tap("#section-categories summary")
    rules.tap("#say-because summary")
    field = rules.driver.find_element(By.ID, "because")
    field.send_keys(WHY, Keys.ENTER)
    assert rules.driver.current_url == site.url + PAGE
    assert edits(site) == [], "it is a new line"
    for done in (1, 2):
        rules.tap(SWITCH)
        eventually(lambda done=done: len(edits(site)) == done)  # type: ignore[misc]
        eventually(lambda: bool(rules.text(".notice")))
        assert rules.driver.find_element(By.ID, "because").get_property("value") == WHY
    assert edits(site) == [WHY, WHY]
    rules.driver.get(site.url + PAGE)
    assert rules.driver.find_element(By.ID, "because").get_property("value") == ""


def test_a_double_tap_changes_a_rule_once_and_going_back_changes_nothing(rules: Chromium, site: Site) -> None:
    rules.driver.get(f"{site.url}/parent/")
    rules.driver.get(site.url + PAGE)
    site.household.asked.clear()
    rules.driver.execute_script(
        "const one = document.querySelector(arguments[0]); one.click(); one.click()", SWITCH
    )
    eventually(lambda: "off for Aruzhan" in rules.text(".notice"))
    assert edits(site) == [None]
    rules.driver.back()
    eventually(lambda: rules.driver.current_url == f"{site.url}/parent/" or "Rules" in rules.text("h1"))
    assert edits(site) == [None]
