"""Accounts, sessions, announcements and proposals outlive the daemon; being used is no write each time."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from gateway.policy.accounts.passkeys import Passkey
from gateway.policy.accounts.people import (
    ANNOUNCED_FOR,
    PROPOSAL_LIFE,
    SESSION_LIFE,
    Account,
    Announcement,
    AnnouncementKind,
    PersonRole,
    ProposedRole,
    Session,
)
from gateway.policy.accounts.tokens import Token
from gateway.store.store import Store
from tests.store.helpers import NOW, look

PASSKEYS = (
    Passkey("id", "key", "home.example.org", "user", "Телефон; 'x'", NOW),
    Passkey("other", "key", "home.example.org", "user", "", NOW, NOW + timedelta(hours=1), 7),
)


def fill(store: Store) -> None:
    store.people.put(Account("Mum", PersonRole.GUARDIAN, "scrypt", 0, "digest", passkeys=PASSKEYS))
    second = {"totp": "GEZDGNBVGY3TQOJQ", "totp_step": 59_000_000, "backup_codes": ("one", "two")}
    store.people.put(Account("Oma", PersonRole.HELPER, minutes=45, **second))  # type: ignore[arg-type]
    store.people.begin(Session("key", "Mum", "Galaxy-S23", NOW, NOW + SESSION_LIFE, clock_trusted=False))
    store.people.announce(Announcement(AnnouncementKind.CLAIM, "Mum", "Galaxy-S23", NOW, NOW + ANNOUNCED_FOR))
    store.people.propose(ProposedRole("Mum", "helper", 30, "Dad", NOW))
    store.people.tokens.add(Token("hall", "Mum", "Hall", "helper", NOW, until=NOW + timedelta(days=30)))
    store.people.tokens.add(Token("wall", "Mum", "Wall", "guardian", NOW))


def test_tokens_and_their_last_use_are_there_after_a_restart(path: Path) -> None:
    store = Store(path)
    fill(store)
    store.people.tokens.use("wall", NOW + timedelta(hours=1), clock_trusted=True)
    store.people.flush()
    before = store.people.tokens.all()
    store.close()
    after = Store(path)
    assert after.people.tokens.all() == before
    assert [one.used for one in before] == [None, NOW + timedelta(hours=1)]
    after.close()


def test_all_of_it_is_there_after_a_restart(path: Path) -> None:
    store = Store(path)
    fill(store)
    later = NOW + timedelta(hours=1)
    store.people.begin(
        Session("new", "Mum", "Laptop", later, later + SESSION_LIFE, browser="Firefox, Android")
    )
    store.close()
    store = Store(path)
    mum = store.people.accounts()["Mum"]
    assert (mum.secret, mum.recovery, mum.came) == ("scrypt", "digest", True)
    oma = store.people.accounts()["Oma"]
    assert (oma.role, oma.minutes) == (PersonRole.HELPER, 45)
    assert (oma.totp, oma.totp_step, oma.backup_codes) == ("GEZDGNBVGY3TQOJQ", 59_000_000, ("one", "two"))
    assert (mum.totp, mum.totp_step, mum.backup_codes) == ("", 0, ())
    assert (mum.passkeys, oma.passkeys) == (PASSKEYS, ())
    session, new = store.people.sessions()
    assert (session.key, session.until, session.clock_trusted) == ("key", NOW + SESSION_LIFE, False)
    assert (session.browser, session.confirmed) == ("", True)
    assert (new.browser, new.confirmed) == ("Firefox, Android", False)
    assert [(one.kind, one.name, one.at) for one in store.people.announced] == [
        (AnnouncementKind.CLAIM, "Mum", NOW)
    ]
    assert [(one.name, one.by) for one in store.people.proposals(NOW)] == [("Mum", "Dad")]
    store.close()


def test_being_used_is_written_with_the_devices_and_not_at_once(path: Path) -> None:
    store = Store(path)
    fill(store)
    later = NOW + timedelta(hours=1)
    assert store.people.use("key", later, clock_trusted=True)
    until = "SELECT until, sure FROM sessions"
    assert look(path, until) == [(int((NOW + SESSION_LIFE).timestamp()), 0)]
    store.flush_devices()
    assert look(path, until) == [(int((later + SESSION_LIFE).timestamp()), 1)]
    store.close()


def test_what_is_over_goes_from_the_disk(path: Path) -> None:
    store = Store(path)
    fill(store)
    store.purge(NOW + PROPOSAL_LIFE + ANNOUNCED_FOR)
    assert look(path, "SELECT * FROM announcements") == look(path, "SELECT * FROM proposals") == []
    assert len(look(path, "SELECT * FROM sessions")) == 1
    store.purge(NOW + SESSION_LIFE)
    assert look(path, "SELECT * FROM sessions") == []
    assert len(look(path, "SELECT * FROM guardians")) == 2
    store.close()


def test_who_is_removed_leaves_nothing_but_the_audit(path: Path) -> None:
    store = Store(path)
    fill(store)
    store.people.put(Account("Dad"))
    store.people.remove("Dad")
    assert store.people.proposals(NOW) == (), "what Dad proposed is gone with him"
    store.people.remove("Mum")
    assert look(path, "SELECT name FROM guardians") == [("Oma",)]
    assert look(path, "SELECT * FROM sessions") == []
    store.close()


def test_what_a_later_version_wrote_gives_no_rights(path: Path) -> None:
    store = Store(path)
    fill(store)
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE guardians SET role = 'sovereign' WHERE name = 'Mum'")
        connection.execute("UPDATE announcements SET told = 'else'")
        connection.commit()
    store = Store(path)
    assert store.people.accounts()["Mum"].role is PersonRole.SUPPORT
    assert store.people.announced == []
    store.close()
