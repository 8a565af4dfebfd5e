"""Passkeys in a real Chromium with a virtual authenticator: the real pages over HTTPS, at phone size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from gateway.control.contract.accounts import ACCOUNTS
from tests.browser.chromium import PHONE, Chromium, eventually
from tests.browser.seated import seated
from tests.browser.test_trusted import BY_ADDRESS
from tests.lab.filtering import until
from tests.lab.trusted import LONG, ORIGIN, Trusted, trusting_home

pytestmark = [
    pytest.mark.browser,
    pytest.mark.lab,
    pytest.mark.needs("root"),
    pytest.mark.needs("certutil"),
    pytest.mark.timeout(240),
]

PASSWORD = "four quiet words here"
PHONES_OWN = {  # as a phone's screen lock
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


class Phone:
    """Mum's phone: the browser and the authenticator in it."""

    def __init__(self, trusted: Trusted, browser: Chromium) -> None:
        self.trusted = trusted
        self.browser = browser
        self.driver = browser.driver
        self._cdp("enable", {})
        self.authenticator = self._cdp("addVirtualAuthenticator", {"options": PHONES_OWN})["authenticatorId"]

    def _cdp(self, command: str, values: dict[str, Any]) -> Any:
        return self.driver.execute_cdp_cmd(f"WebAuthn.{command}", values)

    def verified(self, *, is_verified: bool) -> None:
        """Whether the person can unlock the screen."""
        values = {"authenticatorId": self.authenticator, "isUserVerified": is_verified}
        self._cdp("setUserVerified", values)

    def credentials(self) -> list[dict[str, Any]]:
        found = self._cdp("getCredentials", {"authenticatorId": self.authenticator})["credentials"]
        return list(found)

    def open(self, path: str, text: str) -> None:
        self.driver.get(f"{ORIGIN}{path}")
        self.shows(text)

    def shows(self, text: str) -> None:
        eventually(lambda: text in self.browser.text("main"))

    def type(self, name: str, text: str) -> None:
        field = self.driver.find_element(By.NAME, name)
        field.clear()  # the page may have filled in the last name
        field.send_keys(text)

    def picture(self, name: str) -> None:
        self.browser.screenshot(f"passkey-{name}", PHONE)
        assert self.browser.overflow() <= 0
        self.browser.resize(PHONE)

    def proofs_end(self) -> None:
        """What a session has proven is in memory: a restart of the daemon asks again."""
        self.trusted.daemon.kill()
        self.trusted.daemon.start()
        assert until(self.trusted.met, LONG) is not None


@pytest.fixture(scope="module")
def phone(trusted: Trusted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    """Signed in at the trusted name, with a password."""
    folder = tmp_path_factory.mktemp("mum")
    token = trusted.daemon.client.ask(ACCOUNTS, action="add", name="Mum").token
    with seated(trusted.home, "parent", folder, trusting_home(folder, trusted.root)) as browser:
        phone = Phone(trusted, browser)
        browser.driver.get(f"{ORIGIN}/signin?code={token}")
        browser.tap("main form button")
        phone.shows("password")
        phone.type("password", PASSWORD)
        browser.tap("main form button")
        eventually(lambda: "/account/password" not in str(browser.measure("return location.pathname")))
        yield phone


def test_register_sign_in_prove_and_remove(phone: Phone) -> None:
    browser = phone.browser
    phone.open("/account/", "A passkey signs you in")
    phone.picture("account-none")
    browser.tap("form[action='/account/passkeys/'] button")
    phone.shows("Your browser asks for your fingerprint")
    assert phone.browser.measure("return document.getElementById('passkey-label').value").startswith("Chrom")
    phone.picture("add")
    browser.tap("#passkey button")
    phone.shows("The passkey is added.")
    (credential,) = phone.credentials()
    assert credential["isResidentCredential"] is True
    phone.picture("account-added")

    phone.open("/account/passkeys/new", "Your browser asks")
    browser.tap("#passkey button")
    phone.shows("This device already has a passkey for your account.")
    phone.picture("add-again")

    phone.open("/account/", "Passkeys")
    browser.tap("form[action='/signout'] button")
    eventually(lambda: browser.measure("return location.pathname") != "/account/")  # the sign-out is done
    phone.open("/signin", "Sign in with a passkey")
    phone.picture("signin")
    phone.verified(is_verified=False)
    browser.tap("#passkey button")
    phone.shows("No passkey was used.")
    phone.picture("signin-cancelled")
    phone.verified(is_verified=True)
    browser.tap("#passkey button")
    eventually(lambda: str(browser.measure("return location.pathname")) == "/parent/")
    phone.shows("Daughter")
    (credential,) = phone.credentials()
    assert credential["signCount"] > 1

    phone.proofs_end()
    phone.open("/account/", "last used")
    browser.tap("form[action='/account/passkeys/remove'] button")
    phone.shows("Is it you?")
    phone.picture("prove")
    browser.tap("#passkey button")
    phone.shows("The passkey is removed.")
    phone.picture("account-removed")
    assert "last used" not in browser.text("#passkeys ~ *")

    browser.tap("form[action='/signout'] button")
    eventually(lambda: browser.measure("return location.pathname") != "/account/")  # the sign-out is done
    phone.open("/signin", "Sign in with a passkey")
    browser.tap("#passkey button")
    phone.shows("This passkey is not known here")
    phone.picture("signin-removed")
    phone.type("name", "Mum")
    phone.type("password", PASSWORD)
    browser.tap("main form button")
    phone.shows("Daughter")
    assert [line for line in browser.complaints() if "403" not in line] == []


def test_without_encryption_the_page_says_why(phone: Phone) -> None:
    phone.driver.get(f"{BY_ADDRESS}/signin")
    phone.shows(f"Passkeys work at this address: {ORIGIN}")
    phone.picture("signin-plain")
