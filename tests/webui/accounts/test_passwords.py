"""Passwords on the pages: signing in, the limiter, and what may be one."""

from __future__ import annotations

import subprocess
import threading
import time
import unicodedata

import pytest
from flask import Flask
from werkzeug.security import check_password_hash

from gateway.core.errors import ControlError
from gateway.policy.accounts.people import SECRET, Account, PersonRole
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.accounts import MUMS_PASSWORD, MUMS_SECRET
from tests.webui.standin.household import Household
from webui.accounts import passwords
from webui.accounts.limiter import NEWCOMERS, TRIES

MUM = {"name": "Mum", "password": MUMS_PASSWORD}
WRONG = {"name": "Mum", "password": "not her password"}


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hundreds are tried: what is tried is the limiter, not the hash."""
    right = MUMS_SECRET.rpartition("$")[2]
    monkeypatch.setattr(
        passwords, "digest", lambda typed, salt: right if typed == MUMS_PASSWORD else "0" * 128
    )


# ---------------------------------------------------------------- the hash


def test_a_hash_is_werkzeug_s_and_the_digest_fits_it() -> None:
    kept = passwords.hashed("four quiet words here")
    assert SECRET.fullmatch(kept)
    assert check_password_hash(kept, "four quiet words here")
    method, salt, digest = kept.split("$")
    assert method == "scrypt:8192:8:10"
    assert passwords.digest("four quiet words here", salt) == digest
    assert passwords.digest("Four quiet words here", salt) != digest


def test_two_ways_to_write_a_letter_are_one_password() -> None:
    salt = "s" * 16
    apart = unicodedata.normalize("NFD", "тихий вечер")
    assert apart != "тихий вечер"
    assert passwords.digest(apart, salt) == passwords.digest("тихий вечер", salt)


def test_one_hash_at_a_time_and_few_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, refused = 0, 0, 0
    lock = threading.Lock()

    def slow(argv: tuple[str, ...], **_: object) -> subprocess.CompletedProcess[bytes]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.1)
        with lock:
            running -= 1
        return subprocess.CompletedProcess(argv, 0, b"")

    monkeypatch.setattr("webui.accounts.passwords.subprocess.run", slow)

    def one() -> None:
        nonlocal refused
        try:
            passwords.digest("x", "s")
        except ControlError:
            with lock:
                refused += 1

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert refused == 8 - passwords.WAITING


def test_a_hash_that_finds_no_room_or_no_end_is_refused_as_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "TIMEOUT", 0.01)
    with pytest.raises(passwords.BusyError):
        passwords.digest("x", "s")
    monkeypatch.setattr(passwords, "TIMEOUT", 30)
    monkeypatch.setattr("webui.accounts.passwords.sys.executable", "/nowhere/python")
    with pytest.raises(passwords.BusyError):
        passwords.digest("x", "s")


# ---------------------------------------------------------------- what may be one


@pytest.mark.parametrize(
    "good",
    ["four quiet words here", "тихий вечер", "алма ағашы", "x7!kq-pw", "        spaces", "Jutland-16"],
)
def test_a_passphrase_of_any_letters_is_taken(good: str) -> None:
    assert passwords.problem(good, "Mum") == ""


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", "at least 8"), ("seven77", "at least 8"), ("x" * 129, "at most 128"),
        ("aaaaaaaa", "guessed first"), ("abababab", "guessed first"), ("12345678", "guessed first"),
        ("87654321", "guessed first"), ("qwertyui", "guessed first"), ("ЙЦУКЕНГШ", "guessed first"),
        ("Password1", "tried first"), ("iloveyou!", "tried first"), ("пароль123", "tried first"),
        ("dragon2024", "tried first"), ("qwerty123", "tried first"), ("catscats", "tried first"),
        ("Aigerim2019", "name with some digits"), ("qalqan123", "name with some digits"),
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_refused_with_the_reason(bad: str, reason: str) -> None:
    assert reason in passwords.problem(bad, "Aigerim")


# ---------------------------------------------------------------- signing in


def test_name_and_password_sign_in(stranger: Browser, household: Household) -> None:
    page = stranger.get("/signin").text
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    answer = stranger.post("/signin/password", {**MUM, "name": "mum"})
    assert answer.headers["Location"] == "/parent/"
    assert stranger.get("/parent/").status_code == 200
    assert MUMS_PASSWORD not in str(household.asked), "the daemon never sees it"


def test_who_finds_no_place_to_sign_in_is_told_to_come_back(
    stranger: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "TIMEOUT", 0.01)
    values = {"name": "Mum", "password": MUMS_PASSWORD}
    assert stranger.post("/signin/password", values).status_code == 503
    monkeypatch.undo()
    assert stranger.post("/signin/password", values).status_code == 303


@pytest.mark.parametrize(
    "values",
    [
        WRONG, {**MUM, "name": "Dad"}, {"name": "Mum"}, {}, {"name": "Mum", "password": ""},
        {**MUM, "password": MUMS_PASSWORD + " "}, {**MUM, "name": "\x00"}, {**MUM, "password": "x" * 9000},
        {**MUM, "name": "<script>"},
    ],
)  # fmt: skip
def test_what_does_not_fit_signs_nobody_in(stranger: Browser, values: dict[str, str]) -> None:
    answer = stranger.post("/signin/password", values)
    assert answer.status_code == 403
    assert "<script>" not in answer.text
    assert "quiet words" not in answer.text, "what was typed is not shown again"
    assert stranger.get("/parent/").status_code == 303


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(stranger: Browser) -> None:
    name = stranger.post("/signin/password", {**MUM, "name": "Nobody"}).text.replace("Nobody", "")
    password = stranger.post("/signin/password", WRONG).text.replace("Mum", "")
    assert name == password


def test_who_has_no_password_is_led_to_set_one_but_may_go_on(stranger: Browser, household: Household) -> None:
    household.stamps.put(Account("Dad"))
    answer = stranger.post("/signin", {"code": household.guardians.link("Dad")})
    assert answer.headers["Location"] == "/account/password"
    page = stranger.get("/account/password").text
    assert "Dad, choose a password" in page
    assert 'autocomplete="new-password"' in page
    assert "Not now" in page
    assert stranger.get("/parent/").status_code == 200


def test_the_link_of_this_machine_makes_no_detour(stranger: Browser, household: Household) -> None:
    household.stamps.put(Account("Dad"))
    link = f"/signin?code={household.guardians.link('Dad')}"
    answer = stranger.client.get(link, base_url="http://127.0.0.1:8080")
    assert answer.headers["Location"] == "/parent/"


# ---------------------------------------------------------------- the limiter


def test_two_hundred_wrong_passwords_are_held_off(
    app: Flask, tablet: Browser, household: Household, fast: None
) -> None:
    answers = [tablet.post("/signin/password", WRONG) for _ in range(200)]
    assert [answer.status_code for answer in answers] == [403] * TRIES + [429] * (200 - TRIES)
    assert int(answers[-1].headers["Retry-After"]) <= 60
    asked = [values for do, values in household.asked if do == "guardian" and "digest" in values]
    assert len(asked) == TRIES, "the daemon hears no more of it"
    assert tablet.post("/signin/password", MUM).status_code == 429, "the device waits, whatever it types"
    assert browser_on(app, "192.168.1.7").post("/signin/password", MUM).status_code == 303, "and no other"


def test_the_device_is_its_hardware_address_whatever_its_addresses(
    app: Flask, tablet: Browser, household: Household, fast: None
) -> None:
    household.devices["fd00::20"] = household.devices["192.168.1.20"]
    for number in range(TRIES):
        tablet.ip = "fd00::20" if number % 2 else "192.168.1.20"
        assert tablet.post("/signin/password", WRONG).status_code == 403
    for tablet.ip in ("fd00::20", "192.168.1.20"):
        assert tablet.post("/signin/password", MUM).status_code == 429


def test_a_child_cannot_lock_out_a_browser_that_has_signed_in_before(
    app: Flask, mum: Browser, household: Household, fast: None
) -> None:
    """Not even from the parent's own phone."""
    mum.post("/signout")
    child = browser_on(app, mum.ip)
    for _ in range(TRIES * 2):
        child.post("/signin/password", WRONG)
    assert child.post("/signin/password", MUM).status_code == 429
    for _ in range(TRIES - 1):
        assert mum.post("/signin/password", WRONG).status_code == 403
    assert mum.post("/signin/password", MUM).status_code == 303


