"""A child of 10 to 12 asks for blocked sites in Chromium, and a parent answers from each list."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium import Chromium, eventually
from tests.browser.family import Family, at_home, mums_browser
from tests.lab import clients
from tests.lab.names import PARENT, TABLET

pytestmark = [pytest.mark.browser, pytest.mark.lab]

OWN_RULE = "www.tiktok.com"  # blocked by the family's own rule
BET = "www.1xbet.com"  # in a category that is blocked for her
ACTIVITY = "/parent/activity/daughter"


@pytest.fixture(scope="module")
def family() -> Iterator[Family]:
    with at_home() as built:
        yield built


@pytest.fixture(scope="module")
def browser(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Signed in as Mum on her phone; the tablet's pages are the daughter's."""
    with mums_browser(family, tmp_path_factory.mktemp("chromium")) as made:
        yield made


def reached(family: Family, host: str) -> bool:
    return clients.curl(family.home.devices[TABLET.key], f"https://{host}/").reached


def uses(family: Family) -> None:
    """She uses the tablet: what is blocked within two minutes is no attempt in the background."""
    assert reached(family, "kk.wikipedia.org")


def asks(family: Family, browser: Chromium, path: str, host: str) -> None:
    """She opens the site, and then asks for it on one of the gateway's pages."""
    uses(family)
    assert not reached(family, host)
    browser.driver.get(family.url(TABLET.key, path))
    browser.tap(f".ask-site button[value='{host}']")
    if path.startswith("/refused"):
        eventually(lambda: "You asked for it. It waits for an answer." in browser.text(".refused"))
        browser.driver.get(family.url(TABLET.key, "/my"))
    eventually(lambda: "Waiting for an answer" in browser.text(".asked"))


def answer(family: Family, browser: Chromium, button: str, page: str = ACTIVITY) -> None:
    browser.driver.get(family.url(PARENT.key, page))
    browser.tap(f"form.answer:has([name=id]) {button}")


def test_once_from_activity_for_what_was_asked_for_under_why(family: Family, browser: Chromium) -> None:
    asks(family, browser, "/why", OWN_RULE)
    browser.driver.get(family.url(TABLET.key, "/why"))
    assert "You asked for it. It waits for an answer." in browser.text(".refusals")
    answer(family, browser, ".primary")
    eventually(lambda: reached(family, OWN_RULE))
    assert browser.driver.current_url.endswith(ACTIVITY), "she is back on the same list"
    browser.tap(".notice button")
    eventually(lambda: not reached(family, OWN_RULE))


def test_today_from_activity_for_what_was_asked_for_on_the_blocked_page(
    family: Family, browser: Chromium
) -> None:
    asks(family, browser, f"/refused?host={OWN_RULE}", OWN_RULE)
    answer(family, browser, "[value=today]")
    eventually(lambda: reached(family, OWN_RULE))
    browser.driver.get(family.url(TABLET.key, "/my"))
    assert "Mum allowed it for today" in browser.text(".asked")
    browser.driver.get(family.url(PARENT.key, ACTIVITY))
    browser.tap(".notice button")
    eventually(lambda: not reached(family, OWN_RULE))


def test_always_from_activity_is_confirmed_for_a_blocked_category(family: Family, browser: Chromium) -> None:
    asks(family, browser, "/why", BET)
    answer(family, browser, "[value=always]")
    eventually(lambda: "Always allow 1xBet for Daughter?" in browser.text("h1"))
    assert "Gambling" in browser.text("main")
    assert not reached(family, BET)
    browser.tap("#always")
    eventually(lambda: reached(family, BET))
    browser.tap(".notice button")
    eventually(lambda: not reached(family, BET))


def test_no_from_activity(family: Family, browser: Chromium) -> None:
    asks(family, browser, "/why", OWN_RULE)
    answer(family, browser, "[value=no]")
    eventually(lambda: "is declined" in browser.text(".notice"))
    assert not reached(family, OWN_RULE)
    browser.driver.get(family.url(TABLET.key, "/my"))
    assert "Mum said no" in browser.text(".asked")


def test_a_parent_opens_what_was_not_asked_for_and_answers_on_the_first_page(
    family: Family, browser: Chromium
) -> None:
    uses(family)
    assert not reached(family, OWN_RULE)
    browser.driver.get(family.url(PARENT.key, ACTIVITY))
    row = "details:has([value='service:tiktok'])"
    browser.tap(f"{row} summary")
    assert browser.measure(f'return document.querySelector("{row} [value=no]")') is None
    browser.tap(f"{row} .primary")
    eventually(lambda: reached(family, OWN_RULE))
    browser.tap(".notice button")
    eventually(lambda: not reached(family, OWN_RULE))
    asks(family, browser, "/why", OWN_RULE)
    answer(family, browser, ".primary", "/parent/")
    eventually(lambda: reached(family, OWN_RULE))
    assert browser.driver.current_url.endswith("/parent/")
    browser.tap(".notice button")
    eventually(lambda: not reached(family, OWN_RULE))


def test_the_names_of_a_site_are_one_request(family: Family, browser: Chromium) -> None:
    for host in (OWN_RULE, "m.tiktok.com", "vm.tiktok.com"):
        assert not reached(family, host)
    browser.driver.get(family.url(TABLET.key, "/why"))
    assert browser.measure("return document.querySelectorAll('.ask-site').length") == browser.measure(
        "return new Set([...document.querySelectorAll('.refusals strong')].map(one => one.innerText)).size"
    )
    assert browser.text(".refusals").count("Ask for TikTok") == 1
