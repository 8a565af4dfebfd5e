"""Every page in a language that nobody speaks: what is English in it is not in the catalogues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import available_timezones

import pytest
from flask import Flask

from gateway.policy.accounts.people import Account, PersonRole
from tests.browser.every import CHILDS, PARENTS
from tests.control.running import Running, running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household
from tests.webui.standin.pseudo import CODE, MIRRORED, Heard, accented, faults, head, teach, words
from webui.language.i18n import COOKIE
from webui.learn.book import TextBook, entries

TABLET_IP, MUM_IP = "192.168.1.20", "192.168.1.7"


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def daemon(tmp_path: Path, household: Household, heard: Heard) -> Iterator[Running]:
    with running(tmp_path / "control.sock", heard.listening(household.verbs())) as it:
        yield it
    household.editing.close()


@pytest.fixture
def app(app: Flask) -> Flask:
    teach(app)
    return app


def in_(browser: Browser, code: str) -> Browser:
    browser.client.set_cookie(COOKIE, code, domain="192.168.1.1")
    return browser


def site(household: Household) -> SimpleNamespace:
    def happens(change: Callable[[], object]) -> None:
        change()

    return SimpleNamespace(household=household, happens=happens)


def of_books(path: str) -> set[str]:
    """English stands in for a language that a book is not written in; tests/webui/learn has the others."""
    if not path.startswith(("/learn/", "/mean", "/parent/guide/")):
        return set()
    texts = (" ".join(chain(*one.lines.values())) for book in TextBook for one in entries(book, "en"))
    return set(words(" ".join(texts)))


@pytest.mark.parametrize("name", CHILDS)
def test_a_child_s_page(app: Flask, daemon: Running, household: Household, heard: Heard, name: str) -> None:
    path, prepare = CHILDS[name]
    prepare(site(household))  # type: ignore[arg-type]
    page = in_(browser_on(app, TABLET_IP), CODE).get(path).text
    assert head(page) == f"{CODE} ltr"
    assert faults(page, heard.words.union(of_books(path))) == []


@pytest.mark.parametrize("name", PARENTS)
def test_a_parent_s_page(
    mum: Browser, daemon: Running, household: Household, heard: Heard, name: str
) -> None:
    path, prepare = PARENTS[name]
    prepare(site(household))  # type: ignore[arg-type]
    page = in_(mum, CODE).get(path).text
    typed = words(path.partition("?")[2])
    places = words(" ".join(available_timezones()).replace("_", " ")) if name == "time zone" else ()
    assert faults(page, heard.words.union(typed, places, of_books(path))) == []


@pytest.mark.parametrize("ip", ["192.168.1.30", "192.168.1.31", "192.168.1.99"])
def test_a_page_of_nobody_s_device(app: Flask, daemon: Running, heard: Heard, ip: str) -> None:
    browser = in_(browser_on(app, ip), CODE)
    for path in ("/", "/why"):
        assert faults(browser.get(path).text, heard.words) == [], path


def test_what_a_tap_leads_to(
    mum: Browser, app: Flask, daemon: Running, household: Household, heard: Heard
) -> None:
    tablet = in_(browser_on(app, TABLET_IP), CODE)
    in_(mum, CODE)
    taps = [
        (mum, "/parent/pause", {"who": "daughter", "minutes": "15"}, "/parent/"),
        (mum, "/parent/pause", {"who": "teen", "minutes": "15"}, "/parent/"),
        (mum, "/parent/resume", {"who": "all"}, "/parent/"),
        (mum, "/parent/grant", {"who": "daughter", "minutes": "15"}, "/parent/"),
        (tablet, "/my/ask", {"minutes": "30", "reason": ""}, "/my"),
        (mum, "/parent/requests", {"id": "1", "answer": "once", "minutes": "30"}, "/parent/requests"),
        (tablet, "/my/ask/site", {"host": "www.instagram.com"}, "/my"),
        (mum, "/parent/requests", {"id": "2", "answer": "always"}, "/parent/requests"),
        (tablet, "/my/landing", {}, "/my"),
    ]
    # What the stand-in daemon refuses without a code is told in its own words.
    refusals = {"Dana", "sets", "her", "own", "pauses"}
    for browser, path, form, then in taps:
        assert browser.post(path, form).status_code == 303, path
        assert faults(browser.get(then).text, heard.words | refusals) == [], path


def test_a_language_from_right_to_left_says_so(app: Flask, daemon: Running) -> None:
    assert head(in_(browser_on(app, TABLET_IP), MIRRORED).get("/my").text) == f"{MIRRORED} rtl"


def test_letters_are_accented_and_what_the_code_needs_is_kept() -> None:
    assert accented("Ask for %(name)s") == "⟦Áśķ ƒóŕ %(name)s óńé⟧"
    assert accented(" until {when}") == " ⟦úńťíĺ {when} óńé⟧"
    assert accented("until <b>%(day)s</b>").count("<b>%(day)s</b>") == 1
    assert accented("Monday,Tuesday").count(",") == 1
    assert accented(".") == "."


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<p>Open</p>", ["not of the catalogue: Open: Open"]),
        ('<p title="Open"></p>', ["not of the catalogue: Open: Open"]),
        ("<p>⟦Óṕéń</p>", ["cut short: ⟦Óṕéń"]),
        ('<html lang="en-XA"><p lang="en">Open</p>⟦Óṕéń⟧', []),
        ("<p>⟦Óṕéń⟧ Aruzhan</p>", []),
    ],
)
def test_the_look_at_a_page_sees_it(html: str, found: list[str]) -> None:
    assert faults(html, {"Aruzhan"}) == found


# Forms that no browser opens, parts of other pages, and what has no words: all else is in the lists above.
WORDLESS = {"static", "stream.stream", "brand.style", "brand.dark", "brand.logo", "captive.state"}
# Files, what is for programs, and a page that guardians have another one for.
BELOW = {
    "activity.export", "traffic.export", "carry.file", "support.file", "api.every", "helper.show",
    "lists.wrong_file", "metrics.metrics",
    "installable.child", "installable.parent", "installable.worker",
}  # fmt: skip
LEAVING = {"refused.opened"}  # it leaves for a site after some seconds; it has a test of its own too


def test_each_page_that_there_is_was_looked_at(app: Flask) -> None:
    """A page that is new belongs into the lists of tests/browser/every.py."""
    adapter = app.url_map.bind("192.168.1.1")
    paths = {path.partition("?")[0] for path, _ in (*CHILDS.values(), *PARENTS.values())} | {"/", "/why"}
    seen = {adapter.match(path)[0] for path in paths if path != "/no-such-page"}
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    parts = {endpoint for endpoint in pages if endpoint.endswith((".now", ".cards", "setup.tests"))}
    assert pages - seen - parts - WORDLESS - BELOW - LEAVING == set()


def test_a_table_for_a_spreadsheet(mum: Browser, daemon: Running, heard: Heard) -> None:
    table = in_(mum, CODE).get("/parent/activity/daughter/week.csv").text
    assert "YouTube" in table
    assert faults(table, heard.words) == []


def test_the_page_that_opens_a_site(
    tablet: Browser, daemon: Running, household: Household, heard: Heard
) -> None:
    for refusal in household.refusals:
        refusal["open"] = True
    page = in_(tablet, CODE).get("/refused/opened?host=www.tiktok.com")
    assert page.status_code == 200
    assert faults(page.text, heard.words) == []


def test_a_helper_s_page(app: Flask, daemon: Running, household: Household, heard: Heard) -> None:
    household.stamps.put(Account("Oma", PersonRole.HELPER, "a hash", 30))
    oma = in_(browser_on(app, MUM_IP), CODE)
    assert oma.post("/signin", {"code": household.guardians.link("Oma")}).status_code == 303
    page = oma.get("/helper/").text
    assert "Aruzhan" in page
    assert faults(page, heard.words) == []
