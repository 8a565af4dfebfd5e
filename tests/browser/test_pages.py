"""The pages in a real browser: a phone in a parent's hand, and a child's tablet."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.audit import spread
from tests.browser.axe import Axe
from tests.browser.chromium import (
    DESKTOP,
    NARROW,
    PATIENCE,
    PHONE,
    SMALL_TARGETS,
    SPILT,
    WEIGHT,
    Chromium,
    chromium,
    eventually,
)
from tests.browser.conftest import Site
from tests.webui.serving import free_port, serving
from tests.webui.standin.asking import AGAIN, each
from tests.webui.standin.closed import a_card, each_way
from tests.webui.standin.household import NOW, TABLET, Household, at_home
from tests.webui.standin.refusing import REFUSALS
from tests.webui.standin.ruled import RULES
from tests.webui.standin.things import a_device

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

FIRST_VISIT = 80 * 1000  # bytes over the wire

CHILDS_PAGES = {
    "child": "/my",
    "why": "/why",
    "refused": "/refused?host=www.tiktok.com",
    "signin": "/signin",
    "nothing": "/no-such-page",
    "ask": "/my/ask",
    "code": "/my/code",
    "ledger": "/my/time",
    "forgot": "/forgot",
}
PARENTS_PAGES = {
    "requests": "/parent/requests",
    "more": "/parent/more",
    "codes": "/parent/codes/",
    "ledger": "/parent/time/daughter",
    "devices": "/parent/devices/",
    "device": f"/parent/device/{TABLET}",
    "lists": "/parent/lists/?host=www.bet.example",
    "account": "/account/",
    "people": "/parent/people/",
    "log": "/parent/log/",
}


def check_looks(browser: Chromium) -> None:
    """Readable in both themes, fits any width, can be tapped."""
    spread(browser, PHONE)
    axe = Axe(browser)
    for theme in ("light", "dark"):
        browser.theme(theme)
        assert axe.colours() == []
    browser.theme("light")
    assert browser.measure(SMALL_TARGETS) == []
    for size in (NARROW, PHONE, DESKTOP):
        browser.resize(size)
        assert browser.overflow() <= 0
        assert browser.measure(SPILT) == []
    browser.resize(PHONE)
    assert browser.complaints() == []


@pytest.mark.parametrize("name", CHILDS_PAGES)
def test_the_child_s_pages_look_right(browser: Chromium, site: Site, name: str) -> None:
    browser.driver.get(site.url + CHILDS_PAGES[name])
    if name == "nothing":
        browser.complaints()  # a page that is not there is a complaint of its own
    check_looks(browser)


def ask(site: Site, minutes: int = 30, reason: str = "One more round, then I stop") -> None:
    """As the daughter's tablet does."""

    def add() -> None:
        number = len(site.household.requests) + 1
        expires = NOW + timedelta(hours=4)
        site.household.requests.insert(
            0,
            {
                "id": number, "profile": "daughter", "name": "Aruzhan", "topic": "time", "minutes": minutes,
                "reason": reason, "at": NOW, "expires": expires, "state": "pending", "thing": None,
            },
        )  # fmt: skip

    site.happens(add)


def test_a_question_about_a_device_is_answered_by_one_tap(parent: Chromium, site: Site) -> None:
    site.happens(lambda: site.household.questions.extend(each()))
    eventually(lambda: "Two devices with one address?" in parent.text())
    for summary in parent.driver.find_elements(By.CSS_SELECTOR, "main summary"):
        parent.driver.execute_script("arguments[0].click()", summary)
    check_looks(parent)
    parent.driver.get(f"{site.url}/parent/")
    parent.tap('article[aria-labelledby="question-2"] button[value="again"]')
    eventually(lambda: "Aruzhan-iPad is Aruzhan's now." in parent.text())
    sent = [values for do, values in site.household.asked if do == "identify"]
    assert [(one["mac"], one["answer"], one["by"]) for one in sent] == [(AGAIN, "again", "Mum")]
    assert "Is this Aruzhan's Tablet again?" not in parent.text()
    assert parent.complaints() == []