def test_a_known_browser_has_five_tries_and_no_more(mum: Browser, fast: None) -> None:
    mum.post("/signout")
    codes = [mum.post("/signin/password", WRONG).status_code for _ in range(TRIES + 1)]
    assert codes == [403] * TRIES + [429]


def test_the_forms_fill_in_the_name_that_signed_in_last_here(app: Flask, mum: Browser) -> None:
    mum.post("/signout")
    for path in ("/signin", "/forgot"):
        assert 'id="name" name="name" value="Mum"' in mum.get(path).text
        assert "Mum" not in browser_on(app, mum.ip).get(path).text


@pytest.mark.parametrize("forged", ["x", "", "ImFiYyI.AAAA", '"abc"'])
def test_a_forged_cookie_has_no_tries_of_its_own(tablet: Browser, fast: None, forged: str) -> None:
    for number in range(TRIES):
        tablet.client.set_cookie("qalqan-known-8080", f"{forged}{number}", domain="192.168.1.1")
        assert tablet.post("/signin/password", WRONG).status_code == 403
    assert tablet.post("/signin/password", WRONG).status_code == 429


def answers_to_new_addresses(
    app: Flask, household: Household, profile: str, path: str, typed: dict[str, str]
) -> list[int]:
    """To a device that changes its hardware address at each wrong try."""
    codes = []
    for number in range(NEWCOMERS + 3):
        browser = browser_on(app, f"192.168.7.{number}")
        mac = f"06:00:00:00:00:{number:02x}"
        household.devices[browser.ip] = {"mac": mac, "profile": profile, "name": ""}
        codes.append(browser.post(path, typed).status_code)
    return codes


