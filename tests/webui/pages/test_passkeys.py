"""Passkeys on the pages: what the script asks, what people read, and pages where none can be used."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gateway.control.proofs import PROOF_LIFE
from tests.control.running import Running
from tests.web.authenticator import Authenticator
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.accounts import MUMS_PASSWORD
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of
from webui import Settings, create_app, front
from webui.accounts.limiter import TRIES
from webui.front import Trusted
from webui.settings import FrontSettings

HOST = "home.example.org"
ORIGIN = f"https://{HOST}"
CHROME = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36"


@dataclass
class Page(Browser):
    """A browser at the trusted name, with the page's script."""

    def _open(self, method: str, path: str, values: Any, headers: dict[str, str]) -> TestResponse:
        script = isinstance(values, bytes)
        return self.client.open(
            path, method=method, base_url=ORIGIN, data=values or None,
            headers={"User-Agent": CHROME, **headers} | ({"Origin": ORIGIN} if method == "POST" else {}),
            content_type="application/json" if script else None,
            environ_overrides={"REMOTE_ADDR": self.ip},
        )  # fmt: skip

    def send(self, path: str, message: object = None) -> TestResponse:
        return self._open("POST", path, b"" if message is None else json.dumps(message).encode(), {})

    def use(self, path: str, device: Authenticator, **flaws: Any) -> TestResponse:
        """Use or add a passkey as the script does."""
        options = self.send(f"{path}/ask").json["options"]  # type: ignore[index]
        answer = device.create(options) if "user" in options else device.get(options, **flaws)
        return self.send(path, {"challenge": options["challenge"], "answer": answer, "label": "My\tphone"})

    def passkey(self) -> str:
        """The id of the only one."""
        (found,) = re.findall(
            r'value="([0-9a-f]{12})" aria-label="Remove Myphone"', self.get("/account/").text
        )
        return str(found)

    def sign_in(self) -> None:
        assert self.post("/signin/password", {"name": "Mum", "password": MUMS_PASSWORD}).status_code == 303


def at_name(tmp_path: Path, *, good: bool = True) -> Flask:
    https = FrontSettings(HOST, "chain.pem", "key.pem", 8443)
    made = create_app(Settings(tmp_path / "control.sock", https=https))
    made.extensions[front.KEY].now = Trusted(HOST, good=good)
    return made


@pytest.fixture
def phone() -> Authenticator:
    return Authenticator(HOST)


@pytest.fixture
def mum(tmp_path: Path, household: Household, daemon: Running, phone: Authenticator) -> Page:
    """Signed in at the trusted name, with a passkey."""
    household.accounts.scene.host = HOST
    page = Page(at_name(tmp_path).test_client(), "192.168.1.7")
    page.sign_in()
    assert page.post("/account/passkeys/").location == "/account/passkeys/new"
    form = page.get("/account/passkeys/new").text
    assert 'value="Chrome, Android"' in form
    assert 'data-create="1"' in form
    assert page.use("/account/passkeys/new", phone).json == {"open": "/account/"}
    return page


def test_it_is_added_shown_and_removed(mum: Page, phone: Authenticator, household: Household) -> None:
    text = text_of(mum.get("/account/").text)
    assert "The passkey is added." in text
    assert "Myphone Added just now" in text
    assert "has a passkey" in text_of(mum.get("/parent/people/").text)
    again = mum.use("/account/passkeys/new", phone)
    assert (again.status_code, again.json) == (
        403, {"problem": "This device already has a passkey for your account."},
    )  # fmt: skip
    household.accounts.scene.now += PROOF_LIFE
    form = {"id": mum.passkey()}
    assert "Is it you?" in mum.post("/account/passkeys/remove", form).text
    assert mum.post("/account/passkeys/remove", {**form, "proof": MUMS_PASSWORD}).location == "/account/"
    text = text_of(mum.get("/account/").text)
    assert "The passkey is removed." in text
    assert "Myphone" not in text


def test_it_signs_in_without_a_password(mum: Page, phone: Authenticator) -> None:
    mum.post("/signout")
    assert mum.get("/parent/").location == "/signin"
    assert 'data-answer="/signin/passkey"' in mum.get("/signin").text
    assert mum.use("/signin/passkey", phone).json == {"open": "/parent/"}
    assert mum.get("/parent/").status_code == 200
    assert "Chrome, Android" in mum.get("/account/").text


