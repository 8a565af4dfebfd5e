"""The page of backups: a file is made, looked into, put in place and taken back, by guardians alone."""

from __future__ import annotations

import html
import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from gateway.web.backup_encryption import MOST_FILE, decrypt_backup, encrypt_backup, encrypt_with_key
from tests.webui.conftest import GATEWAY, Browser
from tests.webui.standin.backing import TEXT, TOKEN
from tests.webui.standin.household import Household
from tests.webui.standin.pages import HOSTILE, text_of
from tests.webui.standin.places import NOW
from webui.features.backup.backup_pages import UPLOAD_LIMIT

BACKUP = "/parent/backup/"
PASSWORD = "four quiet words"
FORMS = ("make", "read", "apply", "drop", "undo", "automatic", "automatic/off", "automatic/now")


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return encrypt_backup(TEXT.encode(), PASSWORD)


def read(mum: Browser, path: str = BACKUP) -> str:
    return html.unescape(text_of(mum.get(path).text))


def upload(
    browser: Browser, data: bytes, password: str = PASSWORD, path: str = f"{BACKUP}read"
) -> TestResponse:
    return browser.client.post(
        path,
        base_url=GATEWAY,
        data={"file": (io.BytesIO(data), "a.backup"), "password": password},
        headers={"Origin": GATEWAY},
        environ_overrides={"REMOTE_ADDR": browser.ip},
    )


def did(household: Household, action: str) -> list[dict[str, Any]]:
    return [values for do, values in household.asked if do == "restore" and values["action"] == action]


@pytest.mark.parametrize("path", [BACKUP, f"{BACKUP}look/{TOKEN}"])
def test_nobody_else_sees_it(tablet: Browser, path: str) -> None:
    assert tablet.get(path).headers["Location"].endswith("/signin")


@pytest.mark.parametrize("form", FORMS)
def test_nobody_else_does_it(tablet: Browser, household: Household, form: str) -> None:
    answer = tablet.post(BACKUP + form, {"password": PASSWORD, "again": PASSWORD, "token": TOKEN})
    assert answer.headers["Location"].endswith("/signin")
    assert not {"backup", "restore", "auto_backup"} & {do for do, _ in household.asked}


def test_a_file_is_made_that_its_password_opens(mum: Browser, household: Household) -> None:
    answer = mum.post(f"{BACKUP}make", {"password": PASSWORD, "again": PASSWORD})
    assert answer.headers["Content-Disposition"] == f'attachment; filename="qalqan-{NOW:%Y-%m-%d}.backup"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert decrypt_backup(answer.data, PASSWORD) == TEXT.encode()
    asked = [values for do, values in household.asked if do == "backup"]
    assert asked[0].pop("session")
    assert asked[0] == {"by": "Mum", "origin": "192.168.1.7"}
    assert [one.get("from") for one in asked] == [None, 100, 200]


def test_files_that_it_cannot_contain_are_named(mum: Browser, household: Household) -> None:
    assert "Not in a backup" not in read(mum)
    household.backing.automatic["left_out"] = ["kid.YAML", "Школа.ics"]
    assert "Not in a backup: kid.YAML, Школа.ics. Give each file a name of its own" in read(mum)


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        (PASSWORD, "another one", "The two passwords are not the same. No file was made."),
        ("short", "short", "A backup's password has 8 to 200 letters."),
        ("x" * 201, "x" * 201, "A backup's password has 8 to 200 letters."),
    ],
)
def test_a_password_that_is_none_makes_no_file(
    mum: Browser, household: Household, password: str, again: str, told: str
) -> None:
    assert mum.post(f"{BACKUP}make", {"password": password, "again": again}).status_code == 303
    assert told in read(mum)
    assert "backup" not in [do for do, _ in household.asked]


def test_it_is_looked_into_before_anything_changes(mum: Browser, household: Household, sealed: bytes) -> None:
    answer = upload(mum, sealed)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{BACKUP}look/{TOKEN}")
    assert household.backing.came == TEXT
    text = read(mum, f"{BACKUP}look/{TOKEN}")
    for expected in (
        "By Mum On the gateway home-gateway Version 0.1.0 Children Aruzhan Accounts Mum, Dad",
        "Comes back Timur Other rules Aruzhan Goes Guest of ours May sign in again Dad",
        "Settings and lists as they were Devices with another name or place 3 PINs as they were 1",
        "Restore Cancel",
    ):
        assert expected in text, expected
    assert not did(household, "apply")


def test_it_is_put_in_place_and_taken_back(mum: Browser, household: Household, sealed: bytes) -> None:
    upload(mum, sealed)
    mum.post(f"{BACKUP}apply", {"token": TOKEN})
    (asked,) = did(household, "apply")
    assert asked.pop("session")
    assert asked == {"action": "apply", "token": TOKEN, "by": "Mum", "origin": "192.168.1.7"}
    text = read(mum)
    assert "The backup is restored." in text
    assert "Mum restored it just now." in text
    mum.post(f"{BACKUP}undo")
    assert "The backup is undone. Everything is as it was before." in read(mum)
    mum.post(f"{BACKUP}undo")
    assert "Something has changed since, so this cannot be undone." in read(mum)


def test_there_is_no_undo_once_rules_were_changed(mum: Browser, household: Household) -> None:
    household.backing.last = {"by": "router", "at": NOW, "made": NOW, "undo": False}
    text = read(mum)
    assert "The router's own pages restored it just now." in text
    assert "Rules have changed since, so it cannot be undone in one tap." in text
    assert "Undo" not in text