def test_cards_about_closed_ways_look_right_and_are_put_away(parent: Chromium, site: Site) -> None:
    long = {"host": "0123456789abcdef0123456789abcdef.dns.example", "name": "Aruzhans-Galaxy-Tab-A8-2022"}
    site.happens(lambda: site.household.cards.extend([a_card(**long), *each_way()[1:]]))
    eventually(lambda: "uses Private DNS" in parent.text())
    check_looks(parent)
    parent.driver.get(f"{site.url}/my")
    eventually(lambda: "Why nothing opens here" in parent.text())
    check_looks(parent)
    parent.driver.get(f"{site.url}/parent/")
    parent.tap(f'button[value="{TABLET} encrypted_dns"]')
    eventually(lambda: "Card dismissed." in parent.text())
    assert "uses Private DNS" not in parent.text()
    parent.tap(".notice button")
    eventually(lambda: "uses Private DNS" in parent.text())
    assert parent.complaints() == []


def end_is_near(site: Site, minutes: int) -> None:
    left = {"minutes": minutes, "at": NOW + timedelta(minutes=minutes)}
    site.happens(lambda: site.household.minutes["daughter"]["left"].update(left))


@pytest.mark.parametrize("name", PARENTS_PAGES)
def test_the_parents_other_pages_look_right(parent: Chromium, site: Site, name: str) -> None:
    ask(site)
    site.happens(
        lambda: site.household.tickets.update(
            {"K7QM-3X12": {"batch": "1", "minutes": 30, "who": None, "by": "Mum"}}
        )
    )
    parent.driver.get(site.url + PARENTS_PAGES[name])
    eventually(lambda: "1" in parent.text("#waiting"))
    parent.measure("document.querySelectorAll('main details').forEach(one => { one.open = true })")
    check_looks(parent)


def test_a_new_device_appears_by_itself_and_long_names_break_nothing(parent: Chromium, site: Site) -> None:
    parent.driver.get(f"{site.url}/parent/devices/")
    eventually(lambda: site.daemon.server.wanted("device"))
    name = "W" * 64 + "<script>"

    def comes() -> None:
        site.household.things.found.append(
            a_device("02:00:00:00:00:77", name, "guest", "phone", vendor="V" * 90)
        )
        site.daemon.server.publish("device", mac="02:00:00:00:00:77", name=name)

    site.daemon.submit(comes)
    eventually(lambda: "WWWW" in parent.text("#device-02\\:00\\:00\\:00\\:00\\:77"))
    for path in ("/parent/devices/", "/parent/device/02:00:00:00:00:77"):
        parent.driver.get(site.url + path)
        parent.resize(NARROW)
        assert parent.overflow() <= 0, path
    parent.resize(PHONE)
    assert parent.complaints() == []


def test_an_update_of_the_lists_shows_how_far_it_is_by_itself(parent: Chromium, site: Site) -> None:
    parent.driver.get(f"{site.url}/parent/lists/")
    eventually(lambda: site.daemon.server.wanted("lists"))
    parent.tap("form[action='/parent/lists/update'] button")
    eventually(lambda: "UT1 Toulouse, games, 0.4 MB so far" in parent.text())
    assert parent.measure("return document.querySelector('progress').position") == 0.4
    eventually(lambda: site.daemon.server.wanted("lists"))

    def ends() -> None:
        site.household.listed.update = {"running": False, "ended": NOW, "problems": []}
        site.daemon.server.publish("lists", what="ended", problems=[])

    site.daemon.submit(ends)
    eventually(lambda: "Updated just now." in parent.text())


@pytest.mark.parametrize("path", ["/parent/", "/parent/setup/summary"])
def test_the_first_download_moves_its_bar_by_itself(parent: Chromium, site: Site, path: str) -> None:
    bar = "return document.querySelector('progress') && document.querySelector('progress').position"

    def at(percent: int, *, running: bool = True) -> None:
        plan = {"warning": "none" if running else "", "running": running, "percent": percent}
        site.household.listed.plan |= plan
        site.daemon.server.publish("lists", what="step", source="ut1-games", done=1, percent=percent)

    site.daemon.submit(lambda: at(12))
    parent.driver.get(site.url + path)
    assert parent.measure(bar) == 0.12
    check_looks(parent)
    eventually(lambda: site.daemon.server.wanted("lists"))
    site.daemon.submit(lambda: at(60))
    eventually(lambda: parent.measure(bar) == 0.6)
    site.daemon.submit(lambda: at(99, running=False))
    eventually(lambda: parent.measure(bar) is None)
    assert parent.complaints() == []


