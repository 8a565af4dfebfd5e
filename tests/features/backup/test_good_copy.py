"""The last good copy of accounts and device owners: when it is written, and what it brings back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.age.bands import AgeBand
from gateway.features.backup.good_copy import FILE, GoodCopy
from gateway.policy.accounts.people import Account, PersonRole
from gateway.store.database import broken_copies
from gateway.store.migrations import MIGRATIONS
from tests.features.backup.backed_up import HASH, furnish, taken
from tests.features.conftest import Make
from tests.features.desk import NOON, STRANGER, TABLET, Desk

EVERY = 900.0


def copied(desk: Desk) -> tuple[GoodCopy, Path]:
    """Return the copy of a furnished household, and its file."""
    furnish(desk)
    copy = GoodCopy(desk.home, desk.store, EVERY)
    copy.start()
    return copy, desk.folder / "state" / FILE


def started_again(desk: Desk, *, damaged: bool) -> GoodCopy:
    """Return the copy after a start without the database, or with one that was replaced by an empty one."""
    desk.stop()
    (desk.folder / "state" / "q.db").unlink()
    desk.start()
    copy = GoodCopy(desk.home, desk.store, EVERY)
    if damaged:
        desk.store.people.put(Account("Dad", PersonRole.HELPER))
        desk.store.notes.name(TABLET, "Newer name")
    copy.recover(missing=not damaged, damaged=damaged, first=False)
    return copy


def test_a_lost_database_costs_no_account_no_pin_and_no_owner(make: Make) -> None:
    desk = make(NOON)
    copied(desk)[0].close()
    copy = started_again(desk, damaged=False)
    store = desk.store
    assert store.people.find("Mum") == Account("Mum", secret=HASH, came=True)
    assert store.notes.labels() == {TABLET: "Aruzhan's tablet"}
    assert store.devices.all()[STRANGER].place == "guest"
    assert store.pins.of("daughter") is not None
    assert copy.lost
    (line,) = copy.problems()
    assert line.startswith("The database was missing at the start on 2026-11-24 12:00. Accounts, PINs and")
    assert line.endswith("activity and the audit log are lost.")
    assert desk.ask("status")["announced"] == [], "a parent cannot do anything about it there"
    desk.go(timedelta(days=6, hours=23))
    desk.restart()
    assert len(GoodCopy(desk.home, desk.store, EVERY).problems()) == 1, "for a week, whatever restarts"
    desk.go(timedelta(hours=1))
    assert GoodCopy(desk.home, desk.store, EVERY).problems() == []


def test_a_lost_database_turns_no_second_factor_off(make: Make) -> None:
    desk = make(NOON)
    copy, file = copied(desk)
    codes = ("ef" * 16, "cd" * 16)
    secret = "JBSWY3DPEHPK3PXP" * 2
    mum = Account("Mum", secret=HASH, came=True, totp=secret, totp_step=60_000_000, backup_codes=codes)
    desk.store.people.put(mum)
    desk.go(timedelta(seconds=6))
    before = file.stat().st_ino
    desk.store.people.put(replace(mum, totp_step=60_000_001))
    desk.go(timedelta(seconds=6))
    assert file.stat().st_ino == before, "a sign-in alone does not write it"
    desk.store.people.put(replace(mum, backup_codes=codes[1:]))
    desk.go(timedelta(seconds=6))
    assert codes[0] not in file.read_text(), "a used backup code does not come back"
    copy.close()
    started_again(desk, damaged=False)
    assert desk.store.people.find("Mum") == replace(mum, totp_step=0, backup_codes=codes[1:])


def test_a_backup_has_no_second_factor(make: Make) -> None:
    desk = make(NOON)
    furnish(desk)
    secret = "JBSWY3DPEHPK3PXP" * 2
    desk.store.people.put(Account("Mum", secret=HASH, came=True, totp=secret))
    assert secret not in taken(desk)


@pytest.mark.parametrize("lost", ["the copy too", "nothing else"])
def test_a_database_of_a_newer_version_is_replaced_by_the_copy_in_memory(make: Make, lost: str) -> None:
    desk = make(NOON)
    copy, file = copied(desk)
    copy.close()
    desk.stop()
    database = desk.folder / "state" / "q.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer = database.read_bytes()
    if lost == "the copy too":
        file.unlink()
    desk.start()
    copy = GoodCopy(desk.home, desk.store, EVERY)
    copy.recover(missing=False, damaged=False, first=False)
    assert copy.lost
    assert sorted(desk.store.people.accounts()) == ([] if lost == "the copy too" else ["Dad", "Mum"])
    (line,) = copy.problems()
    assert line.startswith("A newer Qalqan had written the database at the start on 2026-11-24 12:00, so")
    assert ("come from the last good copy" in line) == (lost == "nothing else")
    assert database.read_bytes() == newer


def test_what_a_damaged_database_still_has_is_newer(make: Make) -> None:
    desk = make(NOON)
    copied(desk)[0].close()
    copy = started_again(desk, damaged=True)
    assert {one.name: one.role.value for one in desk.store.people.accounts().values()} == {
        "Dad": "helper", "Mum": "guardian",
    }  # fmt: skip
    assert desk.store.notes.labels() == {TABLET: "Newer name"}
    assert desk.store.devices.all()[STRANGER].place == "guest"
    assert ["was damaged" in line and "could not be read come from" in line for line in copy.problems()] == [
        True
    ]


def test_after_a_value_that_damage_has_changed_the_rows_come_from_the_copy(make: Make) -> None:
    desk = make(NOON)
    copied(desk)[0].close()
    desk.stop()
    database = desk.folder / "state" / "q.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE pauses SET since = ?", (1 << 62,))
        connection.commit()
    desk.start()
    assert desk.store.people.accounts() == {}
    assert ["damaged and has been replaced" in line for line in desk.store.problems()] == [True]
    copy = GoodCopy(desk.home, desk.store, EVERY)
    copy.recover(missing=False, damaged=bool(broken_copies(database)), first=False)
    assert sorted(desk.store.people.accounts()) == ["Dad", "Mum"]
    assert desk.store.devices.all()[STRANGER].place == "guest"
    assert ["was damaged" in line and "come from" in line for line in copy.problems()] == [True]


def test_without_database_and_copy_a_start_after_the_first_has_lost_them(make: Make) -> None:
    desk = make(NOON)
    copied(desk)[0].close()
    (desk.folder / "state" / FILE).unlink()
    copy = started_again(desk, damaged=False)
    assert copy.lost, "devices that are present do not become unfiltered, as at a first start"
    assert desk.store.people.accounts() == {}
    (line,) = copy.problems()
    assert line.startswith("The database was missing at the start on 2026-11-24 12:00, and there is no")


def test_nothing_that_anybody_did_is_in_it_and_only_the_daemon_reads_it(make: Make) -> None:
    desk = make(NOON)
    file = copied(desk)[1]
    text = file.read_text()
    for word in ("visited.example", "refused.example", "192.168.77.7", "Galaxy-of-a-visitor"):
        assert word not in text
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_is_written_when_something_has_changed_and_at_no_other_time(make: Make) -> None:
    desk = make(NOON)
    copy, file = copied(desk)
    before = file.stat().st_ino
    desk.ask("grant", who="daughter", minutes=15, by="Mum")
    desk.store.devices.seen(STRANGER, desk.local_now(), "Galaxy-of-a-visitor")
    for _ in range(3):
        desk.go(timedelta(seconds=EVERY))
    copy.close()
    assert file.stat().st_ino == before
    again = GoodCopy(desk.home, desk.store, EVERY)
    again.start()
    assert file.stat().st_ino == before, "nor by a start"
    desk.store.people.put(Account("Oma", PersonRole.HELPER, HASH))
    desk.go(timedelta(seconds=6))
    assert "Oma" in file.read_text()
    desk.store.notes.name(TABLET, "Another name")
    desk.go(timedelta(seconds=EVERY))
    assert "Another name" in file.read_text()


@pytest.mark.parametrize("text", [b"", b"{}", b"\xff" * 99, b'{"format": 1, "made": "yesterday"}'])
def test_a_damaged_copy_is_no_copy(make: Make, text: bytes, caplog: pytest.LogCaptureFixture) -> None:
    desk = make(NOON)
    copy, file = copied(desk)
    copy.close()
    file.write_bytes(text)
    copy = started_again(desk, damaged=True)
    assert f"{file}: " in caplog.text
    assert ["there is no good copy of it" in line for line in copy.problems()] == [True]
    copy.start()
    assert "Dad" in file.read_text()


def test_a_damaged_copy_costs_nothing_while_the_database_is_good(make: Make) -> None:
    desk = make(NOON)
    copy, file = copied(desk)
    file.write_bytes(b"\xff" * 99)
    desk.store.notes.name(TABLET, "Newer name")
    desk.go(timedelta(seconds=EVERY))
    assert "Newer name" in file.read_text(), "written with the next change"
    copy.close()

    desk.restart()
    file.write_bytes(b"\xff" * 99)
    copy = GoodCopy(desk.home, desk.store, EVERY)
    copy.recover(missing=False, damaged=False, first=False)
    assert (copy.lost, copy.problems()) == (False, [])
    assert sorted(desk.store.people.accounts()) == ["Dad", "Mum"]
    copy.start()
    assert "Newer name" in file.read_text(), "written at the start"


def test_a_first_start_has_lost_nothing(make: Make) -> None:
    desk = make(NOON)
    copy = GoodCopy(desk.home, desk.store, EVERY)
    copy.recover(missing=True, damaged=False, first=True)
    assert (copy.problems(), copy.lost) == ([], False)


def test_a_copy_that_cannot_be_written_is_a_problem_until_it_can(make: Make) -> None:
    desk = make(NOON)
    file = desk.folder / "state" / FILE
    blocked = file.with_name(f".{file.name}.new")
    blocked.mkdir()
    copy, _ = copied(desk)
    assert [line.startswith(f"{file} cannot be written") for line in copy.problems()] == [True]
    blocked.rmdir()
    desk.go(timedelta(seconds=EVERY))
    assert copy.problems() == []
    assert "Mum" in file.read_text()


def test_profiles_that_were_deleted_leave_it_readable(make: Make) -> None:
    desk = make(NOON)
    for number in range(65):
        desk.store.held_bands.hold(f"deleted{number}", AgeBand.AGE_6_9)
    desk.reload()
    copied(desk)[0].close()
    started_again(desk, damaged=False)
    assert desk.store.people.find("Mum") is not None
