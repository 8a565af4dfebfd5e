"""A child's rules in a real browser: hours painted by drag, taps and keyboard, and all without script."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from html import unescape
from random import Random
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from gateway.policy.time.time_text import WEEKDAYS
from tests.browser.axe import Axe
from tests.browser.chromium import DESKTOP, NARROW, PHONE, WEIGHT, Chromium, eventually
from tests.browser.conftest import Site
from tests.webui.standin import ruling
from tests.webui.standin.ruling import by_hand
from webui.rules.hours import DAY, FREE, SCHOOL, read_plan, read_spans, write_spans
from webui.rules.weekform import week_of

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

# The ranges of times whose text is on more than one line, at each width of the page in pixels.
BROKEN_RANGES = r"""
const found = [], nodes = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) { nodes.push(walker.currentNode); }
for (let width = 290; width <= 390; width += 2) {
  document.body.style.width = `${width}px`;
  for (const node of nodes) {
    for (const match of node.data.matchAll(/\d\d:\d\d–\d\d:\d\d/g)) {
      const range = document.createRange();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      if (new Set([...range.getClientRects()].map(box => box.top)).size > 1) { found.push(match[0]); }
    }
  }
}
document.body.style.width = "";
return found;
"""
BREAK = "document.querySelectorAll('.range').forEach(range => range.style.whiteSpace = 'normal')"


@pytest.fixture
def rules(parent: Chromium, site: Site) -> Iterator[Chromium]:
    by_hand(site.household)
    yield parent
    parent.resize(PHONE)
    by_hand(site.household)


def half(browser: Chromium, day: str, time: str) -> WebElement:
    """The cell of a day's half hour, such as ``mon`` and ``16:00``, in sight."""
    row, (hour, minute) = WEEKDAYS.index(day), map(int, time.split(":"))
    night = browser.measure("return document.querySelector('form[data-week]').dataset.week === 'night'")
    column = (hour * 2 + minute // 30 - (24 if night else 0)) % 48
    cells = browser.driver.find_elements(By.CSS_SELECTOR, ".half-hours tbody td")
    found = cells[row * 48 + column]
    browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    return found


def drag(browser: Chromium, first: WebElement, last: WebElement) -> None:
    hand = ActionChains(browser.driver).move_to_element(first).click_and_hold()
    hand.move_by_offset(2, 0).move_to_element(last).release().perform()


def touch(browser: Chromium, *cells: WebElement) -> None:
    """A finger that goes down on the first cell, passes over the others, and goes up."""
    middle = (
        "const box = arguments[0].getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]"
    )
    points = [browser.driver.execute_script(middle, cell) for cell in cells]
    for number, (x, y) in enumerate(points):
        kind = "touchMove" if number else "touchStart"
        browser.driver.execute_cdp_cmd(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]}
        )
    browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def label(browser: Chromium, cell: WebElement) -> str:
    found = browser.driver.execute_script("return arguments[0].ariaLabel", cell)
    return str(found)


def times(browser: Chromium, day: str) -> list[str]:
    fields = f"input[name={day}-from], input[name={day}-to]"
    found = browser.measure(f"return [...document.querySelectorAll('{fields}')].map(one => one.value)")
    return [str(one) for one in found]


def said(site: Site) -> dict[str, Any]:
    return ruling.said(site.household)


def save(browser: Chromium) -> None:
    browser.tap("form[data-week] .primary")
    eventually(lambda: browser.driver.current_url.endswith(CHILD) and "Undo" in browser.text(".notice"))


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


def test_no_line_breaks_within_a_range_of_times(rules: Chromium, site: Site) -> None:
    rules.driver.get(site.url + CHILD)
    assert "20:45–07:00" in rules.text()
    assert rules.measure(BROKEN_RANGES) == []
    rules.measure(BREAK)
    assert rules.measure(BROKEN_RANGES), "without the style, lines would break there"


def test_hours_are_painted_by_drag(rules: Chromium, site: Site) -> None:
    rules.resize(DESKTOP)
    rules.driver.get(f"{site.url}{CHILD}week/service:roblox")
    drag(rules, half(rules, "mon", "18:00"), half(rules, "mon", "19:30"))
    assert times(rules, "mon")[:2] == ["16:00", "20:00"]
    assert rules.text("[data-live-region]") == "18:00 to 20:00: set"
    assert rules.text("[data-shown]") == "Mondays: 16:00–20:00"
    drag(rules, half(rules, "mon", "16:30"), half(rules, "mon", "16:30"))
    assert times(rules, "mon")[:4] == ["16:00", "16:30", "17:00", "20:00"]
    assert rules.text("[data-live-region]") == "16:30 to 17:00: removed"
    save(rules)
    assert said(site)["windows"]["service:roblox"] == {
        "school": ["16:00-18:00"],
        "free": ["10:00-12:00", "15:00-19:00"],
        "mon": ["16:00-16:30", "17:00-20:00"],
    }
    rules.tap(".notice button")
    eventually(lambda: "as they were before" in rules.text(".notice"))
    assert "mon" not in said(site)["windows"]["service:roblox"]