def test_new_hardware_addresses_are_no_new_start(
    app: Flask, daemon: Running, household: Household, fast: None
) -> None:
    """A device that nobody has placed."""
    codes = answers_to_new_addresses(app, household, "guest", "/signin/password", WRONG)
    assert codes == [403] * NEWCOMERS + [429] * 3
    household.devices["192.168.1.7"] = {"mac": "02:00:00:00:00:1c", "profile": "adult", "name": "Phone"}
    assert browser_on(app, "192.168.1.7").post("/signin/password", MUM).status_code == 303


def test_nor_are_they_before_the_claim_when_every_device_is_a_thing_of_the_house(
    app: Flask, daemon: Running, household: Household, fast: None
) -> None:
    household.accounts.unclaimed()
    typed = {"label": "WRNG-WRNG", "name": "X", "password": MUM["password"]}
    codes = answers_to_new_addresses(app, household, "home", "/claim", typed)
    assert codes == [403] * NEWCOMERS + [429] * 3


def test_signing_in_as_oneself_does_not_give_more_tries_at_others(
    tablet: Browser, household: Household, fast: None
) -> None:
    for _ in range(TRIES - 1):
        tablet.post("/signin/password", WRONG)
    code = household.guardians.link("Mum")
    assert tablet.post("/signin", {"code": code}).status_code == 303
    tablet.post("/signout")
    tablet.client.delete_cookie("qalqan-known-8080", domain="192.168.1.1")
    assert tablet.post("/signin/password", WRONG).status_code == 403
    assert tablet.post("/signin/password", WRONG).status_code == 429


def test_what_is_refused_for_another_reason_is_no_wrong_try(tablet: Browser, household: Household) -> None:
    for _ in range(TRIES * 2):
        answer = tablet.post("/claim", {"label": "K7QM-3XPR", "name": "X", "password": "12345678"})
        assert answer.status_code == 403
        assert "guessed first" in answer.text


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/claim", {"label": "K7QM-3XPR", "name": "X"}),
        ("/forgot", {"way": "label", "code": "A", "name": "Mum"}),
    ],
)
def test_one_device_does_not_keep_the_place_where_hashes_are_made(
    app: Flask, tablet: Browser, monkeypatch: pytest.MonkeyPatch, path: str, typed: dict[str, str]
) -> None:
    """A claim when there is a guardian, or no button pressed: nothing is guessed, and each costs a hash."""
    made: list[str] = []

    def hashed(text: str) -> str:
        made.append(text)
        return MUMS_SECRET

    monkeypatch.setattr(passwords, "hashed", hashed)
    values = {**typed, "password": "twelve green owls"}
    codes = [tablet.post(path, values).status_code for _ in range(TRIES * 3)]
    assert codes == [403] * TRIES + [429] * TRIES * 2
    assert len(made) == TRIES


def test_signing_in_again_and_again_as_oneself_gives_no_tries_at_another(
    tablet: Browser, household: Household, fast: None
) -> None:
    """A helper who drops all cookies each time has a new known browser each time, for its own name."""
    household.accounts.register.put(Account("Oma", PersonRole.HELPER, MUMS_SECRET, 45, came=True))
    codes = []
    for _ in range(3):
        tablet.client.delete_cookie("qalqan-known-8080", domain="192.168.1.1")
        oma = {"name": " oma ", "password": MUMS_PASSWORD}
        if tablet.post("/signin/password", oma).status_code == 303:
            tablet.post("/signout")
        codes += [tablet.post("/signin/password", WRONG).status_code for _ in range(TRIES)]
    assert codes == [403] * TRIES + [429] * TRIES * 2


def test_a_browser_is_known_to_each_of_the_last_that_signed_in(
    mum: Browser, household: Household, fast: None
) -> None:
    household.accounts.register.put(Account("Dad", secret=MUMS_SECRET, came=True))
    assert mum.post("/signin/password", {**MUM, "name": "DAD"}).status_code == 303
    mum.post("/signout")
    other = browser_on(mum.client.application, mum.ip)
    for _ in range(TRIES):
        other.post("/signin/password", WRONG)
    assert other.post("/signin/password", MUM).status_code == 429
    for name in ("Mum", "Dad", "mum"):
        assert mum.post("/signin/password", {**MUM, "name": name}).status_code == 303


def test_the_pages_answer_while_a_password_is_hashed(app: Flask, mum: Browser) -> None:
    """It is one thread that is busy, and the daemon not at all."""
    done = threading.Event()

    def sign_in() -> None:
        browser_on(app, "192.168.1.7").post("/signin/password", MUM)
        done.set()

    with passwords._one:
        thread = threading.Thread(target=sign_in)
        thread.start()
        assert mum.get("/parent/").status_code == 200
        assert not done.is_set()
    thread.join(10)
    assert done.is_set()
