"""Counts what a task costs: a tap is a click, a field is a text or a choice that a person enters."""

from __future__ import annotations

from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from tests.browser.chromium import Chromium, eventually


class Thumb:
    """Taps and fills in ``browser`` as a person would. ``on`` counts in another browser, too."""

    def __init__(self, browser: Chromium) -> None:
        self._browser = browser
        self.taps = self.fields = 0

    def on(self, browser: Chromium) -> None:
        self._browser = browser

    def tap(self, selector: str) -> None:
        eventually(lambda: bool(self._browser.driver.find_elements(By.CSS_SELECTOR, selector)))
        self.taps += 1
        self._browser.tap(selector)

    def fill(self, ident: str, text: str) -> None:
        """Replace what is in the field ``ident`` by ``text``."""
        eventually(lambda: bool(self._browser.driver.find_elements(By.ID, ident)))
        field = self._browser.driver.find_element(By.ID, ident)
        self.fields += 1
        field.clear()
        field.send_keys(text)

    def choose(self, ident: str, value: str) -> None:
        self.fields += 1
        Select(self._browser.driver.find_element(By.ID, ident)).select_by_value(value)

    def set_time(self, name: str, value: str) -> None:
        """Set the first time field ``name`` by a script: a person turns the wheels of a phone."""
        self.fields += 1
        self._browser.driver.execute_script(
            "const field = document.getElementsByName(arguments[0])[0]; field.value = arguments[1];"
            "field.dispatchEvent(new Event('input', {bubbles: true}));"
            "field.dispatchEvent(new Event('change', {bubbles: true}));",
            name,
            value,
        )
