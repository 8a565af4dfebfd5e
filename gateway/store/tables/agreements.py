"""Agreements of children and guardians on the child's rules: by whom, when, and a digest of the rules.

They are written to disk before they are shown.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.policy.accounts.agreement import Agreement, Confirmation, Side
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import (
    DurableWriter,
    NewAuditLine,
    audit_line,
    moment,
    moment_or_none,
    table_snapshot,
    unix,
    unix_or_none,
)

COLUMNS = "profile, digest, by, at, asked, side, asker, since"
_PUT = f"INSERT OR REPLACE INTO agreements ({COLUMNS}) VALUES ({', '.join('?' * 8)})"
PROFILES = 64  # as many as there can be profiles


class AgreementTable:
    """Stores the agreement of child and guardians on each child's rules, by profile id."""

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        rows = database.rows(f"SELECT {COLUMNS} FROM agreements ORDER BY at, since")
        self._agreements = {agreement.profile: agreement for agreement in map(_read, rows)}

    def of(self, profile: str) -> Agreement:
        return self._agreements.get(profile) or Agreement(profile)

    def put(self, agreement: Agreement, *, by: str, at: datetime, origin: str = "") -> None:
        self._agreements.pop(agreement.profile, None)
        self._agreements[agreement.profile] = agreement
        audit = audit_line(at, by, "agree", agreement.profile, origin)
        self._writer.save(Statement(_PUT, [_row(agreement)]), audit=audit)
        for gone in list(self._agreements)[:-PROFILES]:  # drop the oldest, of deleted profiles
            self._drop(gone)

    def end(self, profile: str, *, by: str, at: datetime, origin: str = "") -> None:
        self._drop(profile, audit_line(at, by, "agree end", profile, origin))

    def forget(self, profile: str) -> None:
        """Delete the agreement of a profile without an audit line."""
        self._drop(profile)

    def _drop(self, profile: str, audit: NewAuditLine | None = None) -> None:
        if self._agreements.pop(profile, None) is not None:
            self._writer.save(
                Statement("DELETE FROM agreements WHERE profile = ?", [(profile,)]), audit=audit
            )

    def _snapshot(self) -> list[Statement]:
        return table_snapshot(
            "agreements", COLUMNS, [_row(agreement) for agreement in self._agreements.values()]
        )


def _row(agreement: Agreement) -> tuple[object, ...]:
    yes = agreement.waits
    asked = ("", "", "", None) if yes is None else (yes.digest, yes.side.value, yes.by, unix(yes.at))
    return agreement.profile, agreement.digest, agreement.by, unix_or_none(agreement.at), *asked


def _read(row: tuple[Any, ...]) -> Agreement:
    profile, digest, by, at, asked, side, asker, since = row
    waits = Confirmation(asked, Side(side), asker, moment(since)) if asked else None
    return Agreement(profile, digest, by, moment_or_none(at), waits)
