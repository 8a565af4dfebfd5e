"""What a page withholds from somebody: axe-core's findings, and what access.js knows beyond it."""

from __future__ import annotations

from pathlib import Path

from tests.browser.axe import Axe
from tests.browser.chromium import DESKTOP, PHONE, Chromium

SMALL = (360, 640)
OWN = Path(__file__).with_name("access.js").read_text()
OPENED = "document.querySelectorAll('details').forEach(one => { one.open = true })"


def faults(browser: Chromium) -> list[str]:
    """On a small phone and on a desktop, in the light and in the dark, with all that can be opened open."""
    browser.measure(OPENED)
    axe = Axe(browser)
    found: list[str] = []
    for size in (SMALL, DESKTOP):
        spread(browser, size)
        found += [f"{size[0]} px: {fault}" for fault in (*axe.findings(), *browser.measure(OWN))]
        browser.theme("dark")
        found += [f"{size[0]} px, dark: {fault}" for fault in axe.colours()]
        browser.theme("light")
    browser.resize(PHONE)
    return found


def spread(browser: Chromium, size: tuple[int, int]) -> None:
    """The whole page in one window: what sticks to its end lies on nothing else."""
    browser.resize(size)
    height = int(browser.measure("return document.documentElement.scrollHeight"))
    browser.resize((size[0], max(height, size[1])))
