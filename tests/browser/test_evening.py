"""An evening in the family: a tap on the parent's page, and what becomes of it on the child's own device.

Films run over TLS and QUIC on the device itself, its pages open in its own Chromium or through its own
connection, and what the parent sees comes without a reload.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.axe import Axe
from tests.browser.chromium import WEIGHT, Chromium, chromium, eventually
from tests.browser.family import CHILD, Family, at_home
from tests.lab import chromium as device_browser
from tests.lab import clients
from tests.lab.clients import Stream
from tests.lab.console import FILM
from tests.lab.filtering import CUT_MS, QuicFilm, until
from tests.lab.names import PARENT, PHONE, TABLET

pytestmark = [pytest.mark.browser, pytest.mark.lab]

PAGES = "http://qalqan.home.arpa"
OPEN_HOST = "kk.wikipedia.org"
OPEN_SITE = f"https://{OPEN_HOST}/"
ASKABLE, REFUSED = "www.instagram.com", "www.tiktok.com"
STAYS = "return window.stays === 1"  # false once the page was loaded anew
PLAIN_LIMIT = 20 * 1024  # bytes of the refused page, with all that it loads
SHOWN = 10  # refusals on the device's own page


@pytest.fixture(scope="module")
def family() -> Iterator[Family]:
    """The daughter may ask for social networks, which her band refuses."""
    with at_home(quic=True) as built:
        built.daemon.client.call(
            "edit", id=CHILD, set={"categories/social_networks": "ask"}, confirmed=True, by="Mum"
        )
        yield built


@pytest.fixture(autouse=True)
def afternoon(family: Family) -> Iterator[None]:
    """Nothing of one test holds in the next."""
    yield
    call = family.daemon.client.call
    call("resume", who=CHILD)
    for one in call("requests")["requests"]:
        if one["state"] == "pending":
            call("answer", id=one["id"], answer="no", by="Mum")


def reaches(family: Family, url: str = OPEN_SITE) -> bool:
    return clients.curl(family.home.devices[TABLET.key], url).reached


def at_her_home(family: Family, mum: Chromium) -> None:
    """On the first page, which from now on is not loaded anew."""
    mum.driver.get(family.url(PARENT.key, "/parent/"))
    mum.measure("window.stays = 1")


def focused(browser: Chromium) -> str:
    said = (
        "const it = document.activeElement; return it.getAttribute('aria-label') || it.innerText || it.value"
    )
    return " ".join(str(browser.measure(said)).split())


def press_until(browser: Chromium, wanted: str, most: int = 40) -> None:
    """Tab until the focus is on what reads so, then Enter."""
    for _ in range(most):
        browser.press(Keys.TAB)
        if focused(browser) == wanted:
            browser.press(Keys.ENTER)
            return
    pytest.fail(f"no way by keyboard to {wanted!r}")


def test_a_tap_on_pause_ends_what_runs_over_tls_and_over_quic_within_the_second(
    family: Family, mum: Chromium
) -> None:
    tablet, mums = family.home.devices[TABLET.key], family.home.devices[PARENT.key]
    at_her_home(family, mum)
    assert reaches(family)  # and the address is one that an allowed name gave
    with (
        Stream(tablet, FILM) as film,
        QuicFilm(tablet, OPEN_HOST, 4) as over_quic,
        QuicFilm(tablet, OPEN_HOST, 6) as over_quic_6,
        Stream(mums, FILM) as mums_film,
    ):
        assert film.started()
        assert over_quic.started()
        assert mums_film.started()
        six = over_quic_6.started()
        tapped = mum.tap(".child-card .pauses button[value='15']")
        died = film.death(tapped)
        assert died is not None
        assert died <= CUT_MS
        assert until(lambda: not over_quic.flows(0.5), 3.0) is not None
        assert over_quic.last is not None
        assert over_quic.last - tapped <= CUT_MS / 1000
        if six:
            assert over_quic_6.last is not None
            assert over_quic_6.last - tapped <= CUT_MS / 1000
        assert mums_film.flows()
        print(f"from the tap: TLS dead after {died:.0f} ms, last QUIC byte {over_quic.last - tapped:.3f} s")
    eventually(lambda: "Daughter is paused until" in mum.text(".notice"))
    mum.tap(".notice button")
    eventually(lambda: "Open until bedtime" in mum.text(".child-card"))
    with Stream(tablet, FILM) as film:
        assert film.started()
    assert clients.h3(tablet, OPEN_HOST).reached


def test_fifteen_more_minutes_bring_the_film_back_and_undo_ends_it(family: Family, mum: Chromium) -> None:
    tablet, call = family.home.devices[TABLET.key], family.daemon.client.call
    with Stream(tablet, FILM) as film:
        assert film.started()
        undo = call("edit", id=CHILD, set={"limits/internet": "0m"}, by="Mum")["undo"]
        assert film.death(0.0) is not None
    try:
        assert not reaches(family)
        at_her_home(family, mum)
        eventually(lambda: "Time is used up" in mum.text(".child-card"))
        assert "used up" in device_browser.visit(family.home, TABLET.key, f"{PAGES}/my").body
        mum.tap(".child-card .extras button[value='15']")
        eventually(lambda: "Undo" in mum.text(".notice"))
        assert until(lambda: reaches(family), 2.0) is not None
        assert "15 min" in device_browser.visit(family.home, TABLET.key, f"{PAGES}/my").body
        with Stream(tablet, FILM) as film:
            assert film.started()
            tapped = mum.tap(".notice button")
            died = film.death(tapped)
            assert died is not None
            assert died <= CUT_MS
    finally:
        call("unedit", id=CHILD, revision=undo, by="Mum")
    assert until(lambda: reaches(family), 2.0) is not None


def test_what_a_child_asks_for_is_on_the_parent_s_first_page_by_itself_and_opens_by_the_answer(
    family: Family, mum: Chromium, child: Chromium
) -> None:
    at_her_home(family, mum)
    before = device_browser.visit(family.home, TABLET.key, f"https://{ASKABLE}/")
    assert not before.reached
    child.driver.get(family.url(TABLET.key, "/why"))
    child.tap(f".refusals button[value='{ASKABLE}']")
    eventually(lambda: "You asked for Instagram." in child.text())
    eventually(lambda: "1 request waits for an answer" in mum.text())
    assert mum.text(".tabs #waiting").strip().startswith("1")
    assert mum.measure(STAYS)
    mum.tap("a.status-link[href*=requests]")
    eventually(lambda: "Daughter: Instagram" in mum.text("article"))
    mum.tap(".gives-site button[value=today]")
    eventually(lambda: "Undo" in mum.text(".notice"))
    assert device_browser.visit(family.home, TABLET.key, f"https://{ASKABLE}/").reached
    child.driver.get(family.url(TABLET.key, "/my"))
    assert "Instagram" in child.text("[aria-labelledby=asked]")
    mum.tap(".notice button")
    eventually(lambda: not reaches(family, f"https://{ASKABLE}/"))


def test_time_that_is_asked_for_comes_to_the_parent_and_the_answer_to_the_child_without_a_reload(
    family: Family, mum: Chromium, child: Chromium
) -> None:
    at_her_home(family, mum)
    child.driver.get(family.url(TABLET.key, "/my/ask"))
    child.driver.find_element(By.ID, "reason").send_keys("One more round")
    child.tap(".fields .primary")
    eventually(lambda: "Waiting for an answer" in child.text())
    child.measure("window.stays = 1")
    eventually(lambda: "1 request waits for an answer" in mum.text())
    assert mum.measure(STAYS)
    mum.tap("a.status-link[href*=requests]")
    eventually(lambda: "One more round" in mum.text("article"))
    mum.tap(".gives .primary")
    eventually(lambda: "Undo" in mum.text(".notice"))
    assert until(lambda: "Mum gave 15 min" in child.text(), 20.0) is not None, "it looks every 15 seconds"
    assert child.measure(STAYS)
    mum.tap(".notice button")
    eventually(lambda: "The change is undone." in mum.text(".notice"))


def test_the_refused_page_is_whole_and_light_without_script_and_asks(
    family: Family, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with chromium(tmp_path_factory.mktemp("plain"), script=False) as browser:

        def read(host: str) -> str:
            led = family.http(TABLET.key, host)
            assert led.status == 302
            assert led.location.startswith(f"{PAGES}/refused?")
            browser.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
            browser.driver.get(family.url(TABLET.key, led.location.removeprefix(PAGES)))
            assert 0 < browser.measure(WEIGHT) <= PLAIN_LIMIT
            assert browser.text(".help .phone") == "111"
            assert browser.text(".exit") == "Leave this page"
            return browser.text(".refused")

        refused = read(REFUSED)
        assert "TikTok is blocked. Your family set this." in refused
        assert "Ask for TikTok" in refused
        family.daemon.client.call("pause", who=CHILD, minutes=30, by="Mum")
        try:
            paused = read(OPEN_HOST)
        finally:
            family.daemon.client.call("resume", who=CHILD)
        assert "The internet is paused until" in paused
        assert "You cannot ask during a pause." in paused
        assert "Mum set this." in paused
        asked = read(ASKABLE)
        assert asked.splitlines()[1] == "Instagram"
        assert "Your family set this." in asked, "who decided"
        browser.tap(".refused form button")
        eventually(lambda: "You asked for it. It waits for an answer." in browser.text(".refused"))
        browser.driver.back()
        browser.tap(".exit")
        eventually(lambda: browser.driver.current_url.endswith("/calendar"))
    [waiting] = [
        one for one in family.daemon.client.call("requests")["requests"] if one["state"] == "pending"
    ]
    assert (waiting["profile"], waiting["device"]) == (CHILD, TABLET.mac)


def test_why_has_the_last_ten_of_this_device_alone_and_forgets_them_when_the_daemon_restarts(
    family: Family,
) -> None:
    def why(seat: str) -> str:
        return device_browser.visit(family.home, seat, f"{PAGES}/why").body

    def names(seat: str) -> list[str]:
        return [part.partition("<")[0] for part in why(seat).split("<strong>")[1:]]

    tablet, phone = family.home.devices[TABLET.key], family.home.devices[PHONE.key]
    hosts = [
        f"www.{name}.com" for name in ("pornhub", "xvideos", "xhamster", "bet365", "pokerstars", "tinder")
    ]
    hosts += ["www.instagram.com", "www.facebook.com", "www.snapchat.com", "www.reddit.com", "x.com", REFUSED]
    for host in hosts:
        assert not clients.curl(tablet, f"https://{host}/").reached, host
    shown = names(TABLET.key)
    assert len(shown) == SHOWN
    assert shown[0] == "TikTok", "the newest first"
    assert "pornhub" not in why(TABLET.key).lower(), "the eleventh is gone"
    assert "TikTok" not in why(PHONE.key)
    assert not clients.curl(phone, "https://www.pornhub.com/").reached
    assert "pornhub" not in why(TABLET.key).lower(), "a brother's"
    family.daemon.kill()
    family.daemon.start()
    assert "Nothing was blocked." in why(TABLET.key)


@pytest.mark.parametrize(
    ("language", "title", "rules"),
    [
        ("kk", "Бұл құрылғыда бұғатталғандар", "Менің ережелерім"),
        ("ru", "Заблокировано на этом устройстве", "Мои правила"),
        ("en", "Blocked on this device", "My rules"),
        ("de", "Blocked on this device", "My rules"),
    ],
)
def test_the_tablet_s_browser_is_answered_in_the_language_that_it_asks_for(
    family: Family, language: str, title: str, rules: str
) -> None:
    asks = [f"--accept-lang={language}", f"--lang={language}"]
    page = device_browser.visit(family.home, TABLET.key, f"{PAGES}/why", more=asks).body
    assert f'<html lang="{language if language != "de" else "en"}"' in page
    assert title in page
    assert rules in page


def test_an_evening_by_keyboard_alone(family: Family, mum: Chromium, child: Chromium) -> None:
    at_her_home(family, mum)
    with Stream(family.home.devices[TABLET.key], FILM) as film:
        assert film.started()
        press_until(mum, "30 min")
        assert film.death(0.0) is not None
    eventually(lambda: "Daughter is paused until" in mum.text(".notice"))
    press_until(mum, "Undo")
    eventually(lambda: "Open until bedtime" in mum.text(".child-card"))
    child.driver.get(family.url(TABLET.key, "/my"))
    press_until(child, "Ask for more time")
    eventually(lambda: "How many minutes?" in child.text())
    press_until(child, "Ask")
    eventually(lambda: "Waiting for an answer" in child.text())
    eventually(lambda: "1 request waits for an answer" in mum.text())
    press_until(mum, "1 request waits for an answer")
    eventually(lambda: "Daughter: 15 min more" in mum.text("article"))
    press_until(mum, "15 min")
    eventually(lambda: "Undo" in mum.text(".notice"))
    press_until(mum, "Undo")
    eventually(lambda: "The change is undone." in mum.text(".notice"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_themes_are_easy_to_read(family: Family, mum: Chromium, child: Chromium, theme: str) -> None:
    refused = urlsplit(family.http(TABLET.key, ASKABLE).location)
    pages = {
        mum: [(PARENT.key, path) for path in ("/parent/", "/parent/requests", f"/parent/child/{CHILD}/")],
        child: [(TABLET.key, path) for path in ("/my", "/why", f"/refused?{refused.query}", "/my/ask")],
    }
    for browser, seen in pages.items():
        browser.theme(theme)
        grounds = []
        for seat, path in seen:
            browser.driver.get(family.url(seat, path))
            assert Axe(browser).colours() == [], path
            grounds.append(browser.measure("return getComputedStyle(document.body).backgroundColor"))
        browser.theme("light")
        [ground] = set(grounds)
        red = int(ground.partition("(")[2].partition(",")[0])
        assert red > 200 if theme == "light" else red < 60