def test_it_may_be_left(mum: Browser, household: Household, sealed: bytes) -> None:
    upload(mum, sealed)
    mum.post(f"{BACKUP}drop")
    assert household.backing.came == ""
    assert "Nothing was changed." in read(mum)
    assert mum.get(f"{BACKUP}look/{TOKEN}").status_code == 303
    assert "The file is no longer here. Choose it again." in read(mum)


def test_nothing_to_change_needs_no_button(mum: Browser, household: Household, sealed: bytes) -> None:
    upload(mum, sealed)
    household.backing.look["same"] = True
    text = read(mum, f"{BACKUP}look/{TOKEN}")
    assert "Nothing. This backup matches the current state." in text
    assert "Restore" not in text


@pytest.mark.parametrize(
    ("data", "password", "told"),
    [
        (None, "another password", "The password is wrong, or the file is damaged."),
        (b"PK\x03\x04 a holiday", PASSWORD, "This is not a backup of this filter, or it is damaged."),
        (b"", PASSWORD, "This is not a backup of this filter, or it is damaged."),
        (
            b"QALQANBK\x02" + bytes(90),
            PASSWORD,
            "This backup was made by a newer version. Update this gateway first.",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_so(
    mum: Browser, household: Household, sealed: bytes, data: bytes | None, password: str, told: str
) -> None:
    upload(mum, sealed if data is None else data, password)
    assert told in read(mum)
    assert not did(household, "begin")


def test_an_upload_is_bounded_and_only_here(mum: Browser, household: Household) -> None:
    assert upload(mum, bytes(UPLOAD_LIMIT)).status_code == 413
    assert upload(mum, bytes(MOST_FILE // 2), path=f"{BACKUP}apply").status_code == 413
    assert upload(mum, bytes(MOST_FILE // 2)).status_code == 303
    assert not did(household, "begin")


def test_what_is_in_a_file_is_hostile(mum: Browser, household: Household, sealed: bytes) -> None:
    upload(mum, sealed)
    look = household.backing.look
    look["children"] = [{"id": "x", "name": HOSTILE}]
    look.update(
        by=HOSTILE, gateway=HOSTILE, version=HOSTILE, people=[HOSTILE], fresh=[HOSTILE], problems=[HOSTILE]
    )
    page = mum.get(f"{BACKUP}look/{TOKEN}").text
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "The rules of 1 person in it have a mistake" in text_of(page)


def test_parents_alone_are_told_for_a_week(mum: Browser, tablet: Browser, household: Household) -> None:
    at = NOW.replace(hour=8)
    household.extra["announced"] = [
        {"told": "restore", "name": "Mum", "device": "Phone", "at": at},
        {"told": "backup", "name": "Mum", "device": "Phone", "at": at},
    ]
    for told in ("Mum restored a backup of the rules and accounts today.", "Mum made a backup of the rules"):
        assert told in text_of(mum.get("/parent/").text)
        assert told not in text_of(tablet.get("/my").text)


AUTOMATIC = {"folder": "/mnt/usb", "every": "weekly", "keep": "3", "password": PASSWORD, "again": PASSWORD}


def test_automatic_backups_are_set_up_with_a_key_and_not_with_the_passphrase(
    mum: Browser, household: Household
) -> None:
    page = read(mum)
    assert "The gateway stores only a key made from it." in page
    assert ">usb</option>" in mum.get(BACKUP).text
    assert mum.post(f"{BACKUP}automatic", AUTOMATIC).status_code == 303
    asked = next(
        values for do, values in household.asked if do == "auto_backup" and values["action"] == "set"
    )
    assert (asked["folder"], asked["every"], asked["keep"]) == ("/mnt/usb", "weekly", 3)
    assert PASSWORD not in str(asked)
    assert decrypt_backup(encrypt_with_key(b"x", str(asked["key"])), PASSWORD) == b"x"
    page = read(mum)
    assert "Automatic backups are on. The first one is made now." in page
    assert "A backup is made every week on the drive usb; the last 3 stay." in page
    mum.post(f"{BACKUP}automatic", {**AUTOMATIC, "password": "", "again": "", "every": "daily"})
    assert "A backup is made every day on the drive usb" in read(mum), (
        "without a new passphrase the key stays"
    )
    mum.post(f"{BACKUP}automatic/now")
    assert "The last one: today. Files there: 3." in read(mum)
    household.backing.automatic["problem"] = "no drive is mounted at /mnt/usb. Plug in the USB stick"
    assert "The last backup failed." in read(mum)
    mum.post(f"{BACKUP}automatic/off")
    assert "Automatic backups are off. The files on the drive stay." in read(mum)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"again": "another one"}, "The two passphrases are not the same. Nothing was changed."),
        ({"password": "short", "again": "short"}, "A backup's password has 8 to 200 letters."),
        ({"folder": "/etc"}, "This drive is not here. Plug in the USB stick and choose it again."),
    ],
)
def test_what_is_no_drive_or_no_passphrase_turns_nothing_on(
    mum: Browser, household: Household, values: dict[str, str], told: str
) -> None:
    assert mum.post(f"{BACKUP}automatic", {**AUTOMATIC, **values}).status_code == 303
    assert told in read(mum)
    assert not household.backing.automatic["on"]
    assert mum.post(f"{BACKUP}automatic", {**AUTOMATIC, "keep": "many"}).status_code == 400
