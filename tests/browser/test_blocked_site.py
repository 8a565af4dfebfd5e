"""A blocked site in the child's own Chromium and Firefox: the explanation, and how soon it opens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import WebDriverException

from tests.browser.chromium import Chromium, eventually
from tests.browser.seated import seated
from tests.lab import firefox
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, BLOCKED, DAUGHTER, MUM, REFUSED, Arrivals, fresh, until
from tests.lab.home import Home
from tests.lab.names import TABLET
from tests.lab.trusted import trusting_home
from tests.pace import longest

pytestmark = [pytest.mark.browser, pytest.mark.lab]

PAGES = "http://qalqan.home.arpa"
OPEN = "www.example.net"
LEARNED, LEARNED_TOO = "www.iana.org", "www.wikipedia.org"  # allowed; each browser visits one by HTTPS
HTTPS_FIRST = {"dom.security.https_first": True}  # as for an address that is typed without a scheme
PRELOADED = "www.facebook.com"  # in the browsers' own lists: HTTPS only
CACHE_S = 60.0  # Chromium keeps an address for at least a minute, whatever the answer says
POLL_S = 15.0  # the page asks every 3 s and opens the site after 3 s more; a slow machine takes longer
# Does an address of our pages in a page of the internet ask the user for anything, or hang?
PARTS = """
const done = arguments[arguments.length - 1], found = {}, began = performance.now();
const ends = (name, how) => {
  found[name] = [how, performance.now() - began];
  if (Object.keys(found).length === 3) done(found);
};
for (const scheme of ["http", "https"]) {
  const image = new Image();
  image.onload = () => ends(scheme, "loaded");
  image.onerror = () => ends(scheme, "failed");
  image.src = scheme + "://" + arguments[0] + "/pixel.png";
}
fetch("https://" + arguments[0] + "/api").then(() => ends("fetch", "loaded"), () => ends("fetch", "failed"));
"""


PARTS_OF = """
return await new Promise(resolve => ((...arguments) => {%s})("%s", resolve));
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with Home(quic=False) as made:
        yield made


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    child = {**DAUGHTER, "mode": "allow-list", "allow": [OPEN, LEARNED, LEARNED_TOO]}
    started = fresh(home, {"daughter": child, "mum": MUM})
    started._with_web = True
    with started:
        yield started


@pytest.fixture
def browser(home: Home, daemon: Daemon, tmp_path: Path) -> Iterator[Chromium]:
    with seated(home, TABLET.key, tmp_path, trusting_home(tmp_path / "home", home.ca)) as opened:
        yield opened


def open_page(browser: Chromium, url: str) -> str:
    """The error of the browser; empty where it shows a page."""
    try:
        browser.driver.get(url)
    except WebDriverException as error:
        return str(error.msg)
    return ""


def answer(daemon: Daemon, how: str) -> None:
    call = daemon.client.call
    (waiting,) = [one for one in call("requests")["requests"] if one["state"] == "pending"]
    call("answer", id=waiting["id"], answer=how, by="Mum")


def test_chromium_opens_the_explanation_of_http_and_shows_its_own_error_for_https(browser: Chromium) -> None:
    """It tries HTTPS first for an address with http, as for one that is typed without a scheme."""
    for host, title in ((REFUSED, "TikTok"), (BLOCKED, BLOCKED)):
        assert open_page(browser, f"http://{host}/some/path?x=1") == ""
        assert browser.driver.current_url == f"{PAGES}/refused?host={host}"
        assert title in browser.text("h1")
        assert "Your family set this." in browser.text(".refused")
    assert "ERR_CONNECTION_REFUSED" in open_page(browser, f"https://{BLOCKED}/")
    assert "ERR_CONNECTION_REFUSED" in open_page(browser, f"http://{PRELOADED}/"), "HSTS"


def test_chromium_parts_of_an_allowed_page_fail_at_once_and_nothing_is_asked(browser: Chromium) -> None:
    assert open_page(browser, f"https://{OPEN}/") == ""
    browser.driver.set_script_timeout(20)
    found: dict[str, Any] = browser.driver.execute_async_script(PARTS, REFUSED)
    print({name: (how, round(ms)) for name, (how, ms) in found.items()})
    assert {how for how, _ in found.values()} == {"failed"}
    assert max(ms for _, ms in found.values()) < longest(3.0) * 1000, "no prompt that waits for its user"


