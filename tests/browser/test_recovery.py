"""The recovery page in a real browser: it fits a phone, and becomes the normal page in the end."""

from __future__ import annotations

from pathlib import Path

from tests.browser.chromium import Chromium, eventually
from tests.web.test_recovery_page import BROKEN, TITLES, Pages
from tests.webui.serving import free_port


def test_the_recovery_page_becomes_the_normal_one(browser: Chromium, tmp_path: Path) -> None:
    pages = Pages(tmp_path, free_port())
    pages.started_well()
    good = pages.config.read_text()
    pages.config.write_text(good + BROKEN)
    with pages.running():
        pages.until(503)
        browser.resize((360, 640))
        browser.driver.get(f"http://127.0.0.1:{pages.port}/calendar")
        assert browser.text("h1") in TITLES.values()
        assert browser.overflow() == 0
        background = "return getComputedStyle(document.querySelector('main')).backgroundColor"
        assert browser.measure(background) != "rgba(0, 0, 0, 0)", "the policy lets its own style in"
        pages.config.write_text(good)
        eventually(lambda: browser.text("h1") not in ("", *TITLES.values()))