def test_a_sheet_of_codes_looks_right_and_prints_without_the_rest(parent: Chromium, site: Site) -> None:
    parent.driver.get(f"{site.url}/parent/codes/")
    parent.tap(".fields button")
    eventually(lambda: "K7QM-3X12" in parent.text(".strips"))
    assert parent.measure("return !document.querySelector('[data-print]').hidden")
    check_looks(parent)
    parent.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        for hidden in (".top", ".tabs", ".no-print"):
            assert (
                parent.measure(f"return getComputedStyle(document.querySelector('{hidden}')).display")
                == "none"
            )
    finally:
        parent.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        parent.theme("light")


def test_the_child_s_page_looks_right_when_the_end_is_near(browser: Chromium, site: Site) -> None:
    ask(site)
    end_is_near(site, 4)
    browser.driver.get(f"{site.url}/my")
    assert "4 min until bedtime at 19:44" in browser.text(".warning").replace("\n", " ")
    eventually(lambda: browser.text("#said") == "5 minutes left")
    check_looks(browser)
    browser.tap(".actions form button")
    eventually(lambda: "You have 10 more minutes" in browser.text(".notice"))


def test_the_warning_comes_by_itself(browser: Chromium, site: Site) -> None:
    browser.driver.get(f"{site.url}/my")
    assert browser.text(".warning") == ""
    end_is_near(site, 15)
    browser.driver.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
    eventually(lambda: "15 min" in browser.text(".warning"))
    assert browser.text("#said") == "15 minutes left"


def test_a_child_asks_and_a_parent_gives_and_undoes(parent: Chromium, site: Site) -> None:
    parent.driver.get(f"{site.url}/my/ask")
    parent.tap(".options label:nth-of-type(2)")
    parent.driver.find_element(By.ID, "reason").send_keys("One more round")
    parent.tap(".fields .primary")
    eventually(lambda: "Waiting for an answer" in parent.text(".asked"))
    parent.driver.get(f"{site.url}/parent/")
    assert parent.text("#waiting") == "1"
    parent.tap("a.status-link[href*=requests]")
    eventually(lambda: "One more round" in parent.text("article"))
    parent.tap(".gives .primary")
    eventually(lambda: "Undo" in parent.text(".notice"))
    assert site.household.requests[0]["given"] == 30
    assert parent.text("#waiting") == ""
    parent.tap(".notice button")
    eventually(lambda: "The change is undone." in parent.text(".notice"))
    assert site.household.given == {}


def test_one_tap_gives_more_time(parent: Chromium, site: Site) -> None:
    parent.tap(".extras button[value='15']")
    eventually(lambda: "Aruzhan has 15 more minutes, until 21:00." in parent.text(".notice"))
    parent.tap(".notice button")
    eventually(lambda: not site.household.given)


def test_a_new_request_comes_by_itself_and_waits_while_somebody_writes(parent: Chromium, site: Site) -> None:
    ask(site)
    parent.driver.get(f"{site.url}/parent/requests")
    eventually(lambda: site.daemon.server.wanted("request"))
    parent.tap("#other-1 summary")
    parent.tap("#because-1")
    parent.press("Homework fir")
    ask(site, 60)
    time.sleep(0.5)
    assert "1 h more" not in parent.text()
    parent.press(f"st{Keys.TAB}")
    eventually(lambda: "1 h more" in parent.text())
    assert parent.measure("return document.getElementById('because-1').value") == "Homework first"
    assert parent.text("#waiting") == "2"


def test_a_code_is_entered_on_a_phone(browser: Chromium, site: Site) -> None:
    ticket = {"batch": "1", "minutes": 30, "who": None, "by": "Mum"}
    site.happens(lambda: site.household.tickets.update({"K7QM-3X12": ticket}))
    browser.driver.get(f"{site.url}/my/code")
    browser.driver.find_element(By.ID, "code").send_keys("k7qm 3x1", Keys.ENTER)
    eventually(lambda: "Check the paper." in browser.text())
    browser.complaints()  # that it was refused
    check_looks(browser)
    field = browser.driver.find_element(By.ID, "code")
    field.clear()
    field.send_keys("k7qm 3x12", Keys.ENTER)
    eventually(lambda: "You have 30 more minutes, until 21:15." in browser.text())


def test_nothing_that_has_the_focus_lies_below_the_tabs(parent: Chromium, site: Site) -> None:
    parent.driver.get(f"{site.url}/parent/")
    parent.resize(NARROW)
    hidden = """
    const one = document.activeElement, box = one.getBoundingClientRect();
    const tabs = document.querySelector(".tabs"), bar = tabs.getBoundingClientRect();
    return one !== document.body && !tabs.contains(one) && box.bottom > bar.top && box.top < bar.bottom;
    """
    for _ in range(30):
        parent.press(Keys.TAB)
        assert not parent.measure(hidden)
    parent.resize(PHONE)


