"""A headless Chromium at a phone's or a desktop's size, and what can be measured on a page in it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from tests.pace import longest

PHONE = (390, 844)
DESKTOP = (1280, 800)
NARROW = (320, 568)
PATIENCE = longest(10.0, below=40.0)  # seconds

SCREENSHOTS = Path(os.environ.get("QALQAN_SCREENSHOTS", Path(__file__).parents[2] / "screenshots"))

SMALL_TARGETS = """
return [...document.querySelectorAll("a, button, summary, select, input:not([type=hidden])")]
  .filter(one => one.getClientRects().length && !one.classList.contains("skip"))
  .map(one => [one.textContent.trim() || one.id, one.getBoundingClientRect().height])
  .filter(([, height]) => height < 44);
"""

# Texts that stick out of the card that they are in.
SPILT = """
return [...document.querySelectorAll(".card *")].filter(one => one.getClientRects().length).filter(one => {
  const card = one.closest(".card").getBoundingClientRect(), box = one.getBoundingClientRect();
  return box.width > 1 && (box.right > card.right - 15 || box.left < card.left + 15);
}).map(one => one.textContent.trim().slice(0, 40));
"""

WEIGHT = """
const sizes = performance.getEntriesByType("resource").map(one => one.transferSize);
return performance.getEntriesByType("navigation")[0].transferSize + sizes.reduce((a, b) => a + b, 0);
"""


class Chromium:
    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def resize(self, size: tuple[int, int]) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def theme(self, name: str) -> None:
        wanted = {"prefers-color-scheme": name, "prefers-reduced-motion": "reduce"}
        features = [{"name": feature, "value": value} for feature, value in wanted.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def text(self, selector: str = "body") -> str:
        """Empty while the page has no such element, as between two pages."""
        found = self.driver.execute_script("return document.querySelector(arguments[0])?.innerText", selector)
        return str(found or "")

    def measure(self, script: str) -> Any:
        return self.driver.execute_script(script)

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(
            self.measure("const one = document.documentElement; return one.scrollWidth - one.clientWidth")
        )

    def screenshot(self, name: str, size: tuple[int, int]) -> None:
        """The whole page, at the width of ``size``."""
        self.resize(size)
        height = int(self.measure("return document.documentElement.scrollHeight"))
        self.resize((size[0], max(height, size[1])))
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        assert self.driver.save_screenshot(str(SCREENSHOTS / f"{name}.png"))
        self.resize(size)

    def tap(self, selector: str) -> float:
        """Click what ``selector`` finds, sought anew where the page renews itself; time.monotonic() of it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            tapped = time.monotonic()
            try:
                found = self.driver.find_element(By.CSS_SELECTOR, selector)
                # Away from the bar at the bottom, as a thumb would.
                self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
                found.click()
            except StaleElementReferenceException:
                if tapped > deadline:
                    raise
            else:
                return tapped

    def press(self, key: str) -> None:
        ActionChains(self.driver).send_keys(key).perform()

    def sign_out(self) -> None:
        """Forget the cookies and what the console says, away from the page.

        The live updates of an open page would ask again without the cookie and be sent to the sign-in.
        """
        self.driver.get("about:blank")
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.complaints()

    def complaints(self) -> list[str]:
        """What the console says of blocked or broken resources; answers of 403 and 503 are pages of ours."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")  # type: ignore[no-untyped-call]
            if "status of 403" not in entry["message"] and "status of 503" not in entry["message"]
        ]


def eventually(holds: Callable[[], bool], patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def options(profile: Path, *, script: bool = True) -> webdriver.ChromeOptions:
    made = webdriver.ChromeOptions()
    made.binary_location = "/usr/bin/chromium"
    made.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made.add_argument("--headless=new")
    made.add_argument("--no-sandbox")
    made.add_argument("--hide-scrollbars")
    made.add_argument("--disable-gpu")  # drawing without it needs less of the processor than imitating one
    made.add_argument("--disable-extensions")
    made.add_argument("--disable-component-extensions-with-background-pages")
    made.add_argument("--disable-background-networking")
    made.add_argument(f"--user-data-dir={profile}")
    if not script:
        made.add_argument("--blink-settings=scriptEnabled=false")
    return made


@contextmanager
def chromium(profile: Path, *, script: bool = True, more: Sequence[str] = ()) -> Iterator[Chromium]:
    """``more``: flags."""
    made = options(profile, script=script)
    for flag in more:
        made.add_argument(flag)
    # It does not start with the library that `make test-hour` preloads.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    driver = webdriver.Chrome(options=made, service=Service("/usr/bin/chromedriver", env=environment))
    try:
        it = Chromium(driver)
        it.resize(PHONE)
        it.theme("light")
        yield it
    finally:
        driver.quit()
