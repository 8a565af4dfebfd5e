"""My account: password, recovery code, and where one is signed in."""

from __future__ import annotations

import pytest
from flask import Flask

from gateway.control.surroundings import Requester
from gateway.policy.accounts.people import Account, PersonRole
from tests.control.running import Running
from tests.webui.accounts.signing import code_of
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.accounts import MUMS_PASSWORD
from tests.webui.standin.household import Household

NEW = "twelve green owls"


@pytest.fixture
def laptop(app: Flask, mum: Browser, household: Household) -> Browser:
    """Mum's other device."""
    household.accounts.scene.devices["192.168.1.8"] = Requester(
        "02:00:00:00:00:1d", "<script>alert(1)</script>"
    )
    browser = browser_on(app, "192.168.1.8")
    browser.post("/signin/password", {"name": "Mum", "password": MUMS_PASSWORD})
    return browser


def test_a_first_password_brings_a_recovery_code(stranger: Browser, household: Household) -> None:
    household.stamps.put(Account("Dad"))
    stranger.post("/signin", {"code": household.guardians.link("Dad")})
    sheet = stranger.post("/account/password", {"password": NEW}).headers["Location"]
    assert code_of(stranger.get(sheet).text)
    stranger.post("/signout")
    assert stranger.post("/signin/password", {"name": "Dad", "password": NEW}).status_code == 303


def test_another_password_needs_the_old_one_and_ends_other_sessions(mum: Browser, laptop: Browser) -> None:
    for old in ("", "not it"):
        answer = mum.post("/account/password", {"password": NEW, "old": old})
        assert answer.status_code == 403
    answer = mum.post("/account/password", {"password": "password1", "old": MUMS_PASSWORD})
    assert "tried first everywhere" in answer.text
    assert laptop.get("/parent/").status_code == 200
    assert mum.post("/account/password", {"password": NEW, "old": MUMS_PASSWORD}).status_code == 303
    assert laptop.get("/parent/").status_code == 303
    assert mum.get("/parent/").status_code == 200


def test_a_new_recovery_code_needs_the_password(mum: Browser) -> None:
    assert mum.post("/account/recovery", {"old": "not it"}).headers["Location"] == "/account/"
    assert "Name or password is wrong." in mum.get("/account/").text
    sheet = mum.post("/account/recovery", {"old": MUMS_PASSWORD}).headers["Location"]
    assert code_of(mum.get(sheet).text)
    assert "You have a recovery code on paper." in mum.get("/account/").text


def test_sessions_are_listed_with_device_and_time_and_ended_one_by_one(mum: Browser, laptop: Browser) -> None:
    page = mum.get("/account/").text
    assert "Galaxy-S23" in page
    assert "this one" in page
    assert "Signed in just now" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    id_of_laptop = page.partition('name="id" value="')[2].partition('"')[0]
    assert mum.post("/account/end", {"id": id_of_laptop}).status_code == 303
    assert "1 browser is signed out." in mum.get("/account/").text
    assert laptop.get("/parent/").headers["Location"] == "/signin"


def test_all_others_are_ended_at_once_and_this_one_stays(app: Flask, mum: Browser, laptop: Browser) -> None:
    mum.post("/account/end", {"id": "others"})
    assert laptop.get("/parent/").status_code == 303
    assert mum.get("/parent/").status_code == 200


@pytest.mark.parametrize("which", ["", "../x", "<script>", "x" * 500])
def test_nonsense_ends_no_session(mum: Browser, laptop: Browser, which: str) -> None:
    assert mum.post("/account/end", {"id": which}).status_code in (303, 400)
    assert laptop.get("/parent/").status_code == 200


def test_a_cookie_that_was_signed_out_opens_nothing_more(app: Flask, mum: Browser) -> None:
    cookie = mum.client.get_cookie("qalqan-8080", domain="192.168.1.1")
    assert cookie is not None
    mum.post("/signout")
    thief = browser_on(app, "192.168.1.20")
    thief.client.set_cookie("qalqan-8080", cookie.value, domain="192.168.1.1")
    assert thief.get("/parent/").status_code == 303


FIREFOX = "Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0"


def test_a_new_sign_in_is_shown_on_the_older_device_until_it_is_confirmed(
    app: Flask, mum: Browser, household: Household
) -> None:
    intruder = browser_on(app, "192.168.1.8")
    form = {"name": "Mum", "password": MUMS_PASSWORD}
    intruder.post("/signin/password", form, User_Agent=FIREFOX)
    page = mum.get("/parent/").text
    assert "New sign-in with your name" in page
    assert "Firefox, Android" in page
    assert "New sign-in" not in intruder.get("/parent/").text
    which = page.partition('action="/account/confirm"')[2].partition('value="')[2].partition('"')[0]
    intruder.post("/account/confirm", {"id": which})
    assert "New sign-in" in mum.get("/parent/").text
    assert mum.post("/account/confirm", {"id": which}).status_code == 303
    assert "New sign-in" not in mum.get("/parent/").text
    assert "Firefox, Android" in mum.get("/account/").text


def test_a_sign_in_that_was_not_the_parent_s_is_ended_from_the_notice(app: Flask, mum: Browser) -> None:
    intruder = browser_on(app, "192.168.1.8")
    intruder.post("/signin/password", {"name": "Mum", "password": MUMS_PASSWORD})
    page = mum.get("/parent/").text.partition("New sign-in")[2]
    which = page.partition('action="/account/end"')[2].partition('value="')[2].partition('"')[0]
    mum.post("/account/end", {"id": which})
    assert intruder.get("/parent/").location == "/signin"
    assert mum.post("/account/confirm", {"id": "<script>"}).status_code == 400


# ------------------------------------------------------------------ signing out without a password


def by_link(app: Flask, household: Household, name: str, role: PersonRole = PersonRole.GUARDIAN) -> Browser:
    household.stamps.put(Account(name, role))
    browser = browser_on(app, "192.168.1.9")
    browser.post("/signin", {"code": household.guardians.link(name)})
    return browser


def test_a_parent_without_a_password_is_warned_before_signing_out(
    app: Flask, daemon: Running, household: Household
) -> None:
    dad = by_link(app, household, "Dad")
    assert 'href="/account/password"' in dad.get("/parent/").text, "Home says so too"
    assert dad.post("/signout").location == "/account/leaving"
    page = dad.get("/account/leaving").text
    assert 'class="button primary wide" href="/account/password"' in page
    assert dad.get("/parent/").status_code == 200, "still signed in"
    assert dad.post("/signout", {"anyway": "yes"}).location == "/"
    assert dad.get("/parent/").status_code == 303


def test_a_helper_and_a_parent_with_a_password_sign_out_at_one_tap(
    app: Flask, mum: Browser, household: Household
) -> None:
    assert by_link(app, household, "Oma", PersonRole.HELPER).post("/signout").location == "/"
    assert 'class="status status-warn status-link" href="/account/password"' not in mum.get("/parent/").text
    assert mum.post("/signout").location == "/"
