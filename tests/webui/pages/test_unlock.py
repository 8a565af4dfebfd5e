"""*Unlock for an adult*: on a new, a guest's and a shared device's own page, and from a guardian's."""

from __future__ import annotations

import pytest
from flask import Flask

from gateway.policy.accounts.people import Account, PersonRole
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.accounts import MUMS_PASSWORD, MUMS_SECRET
from tests.webui.standin.household import GUEST, Household, asked_of
from tests.webui.standin.lending import SHARED
from tests.webui.standin.pages import HOSTILE, text_of
from tests.webui.standin.things import KITCHEN
from webui.accounts.limiter import TRIES

UNLOCK = "/my/adult/unlock"


@pytest.fixture
def guest(app: Flask, daemon: Running) -> Browser:
    return browser_on(app, "192.168.1.30")


@pytest.fixture
def newcomer(app: Flask, daemon: Running, household: Household) -> Browser:
    """In quarantine."""
    device = {"mac": "02:00:00:00:00:2a", "profile": "quarantine", "name": "Pixel"}
    household.devices["192.168.1.32"] = device
    return browser_on(app, "192.168.1.32")


def typed(password: str = MUMS_PASSWORD, name: str = "Mum", length: str = "4h") -> dict[str, str]:
    return {"name": name, "password": password, "length": length}


def unlocks(household: Household) -> list[str]:
    return [str(one["device"]) for one in asked_of(household, "adult_proof") if one["action"] == "open"]


def test_a_guest_s_page_offers_it_and_a_guardian_s_password_opens(
    guest: Browser, household: Household
) -> None:
    assert f'href="{UNLOCK}"' in guest.get("/").text
    page = guest.get(UNLOCK).text
    assert "Unlock for an adult" in text_of(page)
    assert "The parents see that it was unlocked, until when and how." in page
    assert guest.post(UNLOCK, typed()).headers["Location"] == "/"
    page = text_of(guest.get("/").text).replace("&#39;", "'")
    assert "Unlocked for an adult with Mum's password until 23:40." in page
    assert "Nothing is recorded." in page
    (asked,) = asked_of(household, "adult_proof")
    assert asked["device"] == GUEST
    assert asked["origin"] == guest.ip
    assert MUMS_PASSWORD not in str(household.asked), "the password stays in the web process"


def test_it_signs_nobody_in(guest: Browser) -> None:
    guest.post(UNLOCK, typed())
    assert guest.get("/parent/").headers["Location"] == "/signin"
    assert not guest.client.get_cookie("qalqan-known-8080", domain="192.168.1.1")


def test_a_new_device_s_page_leads_to_it(newcomer: Browser) -> None:
    for path in ("/", "/refused"):
        assert f'href="{UNLOCK}"' in newcomer.get(path).text
    newcomer.post(UNLOCK, typed(length="1h"))
    assert "with Mum&#39;s password until 20:40" in newcomer.get("/").text


def test_whoever_holds_it_closes_it_again(newcomer: Browser, household: Household) -> None:
    newcomer.post(UNLOCK, typed())
    assert newcomer.get(UNLOCK).headers["Location"] == "/", "it is open already"
    newcomer.post("/my/adult/lock")
    assert household.proven.proofs == {}
    assert f'href="{UNLOCK}"' in newcomer.get("/").text
    assert newcomer.post("/my/adult/lock").status_code == 303, "twice does no harm"


def test_a_shared_device_s_page_offers_it(app: Flask, daemon: Running, household: Household) -> None:
    household.lending.share()
    shared = browser_on(app, "192.168.1.40")
    assert f'href="{UNLOCK}"' in shared.get("/my").text
    shared.post(UNLOCK, typed())
    assert unlocks(household) == [SHARED]
    assert "until 23:40" in shared.get("/").text


def test_a_child_s_own_page_offers_nothing_and_its_device_is_refused(
    tablet: Browser, household: Household
) -> None:
    assert UNLOCK not in tablet.get("/my").text
    assert tablet.get(UNLOCK).status_code == 303
    answer = tablet.post(UNLOCK, typed())
    assert answer.status_code == 403
    assert "This device is a child&#39;s own" in answer.text
    assert household.proven.proofs == {}


