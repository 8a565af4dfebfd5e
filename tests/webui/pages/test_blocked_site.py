"""A browser that was led to the pages by a blocked name, and the page that waits until the site is open."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.webui.conftest import Browser
from tests.webui.standin.household import Household

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
SITE, ASKABLE = "www.tiktok.com", "www.instagram.com"


@pytest.mark.parametrize("path", ["/", "/parent/", "/my", "/static/style.css", "/a/b?c=d", "/signin"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("host", [SITE, "WWW.TikTok.com", f"{SITE}.", f"{SITE}:80"])
def test_a_navigation_to_a_blocked_site_is_redirected_to_the_page_about_it(
    app: Flask, household: Household, path: str, method: str, host: str
) -> None:
    asked = len(household.asked)
    headers = {"Host": host, "Accept": HTML}
    answer = app.test_client().open(path, method=method, headers=headers)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://qalqan.home.arpa/refused?host={SITE}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Length" not in answer.headers, "the server closes the connection"
    assert answer.data == b""
    assert len(household.asked) == asked, "nothing was looked up for it"


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "image/avif,image/webp,*/*;q=0.8"},
        {"Accept": "*/*"},
        {"Accept": "text/css,*/*;q=0.1"},
        {},
        {"Accept": HTML, "Sec-Fetch-Dest": "iframe"},
        {"Accept": HTML, "Sec-Fetch-Dest": "empty"},
    ],
)
def test_a_part_of_a_page_gets_an_empty_answer(app: Flask, headers: dict[str, str]) -> None:
    answer = app.test_client().get("/pixel.gif", headers={"Host": SITE, **headers})
    assert (answer.status_code, answer.data) == (403, b"")
    assert "Location" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "host",
    [
        "a..b", "a.b..", "evil..", ".", "..", "-", "x", "a b.example", "a/b.example", "<script>.example",
        "%00.example", "ünï.example", f"{'a' * 64}.example", f"{'a.' * 127}ab", "evil.example:8080",
        "evil.example:0",
        "user@evil.example", "[::1", "evil.example\t", 'evil.example"', "evil.example:80:80",
    ],
)  # fmt: skip
def test_what_is_no_name_of_a_site_gets_one_clear_answer(app: Flask, host: str) -> None:
    for path in ("/", "/my", "/nothing"):
        environ = {"HTTP_HOST": host.encode().decode("latin-1"), "HTTP_ACCEPT": HTML}
        answer = app.test_client().get(path, environ_overrides=environ)
        assert answer.status_code in (400, 421), path
        assert "Location" not in answer.headers
        assert "<script>.example" not in answer.text


def test_the_page_waits_and_opens_the_site_once_the_rules_allow_it(
    tablet: Browser, household: Household
) -> None:
    page = tablet.get(f"/refused?host={ASKABLE}")
    assert page.status_code == 403
    assert f'data-retry="/refused/opened?host={ASKABLE}"' in page.text
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in page.text
    assert tablet.get(f"/refused/opened?host={ASKABLE}").status_code == 409
    for refusal in household.refusals:
        refusal["open"] = refusal["host"] == ASKABLE
    for path in ("/refused", "/refused/opened"):
        opened = tablet.get(f"{path}?host={ASKABLE}")
        assert opened.status_code == 200
        assert f'<meta http-equiv="refresh" content="3;url=http://{ASKABLE}/">' in opened.text
        assert "data-retry" not in opened.text
        assert tablet.get(f"{path}?host={SITE}").status_code in (403, 409)


@pytest.mark.parametrize("host", ["evil.example", "", "a..b", "javascript:alert(1)", "evil.example/x"])
def test_it_opens_no_site_that_was_not_blocked_here(tablet: Browser, household: Household, host: str) -> None:
    for refusal in household.refusals:
        refusal["open"] = True
    assert tablet.get(f"/refused/opened?host={host}").status_code == 409
    assert "http-equiv" not in tablet.get(f"/refused?host={host}").text


def test_the_childs_page_has_a_code_for_the_home_screen(tablet: Browser) -> None:
    page = tablet.get("/my").text
    assert 'id="home-screen"' in page
    assert 'class="qr"' in page
    assert "http://qalqan.home.arpa/my" in page
    assert 'class="qr"' not in tablet.get("/my/now").text


def test_the_page_of_categories_says_that_a_child_can_ask_for_a_blocked_site(mum: Browser) -> None:
    page = mum.get("/parent/child/daughter/kinds/").text
    assert "Block: blocked, but the child can ask for most sites." in page
    assert "Ask button" not in page
