"""What some readers cannot use on a page: axe-core's findings, and what our two scripts know beyond it."""

from __future__ import annotations

from pathlib import Path

from tests.browser.axe import Axe
from tests.browser.chromium import DESKTOP, NARROW, PHONE, Chromium

SMALL = (360, 640)
ZOOMED = (DESKTOP[0] // 2, DESKTOP[1] // 2)  # a desktop at 200 %
OWN = Path(__file__).with_name("access.js").read_text()
LAYOUT = Path(__file__).with_name("layout.js").read_text()
OPENED = "document.querySelectorAll('details').forEach(one => { one.open = true })"
TEXT_SIZE = "document.documentElement.style.fontSize = '{}%'"


def faults(browser: Chromium) -> list[str]:
    """On a small phone, light and dark, and on a desktop, with all that can be opened open.

    No colour depends on the width.
    """
    browser.measure(OPENED)
    axe = Axe(browser)
    found: list[str] = []
    for size in (SMALL, DESKTOP):
        spread(browser, size)
        findings = axe.findings(colours=size == SMALL)
        found += [f"{size[0]} px: {fault}" for fault in (*findings, *browser.measure(OWN))]
        if size == SMALL:
            browser.theme("dark")
            found += [f"{size[0]} px, dark: {fault}" for fault in axe.colours()]
            browser.theme("light")
    return [*found, *layout_faults(browser)]


def layout_faults(browser: Chromium) -> list[str]:
    """At 320 px, at 200 % on a desktop, and with letters of 200 % on a phone: what overlaps or is cut off."""
    found = []
    for size, percent in ((NARROW, 100), (ZOOMED, 100), (PHONE, 200)):
        browser.measure(TEXT_SIZE.format(percent))
        spread(browser, size)
        found += [f"{size[0]} px, {percent} %: {fault}" for fault in browser.measure(LAYOUT)]
    browser.measure(TEXT_SIZE.format(100))
    browser.resize(PHONE)
    return found


def spread(browser: Chromium, size: tuple[int, int]) -> None:
    """The whole page in one window: what sticks to its end lies on nothing else."""
    browser.resize(size)
    height = int(browser.measure("return document.documentElement.scrollHeight"))
    browser.resize((size[0], max(height, size[1])))