def test_the_phone_s_time_is_sent_along_when_a_parent_signs_in(browser: Chromium, site: Site) -> None:
    path, _, code = site.link().partition("?code=")
    browser.driver.get(path)
    site.household.asked.clear()
    browser.tap("#bycode summary")
    browser.driver.find_element(By.ID, "code").send_keys(code, Keys.ENTER)
    eventually(lambda: "time" in {do for do, _ in site.household.asked})
    browser.sign_out()


def test_the_parents_page_looks_right(parent: Chromium, site: Site) -> None:
    site.happens(lambda: site.household.paused.update(daughter=NOW + timedelta(minutes=30)))
    eventually(lambda: "Paused until 20:10." in parent.text())
    for summary in parent.driver.find_elements(By.CSS_SELECTOR, ".child-card summary"):
        parent.driver.execute_script("arguments[0].click()", summary)
    check_looks(parent)


def test_long_and_hostile_names_break_no_page(parent: Chromium, site: Site) -> None:
    name = "W" * 80
    before = RULES["daughter"]["name"]
    RULES["daughter"]["name"] = name
    site.household.refusals[0].update(host=f"{'w' * 63}.{'w' * 63}.example", name="<script>alert(1)</script>")
    try:
        for path in ("/parent/", "/my", "/why"):
            parent.driver.get(site.url + path)
            parent.resize(NARROW)
            assert parent.overflow() <= 0
        assert "<script>alert(1)</script>" in parent.text()
        assert parent.complaints() == []
    finally:
        RULES["daughter"]["name"] = before
        site.household.refusals[0] = dict(REFUSALS[0])
        parent.resize(PHONE)


def test_one_tap_pauses_one_tap_undoes(parent: Chromium, site: Site) -> None:
    parent.tap(".child-card .pauses button[value='30']")
    eventually(lambda: "Aruzhan is paused until 20:10." in parent.text())
    assert list(site.household.paused) == ["daughter"]
    parent.tap(".notice button")
    eventually(lambda: not site.household.paused)
    eventually(lambda: "Open until bedtime" in parent.text(".child-card"))


def test_what_happens_elsewhere_shows_by_itself_and_disturbs_nothing(parent: Chromium, site: Site) -> None:
    eventually(lambda: site.daemon.server.wanted("status"))
    parent.tap("#everyone summary")
    parent.driver.execute_script("document.querySelector('#everyone summary').focus()")
    site.happens(lambda: site.household.paused.update(daughter=None))
    eventually(lambda: "Paused until a parent ends it." in parent.text(".child-card"))
    assert parent.measure("return document.querySelector('#everyone').open")
    assert parent.measure("return document.activeElement.closest('details').id") == "everyone"
    site.happens(site.household.paused.clear)
    eventually(lambda: "Open until bedtime" in parent.text(".child-card"))


@pytest.mark.parametrize("form", [".pauses", ".extras"])
def test_a_button_keeps_the_focus_though_another_says_the_same(
    parent: Chromium, site: Site, form: str
) -> None:
    eventually(lambda: site.daemon.server.wanted("status"))
    focus = "document.querySelector(arguments[0]).focus()"
    parent.driver.execute_script(focus, f".child-card {form} button[value='60']")
    site.happens(lambda: site.household.paused.update(son=None))
    eventually(lambda: "Paused until a parent ends it." in parent.text())
    held = parent.measure("return document.activeElement.form.className + document.activeElement.value")
    assert held == f"{form[1:]}60"


@pytest.mark.parametrize("by", ["key", "mouse"])
def test_a_change_between_press_and_release_does_not_lose_the_press(
    parent: Chromium, site: Site, by: str
) -> None:
    eventually(lambda: site.daemon.server.wanted("status"))

    def press() -> bool:
        """False where the page was updated between finding the button and pressing it."""
        try:
            button = parent.driver.find_element(By.CSS_SELECTOR, ".child-card .pauses button[value='60']")
            parent.driver.execute_script("arguments[0].focus()", button)
            hand = ActionChains(parent.driver)
            (hand.key_down(Keys.SPACE) if by == "key" else hand.click_and_hold(button)).pause(1).perform()
        except StaleElementReferenceException:
            return False
        return True

    eventually(press)
    site.happens(lambda: site.household.paused.update(son=None))
    (hand := ActionChains(parent.driver)).pause(1)
    (hand.key_up(Keys.SPACE) if by == "key" else hand.release()).perform()
    eventually(lambda: "daughter" in site.household.paused)
    eventually(lambda: "Paused until a parent ends it." in parent.text())


