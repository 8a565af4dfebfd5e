"""The browser's name in the list of sessions, from User-Agent headers as browsers send them."""

from __future__ import annotations

import pytest

from webui.accounts.browser_names import browser_name

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0"
PHONE = "Mobile Safari/537.36"
HEADERS = {
    f"(Linux; Android 10; K) {CHROME} {PHONE}": "Chrome, Android",
    f"(Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/143.0": "Edge, Windows",
    f"(iPhone; CPU iPhone OS 18_7 like Mac OS X) {WEBKIT} Version/26.1 Safari/604.1": "Safari, iPhone",
    f"(iPad; CPU OS 18_7 like Mac OS X) {WEBKIT} CriOS/143.0 Safari/604.1": "Chrome, iPad",
    f"(Linux; Android 15) {WEBKIT} SamsungBrowser/29.0 Chrome/136.0 {PHONE}": "Samsung Internet, Android",
    f"(Windows NT 10.0) {WEBKIT} Chrome/140.0 YaBrowser/25.10 Safari/537": "Yandex Browser, Windows",
    "(X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0": "Firefox, Linux",
    f"(Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/26.1 Safari/605": "Safari, macOS",
    "curl/8.14.1": "",
    "x" * 600 + "Firefox/1": "",
}


@pytest.mark.parametrize("header", HEADERS)
def test_browser_name(header: str) -> None:
    assert browser_name(f"Mozilla/5.0 {header}") == HEADERS[header]
    assert browser_name("") == ""