def block(daemon: Daemon, host: str) -> None:
    """Take a site that the child has visited from the list of what is allowed."""
    daemon.client.call("edit", id="daughter", set={f"allow/{host}": None}, by="Mum")


def test_chromium_shows_its_own_error_for_a_site_that_it_knows_by_https_only(
    browser: Chromium, daemon: Daemon
) -> None:
    assert open_page(browser, f"https://{LEARNED}/hsts") == ""
    block(daemon, LEARNED)
    error = open_page(browser, f"http://{LEARNED}/")
    print(f"Chromium, learned HSTS: {error.splitlines()[0]}")
    assert "ERR_CONNECTION" in error, "no page explains it"


@pytest.mark.needs("firefox-esr", "firefox")
def test_firefox_knows_sites_by_https_only_and_parts_of_a_page_fail_at_once(
    home: Home, daemon: Daemon, tmp_path: Path
) -> None:
    tablet, root = home.devices[TABLET.key], home.ca.read_text()
    with firefox.session(tablet, tmp_path / "firefox", root, HTTPS_FIRST) as opened:
        opened.go(f"https://{OPEN}/")
        found = opened.run(PARTS_OF % (PARTS, REFUSED))
        print({name: (how, round(ms)) for name, (how, ms) in found.items()})
        assert {how for how, _ in found.values()} == {"failed"}
        assert max(ms for _, ms in found.values()) < longest(3.0) * 1000, "no prompt that waits for its user"
        opened.go(f"https://{LEARNED_TOO}/hsts")
        block(daemon, LEARNED_TOO)
        at_once = opened.error_of(f"http://{LEARNED_TOO}/")
        print(f"Firefox, learned HSTS: {at_once}")
        assert "neterror" in at_once, "no page explains it"


@pytest.mark.parametrize(
    ("host", "later", "most"),
    [
        (ALLOWED, 0.0, CACHE_S + longest(POLL_S)),  # the browser still has the address of the pages
        pytest.param("www.example.edu", CACHE_S + 5.0, longest(POLL_S), marks=pytest.mark.slow),
    ],
)
def test_chromium_asks_and_opens_the_site_once_the_parent_allows_it(
    browser: Chromium, home: Home, daemon: Daemon, host: str, later: float, most: float
) -> None:
    arrivals = Arrivals(home)
    assert open_page(browser, f"http://{host}/") == ""
    assert browser.driver.current_url == f"{PAGES}/refused?host={host}"
    browser.tap(".refused form button")
    eventually(lambda: "It waits for an answer." in browser.text(".refused"))
    time.sleep(later)
    answer(daemon, "once")
    allowed = time.monotonic()
    reached = until(lambda: "pretended internet" in browser.text(), most)
    print(f"Chromium: open {time.monotonic() - allowed:.1f} s after an answer {later:.0f} s after the block")
    assert reached is not None, browser.text()
    assert host in browser.driver.current_url
    assert arrivals.of(name=host)


@pytest.mark.needs("firefox-esr", "firefox")
def test_firefox_explains_too_and_opens_the_site_once_the_parent_allows_it(
    home: Home, daemon: Daemon
) -> None:
    site, found = "www.example.com", threading.Event()
    times: dict[str, float] = {}

    def allow() -> None:
        call = daemon.client.call
        while not found.is_set():
            listed = call("refusals", device=TABLET.mac)["refusals"]
            if any(one["host"] == site for one in listed):
                time.sleep(5.0)
                call("request", device=TABLET.mac, site=site)
                answer(daemon, "once")
                times["allowed"] = time.time()
                return
            time.sleep(0.2)

    arrivals = Arrivals(home)
    parent = threading.Thread(target=allow)
    parent.start()
    urls = (
        f"http://{REFUSED}/",
        f"https://{BLOCKED}/",
        f"http://{PRELOADED}/",
        f"http://{site}/",
        "wait:120",
    )
    try:
        first, https, hsts, blocked, opened = firefox.visit(
            home, TABLET.key, *urls, preferences=HTTPS_FIRST, timeout=240.0
        )
    finally:
        found.set()
        parent.join()
    assert "TikTok" in first.body
    assert "Your family set this." in first.body
    assert https.how.startswith("connectionFailure"), https
    assert hsts.how.startswith("connectionFailure"), hsts
    assert f"/refused/opened?host={site}" in blocked.body
    assert opened.reached, opened
    reached = min(line["time"] for line in arrivals.of(name=site))
    print(f"Firefox: site open {reached - times['allowed']:.1f} s after the answer")
