"""Accounts, sessions, announcements, proposals and tokens: a few rows, all written at each change."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from gateway.core.bus import Bus
from gateway.policy.accounts.passkeys import Passkey
from gateway.policy.accounts.people import (
    Account,
    AccountRegister,
    Announcement,
    AnnouncementKind,
    PersonRole,
    ProposedRole,
    Session,
)
from gateway.policy.accounts.tokens import Token
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, moment, table_snapshot, unix

ACCOUNTS = "name, role, secret, minutes, recovery, came, totp, totp_step, backup_codes, passkeys"
SESSIONS = "key, name, device, since, until, sure, browser, confirmed"
ANNOUNCED = "told, name, device, at, until, sure"
PROPOSALS = "name, role, minutes, by, at"
TOKENS = "key, name, label, role, since, used, until, sure"


@dataclass(frozen=True, slots=True)
class AccountsChanged:
    """Event: an account, a session, an announcement, a proposal or a token was added, changed or removed."""


class AccountTable(AccountRegister):
    def __init__(self, database: Database, writer: DurableWriter, bus: Bus) -> None:
        self._writer = writer
        self._bus = bus
        super().__init__(
            (
                Account(
                    *(name, _role(role), secret, minutes, recovery, bool(came)),
                    *(totp, step, tuple(codes.split()), _passkeys(passkeys)),
                )
                for name, role, secret, minutes, recovery, came, totp, step, codes, passkeys in database.rows(
                    f"SELECT {ACCOUNTS} FROM guardians"
                )
            ),
            (
                Session(
                    key,
                    name,
                    device,
                    moment(since),
                    moment(until),
                    bool(clock_trusted),
                    browser,
                    bool(confirmed),
                )
                for key, name, device, since, until, clock_trusted, browser, confirmed in database.rows(
                    f"SELECT {SESSIONS} FROM sessions"
                )
            ),
            (
                Announcement(
                    AnnouncementKind(kind), name, device, moment(at), moment(until), bool(clock_trusted)
                )
                for kind, name, device, at, until, clock_trusted in database.rows(
                    f"SELECT {ANNOUNCED} FROM announcements ORDER BY rowid"
                )
                if kind in set(AnnouncementKind)
            ),
            (
                ProposedRole(name, role, minutes, by, moment(at))
                for name, role, minutes, by, at in database.rows(f"SELECT {PROPOSALS} FROM proposals")
            ),
            self._write,
            (
                Token(
                    key, name, label, role, moment(since), _moment(used), _moment(until), bool(clock_trusted)
                )
                for key, name, label, role, since, used, until, clock_trusted in database.rows(
                    f"SELECT {TOKENS} FROM tokens ORDER BY rowid"
                )
            ),
        )
        writer.add(self._snapshot)

    def flush(self) -> None:
        """Write all accounts, sessions and tokens, if the last use of one changed since the last write."""
        if self.stale or self.tokens.stale:
            self._write()

    def _write(self) -> None:
        self.stale = self.tokens.stale = False
        self._writer.save(*self._snapshot())
        self._bus.publish(AccountsChanged())

    def _snapshot(self) -> list[Statement]:
        return [
            *table_snapshot(
                "guardians",
                ACCOUNTS,
                [
                    (
                        account.name,
                        account.role.value,
                        account.secret,
                        account.minutes,
                        account.recovery,
                        int(account.came),
                        account.totp,
                        account.totp_step,
                        " ".join(account.backup_codes),
                        _passkey_text(account.passkeys),
                    )
                    for account in self.accounts().values()
                ],
            ),
            *table_snapshot(
                "sessions",
                SESSIONS,
                [
                    (
                        session.key,
                        session.name,
                        session.device,
                        unix(session.since),
                        unix(session.until),
                        int(session.clock_trusted),
                        session.browser,
                        int(session.confirmed),
                    )
                    for session in self.sessions()
                ],
            ),
            *table_snapshot(
                "announcements",
                ANNOUNCED,
                [
                    (
                        announced.kind.value,
                        announced.name,
                        announced.device,
                        unix(announced.at),
                        unix(announced.until),
                        int(announced.clock_trusted),
                    )
                    for announced in self.announced
                ],
            ),
            *table_snapshot(
                "proposals",
                PROPOSALS,
                [
                    (proposal.name, proposal.role, proposal.minutes, proposal.by, unix(proposal.at))
                    for proposal in self.all_proposals()
                ],
            ),
            *table_snapshot("tokens", TOKENS, [_row(token) for token in self.tokens.all()]),
        ]


def _role(text: str) -> PersonRole:
    """Return the role with this name; for an unknown role of a later version, the one with least rights."""
    return PersonRole(text) if text in set(PersonRole) else PersonRole.SUPPORT


def _passkey_text(passkeys: tuple[Passkey, ...]) -> str:
    rows = (
        asdict(passkey) | {"since": unix(passkey.since), "used": passkey.used and unix(passkey.used)}
        for passkey in passkeys
    )
    return json.dumps(list(rows)) if passkeys else ""


def _passkeys(text: str) -> tuple[Passkey, ...]:
    """Return the passkeys in the text of ``_passkey_text``."""
    if not text:
        return ()
    return tuple(
        Passkey(**row | {"since": moment(row["since"]), "used": _moment(row["used"])})
        for row in json.loads(text)
    )


def _moment(at: int | None) -> datetime | None:
    return None if at is None else moment(at)


def _row(token: Token) -> tuple[object, ...]:
    ends = [None if at is None else unix(at) for at in (token.used, token.until)]
    return (
        token.key,
        token.name,
        token.label,
        token.role,
        unix(token.since),
        *ends,
        int(token.clock_trusted),
    )
