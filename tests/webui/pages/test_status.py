"""`/status`: whether it is the filter, in words that may be read out to anybody on the telephone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, Household
from tests.webui.standin.pages import text_of

TABLET, TELEVISION, GUESTS, STRANGERS = "192.168.1.20", "192.168.1.31", "192.168.1.30", "192.168.1.99"


def said(app: Flask, ip: str) -> str:
    answer = browser_on(app, ip).get("/status")
    assert answer.status_code == 200
    return text_of(answer.text)


def test_of_a_child_s_device_it_tells_how_often_and_not_what(tablet: Browser, household: Household) -> None:
    page = tablet.get("/status").text
    hosts = {str(one["host"]) for one in household.refusals}
    assert f"The filter blocked {len(hosts)} sites on this device in the last ten minutes." in text_of(page)
    assert not [one for one in (*hosts, "Instagram", "TikTok", "Mum", "Daughter") if one in page]
    household.refusals.clear()
    page = text_of(tablet.get("/status").text)
    assert "Rules apply on this device. In the last ten minutes they blocked nothing on it." in page
    assert "Harmful sites are always blocked and not counted here." in page
    assert "If a site does not open, it is something else." not in page


def test_a_device_that_nothing_filters_is_told_so(app: Flask, daemon: Running) -> None:
    assert "On this device only harmful sites are blocked." in said(app, TELEVISION)


def test_of_several_guests_no_one_is_told_what_another_was_refused(
    app: Flask, daemon: Running, household: Household
) -> None:
    household.guests_are_several = True
    assert "We do not show what was blocked on it, since others are guests here" in said(app, GUESTS)


def test_while_all_is_off_only_harmful_sites_are_blocked(tablet: Browser, household: Household) -> None:
    household.extra.update(mode="off", off_until=NOW + timedelta(hours=1))
    page = text_of(tablet.get("/status").text)
    assert "Time rules and categories are off for everyone until" in page
    assert "only harmful sites are blocked. If another site does not open, it is something else." in page
    assert "The filter blocked" not in page


def test_a_gateway_that_nobody_has_set_up_says_what_holds(
    app: Flask, daemon: Running, household: Household
) -> None:
    household.extra.update(unclaimed=True)
    assert "Nothing else is filtered or limited. Nothing about" in said(app, TELEVISION)


@pytest.mark.parametrize("ip", [TABLET, TELEVISION, GUESTS, STRANGERS])
def test_the_support_code_is_on_it_and_nobody_s_name(
    app: Flask, daemon: Running, household: Household, ip: str
) -> None:
    household.accounts.unclaimed()
    page = said(app, ip)
    assert "-WNK0" in page
    assert "This gateway is not set up yet." not in page