def test_everything_works_by_keyboard(parent: Chromium, site: Site) -> None:
    def focused() -> str:
        return str(parent.measure("return document.activeElement.textContent.trim().replace(/\\s+/g, ' ')"))

    keys = []
    parent.driver.get(f"{site.url}/parent/")
    while "15 min" not in keys:
        parent.press(Keys.TAB)
        keys.append(focused())
        assert len(keys) < 10
    assert keys[0] == "Skip to the content"
    parent.press(Keys.ENTER)
    eventually(lambda: list(site.household.paused) == ["daughter"])


def test_a_first_visit_is_light(browser: Chromium, site: Site) -> None:
    for path in ("/my", "/my/time", "/my/ask", "/refused?host=www.tiktok.com"):
        browser.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        browser.driver.get(site.url + path)
        assert 0 < browser.measure(WEIGHT) <= FIRST_VISIT


def test_without_script_everything_is_there(site: Site, tmp_path: Path) -> None:
    with chromium(tmp_path / "chromium", script=False) as browser:
        driver = browser.driver
        driver.implicitly_wait(PATIENCE)  # a click returns before the page that it leads to is there
        path, _, code = site.link().partition("?code=")
        driver.get(path)
        driver.find_element(By.CSS_SELECTOR, "#bycode summary").click()
        driver.find_element(By.ID, "code").send_keys(code)
        driver.find_element(By.CSS_SELECTOR, ".signin button").click()
        assert "Open until bedtime" in driver.find_element(By.CSS_SELECTOR, ".child-card").text
        driver.find_element(By.CSS_SELECTOR, ".child-card .pauses button[value='']").click()
        assert "until you turn it back on" in driver.find_element(By.CSS_SELECTOR, ".notice").text
        assert site.household.paused == {"daughter": None}
        driver.find_element(By.CSS_SELECTOR, ".child-card .primary").click()
        eventually(lambda: not site.household.paused)
        driver.find_element(By.CSS_SELECTOR, "#everyone summary").click()
        driver.find_element(By.CSS_SELECTOR, "#everyone button[value='60']").click()
        eventually(lambda: list(site.household.paused) == ["all"])
        site.household.paused.clear()
        driver.get(f"{site.url}/my/ask")
        driver.find_element(By.ID, "reason").send_keys("One more round")
        driver.find_element(By.CSS_SELECTOR, ".fields button").click()
        assert "Waiting for an answer" in driver.find_element(By.CSS_SELECTOR, ".asked").text
        driver.get(f"{site.url}/parent/requests")
        driver.find_element(By.CSS_SELECTOR, ".gives .primary").click()
        assert "Undo" in driver.find_element(By.CSS_SELECTOR, ".notice").text
        driver.find_element(By.CSS_SELECTOR, ".notice button").click()
        eventually(lambda: "The change is undone." in driver.page_source)
        driver.get(f"{site.url}/parent/codes/")
        driver.find_element(By.CSS_SELECTOR, ".fields button").click()
        code = driver.find_element(By.CSS_SELECTOR, ".code").text
        driver.get(f"{site.url}/my/code")
        driver.find_element(By.ID, "code").send_keys(code.lower())
        driver.find_element(By.CSS_SELECTOR, ".signin button").click()
        assert "You have 30 more minutes" in driver.find_element(By.CSS_SELECTOR, ".notice").text


def test_a_daemon_that_stops_is_said_and_its_return_is_noticed(tmp_path: Path) -> None:
    household, port, path = Household(), free_port(), tmp_path / "control.sock"
    household.devices["127.0.0.1"] = household.devices.pop("192.168.1.20")
    with closing(household), serving(path, port), chromium(tmp_path / "chromium") as browser:
        with at_home(path, household):
            browser.driver.get(f"http://127.0.0.1:{port}/my")
            assert "Aruzhan" in browser.text()
        browser.driver.refresh()
        assert "The filter is stopped" in browser.text()
        check_looks(browser)
        with at_home(path, household):
            eventually(lambda: "Aruzhan" in browser.text())
