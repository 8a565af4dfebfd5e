"""Accounts in a real browser: the claim, signing in, the recovery code, helpers, and a forged form."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from gateway.control.proofs import PROOF_LIFE
from tests.around import LABEL
from tests.browser.audit import faults
from tests.browser.chromium import WEIGHT, Chromium, eventually
from tests.browser.conftest import Site
from tests.browser.states import a_family, unclaimed
from tests.browser.test_pages import FIRST_VISIT, check_looks
from tests.webui.standin.accounts import MUMS_PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]


@pytest.fixture(autouse=True)
def nobody_signed_in(browser: Chromium) -> None:
    browser.sign_out()


def fill(browser: Chromium, **values: str) -> None:
    for name, value in values.items():
        browser.driver.find_element(By.NAME, name).send_keys(value)


def test_a_gateway_is_claimed_and_the_code_is_kept(browser: Chromium, site: Site) -> None:
    unclaimed(site)
    browser.driver.get(f"{site.url}/signin")
    eventually(lambda: "Set up this gateway" in browser.text("h1"))
    check_looks(browser)
    assert 0 < browser.measure(WEIGHT) <= FIRST_VISIT
    fill(browser, label=LABEL.lower(), name="Mum", password="short")
    browser.tap("button.primary")
    assert browser.driver.current_url.endswith("/claim"), "the browser itself asks for eight letters"
    fill(browser, password=" words and more")
    browser.tap("button.primary")
    eventually(lambda: "Your recovery code" in browser.text("h1"))
    check_looks(browser)
    assert faults(browser) == []
    browser.tap("button.primary")
    eventually(lambda: "Aruzhan" in browser.text())
    browser.driver.get(f"{site.url}/parent/")
    assert "Mum set up this gateway today" in browser.text()


def test_one_signs_in_by_keyboard_alone_and_looks_at_what_was_typed(browser: Chromium, site: Site) -> None:
    browser.driver.get(f"{site.url}/signin")
    browser.driver.find_element(By.ID, "name").send_keys("Mum", Keys.TAB)
    browser.driver.switch_to.active_element.send_keys(MUMS_PASSWORD)
    field = browser.driver.find_element(By.ID, "password")
    assert field.get_attribute("type") == "password"
    browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    browser.driver.switch_to.active_element.send_keys(Keys.SPACE)
    assert field.get_attribute("type") == "text"
    browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    eventually(lambda: "Aruzhan" in browser.text())
    assert browser.driver.current_url == f"{site.url}/parent/"


def test_a_wrong_password_is_told_and_can_be_mended(browser: Chromium, site: Site) -> None:
    browser.driver.get(f"{site.url}/signin")
    fill(browser, name="Mum", password="not this one" + Keys.ENTER)
    eventually(lambda: "Name or password is wrong." in browser.text())
    assert faults(browser) == []
    fill(browser, password=MUMS_PASSWORD + Keys.ENTER)
    eventually(lambda: "Aruzhan" in browser.text())


def test_a_helper_pauses_and_gives_and_sees_no_more(browser: Chromium, site: Site) -> None:
    site.happens(lambda: a_family(site))
    browser.driver.get(f"{site.url}/signin?code={site.household.guardians.link('Oma')}")
    eventually(lambda: "Helping out" in browser.text("h1"))
    check_looks(browser)
    assert faults(browser) == []
    browser.tap(".extras button[value='15']")
    eventually(lambda: "more minutes" in browser.text(".notice"))
    browser.tap(".notice button")
    eventually(lambda: "The change is undone." in browser.text(".notice"))
    browser.tap(".pauses button[value='30']")
    eventually(lambda: "Paused until 20:10." in browser.text())
    browser.driver.get(f"{site.url}/parent/")
    assert "This page is for parents." in browser.text()
    assert faults(browser) == []
    browser.complaints()


def test_support_s_page_has_no_fault(browser: Chromium, site: Site) -> None:
    site.happens(lambda: a_family(site))
    browser.driver.get(f"{site.url}/signin?code={site.household.guardians.link('Telecom')}")
    eventually(lambda: "Health" in browser.text("h1"))
    check_looks(browser)
    assert faults(browser) == []
    assert "Aruzhan" not in browser.text()


def test_somebody_is_invited_and_another_page_cannot_do_it(parent: Chromium, site: Site) -> None:
    parent.driver.get(f"{site.url}/parent/people/")
    parent.driver.find_element(By.ID, "name").send_keys("Oma")
    parent.tap("section[aria-labelledby=invite] .options label:nth-of-type(2)")
    parent.tap("section[aria-labelledby=invite] button.primary")
    eventually(lambda: "A link for Oma" in parent.text("h1"))
    check_looks(parent)
    assert faults(parent) == []
    parent.driver.get("data:text/html,<h1>elsewhere</h1>")
    parent.driver.execute_script(
        "document.body.innerHTML = `<form method=post action='${arguments[0]}'><input name=name value=Thief>"
        "<input name=role value=guardian></form>`; document.forms[0].submit()",
        f"{site.url}/parent/people/invite",
    )
    eventually(lambda: "This form did not come from these pages" in parent.text())
    assert "Thief" not in site.household.stamps.accounts()
    parent.complaints()


def test_what_a_session_of_this_morning_may_not_do_asks_for_the_password(
    parent: Chromium, site: Site
) -> None:
    """A phone that a child has found unlocked invites no one and deletes nothing."""
    site.household.needs_proof.add("erase")
    site.household.accounts.scene.now += PROOF_LIFE
    parent.driver.get(f"{site.url}/parent/people/")
    parent.driver.find_element(By.ID, "name").send_keys("Ben")
    parent.tap("section[aria-labelledby=invite] .options label:nth-of-type(2)")
    parent.tap("section[aria-labelledby=invite] button.primary")
    eventually(lambda: "Is it you?" in parent.text())
    check_looks(parent)
    assert faults(parent) == []
    fill(parent, proof="not it" + Keys.ENTER)
    eventually(lambda: "password" in parent.text(".problem, [role=alert], .error"))
    assert "Ben" not in site.household.stamps.accounts()
    parent.driver.get(f"{site.url}/parent/activity/daughter/delete")
    parent.tap("main form button[value=names]")
    eventually(lambda: "Is it you?" in parent.text())
    assert site.household.erased == {}
    fill(parent, proof=MUMS_PASSWORD + Keys.ENTER)
    eventually(lambda: "The sites of Aruzhan are deleted." in parent.text(".notice"))
    parent.driver.get(f"{site.url}/parent/people/")
    parent.driver.find_element(By.ID, "name").send_keys("Ben")
    parent.tap("section[aria-labelledby=invite] .options label:nth-of-type(2)")
    parent.tap("section[aria-labelledby=invite] button.primary")
    eventually(lambda: "A link for Ben" in parent.text("h1"))
    parent.complaints()
