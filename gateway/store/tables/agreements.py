"""What families have agreed on: who, when, and a digest. On the disk before it is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.policy.accounts.agreement import Agreement, Confirmation, Side
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import (
    Keeper,
    audit_line,
    moment,
    moment_or_none,
    table_snapshot,
    unix,
    unix_or_none,
)

COLUMNS = "profile, digest, by, at, asked, side, asker, since"
_PUT = f"INSERT OR REPLACE INTO agreements ({COLUMNS}) VALUES ({', '.join('?' * 8)})"
PROFILES = 64  # as many as there may be


class Agreements:
    """By a profile's id."""

    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
        rows = database.rows(f"SELECT {COLUMNS} FROM agreements ORDER BY at, since")
        self._agreements = {one.profile: one for one in map(_read, rows)}

    def of(self, profile: str) -> Agreement:
        return self._agreements.get(profile) or Agreement(profile)

    def put(self, one: Agreement, *, by: str, at: datetime, origin: str = "") -> None:
        self._agreements.pop(one.profile, None)
        self._agreements[one.profile] = one
        audit = audit_line(at, by, "agree", one.profile, origin)
        self._keeper.save(Statement(_PUT, [_row(one)]), audit=audit)
        for gone in list(self._agreements)[:-PROFILES]:  # of profiles that are gone: the oldest
            self._drop(gone)

    def end(self, profile: str, *, by: str, at: datetime, origin: str = "") -> None:
        self._drop(profile, audit_line(at, by, "agree end", profile, origin))

    def forget(self, profile: str) -> None:
        """Without a word in the audit: nobody took it back."""
        self._drop(profile)

    def _drop(self, profile: str, audit: Statement | None = None) -> None:
        if self._agreements.pop(profile, None) is not None:
            self._keeper.save(
                Statement("DELETE FROM agreements WHERE profile = ?", [(profile,)]), audit=audit
            )

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("agreements", COLUMNS, [_row(one) for one in self._agreements.values()])


def _row(one: Agreement) -> tuple[object, ...]:
    yes = one.waits
    asked = ("", "", "", None) if yes is None else (yes.digest, yes.side.value, yes.by, unix(yes.at))
    return one.profile, one.digest, one.by, unix_or_none(one.at), *asked


def _read(row: tuple[Any, ...]) -> Agreement:
    profile, digest, by, at, asked, side, asker, since = row
    waits = Confirmation(asked, Side(side), asker, moment(since)) if asked else None
    return Agreement(profile, digest, by, moment_or_none(at), waits)
