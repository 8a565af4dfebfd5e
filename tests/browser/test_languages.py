"""Every page in texts 40 % longer on the smallest phone, from left to right and from right to left."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import waitress

from tests.browser.chromium import NARROW, PHONE, Chromium
from tests.browser.conftest import Site
from tests.browser.test_access import AUDIT, CHILDS, PARENTS
from tests.webui.serving import free_port
from tests.webui.standin.pseudo import CODE, MIRRORED, teach
from webui import Settings, create_app
from webui.language.i18n import COOKIE

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

OPENED = "document.querySelectorAll('details').forEach(one => one.open = true)"

# Words that stick out of what they are in, beside what scrolls by itself.
SPILT = """
return [...document.querySelectorAll("main *, .tabs *, .languages *")].filter(one => {
  const box = one.getBoundingClientRect();
  if (!box.width || one.closest(".unseen, .days, .paint, svg, option")) return false;
  return box.left < -0.5 || box.right > innerWidth + 0.5;
}).map(one => one.tagName + " " + one.textContent.trim().slice(0, 60));
"""
# Where the first words of a card begin, from the side on which reading begins.
STARTS = """
const card = document.querySelector(".card"), rtl = document.documentElement.dir === "rtl";
const range = document.createRange(); range.selectNodeContents(card.querySelector("h1, h2"));
const box = range.getBoundingClientRect(), around = card.getBoundingClientRect();
return Math.round(rtl ? around.right - box.right : box.left - around.left);
"""


@pytest.fixture(scope="module")
def speaking(site: Site) -> Iterator[Site]:
    """The same household's pages, with the languages that nobody speaks."""
    port = free_port()
    app = create_app(Settings(site.daemon.path))
    teach(app)
    server = waitress.create_server(app, host="127.0.0.1", port=port, threads=4)
    threading.Thread(target=server.run, daemon=True).start()
    before, site.url = site.url, f"http://127.0.0.1:{port}"
    yield site
    site.url = before
    server.close()


@pytest.fixture
def reader(browser: Chromium, speaking: Site) -> Iterator[Chromium]:
    browser.driver.get(f"{speaking.url}/static/icon.svg")
    browser.resize(NARROW)
    yield browser
    browser.driver.delete_all_cookies()
    browser.driver.get("about:blank")
    browser.resize(PHONE)


def speak(browser: Chromium, code: str) -> None:
    browser.driver.add_cookie({"name": COOKIE, "value": code, "path": "/"})


def faults(browser: Chromium, site: Site, path: str) -> list[str]:
    """In both directions, with all that can be opened open."""
    found = []
    for code in (CODE, MIRRORED):
        speak(browser, code)
        browser.driver.get(site.url + path)
        assert browser.measure("return document.documentElement.lang") == code
        browser.measure(OPENED)
        if browser.overflow():
            found.append(f"{code}: {browser.overflow()} px wider than the window")
        found += [f"{code}: sticks out: {one}" for one in browser.measure(SPILT)]
        found += [f"{code}: {one}" for one in browser.measure(AUDIT)]
    return found


@pytest.mark.parametrize("name", CHILDS)
def test_a_child_s_page(reader: Chromium, speaking: Site, name: str) -> None:
    path, prepare = CHILDS[name]
    speaking.happens(lambda: prepare(speaking))
    assert faults(reader, speaking, path) == []


@pytest.mark.parametrize("name", PARENTS)
def test_a_parent_s_page(reader: Chromium, speaking: Site, name: str) -> None:
    path, prepare = PARENTS[name]
    speaking.happens(lambda: prepare(speaking))
    reader.driver.get(speaking.link())
    assert faults(reader, speaking, path) == []


def test_a_page_from_right_to_left_is_mirrored(reader: Chromium, speaking: Site) -> None:
    starts = {}
    for code in (CODE, MIRRORED):
        speak(reader, code)
        reader.driver.get(f"{speaking.url}/my")
        starts[code] = reader.measure(STARTS)
    assert starts[CODE] == starts[MIRRORED] < 24


def test_the_language_is_chosen_without_a_script(reader: Chromium, speaking: Site) -> None:
    reader.driver.get(f"{speaking.url}/my")
    reader.tap(".languages [lang=kk]")
    assert reader.driver.current_url == f"{speaking.url}/my"
    assert reader.measure("return document.documentElement.lang") == "kk"
    assert "Менің ережелерім" in reader.driver.title
    reader.tap(".languages [lang=en]")
    assert "My rules" in reader.driver.title
