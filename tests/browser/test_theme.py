"""The switch of the theme in a real browser, without script."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import Chromium, chromium, eventually
from tests.browser.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

GROUNDS = {"rgb(248, 245, 238)": "light", "rgb(17, 24, 20)": "dark"}
SCHEME = "return getComputedStyle(document.documentElement).colorScheme"


def shown(browser: Chromium) -> str:
    """The theme that is drawn, by the ground of the page and the browser's own controls."""
    ground = browser.measure("return getComputedStyle(document.body).backgroundColor")
    assert browser.measure(SCHEME) == GROUNDS[ground]
    return GROUNDS[ground]


def shown_on(browser: Chromium) -> dict[str, str]:
    """The same by the theme of the device."""
    found = {}
    for device in ("light", "dark"):
        browser.theme(device)
        found[device] = shown(browser)
    browser.theme("light")
    return found


def choose(browser: Chromium, theme: str) -> None:
    browser.tap(f".themes [value={theme}]")
    mark = f".themes [value={theme}][aria-current]"
    eventually(lambda: bool(browser.driver.find_elements(By.CSS_SELECTOR, mark)))


def test_a_child_chooses_the_theme_without_script(site: Site, tmp_path: Path) -> None:
    with chromium(tmp_path / "chromium", script=False) as browser:
        browser.driver.get(f"{site.url}/my")
        assert shown_on(browser) == {"light": "light", "dark": "dark"}
        for theme in ("dark", "light"):
            choose(browser, theme)
            assert browser.driver.current_url == f"{site.url}/my"
            assert shown_on(browser) == {"light": theme, "dark": theme}
            browser.driver.get(f"{site.url}/refused?host=www.tiktok.com")
            assert shown_on(browser) == {"light": theme, "dark": theme}
            browser.driver.get(f"{site.url}/my")
        choose(browser, "device")
        assert shown_on(browser) == {"light": "light", "dark": "dark"}


def test_a_parent_s_choice_is_there_before_the_first_paint(parent: Chromium, site: Site) -> None:
    parent.driver.get(f"{site.url}/parent/more")
    choose(parent, "dark")
    parent.driver.get(f"{site.url}/parent/")
    assert shown_on(parent) == {"light": "dark", "dark": "dark"}
    waits = """
    return performance.getEntriesByType("resource").filter(one => one.name.includes(".css"))
      .map(one => [one.name.match(/(\\w+)\\.css/)[1], one.renderBlockingStatus]);
    """
    sheets = dict(parent.measure(waits))
    assert sheets["dark"] == sheets["style"] == "blocking"
    assert parent.measure("return document.querySelector('meta[name=color-scheme]').content") == "dark"
    parent.driver.get(f"{site.url}/parent/more")
    choose(parent, "device")