def test_days_that_are_painted_alike_become_school_days(rules: Chromium, site: Site) -> None:
    rules.resize(DESKTOP)
    rules.driver.get(f"{site.url}{CHILD}week/service:roblox")
    drag(rules, half(rules, "mon", "14:00"), half(rules, "fri", "15:30"))
    save(rules)
    assert said(site)["windows"]["service:roblox"] == {
        "school": ["14:00-18:00"], "free": ["10:00-12:00", "15:00-19:00"],
    }  # fmt: skip


def test_a_day_is_copied_and_blocked(rules: Chromium, site: Site) -> None:
    rules.driver.get(f"{site.url}{CHILD}week/service:roblox")
    half(rules, "sat", "08:00").click()
    assert rules.text("[data-copy]") == "Copy to the other free days"
    rules.tap("[data-copy]")
    half(rules, "wed", "16:00").click()
    rules.tap("[data-clear]")
    assert rules.text("[data-shown]") == "Wednesdays: Blocked"
    save(rules)
    assert said(site)["windows"]["service:roblox"] == {
        "school": ["16:00-18:00"], "free": ["08:00-08:30", "10:00-12:00", "15:00-19:00"], "wed": [],
    }  # fmt: skip


def test_hours_that_do_not_fit_half_hours_are_shown_and_kept(rules: Chromium, site: Site) -> None:
    hours = ["07:10-08:20", "22:15-01:05"]
    ruling.write(site.household, windows={"service:roblox": {"school": hours, "free": {}}})
    rules.driver.get(f"{site.url}{CHILD}week/service:roblox")
    assert label(rules, half(rules, "mon", "07:00")) == "Mondays, 07:00: Allowed 07:10–07:30"
    assert label(rules, half(rules, "tue", "01:00")) == "Tuesdays, 01:00: Allowed 01:00–01:05, Bedtime"
    assert label(rules, half(rules, "tue", "12:00")) == "Tuesdays, 12:00: Blocked"
    assert label(rules, half(rules, "sun", "12:00")) == "Sundays, 12:00: Allowed"
    half(rules, "tue", "12:00").click()
    save(rules)
    assert said(site)["windows"]["service:roblox"] == {
        "school": hours, "free": {}, "tue": ["07:10-08:20", "12:00-12:30", "22:15-01:05"],
    }  # fmt: skip
    rules.driver.get(f"{site.url}{CHILD}week/service:roblox")
    half(rules, "wed", "00:30").click()
    save(rules)
    split = ["00:00-01:05", "07:10-08:20", "22:15-24:00"]
    assert said(site)["windows"]["service:roblox"] == {
        "school": hours,
        "free": {},
        "tue": ["07:10-08:20", "12:00-12:30", "22:15-00:30"],
        # Across midnight, its last hours would end after its first begin.
        "wed": ["01:00-01:05", "07:10-08:20", "22:15-24:00"],
        "thu": split,
        "fri": split,
    }


def test_hours_across_midnight_are_copied_to_the_minute(rules: Chromium, site: Site) -> None:
    hours = {"school": ["16:00-18:00"], "free": {}, "tue": ["22:15-01:05"]}
    ruling.write(site.household, windows={"service:roblox": hours})
    rules.driver.get(f"{site.url}{CHILD}week/service:roblox")
    rules.tap(".half-hours tbody tr:nth-child(2) th")
    assert rules.text("[data-shown]") == "Tuesdays: 22:15–01:05"
    rules.tap("[data-copy]")
    save(rules)
    assert said(site)["windows"]["service:roblox"] == {"school": ["22:15-01:05"], "free": {}}


def minutes_of(value: object) -> list[bool]:
    """Whether each minute of a week without holidays, from Monday on, is in the windows of a rule."""
    week = [False] * (7 * DAY)
    for number, spans in enumerate(week_of(read_plan(value, read_spans)).values()):
        for start, end in ((0, DAY),) if spans is None else spans:
            for minute in range(start, end):
                week[(number * DAY + minute) % len(week)] = True
    return week


