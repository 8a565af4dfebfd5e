"""How long somebody stays signed in on a device that is a child's, and on one that is not."""

from __future__ import annotations

import time

import pytest

from tests.webui.conftest import Browser
from tests.webui.standin.household import Household
from webui.accounts.session import ON_A_CHILDS


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by which the web process's clock is moved."""
    ahead, real = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])
    return ahead


def sign_in(browser: Browser, household: Household) -> None:
    browser.post("/signin", {"code": household.guardians.link("Mum")})
    assert browser.get("/parent/").status_code == 200


@pytest.mark.parametrize("seconds", [ON_A_CHILDS, -60])
def test_who_forgets_to_sign_out_on_a_child_s_device_is_signed_out(
    tablet: Browser, household: Household, later: list[float], seconds: float
) -> None:
    sign_in(tablet, household)
    later[0] = ON_A_CHILDS - 60
    assert tablet.get("/parent/").status_code == 200
    kept = tablet.client.get_cookie("qalqan-8080", domain="192.168.1.1")
    assert kept is not None
    later[0] = seconds
    assert tablet.get("/").headers["Location"] == "/my"
    assert tablet.get("/parent/").headers["Location"] == "/signin"
    left = household.accounts.register.sessions("Mum")
    assert left == ()
    later[0] = 0
    tablet.client.set_cookie("qalqan-8080", kept.value, domain="192.168.1.1")
    assert tablet.get("/parent/").headers["Location"] == "/signin", "a copy that was kept opens nothing"


def test_a_device_about_which_somebody_is_asked_counts_as_a_child_s(
    stranger: Browser, household: Household, later: list[float]
) -> None:
    household.devices[stranger.ip] = {
        "mac": "06:00:00:00:00:99", "profile": "daughter", "name": "", "asked": "again",
    }  # fmt: skip
    sign_in(stranger, household)
    later[0] = ON_A_CHILDS
    assert stranger.get("/parent/").headers["Location"] == "/signin"


@pytest.mark.parametrize("days", [30, 4000, -4000])
def test_on_a_parent_s_device_it_stays_wherever_the_clock_is_put(
    mum: Browser, later: list[float], days: int
) -> None:
    """The daemon ends sessions, which knows when its clock was set; a gateway without one starts in 1970."""
    later[0] = days * 24 * 3600.0
    assert mum.get("/parent/").status_code == 200
    assert mum.post("/parent/pause", {"who": "son", "minutes": "15"}).status_code == 303
    assert mum.get("/parent/").status_code == 200


def test_its_cookie_lasts_by_the_browser_s_clock(
    stranger: Browser, household: Household, later: list[float]
) -> None:
    """A date of a gateway without a clock is over where it is read; Max-Age goes before it (RFC 6265)."""
    later[0] = -50 * 365 * 24 * 3600.0
    answer = stranger.post("/signin", {"code": household.guardians.link("Mum")})
    for cookie in answer.headers.getlist("Set-Cookie"):
        assert "Max-Age=" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie


def test_the_page_says_so_before_anybody_signs_in(tablet: Browser, stranger: Browser) -> None:
    told = "This is a child's device, so you are signed out automatically after 30"
    assert told in tablet.get("/signin").text
    assert told not in stranger.get("/signin").text


def test_a_device_with_an_open_question_is_not_called_a_child_s(
    stranger: Browser, household: Household
) -> None:
    household.devices[stranger.ip] = {
        "mac": "06:00:00:00:00:99", "profile": "adult", "name": "", "asked": "again",
    }  # fmt: skip
    page = stranger.get("/signin").text
    assert "not said yet who uses this device, so you are signed out automatically after 30" in page
    assert "This is a child's device" not in page
