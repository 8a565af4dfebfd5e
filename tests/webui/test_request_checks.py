from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from gateway.control.surroundings import Requester
from gateway.policy.accounts.people import ANNOUNCED_FOR, Announcement, AnnouncementKind
from tests.webui.conftest import GATEWAY, Browser, browser_on
from tests.webui.standin.household import NOW, Household
from webui.request_checks import is_ours, is_same_origin
from webui.settings import Settings

NAMES = Settings(control=Path("unused")).names


@pytest.mark.parametrize(
    "host",
    [
        "192.168.1.1", "192.168.1.1:8080", "[fd00::1]", "[fd00::1]:8080", "[fe80::1%25br-lan]:8080",
        "127.0.0.1:8081", "qalqan.home.arpa", "qalqan.local", "QALQAN.home.arpa:80", "localhost:8080",
    ],
)  # fmt: skip
def test_addresses_and_own_names_are_ours(host: str) -> None:
    assert is_ours(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "evil.example:8080", "qalqan.home.arpa.evil.example", "xqalqan.home.arpa",
        "192.168.1.1.evil.example", "localhost.evil.example",
        "evil@192.168.1.1.x", "[::1", "[x]", " 192.168.1.1",
        "192.168.1", "0x7f000001", "2130706433",
    ],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    assert not is_ours(host, NAMES)


@pytest.mark.parametrize(
    ("site", "origin", "allowed"),
    [
        ("same-origin", None, True),
        ("same-origin", "http://evil.example", True),  # the browser's own word is the better one
        ("same-site", GATEWAY, False),
        ("cross-site", GATEWAY, False),
        ("none", None, False),
        (None, GATEWAY, True),
        (None, None, False),
        (None, "null", False),
        (None, "http://192.168.1.1", False),
        (None, "http://192.168.1.1:8081", False),
        (None, "https://192.168.1.1:8080", False),
        (None, "http://evil.example", False),
    ],
)
def test_a_form_must_come_from_here(site: str | None, origin: str | None, allowed: bool) -> None:
    assert is_same_origin(site, origin, "192.168.1.1:8080", "http") is allowed


def test_a_rebinding_host_is_turned_away(mum: Browser, household: Household) -> None:
    answer = mum.get("/parent/", Host="evil.example:8080")
    assert answer.status_code == 421
    assert "Aruzhan" not in answer.text
    assert household.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_a_forged_form_changes_nothing(mum: Browser, household: Household, headers: dict[str, str]) -> None:
    answer = mum.post("/parent/pause", {"who": "daughter", "minutes": "15"}, **headers)
    assert answer.status_code == 403
    assert "Nothing was changed." in answer.text
    assert household.paused == {}


def test_a_form_without_any_origin_changes_nothing(mum: Browser, household: Household) -> None:
    answer = mum.client.post("/parent/pause", base_url=GATEWAY, data={"who": "daughter", "minutes": "15"})
    assert answer.status_code == 403
    assert household.paused == {}


@pytest.mark.parametrize("path", ["/", "/my", "/why", "/refused", "/signin", "/parent/", "/nothing"])
def test_every_page_is_closed_to_others(tablet: Browser, path: str) -> None:
    headers = tablet.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers


def test_no_page_has_inline_script_or_style(tablet: Browser, mum: Browser) -> None:
    for page in (tablet.get("/my"), tablet.get("/why"), tablet.get("/signin"), mum.get("/parent/")):
        assert "style=" not in page.text
        assert " on" + "click" not in page.text
        assert page.text.count("<script") == page.text.count("<script src=")


def routes(app: Flask) -> list[tuple[str, str]]:
    """Method and path of every view that there is."""
    return [
        (method, re.sub(r"<[^>]+>", "none" if rule.endpoint == "static" else "daughter", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
    ]


def test_every_route_is_closed_to_other_names_and_other_pages(
    app: Flask, mum: Browser, household: Household
) -> None:
    """Signed in, since the cookie is what an attacker would ride on."""
    household.accounts.scene.audit.clear()
    before = dict(household.stamps.accounts())
    assert len(routes(app)) > 50
    for method, path in routes(app):
        ask = mum.get if method == "GET" else mum.post
        assert ask(path, Host="evil.example:8080").status_code == 421, path
        if method == "POST":
            for headers in (
                {"Origin": "http://evil.example"},
                {"Origin": "null"},
                {"Origin": "http://192.168.1.1"},
                {"Sec_Fetch_Site": "cross-site"},
                {"Sec_Fetch_Site": "same-site"},
            ):
                assert mum.post(path, {"who": "daughter"}, **headers).status_code == 403, path
    assert household.asked == []
    assert household.accounts.scene.audit == []
    assert household.stamps.accounts() == before


def test_every_route_has_the_headers_that_close_it(app: Flask, mum: Browser) -> None:
    for method, path in routes(app):
        if method == "GET" and path != "/parent/stream":
            headers = mum.get(path).headers
            assert headers["Content-Security-Policy"].startswith("default-src 'none'"), path
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["Referrer-Policy"] == "same-origin"
            assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_hostile_device_name_is_text_on_every_page(app: Flask, mum: Browser, household: Household) -> None:
    hostile = "<script>alert(1)</script>"
    for device in household.devices.values():
        device["name"] = hostile
    household.accounts.scene.devices[mum.ip] = Requester("02:00:00:00:00:1c", hostile)
    household.accounts.register.announce(
        Announcement(AnnouncementKind.CLAIM, hostile[:40], hostile, NOW, NOW + ANNOUNCED_FOR)
    )
    mum.post("/signin", {"code": household.guardians.link("Mum")})
    tablet = browser_on(app, "192.168.1.20")
    for method, path in routes(app):
        if method == "GET" and path != "/parent/stream":
            for browser in (mum, tablet):
                text = browser.get(path).text
                assert "<script>" not in text, path
                assert text.count("<script") == text.count("<script src="), path
                assert "style=" not in text, path


def test_an_oversize_body_is_refused_on_every_form(app: Flask, mum: Browser, household: Household) -> None:
    for method, path in routes(app):
        if method == "POST":
            answer = mum.post(path, {"name": "x" * 100_000})
            allowed = {303, 400, 404, 409, 413}
            if path.startswith("/helper/"):
                allowed.add(403)  # for helpers alone
            if path.endswith("/step/take"):
                allowed.add(422)  # it has no field, and there is nothing to take
            assert answer.status_code in allowed, path
    assert list(household.stamps.accounts()) == ["Mum"]
    assert household.paused == {}


def test_a_long_body_is_refused_with_a_page(mum: Browser) -> None:
    answer = mum.post("/parent/pause", {"who": "x" * 100_000})
    assert answer.status_code == 413
    assert "That is too long" in answer.text


def test_a_page_that_is_not_there_shows_the_way_out(tablet: Browser) -> None:
    answer = tablet.get("/wp-login.php")
    assert answer.status_code == 404
    assert "Page not found" in answer.text
    assert 'href="/"' in answer.text
