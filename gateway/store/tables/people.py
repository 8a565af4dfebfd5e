"""Accounts, sessions, announcements and proposals on the disk: a few rows, written whole at each change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.core.bus import Bus
from gateway.policy.accounts.people import (
    Account,
    AccountRegister,
    Announcement,
    AnnouncementKind,
    PersonRole,
    Proposal,
    Session,
)
from gateway.policy.accounts.tokens import Token
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import Keeper, moment, table_snapshot, unix

ACCOUNTS = "name, role, secret, minutes, recovery, came"
SESSIONS = "key, name, device, since, until, sure"
ANNOUNCED = "told, name, device, at, until, sure"
PROPOSALS = "name, role, minutes, by, at"
TOKENS = "key, name, label, role, since, used, until, sure"


@dataclass(frozen=True, slots=True)
class AccountsChanged:
    """An account, a session, an announcement, a proposal or a token was written."""


class People(AccountRegister):
    def __init__(self, database: Database, keeper: Keeper, bus: Bus) -> None:
        self._keeper = keeper
        self._bus = bus
        super().__init__(
            (
                Account(name, _role(role), secret, minutes, recovery, bool(came))
                for name, role, secret, minutes, recovery, came in database.rows(
                    f"SELECT {ACCOUNTS} FROM guardians"
                )
            ),
            (
                Session(key, name, device, moment(since), moment(until), bool(sure))
                for key, name, device, since, until, sure in database.rows(f"SELECT {SESSIONS} FROM sessions")
            ),
            (
                Announcement(AnnouncementKind(kind), name, device, moment(at), moment(until), bool(sure))
                for kind, name, device, at, until, sure in database.rows(
                    f"SELECT {ANNOUNCED} FROM announcements ORDER BY rowid"
                )
                if kind in set(AnnouncementKind)
            ),
            (
                Proposal(name, role, minutes, by, moment(at))
                for name, role, minutes, by, at in database.rows(f"SELECT {PROPOSALS} FROM proposals")
            ),
            self._write,
            (
                Token(key, name, label, role, moment(since), _moment(used), _moment(until), bool(sure))
                for key, name, label, role, since, used, until, sure in database.rows(
                    f"SELECT {TOKENS} FROM tokens ORDER BY rowid"
                )
            ),
        )
        keeper.add(self._snapshot)

    def flush(self) -> None:
        """That a session or token was used is not worth a write each time."""
        if self.stale or self.tokens.stale:
            self._write()

    def _write(self) -> None:
        self.stale = self.tokens.stale = False
        self._keeper.save(*self._snapshot())
        self._bus.publish(AccountsChanged())

    def _snapshot(self) -> list[Statement]:
        return [
            *table_snapshot(
                "guardians",
                ACCOUNTS,
                [
                    (one.name, one.role.value, one.secret, one.minutes, one.recovery, int(one.came))
                    for one in self.guardians().values()
                ],
            ),
            *table_snapshot(
                "sessions",
                SESSIONS,
                [
                    (one.key, one.name, one.device, unix(one.since), unix(one.until), int(one.sure))
                    for one in self.sessions()
                ],
            ),
            *table_snapshot(
                "announcements",
                ANNOUNCED,
                [
                    (one.kind.value, one.name, one.device, unix(one.at), unix(one.until), int(one.sure))
                    for one in self.announced
                ],
            ),
            *table_snapshot(
                "proposals",
                PROPOSALS,
                [(one.name, one.role, one.minutes, one.by, unix(one.at)) for one in self.all_proposals()],
            ),
            *table_snapshot("tokens", TOKENS, [_row(one) for one in self.tokens.all()]),
        ]


def _role(text: str) -> PersonRole:
    """One that a later version wrote has the least rights here."""
    return PersonRole(text) if text in set(PersonRole) else PersonRole.SUPPORT


def _moment(at: int | None) -> datetime | None:
    return None if at is None else moment(at)


def _row(one: Token) -> tuple[object, ...]:
    ends = [None if at is None else unix(at) for at in (one.used, one.until)]
    return (one.key, one.name, one.label, one.role, unix(one.since), *ends, int(one.sure))
