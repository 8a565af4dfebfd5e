"""The theme of a browser: light, dark, or as the device has it. The server chooses the sheets by a cookie."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.webui.conftest import Browser, browser_on

ANY, BY_DEVICE = "screen", "screen and (prefers-color-scheme: dark)"


def look_of(page: str) -> tuple[str, list[str]]:
    """Return the colour scheme that the page announces, and the conditions of its dark sheets."""
    (scheme,) = re.findall(r'<meta name="color-scheme" content="([^"]+)">', page)
    return scheme, re.findall(r'href="/static/dark\.css[^"]*" media="([^"]+)"', page)


@pytest.mark.parametrize("path", ["/my", "/refused?host=www.tiktok.com", "/calendar", "/signin", "/offline"])
def test_the_chosen_theme_is_that_of_every_page(tablet: Browser, path: str) -> None:
    assert look_of(tablet.get(path).text) == ("light dark", [BY_DEVICE])
    tablet.post("/theme", {"theme": "dark", "to": "/my"})
    assert look_of(tablet.get(path).text) == ("dark", [ANY])
    tablet.post("/theme", {"theme": "light", "to": "/my"})
    assert look_of(tablet.get(path).text) == ("light", [])
    tablet.post("/theme", {"theme": "device", "to": "/my"})
    assert look_of(tablet.get(path).text) == ("light dark", [BY_DEVICE])


@pytest.mark.parametrize("path", ["/my", "/parent/more", "/"])
def test_the_switch_is_below_the_pages_and_says_what_is_chosen(
    app: Flask, mum: Browser, tablet: Browser, path: str
) -> None:
    browser = {"/my": tablet, "/": browser_on(app, "192.168.1.30")}.get(path, mum)
    browser.post("/theme", {"theme": "dark", "to": path})
    page = browser.get(path).text
    foot = page.partition('<form class="themes"')[2].partition("</form>")[0]
    found = re.findall(r'name="theme" value="(\w+)" (aria-current=true)?>', foot)
    assert found == [("light", ""), ("dark", "aria-current=true"), ("device", "")]
    assert f'name="to" value="{path}"' in foot


def test_the_cookie_is_of_this_browser_for_a_year(tablet: Browser) -> None:
    answer = tablet.post("/theme", {"theme": "dark", "to": "/my"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/my")
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Max-Age=31536000"} <= set(cookie.split("; "))
    answer = tablet.post("/theme", {"theme": "device", "to": "https://evil.example/"})
    assert answer.headers["Location"] == "/"
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


def test_a_theme_that_is_not_ours_is_refused(tablet: Browser) -> None:
    assert tablet.post("/theme", {"theme": "pink", "to": "/my"}).status_code == 400
    tablet.client.set_cookie("qalqan-theme", "pink", domain="192.168.1.1")
    assert look_of(tablet.get("/my").text) == ("light dark", [BY_DEVICE])


def test_the_switch_works_while_the_filter_is_stopped(app: Flask) -> None:
    browser = browser_on(app, "192.168.1.20")
    assert browser.post("/theme", {"theme": "dark", "to": "/my"}).status_code == 303
    page = browser.get("/my")
    assert page.status_code == 503
    assert look_of(page.text) == ("dark", [ANY])
