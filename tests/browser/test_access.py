"""Every page of parent and child for whoever sees, hears or taps less well: axe-core finds nothing on it.

In both themes and three languages. English is part of `make test-system`, the others of `make test-all`:
about four minutes each on two cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.browser.audit import OPENED, faults
from tests.browser.axe import Axe
from tests.browser.chromium import Chromium, eventually
from tests.browser.conftest import Site
from tests.browser.every import CHILDS, PARENTS
from tests.browser.states import pins, shared
from tests.web.authority import NAME, TrustedAuthority
from tests.webui.serving import command, free_port, serving
from webui.language.i18n import COOKIE

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

LANGUAGES = ["en", *(pytest.param(one, marks=pytest.mark.slow) for one in ("ru", "kk"))]


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest, browser: Chromium, site: Site) -> Iterator[str]:
    """The pages are in this language."""
    code = str(request.param)
    cookie = {"name": COOKIE, "value": code, "url": site.url}
    browser.driver.execute_cdp_cmd("Network.setCookie", cookie)
    yield code
    browser.sign_out()


def open_page(browser: Chromium, site: Site, path: str) -> None:
    browser.driver.get(site.url + path)
    assert browser.driver.current_url == site.url + path, "and not another one"


@pytest.mark.parametrize("name", CHILDS)
def test_a_child_s_page(browser: Chromium, site: Site, language: str, name: str) -> None:
    path, prepare = CHILDS[name]
    site.happens(lambda: prepare(site))
    open_page(browser, site, path)
    assert browser.measure("return document.documentElement.lang") == language
    assert faults(browser) == []


@pytest.mark.parametrize("kind", ["guest", "quarantine", "home", "adult", "unknown"])
def test_a_page_of_nobody_s_device(browser: Chromium, site: Site, kind: str) -> None:
    devices = site.household.devices
    before = devices["127.0.0.1"]
    changed = {**before, "profile": kind, "mac": "02:00:00:00:00:55"}
    if kind == "unknown":
        devices.pop("127.0.0.1")
    else:
        devices["127.0.0.1"] = changed
    try:
        for path in ("/", "/why"):
            browser.driver.get(site.url + path)
            assert faults(browser) == [], path
    finally:
        devices["127.0.0.1"] = before


@pytest.mark.parametrize("name", PARENTS)
def test_a_parent_s_page(parent: Chromium, site: Site, language: str, name: str) -> None:
    path, prepare = PARENTS[name]
    site.happens(lambda: prepare(site))
    open_page(parent, site, path)
    assert parent.measure("return document.documentElement.lang") == language
    assert faults(parent) == []


def test_what_a_tap_leads_to(parent: Chromium, site: Site) -> None:
    """A notice with its undo, a sheet of codes, a link for somebody, a token."""
    parent.tap(".extras button[value='15']")
    eventually(lambda: "more minutes" in parent.text(".notice"))
    assert faults(parent) == []
    parent.driver.get(f"{site.url}/parent/codes/")
    parent.tap(".fields button")
    eventually(lambda: "K7QM" in parent.text(".strips"))
    assert faults(parent) == []
    for path, names, button, said in (
        ("/parent/people/", {"name": "Oma"}, "section[aria-labelledby=invite] .primary", "A link for Oma"),
        ("/account/", {"label": "Kitchen display"}, "form:has([name=label]) button", "The token"),
    ):
        parent.driver.get(site.url + path)
        parent.measure(OPENED)
        parent.measure(
            "document.querySelector('[aria-labelledby=invite] [name=role][value=helper]')?.click()"
        )
        send(parent, button, names)
        eventually(lambda said=said: said in parent.text("h1"))  # type: ignore[misc]
        assert faults(parent) == []


# What somebody sends that the gateway does not take: the page, the button, and what is filled in.
REFUSED_OF_CHILDREN: dict[str, tuple[str, str, dict[str, str]]] = {
    "code": ("/my/code", "main form button", {"code": "2222 2222"}),
    "PIN": ("/my/pin", "main form button", {"pin": "0000"}),
    "PIN of one who shares": ("/my/use/daughter", "main form button", {"pin": "0000"}),
    "sign in": ("/signin", "main form .primary", {"name": "Mum", "password": "not this one"}),
    "forgot password": (
        "/forgot",
        "main form .primary",
        {"code": "nothing of mine", "password": "long enough"},
    ),
}
REFUSED_OF_PARENTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "password": ("/account/password", "main form .primary", {"password": "a", "new": "too short"}),
    "sites": ("/parent/child/daughter/sites/", "main form .primary", {"entry": "no site"}),
    "minutes": ("/parent/child/daughter/limits/play", "main form .primary", {"school": "9999"}),
    "hours": ("/parent/child/daughter/week/bedtime", "form[data-week] .primary", {"school-from": ""}),
    "quiet hours": ("/parent/alerts/", ".save button", {"quiet-from": ""}),
    "channel": ("/parent/alerts/add/ntfy", "main form .primary", {"address": "ftp://nowhere"}),
    "import": ("/parent/import/", "textarea ~ button", {"text": "no rules"}),
    "family": ("/parent/setup/people", ".save button", {"name-1": "Mum", "name-2": "Mum"}),
    "lists": ("/parent/lists/", "#add form button", {"name": "Ours", "url": "http://127.0.0.1/"}),
    "backup": ("/parent/backup/", "main form .primary", {"password": "short"}),
}


def send(browser: Chromium, button: str, values: dict[str, str]) -> None:
    """Fill in and send, past what the browser itself would ask for."""
    for name, value in values.items():
        for field in browser.driver.find_elements(By.CSS_SELECTOR, f"main [name='{name}']"):
            browser.driver.execute_script("arguments[0].value = arguments[1]", field, value)
    browser.measure("[...document.forms].forEach(one => { one.noValidate = true })")
    browser.driver.execute_script("document.querySelector(arguments[0]).click()", button)


def check_refused(browser: Chromium, site: Site, path: str, button: str, values: dict[str, str]) -> None:
    browser.driver.get(site.url + path)
    browser.measure(OPENED)
    send(browser, button, values)
    eventually(lambda: bool(browser.text("main [role=alert], main .wrong, main .status-warn, main .notice")))
    assert faults(browser) == []


@pytest.mark.parametrize("name", REFUSED_OF_CHILDREN)
def test_a_child_s_form_that_is_refused(browser: Chromium, site: Site, name: str) -> None:
    (shared if name != "PIN" else pins)(site)
    check_refused(browser, site, *REFUSED_OF_CHILDREN[name])


@pytest.mark.parametrize("name", REFUSED_OF_PARENTS)
def test_a_parent_s_form_that_is_refused(parent: Chromium, site: Site, name: str) -> None:
    check_refused(parent, site, *REFUSED_OF_PARENTS[name])


def test_the_auditor_is_the_field_s_own_and_of_this_wcag(browser: Chromium, site: Site) -> None:
    browser.driver.get(f"{site.url}/my")
    version = [int(part) for part in Axe(browser).version.split(".")]
    assert version >= [4, 10, 2], "the rules of WCAG 2.2 are in it"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<input>", "label: <input>"),
        ("<button></button>", "button-name: <button>"),
        ("<h3>Three</h3>", "heading-order: <h3>"),
        ("<p style='color:#888'>Grey</p>", "color-contrast: <p"),
        ("<button style='height:9px'>A</button><br><button style='height:9px'>B</button>", "target-size"),
        ("<label for=a>Name</label><input id=b aria-label=b>", 'for names nothing: <label for="a">'),
        ("<button style='height:30px;width:90px'>Go</button>", "90 x 30 to tap: Go"),
        ("<h1>Two</h1>", "2 first headings: One, Two"),
        ("<input aria-label=a placeholder=Grey style='color:#888'>", "color-contrast: <input"),
        ("<textarea aria-label=Text style='color:#888'>Grey</textarea>", "contrast 3.54: Text"),
        ("<input aria-label=a aria-invalid=true>", "wrong, and not said why"),
        ("<p style='width:400px'>Wide</p>", "px wider than the window"),
        ("<svg></svg>", "a picture without words: <svg>"),
        ("<p style='position:absolute'>One text</p><p style='position:absolute'>Another</p>", "lie on"),
        ("<button style='position:absolute;top:20px;left:0;height:44px'>Over the text</button>", "lie on"),
        ("<p style='overflow:hidden;height:10px'>Cut in half</p>", "cut off: p"),
        ("<p style='width:90px;background:#eee'>An-unbreakable-word</p>", "sticks out of p"),
    ],
)
def test_the_audit_sees_it(browser: Chromium, body: str, fault: str) -> None:
    style = "body { margin: 0; color: #000; background: #fff }"
    head = f"<title>x</title><meta name=viewport content='width=device-width'><style>{style}</style>"
    html = f"<!doctype html><html lang=en>{head}<main><h1>One</h1>{body}</main>"
    browser.driver.get("about:blank")
    browser.driver.execute_script("document.open(); document.write(arguments[0]); document.close()", html)
    found = faults(browser)
    assert any(fault in one for one in found), found


def test_the_page_while_the_filter_is_stopped(browser: Chromium, tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path / "control.sock", port):
        browser.driver.get(f"http://127.0.0.1:{port}/my")
        assert "The filter is stopped" in browser.text()
        assert faults(browser) == []
        browser.driver.get("about:blank")


@pytest.mark.parametrize("good", [True, False], ids=["good", "ended"])
def test_settings_of_a_home_with_a_trusted_name(
    browser: Chromium, site: Site, tmp_path: Path, *, good: bool
) -> None:
    """Pages of their own before the same family: they are told of the name when they start."""
    TrustedAuthority().issue(days=(-1, 60) if good else (-60, -1)).put(tmp_path)
    port, chain, key = free_port(), str(tmp_path / "chain.pem"), str(tmp_path / "key.pem")
    https: dict[str, str | int] = {"name": NAME, "certificate": chain, "key": key, "port": free_port()}
    with serving(site.daemon.path, port, argv=command(site.daemon.path, port, https=https)):
        browser.driver.get(site.link().replace(site.url, f"http://127.0.0.1:{port}"))
        eventually(lambda: "Aruzhan" in browser.text())
        said = (
            f"At https://{NAME} these pages are encrypted" if good else ", but no valid certificate for it."
        )

        def told() -> bool:
            browser.driver.get(f"http://127.0.0.1:{port}/parent/settings/")
            return said in browser.text()

        eventually(told)
        assert faults(browser) == []
        browser.sign_out()
