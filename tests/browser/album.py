"""Takes each page as pictures: at both sizes, in both themes."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.browser.chromium import DESKTOP, PHONE, Chromium
from tests.browser.family import Family
from tests.lab.names import PARENT

SIZES = {"phone": PHONE, "desktop": DESKTOP}
THEMES = ("light", "dark")


class Album:
    """``count``: of pictures so far."""

    def __init__(self, browser: Chromium, family: Family) -> None:
        self._browser = browser
        self._family = family
        self.count = 0

    def take(self, name: str, seat: str, path: str, *, opened: bool = False) -> None:
        """``opened``: with everything folded open."""
        self._browser.driver.get(self._family.url(seat, path))
        if opened:
            self._browser.measure("document.querySelectorAll('details').forEach(one => { one.open = true })")
        for theme in THEMES:
            self._browser.theme(theme)
            for size, pixels in SIZES.items():
                self._browser.screenshot(f"{name}-{size}-{theme}", pixels)
                self.count += 1

    def unlock(self) -> None:
        self._family.unlock(self._browser)

    def sign_in(self, name: str = "Mum") -> None:
        self._browser.driver.get(self._family.link(name))

    def tap(self, path: str, selector: str, seat: str = PARENT.key) -> None:
        """On the parent's phone, or on another one."""
        self._browser.resize(PHONE)
        self._browser.driver.get(self._family.url(seat, path))
        self._browser.tap(selector)

    def text(self, selector: str) -> str:
        return self._browser.text(selector)

    @property
    def path(self) -> str:
        """Of the page that is shown."""
        return urlsplit(self._browser.driver.current_url).path