@pytest.mark.parametrize(
    ("values", "status", "told"),
    [
        (typed("wrong words all of them"), 403, "Name or password is wrong."),
        (typed(name="Nobody"), 403, "Name or password is wrong."),
        (typed(""), 403, "Enter a parent's name and password."),
        (typed(name=""), 403, "Enter a parent's name and password."),
        (typed(length="2h"), 400, ""),
        (typed(length=""), 400, ""),
    ],
)
def test_what_does_not_fit_is_told_and_opens_nothing(
    guest: Browser, household: Household, values: dict[str, str], status: int, told: str
) -> None:
    answer = guest.post(UNLOCK, values)
    assert answer.status_code == status
    assert told in text_of(answer.text).replace("&#39;", "'")
    assert values["password"] == "" or values["password"] not in answer.text
    assert household.proven.proofs == {}


def test_a_helper_s_password_is_no_guardian_s(guest: Browser, household: Household) -> None:
    household.stamps.put(Account("Oma", PersonRole.HELPER, MUMS_SECRET, 30, came=True))
    answer = guest.post(UNLOCK, typed(name="Oma"))
    assert answer.status_code == 403
    assert "This is for parents." in answer.text
    assert household.proven.proofs == {}


def test_wrong_passwords_slow_the_device_that_typed_them_and_not_the_guardian(
    app: Flask, guest: Browser, mum: Browser, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.accounts.passwords.digest", lambda _password, _salt: "00" * 64)
    for _ in range(TRIES):
        assert guest.post(UNLOCK, typed("wrong")).status_code == 403
    slowed = guest.post(UNLOCK, typed("wrong"))
    assert slowed.status_code == 429
    assert int(slowed.headers["Retry-After"]) > 0
    assert "Too many attempts from this device." in slowed.text
    monkeypatch.undo()
    assert guest.post(UNLOCK, typed()).status_code == 429, "the right one waits there too"
    tablet = browser_on(app, "192.168.1.31")
    assert tablet.post("/signin/password", typed()).status_code == 303, "another device does not"
    assert mum.post("/signin/password", typed()).status_code == 303
    assert household.proven.proofs == {}


def test_what_is_typed_comes_back_as_text(guest: Browser) -> None:
    page = guest.post(UNLOCK, typed("x", name='"><script>'[:40])).text
    assert "<script>alert" not in page
    assert 'value=""><script>' not in page


# ---------------------------------------------------------------------------------------- a guardian's page


def test_a_guardian_opens_a_screen_and_closes_it_from_its_page(mum: Browser, household: Household) -> None:
    page = mum.get(f"/parent/device/{KITCHEN}").text
    assert "Until tomorrow, 06:00" in page
    assert mum.post("/parent/device/open", {"mac": KITCHEN, "length": "1h"}).status_code == 303
    told = "Unlocked for an adult by Mum until 20:40."
    for path in (f"/parent/device/{KITCHEN}", "/parent/devices/"):
        assert told in text_of(mum.get(path).text).replace("&#39;", "'")
    (asked,) = asked_of(household, "adult_proof")
    assert (asked["by"], asked["origin"]) == ("Mum", mum.ip)
    mum.post("/parent/device/close", {"mac": KITCHEN})
    assert household.proven.proofs == {}
    assert told not in text_of(mum.get("/parent/devices/").text).replace("&#39;", "'")


def test_where_a_proof_opens_nothing_no_page_offers_it(mum: Browser, household: Household) -> None:
    page = mum.get("/parent/device/02:00:00:00:00:0a").text
    assert "/parent/device/open" not in page
    mum.post("/parent/device/open", {"mac": "02:00:00:00:00:0a", "length": "1h"})
    assert "This device is a child's own" in text_of(
        mum.get("/parent/device/02:00:00:00:00:0a").text
    ).replace("&#39;", "'")
    assert household.proven.proofs == {}


def test_a_wallet_s_proof_has_no_name(mum: Browser, household: Household) -> None:
    proof = {"method": "wallet", "by": None, "until": household.things.of(GUEST)["until"]}
    household.proven.proofs[GUEST] = proof
    told = text_of(mum.get("/parent/devices/").text).replace("&#39;", "'")
    assert "Unlocked for an adult with a wallet's adult proof until" in told


def test_a_hostile_name_of_who_opened_it_is_text(mum: Browser, household: Household) -> None:
    proof = {"method": "password", "by": HOSTILE, "until": household.things.of(GUEST)["until"]}
    household.proven.proofs[GUEST] = proof
    assert "<script>alert" not in mum.get("/parent/devices/").text


def test_others_than_guardians_open_nothing(guest: Browser, household: Household) -> None:
    for path in ("/parent/device/open", "/parent/device/close"):
        assert guest.post(path, {"mac": GUEST, "length": "1h"}).headers["Location"] == "/signin"
    assert household.proven.proofs == {}
