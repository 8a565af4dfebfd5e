"""A repair in a real browser, on a small phone: names come by themselves, and ticks stay as they were set."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import DESKTOP, NARROW, PHONE, Chromium, eventually
from tests.browser.conftest import Site
from tests.webui.standin.household import TABLET
from tests.webui.standin.site_repairs import needed, some_names

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

CHILD = "/parent/child/daughter/"
SITE = "kundelik.kz"
ROOT = "document.documentElement"


def ticked(browser: Chromium) -> list[str]:
    found = browser.measure(
        "return [...document.querySelectorAll('[name=keep]:checked')].map(one => one.value)"
    )
    return [str(one) for one in found]


def test_a_repair_from_its_beginning_to_what_is_kept(parent: Chromium, site: Site) -> None:
    parent.resize(PHONE)
    parent.driver.get(f"{site.url}{CHILD}sites/")
    parent.driver.find_element(By.ID, "site-repair-host").send_keys(SITE)
    parent.tap("[aria-labelledby=site-repair] .primary")
    eventually(lambda: "click through it" in parent.text())
    left = parent.text("[data-left]")
    eventually(lambda: parent.text("[data-left]") < left)
    names = site.household.site_repairs.repairs["daughter"]["names"]
    site.happens(lambda: names.extend(some_names()))
    eventually(lambda: len(ticked(parent)) == 6)
    parent.tap("label:has(#keep-4)")
    assert "4" not in ticked(parent)
    site.happens(lambda: names.append(needed("late.school-parts.kz", "school-parts.kz")))
    eventually(lambda: "late.school-parts.kz" in parent.text())
    assert ticked(parent) == ["0", "1", "2", "3", "8", "5"], "as they were set, and the new one"
    parent.tap(".ends .primary")
    eventually(lambda: "stays allowed for Aruzhan" in parent.text(".notice"))
    [(_, kept)] = site.household.site_repairs.ended
    assert "static.school-parts.kz" not in kept
    assert "late.school-parts.kz" in kept
    parent.tap(".notice button")
    eventually(lambda: "Undo" not in parent.text())


def test_when_it_ends_the_page_says_so_by_itself(parent: Chromium, site: Site) -> None:
    repair = site.household.site_repairs.begin("daughter", SITE, device=TABLET)
    parent.driver.get(f"{site.url}{CHILD}teach/")
    site.happens(lambda: repair.update(state="over"))
    eventually(lambda: "The five minutes are over" in parent.text())


@pytest.mark.parametrize("size", [PHONE, NARROW, DESKTOP], ids=["phone", "narrow", "desktop"])
def test_it_fits(parent: Chromium, site: Site, size: tuple[int, int]) -> None:
    long = f"{'n' * 60}.{'n' * 60}.{'n' * 60}.example"
    repair = site.household.site_repairs.begin("daughter", long, device=TABLET)
    repair["names"] = [
        *some_names(),
        needed(long, long),
        needed(f"x{long}", long, refused="category", sentence=long),
    ]
    parent.resize(size)
    for path in (f"{CHILD}teach/", f"{CHILD}sites/", "/parent/", "/my"):
        parent.driver.get(site.url + path)
        assert parent.driver.current_url == site.url + path
        wide = parent.measure(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide == 0, path