def some_windows(chance: Random) -> list[str]:
    """Up to three windows of a day, of which the last may cross midnight."""
    edges = sorted(chance.sample(range(100, DAY), 2 * chance.randint(1, 3)))
    if chance.random() < 0.5:
        edges[-1] = DAY + chance.randint(1, 90)
    return write_spans(zip(edges[::2], edges[1::2], strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_what_is_saved_is_what_was_painted(rules: Chromium, site: Site, seed: int) -> None:
    chance = Random(seed)
    days = [SCHOOL, FREE, *chance.sample(WEEKDAYS, chance.randint(0, 4))]
    held = {day: chance.choice([[], {}, some_windows(chance), some_windows(chance)]) for day in days}
    ruling.write(site.household, windows={"service:roblox": held})
    expected = minutes_of(held)
    rules.driver.get(f"{site.url}{CHILD}week/service:roblox")
    turn = "document.querySelector('[data-week]').week.turn(...arguments)"
    for _ in range(4):
        first, last = sorted(chance.choices(range(7), k=2))
        start, end = sorted(chance.sample(range(49), 2))
        painted = chance.random() < 0.5
        rules.driver.execute_script(turn, first, last, start * 30, end * 30, int(painted))
        for day in range(first, last + 1):
            expected[day * DAY + start * 30 : day * DAY + end * 30] = [painted] * (30 * (end - start))
    save(rules)
    assert minutes_of(said(site)["windows"]["service:roblox"]) == expected


def test_bedtime_is_painted_with_a_finger(rules: Chromium, site: Site) -> None:
    rules.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        rules.driver.get(f"{site.url}{CHILD}week/bedtime")
        assert label(rules, half(rules, "mon", "20:30")) == (
            "Nights before Mondays, 20:30: Bedtime 20:45–21:00"
        )
        touch(rules, half(rules, "mon", "19:00"))
        eventually(lambda: times(rules, "mon")[:2] == ["19:00", "07:00"])
        first, last = half(rules, "mon", "19:00"), half(rules, "mon", "20:00")
        touch(rules, first, half(rules, "mon", "19:30"), last)
        eventually(lambda: times(rules, "mon")[:2] == ["20:30", "07:00"])
        rules.tap("[data-copy]")
        save(rules)
    finally:
        rules.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    assert said(site)["bedtime"] == {"school": "20:30-07:00", "free": "21:45-08:00"}
    rules.driver.get(f"{site.url}{CHILD}week/bedtime")
    rules.tap(".chosen-day [form=reset]")
    eventually(lambda: "back to the age default" in rules.text(".notice"))
    assert "bedtime" not in said(site)


def test_hours_are_painted_by_a_finger_on_a_narrow_screen(rules: Chromium, site: Site) -> None:
    rules.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        rules.resize(NARROW)
        rules.driver.get(f"{site.url}{CHILD}week/service:roblox")
        hours = ("18:00", "18:30", "19:00", "19:30")
        touch(rules, *(half(rules, "tue", hour) for hour in hours))
        eventually(lambda: times(rules, "tue")[:2] == ["16:00", "20:00"])
    finally:
        rules.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_hours_are_painted_by_keyboard_and_each_step_is_said(rules: Chromium, site: Site) -> None:
    rules.driver.get(f"{site.url}{CHILD}week/service:youtube")
    rules.driver.execute_script("document.querySelector('.half-hours').focus()")
    current = (
        "const grid = document.activeElement;"
        "return document.getElementById(grid.getAttribute('aria-activedescendant')).ariaLabel"
    )
    heard = [rules.measure(current)]
    for key in (Keys.ARROW_RIGHT, Keys.ARROW_DOWN):
        rules.press(key)
        heard.append(rules.measure(current))
    extended = ActionChains(rules.driver).key_down(Keys.SHIFT)
    extended.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN).key_up(Keys.SHIFT).perform()
    heard.append(rules.measure(current))
    assert heard == [
        "Mondays, 16:00: Allowed",
        "Mondays, 16:30: Allowed",
        "Tuesdays, 16:30: Allowed",
        "Wednesdays, 17:00: Allowed",
    ]
    assert len(rules.driver.find_elements(By.CSS_SELECTOR, ".half-hours [aria-selected=true]")) == 4
    rules.press(Keys.SPACE)
    assert rules.text("[data-live-region]") == "16:30 to 17:30: removed"
    assert rules.measure(current) == "Wednesdays, 17:00: Blocked"
    rules.press(Keys.HOME)
    assert rules.measure(current) == "Wednesdays, 00:00: Allowed, Bedtime"
    save(rules)
    apart = ["00:00-16:30", "17:30-24:00"]
    assert said(site)["windows"]["service:youtube"] == {"school": {}, "free": {}, "tue": apart, "wed": apart}


def test_a_time_that_is_typed_shows_in_the_grid(rules: Chromium, site: Site) -> None:
    rules.driver.get(f"{site.url}{CHILD}week/service:youtube")
    rules.driver.execute_script(
        "const [from, to] = document.querySelectorAll('input[name^=school-]');"
        "from.value = '08:10'; to.value = '09:20'; to.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    for day in ("mon", "fri"):
        assert label(rules, half(rules, day, "08:00")).endswith("08:00: Allowed 08:10–08:30")
        assert label(rules, half(rules, day, "08:30")).endswith("08:30: Allowed")
        assert label(rules, half(rules, day, "09:00")).endswith("09:00: Allowed 09:00–09:20")
    assert rules.measure("return document.querySelector('#school-how').value") == "times"
    save(rules)
    assert said(site)["windows"]["service:youtube"] == {"school": ["08:10-09:20"], "free": {}}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["week/bedtime", "week/service:roblox"])
def test_the_grid_has_no_finding_of_axe(rules: Chromium, site: Site, path: str, theme: str) -> None:
    rules.theme(theme)
    try:
        rules.driver.get(f"{site.url}{CHILD}{path}")
        first, last = half(rules, "tue", "19:00"), half(rules, "thu", "19:30")
        drag(rules, first, last)
        assert Axe(rules).findings() == []
    finally:
        rules.theme("light")


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
