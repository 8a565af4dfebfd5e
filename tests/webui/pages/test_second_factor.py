"""The second step at sign-in on the pages, and the password that big changes ask for again."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pyotp
import pytest
from flask import Flask

from gateway.control.proofs import PROOF_LIFE
from tests.webui.accounts.signing import code_of
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.accounts import MUMS_PASSWORD
from tests.webui.standin.household import Household

PASSWORD = {"name": "Mum", "password": MUMS_PASSWORD}


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return unescape(found[1])


class App:
    """Mum's authenticator app, which has read the page's key."""

    def __init__(self, mum: Browser, household: Household) -> None:
        self._scene = household.accounts.scene
        self.place = str(mum.post("/account/second/").location)
        page = mum.get(self.place).text
        key = re.search(r'class="recovery-code">([A-Z2-7 ]+)<', page)
        assert key is not None
        self._totp = pyotp.TOTP(key[1].replace(" ", ""))
        assert "otpauth://totp/Qalqan:Mum?secret=" in page
        assert 'class="qr"' in page

    def code(self) -> str:
        """A code that was not used yet."""
        self._scene.start += timedelta(seconds=30)
        return self._totp.at(self._scene.wall())


@pytest.fixture
def codes(mum: Browser, household: Household) -> tuple[App, list[str]]:
    """Mum has a second step; her app and her backup codes."""
    app = App(mum, household)
    assert mum.post(app.place, {"otp": "000000"}).status_code == 403
    code = app.code()
    shown = str(mum.post(app.place, {"otp": f" {code[:3]} {code[3:]}"}).location)
    page = mum.get(shown).text
    found = re.findall(r"<li>([A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4})</li>", page)
    assert len(found) == 10
    assert mum.post(shown).location == "/account/"
    assert mum.get(shown).status_code == 410
    return app, found


def pending(browser: Browser) -> dict[str, str]:
    page = browser.post("/signin/password", PASSWORD).text
    assert "One more step" in page
    return {"name": field(page, "name"), "pending": field(page, "pending")}


def test_after_the_password_a_code_signs_in(
    codes: tuple[App, list[str]], mum: Browser, stranger: Browser
) -> None:
    app, backup = codes
    form = pending(stranger)
    assert stranger.get("/parent/").location == "/signin"
    answer = stranger.post("/signin/code", {**form, "otp": "000000"})
    assert answer.status_code == 403
    assert "This code is wrong, or it was used before" in unescape(answer.text)
    assert stranger.post("/signin/code", {**form, "otp": app.code()}).location == "/parent/"
    stranger.post("/signout")
    assert stranger.post("/signin/code", {**pending(stranger), "otp": backup[0].lower()}).status_code == 303
    assert "9 backup codes are left." in stranger.get("/account/").text
    assert "second step on" in mum.get("/parent/people/").text


def test_wrong_codes_are_slowed_as_wrong_passwords_are(
    codes: tuple[App, list[str]], stranger: Browser
) -> None:
    statuses = []
    for _ in range(6):
        answer = stranger.post("/signin/password", PASSWORD)
        if answer.status_code == 200:
            form = {"name": "Mum", "pending": field(answer.text, "pending"), "otp": "000000"}
            answer = stranger.post("/signin/code", form)
        statuses.append(answer.status_code)
    assert statuses == [403] * 5 + [429]


def test_a_sign_in_that_took_too_long_begins_again(
    codes: tuple[App, list[str]], stranger: Browser, household: Household
) -> None:
    form = pending(stranger)
    household.accounts.scene.now += 300
    answer = stranger.post("/signin/code", {**form, "otp": codes[0].code()})
    assert answer.status_code == 403
    assert 'action="/signin/password"' in answer.text
    for hostile in ("", "<script>", "x" * 500):
        assert stranger.post("/signin/code", {"pending": hostile, "otp": "123456"}).status_code == 403


def test_it_is_turned_off_and_backup_codes_are_replaced_by_a_code(
    codes: tuple[App, list[str]], mum: Browser, stranger: Browser
) -> None:
    app, backup = codes
    mum.post("/account/second/codes", {"otp": "000000"})
    assert "This code is wrong" in mum.get("/account/").text
    shown = str(mum.post("/account/second/codes", {"otp": app.code()}).location)
    assert len(re.findall(r"<li>[A-Z0-9-]{14}</li>", mum.get(shown).text)) == 10
    mum.post("/account/second/off", {"otp": backup[0]})
    assert "It is on" in mum.get("/account/").text
    mum.post("/account/second/off", {"otp": app.code()})
    assert stranger.post("/signin/password", PASSWORD).status_code == 303


def test_a_forgotten_password_needs_the_code_too(
    codes: tuple[App, list[str]], mum: Browser, stranger: Browser
) -> None:
    recovery = code_of(mum.get(str(mum.post("/account/recovery", {"old": MUMS_PASSWORD}).location)).text)
    form = {"name": "Mum", "way": "code", "code": recovery, "password": "twelve green owls"}
    assert 'name="otp"' not in stranger.get("/forgot").text
    answer = stranger.post("/forgot", form)
    assert answer.status_code == 403
    assert 'name="otp"' in answer.text
    assert stranger.post("/forgot", {**form, "otp": codes[1][1]}).status_code == 303
    assert stranger.get("/parent/").status_code == 200


def test_unlocking_a_device_for_an_adult_needs_the_code_too(
    codes: tuple[App, list[str]], app: Flask, household: Household
) -> None:
    guest = {"mac": "02:00:00:00:00:77", "profile": "guest", "name": "Pixel"}
    household.devices["192.168.1.31"] = guest
    browser, form = browser_on(app, "192.168.1.31"), {**PASSWORD, "length": "1h"}
    answer = browser.post("/my/adult/unlock", form)
    assert answer.status_code == 403
    assert 'name="otp"' in answer.text
    assert household.proven.proofs == {}
    assert browser.post("/my/adult/unlock", {**form, "otp": codes[0].code()}).status_code == 303
    assert household.proven.proofs


# ---------------------------------------------------------------- the password before big changes


def test_a_big_change_asks_for_the_password_and_loses_nothing(mum: Browser, household: Household) -> None:
    household.accounts.scene.now += PROOF_LIFE
    form = {"name": "Әжe <b>", "role": "guardian", "minutes": "30"}
    page = mum.post("/parent/people/invite", form)
    assert page.status_code == 403
    assert 'action="/parent/people/invite"' in page.text
    again = {name: field(page.text, name) for name in form}
    assert again == form
    assert mum.post("/parent/people/invite", {**again, "proof": "not it"}).status_code == 403
    assert list(household.stamps.accounts()) == ["Mum"]
    assert mum.post("/parent/people/invite", {**again, "proof": MUMS_PASSWORD}).status_code == 303
    assert form["name"] in household.stamps.accounts()
    assert mum.post("/parent/settings/off", {"for": "60"}).status_code == 303, "for ten minutes"


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/parent/settings/off", {"for": "60"}),
        ("/parent/backup/apply", {"token": "x"}),
        ("/parent/backup/undo", {}),
        ("/parent/backup/make", {"password": "a backup of ours", "again": "a backup of ours"}),
        ("/parent/people/invite", {"name": "Oma", "role": "helper"}),
        ("/parent/people/invite", {"name": "Oma", "again": "yes"}),
        ("/parent/people/change", {"name": "Dad", "role": "none"}),
        ("/parent/people/answer", {"name": "Mum", "answer": "yes", "role": "none", "minutes": "0"}),
        ("/account/tokens/", {"label": "Hall", "role": "helper", "days": "30"}),
        ("/account/second/", {}),
    ],
)
def test_without_the_password_nothing_is_changed(
    mum: Browser, household: Household, path: str, form: dict[str, str]
) -> None:
    household.accounts.scene.now += PROOF_LIFE
    household.asked.clear()
    for proof in ({}, {"proof": ""}, {"proof": "not it"}):
        answer = mum.post(path, {**form, **proof})
        assert answer.status_code == 403
        assert "Is it you?" in answer.text
    assert not {"off", "restore", "backup"} & {verb for verb, _ in household.asked}
    assert household.stamps.tokens.all() == ()


TABLET = "02:00:00:00:00:0a"


@pytest.mark.parametrize(
    ("path", "form", "verb"),
    [
        ("/parent/device/assign", {"mac": TABLET, "profile": "home", "from": "devices"}, "assign"),
        ("/parent/device/assign/back", {"was": f"{TABLET} adult"}, "assign"),
        ("/parent/child/daughter/band/", {"band": "adult", "revision": ""}, "edit"),
        ("/parent/setup/people/remove", {"who": "daughter"}, "remove_profile"),
        ("/parent/setup/devices", {f"of-{TABLET}": "home"}, "assign"),
        ("/parent/activity/daughter/delete", {"what": "all"}, "erase"),
        ("/parent/alerts/add/ntfy", {"address": "https://ntfy.sh/a-secret-topic"}, "channel_on"),
    ],
)
def test_what_the_daemon_wants_proven_is_asked_for_and_then_done(
    mum: Browser, household: Household, path: str, form: dict[str, str], verb: str
) -> None:
    """Only the daemon knows whose device it is, and refuses the change."""
    if "revision" in form:
        form = {**form, "revision": field(mum.get(f"{path}?to=adult").text, "revision")}
    household.needs_proof.add(verb)
    household.accounts.scene.now += PROOF_LIFE
    assert mum.get("/parent/").status_code == 200
    page = mum.post(path, form)
    assert page.status_code == 403
    assert f'action="{path}"' in page.text
    again = {name: field(page.text, name) for name in form}
    assert again == form
    assert mum.post(path, {**again, "proof": "not it"}).status_code == 403
    assert mum.post(path, {**again, "proof": MUMS_PASSWORD}).status_code == 303
    assert [do for do, _ in household.asked].count(verb) == 4, (
        "two refused, and two with a wrong and the right"
    )


def test_small_changes_ask_for_nothing(mum: Browser, household: Household) -> None:
    household.accounts.scene.now += PROOF_LIFE
    assert mum.post("/parent/pause", {"who": "son", "minutes": "15"}).status_code == 303
    assert mum.post("/parent/settings/on").status_code == 303


def test_the_api_refuses_a_session_without_a_proof(app: Flask, mum: Browser, household: Household) -> None:
    household.accounts.scene.now += PROOF_LIFE
    answer = mum.client.post(
        "/api/v1/home/off",
        base_url="http://192.168.1.1:8080",
        json={"minutes": 30},
        headers={"Origin": "http://192.168.1.1:8080"},
        environ_overrides={"REMOTE_ADDR": mum.ip},
    )
    assert (answer.status_code, answer.get_json()["code"]) == (403, "proof_needed")
    other = browser_on(app, mum.ip)
    assert other.post("/parent/settings/off", {"for": "60"}).location == "/signin"
