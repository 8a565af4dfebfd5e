"""The step into the next band in a real browser: a parent says yes, or not yet, and the child reads why."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.browser.chromium import Chromium, eventually
from tests.browser.conftest import Site
from tests.browser.states import proposed

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]


def to_the_page(parent: Chromium, site: Site) -> None:
    """By the card at home."""
    site.happens(lambda: proposed(site))
    parent.driver.get(f"{site.url}/parent/")
    # At once: the part around it is renewed by itself.
    parent.driver.execute_script("document.querySelector('article a.button.primary').click()")
    eventually(lambda: "Newly allowed" in parent.text())


def band(site: Site) -> str:
    return site.household.editing.rules.household.profiles["daughter"].band.value


def test_a_parent_says_yes_and_takes_it_back(parent: Chromium, site: Site) -> None:
    to_the_page(parent, site)
    parent.driver.find_element(By.CSS_SELECTOR, "form button.primary").click()
    eventually(lambda: "Aruzhan has the 13-15 rules now." in parent.text())
    assert band(site) == "13-15"
    parent.driver.find_element(By.CSS_SELECTOR, ".notice button").click()
    eventually(lambda: "are as they were before" in parent.text())
    assert band(site) == "10-12"


def test_a_parent_says_not_yet_and_the_child_reads_why(parent: Chromium, site: Site) -> None:
    to_the_page(parent, site)
    Select(parent.driver.find_element(By.ID, "until")).select_by_visible_text("February 2027")
    parent.driver.find_element(By.ID, "reason").send_keys("First the exams.")
    parent.driver.find_element(By.XPATH, "//button[.='Put off']").click()
    eventually(lambda: "It is put off to February 2027. The child reads why." in parent.text())
    parent.sign_out()
    parent.driver.get(f"{site.url}/my")
    assert "Mum put them off: “First the exams.”" in parent.text()
    parent.driver.find_element(By.LINK_TEXT, "What changes").click()
    eventually(lambda: "What stays as it is" in parent.text())
    assert "Mum put them off: “First the exams.”" in parent.text()
    assert band(site) == "10-12"
