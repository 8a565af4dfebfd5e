"""The main tasks by keyboard alone: the focus goes in the page's order, is always seen, and is never lost."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import DESKTOP, NARROW, PHONE, Chromium, eventually
from tests.browser.conftest import Site
from tests.browser.states import an_update, asked, in_repair
from tests.webui.standin import ruling
from tests.webui.standin.accounts import MUMS_PASSWORD
from tests.webui.standin.ruling import by_hand

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

CHILD = "/parent/child/daughter/"
STEPS = 200  # more controls than any page has

# What a control looks like that has the focus: an outline of its own, or of the label that is drawn for it.
FOCUS = """
const one = document.activeElement;
if (!one || one === document.body || one === document.documentElement) return null;
const drawn = getComputedStyle(one).opacity === "0" ? [one.nextElementSibling, one.closest("label")] : [one];
const style = it => getComputedStyle(it);
const lined = it => it && style(it).outlineStyle !== "none" && parseFloat(style(it).outlineWidth) >= 2;
const box = (drawn.find(lined) || one).getBoundingClientRect();
const at = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height / 2, 20));
window.visited ||= [];
if (one === window.visited.at(-1)) return { same: true };  // a field of several parts, such as a time
const again = window.visited.includes(one);
// A live part may have been replaced meanwhile: an element that left the document has no position in it.
const last = window.visited.findLast(visited => visited.isConnected);
const back = last && !again && one.compareDocumentPosition(last) & Node.DOCUMENT_POSITION_FOLLOWING;
window.visited.push(one);
return {
  name: (one.ariaLabel || one.tagName !== "BUTTON" && one.name || one.innerText).replace(/\\s+/g, " ").trim(),
  outlined: drawn.some(lined),
  inside: box.top >= -1 && box.left >= -1 && box.right <= innerWidth + 1 && box.top < innerHeight,
  covered: !at || !(one.contains(at) || at.contains(one) || one.closest("label")?.contains(at)),
  again, back: Boolean(back),
  what: one.outerHTML.match(/^<[^>]*>/)[0].slice(0, 120),
};
"""
REACHABLE = """
const fields = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
const groups = new Set();
return [...document.querySelectorAll(fields)].filter(one => {
  if (!one.checkVisibility({ visibilityProperty: true }) || one.disabled) return false;
  if (one.type !== "radio") return true;
  const group = `${one.form?.action} ${one.name}`;
  return !groups.has(group) && groups.add(group);
}).length;
"""


class Hands:
    """On a keyboard, of somebody who sees."""

    def __init__(self, browser: Chromium) -> None:
        self.browser = browser

    def tab(self) -> dict[str, object] | None:
        """One step on; None at the end of the page."""
        self.browser.press(Keys.TAB)
        found = self.browser.measure(FOCUS)
        if found is not None and "same" in found:
            return self.tab()
        if found is not None and not found["again"]:
            assert found["outlined"], f"nobody sees that it has the focus: {found['what']}"
            assert found["inside"], f"the focus is out of sight: {found}"
            assert not found["covered"], f"something lies above what has the focus: {found}"
            assert not found["back"], f"the focus goes back: {found['what']}"
        return dict(found) if found else None

    def to(self, name: str) -> None:
        """On to the control that is called so."""
        seen: list[object] = []
        for _ in range(STEPS):
            found = self.tab()
            assert found is not None, f"{name} is not among {seen}"
            seen.append(found["name"])
            if str(found["name"]).startswith(name):
                return
        pytest.fail(f"{name} is not among {seen}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.browser.press(key)

    def walk(self) -> int:
        """Through the whole page, and out of it; how many controls it has."""
        for count in range(STEPS):
            found = self.tab()
            if found is None or found["again"]:
                return count
        pytest.fail("the focus does not come out of the page")


@pytest.fixture
def hands(parent: Chromium, site: Site) -> Hands:
    by_hand(site.household)
    return Hands(parent)


@pytest.mark.parametrize(
    "path",
    [
        "/my", "/my/ask", "/signin", "/parent/", "/parent/requests", "/parent/devices/", "/parent/settings/",
        "/parent/setup/people", f"{CHILD}", f"{CHILD}kinds/", f"{CHILD}sites/", f"{CHILD}week/bedtime",
        "/parent/activity/daughter", "/account/", "/mean", "/rights",
        "/learn/category:games", "/parent/digest/", "/parent/guide/",
    ],
)  # fmt: skip
def test_the_focus_passes_each_control_once_in_order_and_in_sight(
    hands: Hands, site: Site, path: str
) -> None:
    site.happens(lambda: asked(site))
    hands.browser.driver.get(site.url + path)
    hands.browser.resize(NARROW)
    try:
        count = hands.browser.measure(REACHABLE)
        assert hands.walk() == count
    finally:
        hands.browser.resize(PHONE)


def test_the_first_key_skips_to_the_content(hands: Hands, site: Site) -> None:
    hands.browser.driver.get(f"{site.url}/parent/")
    found = hands.tab()
    assert found is not None
    assert found["name"] == "Skip to the content"
    hands.press(Keys.ENTER)
    assert hands.browser.measure("return document.activeElement.id") == "main"
    hands.press(Keys.TAB)
    assert hands.browser.measure("return document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("size", [NARROW, PHONE, DESKTOP], ids=["narrow", "phone", "desktop"])
def test_the_menu_is_before_the_content(hands: Hands, site: Site, size: tuple[int, int]) -> None:
    """On a phone too, where it is at the bottom."""
    hands.browser.driver.get(f"{site.url}/parent/")
    hands.browser.resize(size)
    try:
        for name in ("Skip to the content", "Home", "Activity", "Requests", "More"):
            found = hands.tab()
            assert found is not None
            assert found["name"] == name
        hands.press(Keys.ENTER)
        eventually(lambda: hands.browser.text("h1") == "More")
    finally:
        hands.browser.resize(PHONE)


def test_a_parent_signs_in_and_a_pause_is_taken_back(browser: Chromium, site: Site) -> None:
    hands = Hands(browser)
    browser.driver.get(f"{site.url}/signin")
    for label, text in (("name", "Mum"), ("password", MUMS_PASSWORD)):
        hands.to(label)
        hands.press(text)
    hands.press(Keys.ENTER)
    eventually(lambda: "Aruzhan" in browser.text())
    hands.to("15 min")
    hands.press(Keys.ENTER)
    eventually(lambda: list(site.household.paused) == ["daughter"])
    eventually(lambda: "Undo" in browser.text(".notice"))
    hands.to("Undo")
    hands.press(Keys.SPACE)
    eventually(lambda: not site.household.paused)
    browser.sign_out()


def test_a_parent_gives_fifteen_minutes(hands: Hands, site: Site) -> None:
    hands.to("+15 min")
    hands.press(Keys.ENTER)
    eventually(lambda: "Aruzhan has 15 more minutes" in hands.browser.text(".notice"))


def test_a_parent_answers_a_request(hands: Hands, site: Site) -> None:
    site.happens(lambda: asked(site))
    hands.browser.driver.get(f"{site.url}/parent/requests")
    hands.to("30 min")
    hands.press(Keys.ENTER)
    eventually(lambda: site.household.requests[0].get("given") == 30)


def test_a_parent_blocks_a_site(hands: Hands, site: Site) -> None:
    hands.browser.driver.get(f"{site.url}{CHILD}sites/")
    hands.to("entry")
    hands.press("chess.example")
    hands.to("list")  # where Refused is chosen
    hands.to("Add")
    hands.press(Keys.ENTER)
    eventually(lambda: "Undo" in hands.browser.text(".notice"))
    assert "chess.example" in ruling.said(site.household)["block"]


def test_a_parent_paints_bedtime(hands: Hands, site: Site) -> None:
    hands.browser.driver.get(f"{site.url}{CHILD}week/service:youtube")
    hands.to("The whole week")
    hands.press(Keys.SPACE)
    hands.to("Save")
    hands.press(Keys.ENTER)
    eventually(lambda: "Undo" in hands.browser.text(".notice"))
    assert ruling.said(site.household)["windows"]["service:youtube"]["mon"] == ["00:00-16:00", "16:30-24:00"]


def test_a_family_is_told_who_is_in_it(hands: Hands, site: Site) -> None:
    hands.browser.driver.get(f"{site.url}/parent/setup/people")
    free = "return [...document.querySelectorAll('[name^=name-]')].find(one => !one.value).name"
    field = hands.browser.measure(free)
    hands.to(field)
    hands.press("Aliya")
    band = field.replace("name", "band")
    hands.to(band)
    hands.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ENTER)
    eventually(lambda: "Who uses which device?" in hands.browser.text("h1"))
    assert "Aliya" in hands.browser.text("main")


def test_a_child_asks_for_time(browser: Chromium, site: Site) -> None:
    hands = Hands(browser)
    browser.driver.get(f"{site.url}/my")
    hands.to("Ask for")
    hands.press(Keys.ENTER)
    eventually(lambda: browser.driver.current_url.endswith("/my/ask"))
    hands.to("minutes")
    hands.press(Keys.ARROW_RIGHT)
    hands.to("Ask")
    hands.press(Keys.ENTER)
    eventually(lambda: "Waiting for an answer" in browser.text(".asked"))


@pytest.mark.parametrize(
    ("held", "kept"),
    [
        (".child-card .pauses button", "name-1"),  # paused elsewhere: those buttons are gone, her card is not
        (".child-card .card-links a", "Activity"),
    ],
)
def test_the_focus_is_not_lost_when_the_page_renews_itself(
    parent: Chromium, site: Site, held: str, kept: str
) -> None:
    eventually(lambda: site.daemon.server.wanted("status"))
    parent.driver.execute_script("document.querySelector(arguments[0]).focus()", held)
    site.happens(lambda: site.household.paused.update(daughter=None))
    eventually(lambda: "Paused until a parent ends it." in parent.text(".child-card"))
    now = parent.measure(
        "const one = document.activeElement; return one.getAttribute('aria-labelledby') || one.innerText"
    )
    assert now.startswith(kept)
    parent.press(Keys.TAB)
    after = parent.measure(
        "return document.activeElement.closest('article, .everyone')?.contains(document.activeElement)"
    )
    assert after, "and goes on from there"


# Notes each time something is put into what is said aloud by itself, the words alone.
LISTEN = """
window.said = [];
const live = "[role=status], [role=alert], [aria-live]:not([aria-live=off])";
new MutationObserver(all => all.forEach(change => {
  const around = (change.target.closest ? change.target : change.target.parentElement).closest(live);
  if (around) window.said.push(around.textContent);
  change.addedNodes.forEach(one => one.querySelectorAll &&
    [one, ...one.querySelectorAll(live)].forEach(it => it.matches(live) && window.said.push(it.textContent)));
})).observe(document.body, { childList: true, characterData: true, subtree: true });
"""


def test_a_notice_is_said_once_though_the_page_around_it_renews_itself(parent: Chromium, site: Site) -> None:
    parent.tap(".extras button[value='15']")
    eventually(lambda: "more minutes" in parent.text(".notice"))
    eventually(lambda: site.daemon.server.wanted("status"))
    parent.measure(LISTEN)
    site.happens(lambda: site.household.paused.update(son=None))
    eventually(lambda: "Paused until" in parent.text("main"))
    site.happens(site.household.paused.clear)
    eventually(lambda: "Paused until" not in parent.text("main"))
    assert parent.measure("return window.said") == []


def test_a_clock_that_runs_down_is_not_said_each_second(parent: Chromium, site: Site) -> None:
    site.happens(lambda: in_repair(site))
    parent.driver.get(f"{site.url}{CHILD}teach/")
    before = parent.text("[data-left]")
    parent.measure(LISTEN)
    eventually(lambda: parent.text("[data-left]") not in ("", before))
    assert parent.measure("return window.said") == []
    assert parent.measure("return document.querySelector('[data-left]').getAttribute('role')") == "timer"


def test_how_far_an_update_is_does_not_speak(parent: Chromium, site: Site) -> None:
    an_update(site)
    parent.driver.get(f"{site.url}/parent/lists/")
    eventually(lambda: site.daemon.server.wanted("lists"))
    parent.measure(LISTEN)

    def goes_on() -> None:
        site.household.listed.update |= {"done": 900_000}
        site.daemon.server.publish("lists", what="progress", problems=[])

    site.daemon.submit(goes_on)
    eventually(lambda: "0.9 MB so far" in parent.text("main"))
    assert parent.measure("return window.said") == []