def test_wrong_answers_are_slowed_as_wrong_passwords_are(mum: Page, phone: Authenticator) -> None:
    stranger = Page(mum.client.application.test_client(), "192.168.1.99")
    statuses = [stranger.use("/signin/passkey", phone, signature=True).status_code for _ in range(TRIES + 1)]
    assert statuses == [403] * TRIES + [429]
    messages: tuple[object, ...] = (
        None, [], {"challenge": 3}, {"challenge": "x", "answer": {"id": "é"}}, {"answer": []},
    )  # fmt: skip
    for message in messages:
        assert stranger.send("/signin/passkey", message).status_code in (403, 429), message


def test_it_proves_who_makes_a_dangerous_change(
    mum: Page, phone: Authenticator, household: Household
) -> None:
    household.accounts.scene.now += PROOF_LIFE
    form = {"label": "Hall", "role": "helper", "days": "30"}
    asked = mum.post("/account/tokens/", form)
    assert asked.status_code == 403
    for part in ('data-form="prove-form"', 'id="prove-form"', 'name="label" value="Hall"', "passkey.js"):
        assert part in asked.text
    assert mum.use("/account/passkeys/prove", phone).json == {"open": ""}
    assert mum.post("/account/tokens/", {**form, "proof": ""}).status_code == 303
    assert "Hall" in mum.get("/account/").text
    household.accounts.scene.now += PROOF_LIFE
    assert mum.use("/account/passkeys/prove", phone, signature=True).status_code == 403
    refused = mum.send("/account/passkeys/new/ask")
    assert (refused.status_code, list(refused.json or ())) == (403, ["problem"]), "adding needs a proof too"


def test_a_page_says_why_it_offers_none(mum: Page, tmp_path: Path, household: Household) -> None:
    plain = browser_on(mum.client.application, "192.168.1.7")
    plain.post("/signin/password", {"name": "Mum", "password": MUMS_PASSWORD})
    text = text_of(plain.get("/account/").text)
    assert f"Passkeys work at this address: {ORIGIN}" in text
    assert "Myphone" in text, "what there is can be removed"
    assert "Add a passkey" not in text
    assert f'href="{ORIGIN}/signin"' in browser_on(mum.client.application, "192.168.1.8").get("/signin").text
    ended = browser_on(at_name(tmp_path, good=False), "192.168.1.7")
    ended.post("/signin/password", {"name": "Mum", "password": MUMS_PASSWORD})
    assert "The certificate of this home’s name is not valid now" in ended.get("/account/").text
    household.accounts.scene.host = ""
    nameless = browser_on(create_app(Settings(tmp_path / "control.sock")), "192.168.1.7")
    nameless.post("/signin/password", {"name": "Mum", "password": MUMS_PASSWORD})
    page = nameless.get("/account/").text
    assert "Passkeys need encrypted pages at a name of your own, and this home has none." in page
    assert 'href="/parent/settings/secure/"' in page
    for browser in (plain, ended, nameless):
        assert "passkey-label" not in browser.get("/account/passkeys/new").text
        browser.post("/signout")
        assert "passkey.js" not in browser.get("/signin").text


def test_without_a_password_there_is_none(mum: Page, household: Household) -> None:
    other = Page(mum.client.application.test_client(), "192.168.1.7")
    household.accounts.family()
    assert other.post("/signin", {"code": household.guardians.link("Telecom")}).status_code == 303
    assert "Set a password first." in other.get("/account/").text
    assert other.send("/account/passkeys/new/ask").status_code == 403


def test_without_the_package_no_page_speaks_of_it(
    mum: Page, monkeypatch: pytest.MonkeyPatch, household: Household
) -> None:
    monkeypatch.setitem(sys.modules, "fido2", None)
    text = text_of(mum.get("/account/").text)
    assert "The part that checks passkeys is not installed on the gateway." in text, (
        "passkeys of before can be removed"
    )
    mum.post("/account/passkeys/remove", {"id": mum.passkey()})
    assert 'id="passkeys"' not in mum.get("/account/").text
    assert mum.send("/signin/passkey/ask").status_code == 409
    mum.post("/signout")
    assert "asskey" not in mum.get("/signin").text
    mum.sign_in()
    assert mum.get("/parent/").status_code == 200
