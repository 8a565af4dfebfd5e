"""A child of 10 to 12 asks for blocked sites in Chromium, and a parent answers from each list."""

from __future__ import annotations

import pytest

from tests.browser.chromium import Chromium, eventually
from tests.browser.family import Family
from tests.lab import clients
from tests.lab.names import PARENT, TABLET

pytestmark = [pytest.mark.browser, pytest.mark.lab]

OWN_RULE = "www.tiktok.com"  # blocked by the family's own rule
BET = "www.1xbet.com"  # in a category that is blocked for her
ACTIVITY = "/parent/activity/daughter"


def reached(family: Family, host: str) -> bool:
    return clients.curl(family.home.devices[TABLET.key], f"https://{host}/").reached


def uses(family: Family) -> None:
    """She uses the tablet: what is blocked within two minutes is no attempt in the background."""
    assert reached(family, "kk.wikipedia.org")


def asks(family: Family, mum: Chromium, path: str, host: str) -> None:
    """She opens the site, and then asks for it on one of the gateway's pages."""
    uses(family)
    assert not reached(family, host)
    mum.driver.get(family.url(TABLET.key, path))
    mum.tap(f".ask-site button[value='{host}']")
    if path.startswith("/refused"):
        eventually(lambda: "You asked for it. It waits for an answer." in mum.text(".refused"))
        mum.driver.get(family.url(TABLET.key, "/my"))
    eventually(lambda: "Waiting for an answer" in mum.text(".asked"))


def answer(family: Family, mum: Chromium, button: str, page: str = ACTIVITY) -> None:
    mum.driver.get(family.url(PARENT.key, page))
    mum.tap(f"form.answer:has([name=id]) {button}")


def test_once_from_activity_for_what_was_asked_for_under_why(family: Family, mum: Chromium) -> None:
    asks(family, mum, "/why", OWN_RULE)
    mum.driver.get(family.url(TABLET.key, "/why"))
    assert "You asked for it. It waits for an answer." in mum.text(".refusals")
    answer(family, mum, ".primary")
    eventually(lambda: reached(family, OWN_RULE))
    assert mum.driver.current_url.endswith(ACTIVITY), "she is back on the same list"
    mum.tap(".notice button")
    eventually(lambda: not reached(family, OWN_RULE))


def test_today_from_activity_for_what_was_asked_for_on_the_blocked_page(
    family: Family, mum: Chromium
) -> None:
    asks(family, mum, f"/refused?host={OWN_RULE}", OWN_RULE)
    answer(family, mum, "[value=today]")
    eventually(lambda: reached(family, OWN_RULE))
    mum.driver.get(family.url(TABLET.key, "/my"))
    assert "Mum allowed it for today" in mum.text(".asked")
    mum.driver.get(family.url(PARENT.key, ACTIVITY))
    mum.tap(".notice button")
    eventually(lambda: not reached(family, OWN_RULE))


def test_always_from_activity_is_confirmed_for_a_blocked_category(family: Family, mum: Chromium) -> None:
    asks(family, mum, "/why", BET)
    answer(family, mum, "[value=always]")
    eventually(lambda: "Always allow 1xBet for Daughter?" in mum.text("h1"))
    assert "Gambling" in mum.text("main")
    assert not reached(family, BET)
    mum.tap("#always")
    eventually(lambda: reached(family, BET))
    mum.tap(".notice button")
    eventually(lambda: not reached(family, BET))


def test_no_from_activity(family: Family, mum: Chromium) -> None:
    asks(family, mum, "/why", OWN_RULE)
    answer(family, mum, "[value=no]")
    eventually(lambda: "is declined" in mum.text(".notice"))
    assert not reached(family, OWN_RULE)
    mum.driver.get(family.url(TABLET.key, "/my"))
    assert "Mum said no" in mum.text(".asked")


def test_a_parent_opens_what_was_not_asked_for_and_answers_on_the_first_page(
    family: Family, mum: Chromium
) -> None:
    uses(family)
    assert not reached(family, OWN_RULE)
    mum.driver.get(family.url(PARENT.key, ACTIVITY))
    row = "details:has([value='service:tiktok'])"
    mum.tap(f"{row} summary")
    assert mum.measure(f'return document.querySelector("{row} [value=no]")') is None
    mum.tap(f"{row} .primary")
    eventually(lambda: reached(family, OWN_RULE))
    mum.tap(".notice button")
    eventually(lambda: not reached(family, OWN_RULE))
    asks(family, mum, "/why", OWN_RULE)
    answer(family, mum, ".primary", "/parent/")
    eventually(lambda: reached(family, OWN_RULE))
    assert mum.driver.current_url.endswith("/parent/")
    mum.tap(".notice button")
    eventually(lambda: not reached(family, OWN_RULE))


def test_the_names_of_a_site_are_one_request(family: Family, mum: Chromium) -> None:
    for host in (OWN_RULE, "m.tiktok.com", "vm.tiktok.com"):
        assert not reached(family, host)
    mum.driver.get(family.url(TABLET.key, "/why"))
    assert mum.measure("return document.querySelectorAll('.ask-site').length") == mum.measure(
        "return new Set([...document.querySelectorAll('.refusals strong')].map(one => one.innerText)).size"
    )
    assert mum.text(".refusals").count("Ask for TikTok") == 1
