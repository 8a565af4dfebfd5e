"""The trusted name in a real Chromium on a device of the home, which trusts the lab's authority alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from gateway.policy.config.web import PAGES
from tests.browser.chromium import DESKTOP, PHONE, Chromium, eventually
from tests.browser.seated import seated
from tests.lab import clients
from tests.lab.filtering import until
from tests.lab.trusted import LONG, ORIGIN, PLAIN, Trusted, trusting_home
from tests.web.authority import NAME

pytestmark = [
    pytest.mark.browser,
    pytest.mark.lab,
    pytest.mark.needs("root"),
    pytest.mark.needs("certutil"),
    pytest.mark.timeout(240),
]

BY_ADDRESS = f"http://{PAGES[0]}"
LISTEN = """
window.heard = 0; window.broke = 0;
window.stream = new EventSource("/parent/stream");
window.stream.addEventListener("changed", () => { window.heard += 1; });
window.stream.onerror = () => { window.broke += 1; };
"""


@pytest.fixture(scope="module")
def mum(trusted: Trusted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Signed in at the trusted name, on the parent's phone."""
    folder = tmp_path_factory.mktemp("mum")
    with seated(trusted.home, "parent", folder, trusting_home(folder, trusted.root)) as browser:
        sign_in(trusted, browser, ORIGIN)
        yield browser


def sign_in(trusted: Trusted, browser: Chromium, origin: str) -> None:
    known = trusted.daemon.client.call("guardian", action="list")["guardians"]
    action = "link" if "Mum" in known else "add"
    token = trusted.daemon.client.call("guardian", action=action, name="Mum")["token"]
    browser.driver.get(f"{origin}/signin?code={token}")
    browser.tap("main form button")
    eventually(lambda: "/signin" not in str(browser.measure("return location.pathname")))
    browser.driver.get(f"{origin}/parent/")
    eventually(lambda: "Daughter" in browser.text("main"))


def test_pages_at_the_name_are_a_secure_context_with_cookies_of_their_own(
    trusted: Trusted, mum: Chromium
) -> None:
    assert mum.measure("return window.isSecureContext") is True
    assert mum.measure("return location.protocol + location.host") == f"https:{NAME}", "redirects kept it"
    assert mum.measure("return typeof navigator.credentials") == "object", "what a wallet needs is there"
    cookies = {one["name"]: one for one in mum.driver.get_cookies()}
    assert {"__Host-qalqan", "__Host-qalqan-known"} <= set(cookies)
    for one in cookies.values():
        assert one["secure"] is True
        assert one["name"].startswith("__Host-")
        assert one["domain"] == NAME
        assert one["httpOnly"] is True
    assert mum.complaints() == []


def test_a_tap_at_the_name_reaches_the_daemon_and_is_undone(trusted: Trusted, mum: Chromium) -> None:
    mum.driver.get(f"{ORIGIN}/parent/")

    def state() -> str:
        found = trusted.daemon.client.call("status")["profiles"]
        return str(next(one["state"] for one in found if one["id"] == "daughter"))

    assert state() != "paused"
    for form in mum.driver.find_elements(By.CSS_SELECTOR, "form[action='/parent/pause']"):
        if form.find_elements(By.CSS_SELECTOR, "input[name=who][value=daughter]"):
            button = form.find_element(By.TAG_NAME, "button")
            mum.driver.execute_script("arguments[0].click()", button)
            break
    eventually(lambda: state() == "paused")
    assert mum.measure("return location.protocol") == "https:"
    trusted.daemon.client.call("resume", who="daughter", by="root")


def test_the_pages_can_be_installed_and_say_when_the_gateway_is_not_reached(
    trusted: Trusted, mum: Chromium
) -> None:
    mum.driver.get(f"{ORIGIN}/parent/")
    eventually(lambda: mum.measure("return Boolean(navigator.serviceWorker.controller)"))
    found = mum.driver.execute_cdp_cmd("Page.getInstallabilityErrors", {})
    assert found["installabilityErrors"] == []
    device = trusted.home.devices["parent"]
    away = [["-4", f"{PAGES[0]}/32"], ["-6", f"{PAGES[1]}/128"]]
    for family, place in away:
        device.run(["ip", family, "route", "add", "unreachable", place], check=True)
    try:
        mum.driver.get(f"{ORIGIN}/parent/")
        eventually(lambda: "No connection to the gateway" in mum.text("main"))
        assert "Daughter" not in mum.text("body")
    finally:
        for family, place in away:
            device.run(["ip", family, "route", "del", "unreachable", place], check=True)
    mum.driver.get(f"{ORIGIN}/parent/")
    eventually(lambda: "Daughter" in mum.text("main"))


def test_no_session_is_shared_with_plain_http(trusted: Trusted, mum: Chromium) -> None:
    for plain in (f"http://{NAME}", PLAIN):
        mum.driver.get(f"{plain}/parent/")
        eventually(lambda: "Daughter" in mum.text("main"))
        assert mum.measure("return location.origin") == ORIGIN, "parents' pages are redirected"
    mum.driver.get(f"{BY_ADDRESS}/parent/")
    eventually(lambda: "/signin" in str(mum.measure("return location.pathname")))
    assert mum.measure("return location.protocol") == "http:", "by an address they stay"
    assert mum.measure("return window.isSecureContext") is False
    sign_in(trusted, mum, BY_ADDRESS)
    names = {one["name"] for one in mum.driver.get_cookies()}
    assert "qalqan" in names
    assert not [one for one in names if one.startswith("__Host-")]
    mum.driver.get(f"{ORIGIN}/parent/")
    eventually(lambda: "Daughter" in mum.text("main"))


