"""A child's rules in a real browser: hours painted by drag, two taps and keyboard, and all without script."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.chromium import DESKTOP, NARROW, PHONE, WEIGHT, Chromium, eventually
from tests.browser.conftest import Site
from tests.webui.standin import ruling
from tests.webui.standin.ruling import by_hand

pytestmark = [pytest.mark.browser, pytest.mark.smoke, pytest.mark.usefixtures("fresh")]

CHILD = "/parent/child/daughter/"
PAGES = [
    "", "services/", "services/?q=you", "services/youtube", "kinds/", "sites/", "week/", "week/bedtime",
    "week/service:roblox", "limits/", "limits/play", "basics/", "band/?to=13-15", "tests/",
    "teach/",
]  # fmt: skip
FIRST_VISIT = 80 * 1000  # bytes over the wire
SPREAD = """
return [...document.querySelectorAll(".card *")]
  .filter(one => one.getClientRects().length)
  .filter(one => {
    const card = one.closest(".card").getBoundingClientRect(), box = one.getBoundingClientRect();
    return box.width > 1 && (box.right > card.right + 1 || box.left < card.left - 1);
  }).map(one => one.outerHTML.slice(0, 80));
"""


@pytest.fixture
def rules(parent: Chromium, site: Site) -> Iterator[Chromium]:
    by_hand(site.household)
    yield parent
    parent.resize(PHONE)
    by_hand(site.household)


def bar(browser: Chromium, number: int) -> WebElement:
    """Of the first, second, … day."""
    found = browser.driver.find_elements(By.CSS_SELECTOR, "[data-paint] svg")[number]
    browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    return found


def offset(browser: Chromium, svg: WebElement, hour: float) -> int:
    """Pixels from a bar's middle to that hour after its begin; a quarter's own middle."""
    width = browser.driver.execute_script("return arguments[0].getBoundingClientRect().width", svg)
    return round((hour + 0.125) / 24 * float(width) - float(width) / 2)


def times(browser: Chromium, day: str) -> list[str]:
    fields = f"input[name={day}-from], input[name={day}-to]"
    found = browser.measure(f"return [...document.querySelectorAll('{fields}')].map(one => one.value)")
    return [str(one) for one in found]


def said(site: Site) -> dict[str, Any]:
    return ruling.said(site.household)


def save(browser: Chromium) -> None:
    browser.tap("form[data-week] .primary")
    eventually(lambda: "Undo" in browser.text(".notice"))


@pytest.mark.parametrize("path", PAGES)
def test_each_page_fits_and_is_light(rules: Chromium, site: Site, path: str) -> None:
    rules.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    rules.driver.get(site.url + CHILD + path)
    assert 0 < rules.measure(WEIGHT) <= FIRST_VISIT
    rules.measure("document.querySelectorAll('details').forEach(one => { one.open = true })")
    for size in (NARROW, PHONE, DESKTOP):
        rules.resize(size)
        assert rules.overflow() <= 0
        assert rules.measure(SPREAD) == []
    assert rules.complaints() == []


def test_hours_are_painted_by_drag(rules: Chromium, site: Site) -> None:
    rules.resize(DESKTOP)
    rules.driver.get(f"{site.url}{CHILD}week/service:youtube")
    svg = bar(rules, 0)
    start, end = offset(rules, svg, 16), offset(rules, svg, 17.75)
    drag = ActionChains(rules.driver).move_to_element_with_offset(svg, start, 0).click_and_hold()
    drag.move_by_offset(20, 0).move_to_element_with_offset(svg, end, 0).release().perform()
    assert times(rules, "school")[:2] == ["16:00", "18:00"]
    assert rules.text("[data-live-region]") == "16:00 to 18:00: set"
    svg = bar(rules, 0)
    back = ActionChains(rules.driver).move_to_element_with_offset(svg, offset(rules, svg, 16.5), 0)
    back.click_and_hold().move_by_offset(4, 0).move_to_element_with_offset(svg, offset(rules, svg, 16.75), 0)
    back.release().perform()
    assert times(rules, "school")[:4] == ["16:00", "16:30", "17:00", "18:00"]
    save(rules)
    assert said(site)["windows"]["service:youtube"] == {
        "school": ["16:00-16:30", "17:00-18:00"], "free": {},
    }  # fmt: skip


def test_hours_are_painted_by_two_taps_of_a_finger(rules: Chromium, site: Site) -> None:
    rules.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        rules.driver.get(f"{site.url}{CHILD}week/bedtime")
        for hour in (20.5 - 12, 6.75 + 12):  # a night's bar begins at noon
            svg = bar(rules, 0)
            x, y = rules.driver.execute_script(
                "const box = arguments[0].getBoundingClientRect();"
                "return [box.left + (arguments[1] + 0.125) / 24 * box.width, box.top + box.height / 2]",
                svg,
                hour,
            )
            for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
                rules.driver.execute_cdp_cmd(
                    "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points}
                )
            eventually(lambda: rules.text("[data-live-region]") != "")
        eventually(lambda: times(rules, "school")[:2] == ["20:30", "07:00"])
        save(rules)
    finally:
        rules.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert said(site)["bedtime"] == {"school": "20:30-07:00", "free": "21:45-08:00"}


def test_hours_are_painted_by_a_finger_that_drags(rules: Chromium, site: Site) -> None:
    rules.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        rules.resize(NARROW)
        rules.driver.get(f"{site.url}{CHILD}week/service:youtube")
        svg = bar(rules, 0)
        box = svg.rect
        top = rules.driver.execute_script("return arguments[0].getBoundingClientRect().top", svg)
        start, end = (box["x"] + (hour + 0.25) / 24 * box["width"] for hour in (16, 17.5))
        for kind, x in (
            ("touchStart", start),
            ("touchMove", start + 8),
            ("touchMove", end),
            ("touchEnd", None),
        ):
            points = [] if x is None else [{"x": x, "y": top + 20}]
            rules.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        eventually(lambda: times(rules, "school")[:2] == ["16:00", "18:00"])
    finally:
        rules.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_hours_are_painted_by_keyboard_and_each_step_is_said(rules: Chromium, site: Site) -> None:
    rules.driver.get(f"{site.url}{CHILD}week/service:youtube")
    rules.driver.execute_script("document.querySelector('[data-paint]').focus()")
    label = rules.measure("return document.activeElement.getAttribute('aria-label')")
    assert label.startswith("School days: At any time. Arrow keys move")
    heard = []
    hour = ActionChains(rules.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT).key_up(Keys.SHIFT)
    steps = [ActionChains(rules.driver).send_keys(key) for key in (Keys.ARROW_RIGHT, Keys.SPACE, Keys.SPACE)]
    for step in (*steps[:2], hour, steps[2]):
        step.perform()
        heard.append(rules.text("[data-live-region]"))
    assert heard == ["16:15", "From 16:15. Choose the end.", "17:15", "16:15 to 17:30: set"]
    label = rules.measure("return document.activeElement.getAttribute('aria-label')")
    assert label.startswith("School days: 16:15–17:30.")
    rules.press(Keys.SPACE)
    rules.press(Keys.ESCAPE)
    assert times(rules, "school")[:2] == ["16:15", "17:30"]
    save(rules)
    assert said(site)["windows"]["service:youtube"] == {"school": ["16:15-17:30"], "free": {}}


def test_a_time_that_is_typed_shows_on_its_bar(rules: Chromium, site: Site) -> None:
    rules.driver.get(f"{site.url}{CHILD}week/service:youtube")
    rules.driver.execute_script(
        "const [from, to] = document.querySelectorAll('input[name^=school-]');"
        "from.value = '08:10'; to.value = '09:20'; to.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    mark = rules.driver.find_element(By.CSS_SELECTOR, "[data-paint] .mark")
    assert (mark.get_attribute("x"), mark.get_attribute("width")) == ("490", "70")
    assert rules.measure("return document.querySelector('#school-how').value") == "times"
    save(rules)
    assert said(site)["windows"]["service:youtube"] == {"school": ["08:10-09:20"], "free": {}}


def test_a_switch_turns_and_its_undo_turns_it_back(rules: Chromium, site: Site) -> None:
    rules.driver.get(site.url + CHILD)
    rules.tap("#section-bedtime summary")
    rules.tap("button[value='off bedtime']")
    eventually(lambda: "Bedtime: off for Aruzhan." in rules.text(".notice"))
    switch = rules.driver.find_element(By.CSS_SELECTOR, "button[value='on bedtime']")
    assert switch.get_attribute("aria-checked") == "false"
    assert switch.get_attribute("aria-label") == "No bedtime"
    assert said(site)["bedtime"] == {}
    rules.tap(".notice button")
    eventually(lambda: "as they were before" in rules.text(".notice"))
    assert "bedtime" not in said(site)


class PlainClient:
    """No script, no style: forms alone."""

    def __init__(self, url: str) -> None:
        self.url = url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(jar)
        self.page = ""

    def get(self, path: str) -> None:
        self._read(urllib.request.Request(self.url + path))

    def post(self, path: str, **values: str | Sequence[str]) -> None:
        """With the revision that stands in the form of the page."""
        found = re.search(r'type="hidden" name="revision" value="(\d+)"', self.page)
        sent = {"revision": found[1] if found else "", **values}
        data = urllib.parse.urlencode(sent, doseq=True).encode()
        self._read(urllib.request.Request(self.url + path, data, {"Origin": self.url}))

    def _read(self, request: urllib.request.Request) -> None:
        with self._opener.open(request, timeout=60) as answer:
            self.page = unescape(answer.read().decode())


def test_all_of_it_works_by_plain_forms(site: Site) -> None:
    by_hand(site.household)
    client = PlainClient(site.url)
    client.post("/signin", code=site.household.guardians.link("Mum"))
    client.get(f"{CHILD}week/bedtime")
    days = {f"{day}-how": "same" for day in ("mon", "tue", "wed", "thu", "sat", "sun")}
    client.post(
        f"{CHILD}week/bedtime", **days,
        **{"school-how": "times", "school-from": "20:15", "school-to": "06:50", "free-how": "none"},
        **{"fri-how": "times", "fri-from": ["21:00", ""], "fri-to": ["07:30", ""]},
    )  # fmt: skip
    assert "Bedtime on school nights 20:15–06:50" in client.page
    assert said(site)["bedtime"] == {"school": "20:15-06:50", "free": {}, "fri": "21:00-07:30"}
    client.get(f"{CHILD}limits/play")
    client.post(f"{CHILD}limits/play", school="60", free="90")
    assert "Play on free days: 1 h 30 min a day" in client.page
    client.get(f"{CHILD}sites/")
    client.post(f"{CHILD}sites/", entry="https://www.bad.example/x", list="block")
    assert "bad.example is blocked" in client.page
    client.get(f"{CHILD}services/?q=roblox")
    assert "Roblox" in client.page
    client.get(f"{CHILD}services/roblox")
    client.post(f"{CHILD}services/roblox", state="refused")
    assert "Roblox is blocked for Aruzhan." in client.page
    client.get(CHILD)
    client.post(f"{CHILD}switch", switch="off ways/ssh")
    assert said(site)["ways"] == {"ssh": "allow"}
    client.post(f"{CHILD}reset", key="ways/ssh")
    assert "ways" not in said(site)
    assert said(site)["block"] == ["service:tiktok", "bet.example", "bad.example", "service:roblox"]
    by_hand(site.household)
