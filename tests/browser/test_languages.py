"""Every page on the smallest phone, in Kazakh, in Russian, and in texts 40 % longer, from either side."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import waitress

from tests.browser.audit import OPENED, OWN
from tests.browser.chromium import NARROW, PHONE, Chromium, eventually
from tests.browser.conftest import Site
from tests.browser.every import CHILDS, PARENTS
from tests.webui.serving import free_port
from tests.webui.standin.pseudo import CODE, MIRRORED, teach
from webui import Settings, create_app
from webui.language.i18n import COOKIE

# The longest words are part of `make test-system`, the real ones of `make test-all`.
LANGUAGES = [CODE, *(pytest.param(code, marks=pytest.mark.slow) for code in ("kk", "ru"))]
ZOOMED = (640, 400)  # a window of 1280 x 800 at 200 %

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]


# Words that stick out of what they are in, beside what scrolls by itself.
SPILT = """
return [...document.querySelectorAll("main *, .tabs *, .languages *")].filter(one => {
  const box = one.getBoundingClientRect();
  if (!box.width || one.closest(".unseen, .days, svg, option")) return false;
  return box.left < -0.5 || box.right > innerWidth + 0.5;
}).map(one => one.tagName + " " + one.textContent.trim().slice(0, 60));
"""
# Words of which a part is not to be seen, or that lie above what is beside them.
CUT = """
const hides = one => /hidden|clip/.test(getComputedStyle(one).overflow);
return [...document.querySelectorAll("body *")].filter(one => {
  if (!one.clientWidth || one.closest(".unseen, .skip, svg, option, select, template")) return false;
  const button = one.matches("button, .button, .badge, summary, .tabs a, .options span, .tabs span");
  if (!button && !hides(one)) return false;
  return one.scrollWidth > one.clientWidth + 1 || button && one.scrollHeight > one.clientHeight + 1;
}).map(one => `cut: ${one.tagName} ${one.textContent.trim().slice(0, 60)}`);
"""
# WCAG 1.4.12: what somebody may set for all pages.
SPACED = """
const style = new CSSStyleSheet();
style.replaceSync(`
  * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
  p { margin-bottom: 2em !important; }
`);
document.adoptedStyleSheets = [style];
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
    server = waitress.create_server(app, host="127.0.0.1", port=port, threads=16)
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
    browser.sign_out()
    browser.resize(PHONE)


def speak(browser: Chromium, code: str) -> None:
    browser.driver.add_cookie({"name": COOKIE, "value": code, "path": "/"})


def faults(browser: Chromium, site: Site, path: str, code: str) -> list[str]:
    """At 320 px; at 200 % and from the right in the longest words, and spaced out in Russian."""
    speak(browser, code)
    browser.driver.get(site.url + path)
    assert browser.measure("return document.documentElement.lang") == code
    browser.measure(OPENED)
    found = unfit(browser)
    if code == CODE:
        found += browser.measure(OWN)
        browser.resize(ZOOMED)
        found += [f"at 200 %: {fault}" for fault in unfit(browser)]
        browser.resize(NARROW)
        browser.measure("document.documentElement.dir = 'rtl'")
        found += [f"from right to left: {fault}" for fault in unfit(browser)]
    if code == "ru":
        browser.measure(SPACED)
        found += [f"spaced: {fault}" for fault in unfit(browser)]
    return found


def unfit(browser: Chromium) -> list[str]:
    wide = [f"{browser.overflow()} px wider than the window"] if browser.overflow() else []
    return wide + [f"sticks out: {one}" for one in browser.measure(SPILT)] + list(browser.measure(CUT))


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", CHILDS)
def test_a_child_s_page(reader: Chromium, speaking: Site, name: str, code: str) -> None:
    path, prepare = CHILDS[name]
    speaking.happens(lambda: prepare(speaking))
    assert faults(reader, speaking, path, code) == []


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", PARENTS)
def test_a_parent_s_page(reader: Chromium, speaking: Site, name: str, code: str) -> None:
    path, prepare = PARENTS[name]
    speaking.happens(lambda: prepare(speaking))
    reader.driver.get(speaking.link())
    assert faults(reader, speaking, path, code) == []


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
    eventually(lambda: "Менің ережелерім" in reader.driver.title)
    assert reader.measure("return document.documentElement.lang") == "kk"
    reader.tap(".languages [lang=en]")
    eventually(lambda: "My rules" in reader.driver.title)