def test_each_child_sees_its_own_page_over_https(
    trusted: Trusted, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tablet")
    with seated(trusted.home, "tablet", folder, trusting_home(folder, trusted.root)) as tablet:
        for origin in (ORIGIN, PLAIN):
            tablet.driver.get(f"{origin}/my")
            eventually(lambda: "Daughter" in tablet.text("body"))
            assert "Son" not in tablet.text("body")
            assert tablet.measure("return window.isSecureContext") is (origin == ORIGIN)


def test_a_browser_that_does_not_trust_the_authority_gets_no_page(
    trusted: Trusted, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """So the others do check it."""
    folder = tmp_path_factory.mktemp("distrusting")
    environment = trusting_home(folder, trusted.root)
    with seated(trusted.home, "phone", folder, {**environment, "HOME": str(folder / "empty")}) as phone:
        assert "ERR_CERT_AUTHORITY_INVALID" in failure(phone, f"{ORIGIN}/my")
        phone.driver.get(f"{PLAIN}/my")
        eventually(lambda: "Son" in phone.text("body"))


def failure(browser: Chromium, url: str) -> str:
    """What the browser says in the place of a page."""
    try:
        browser.driver.get(url)
    except WebDriverException as error:
        return str(error.msg)
    return browser.text("body")


def test_settings_tell_it(trusted: Trusted, mum: Chromium) -> None:
    mum.driver.get(f"{ORIGIN}/parent/settings/")
    eventually(lambda: "At a name that browsers trust" in mum.text("main"))
    assert f"At {ORIGIN} these pages are encrypted" in mum.text("main")
    for size, name in ((PHONE, "phone"), (DESKTOP, "desktop")):
        for theme in ("light", "dark"):
            mum.theme(theme)
            mum.screenshot(f"settings-trusted-{name}-{theme}", size)
            assert mum.overflow() <= 0
    mum.theme("light")
    mum.resize(PHONE)


def test_a_renewed_certificate_is_shown_while_an_event_stream_runs(trusted: Trusted, mum: Chromium) -> None:
    mum.driver.get(f"{ORIGIN}/parent/account/")
    mum.driver.execute_script(LISTEN)
    eventually(lambda: mum.measure("return window.stream.readyState") == 1)
    before = shown(trusted)
    done = trusted.renew(trusted.authority.issue(days=(-1, 80)))
    assert done.returncode == 0, done.stdout
    assert until(lambda: shown(trusted) not in ("", before), LONG) is not None
    heard = int(mum.measure("return window.heard"))
    trusted.daemon.client.call("pause", who="daughter", minutes=5, by="root")
    eventually(lambda: int(mum.measure("return window.heard")) > heard)
    trusted.daemon.client.call("resume", who="daughter", by="root")
    assert mum.measure("return [window.broke, window.stream.readyState]") == [0, 1]


def shown(trusted: Trusted) -> str:
    """The certificate that a device is shown now."""
    argv = ["openssl", "s_client", "-connect", f"{NAME}:443", "-servername", NAME]
    told = trusted.home.devices["parent"].run(argv, stdin="").stdout
    return told.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]


def refused(trusted: Trusted) -> bool:
    """Nobody listens; before that a client sees for itself that the certificate has ended."""
    return trusted.ask("parent", "/calendar", "--insecure").how == "refused"


def test_when_the_certificate_has_ended_the_pages_are_plain_and_say_so(
    trusted: Trusted, mum: Chromium, tmp_path: Path
) -> None:
    sign_in(trusted, mum, BY_ADDRESS)
    trusted.put(trusted.authority.issue(days=(-60, 15 / 86400)))
    assert until(lambda: refused(trusted), 2 * LONG) is not None
    assert clients.curl(trusted.home.devices["parent"], f"{PLAIN}/calendar").reached
    # A connection that runs goes on; whoever comes anew is not met.
    with seated(trusted.home, "phone", tmp_path, trusting_home(tmp_path, trusted.root)) as phone:
        assert "ERR_CONNECTION_REFUSED" in failure(phone, f"{ORIGIN}/my")
        phone.driver.get(f"{PLAIN}/my")
        eventually(lambda: "Son" in phone.text("body"))
    mum.driver.get(f"{BY_ADDRESS}/parent/settings/")
    told = f"This home has the name {NAME}, but no valid certificate for it."
    eventually(lambda: told in mum.text("main"))
    assert not mum.driver.find_elements(By.CSS_SELECTOR, "a[href^='https:']")
    mum.screenshot("settings-trusted-ended", PHONE)
    log = trusted.daemon.web_log.read_text()
    assert f"WARNING: https://{NAME}: the certificate expired on " in log
    assert "renew it; the pages are plain HTTP" in log
    assert trusted.renew(trusted.authority.issue()).returncode == 0
    assert until(trusted.met, LONG) is not None, "a new one brings it back"
