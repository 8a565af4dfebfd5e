"""The audit log: who changed what, when, and from where."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, audit_line, moment

# Audit verbs whose detail has a device or a site before the profile.
PROFILE_LAST = (
    "(what LIKE 'device %' OR what IN "
    "('assign', 'identify', 'use', 'leave', 'hand over', 'take back', 'list_report'))"
)


class RecordAudit(Protocol):
    """Adds a line to the audit log: ``AuditTable.record``, as features receive it."""

    def __call__(self, what: str, detail: str, *, by: str, at: datetime, origin: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class AuditLine:
    at: datetime  # the last time, if it was repeated
    who: str  # a guardian's or child's name, "console", the provider, or the program
    what: str  # the verb: pause, resume, grant, off, …
    detail: str
    origin: str  # the address or terminal it came from; empty when unknown
    count: int = 1  # how often it was done, each within a minute of the one before


class ReadAudit(Protocol):
    """Returns lines of the audit log, newest first: ``AuditTable.lines``, as features receive it."""

    def __call__(self, limit: int = 100, *, who: str | None = None, skip: int = 0) -> list[AuditLine]: ...


class AuditTable:
    """Reads the audit log, and adds the lines of changes that other code stores.

    A table that stores a change itself writes its line in the same transaction.
    """

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._database = database
        self._writer = writer

    def record(self, what: str, detail: str, *, by: str, at: datetime, origin: str = "") -> None:
        """Add a line for a change that other code stores, such as an edited rule."""
        self._writer.save(audit=audit_line(at, by, what, detail, origin))

    def blank(self, profile: str, macs: Collection[str] = ()) -> None:
        """Replace the details of lines about a profile or its devices by the profile's id.

        Author, verb, time and origin stay. ``macs``: the MAC addresses of the devices. Lines about
        age transitions stay as they are, since they only have an age group.
        """
        about = (f"{profile}:*", f"{profile} *", f"[0-9]* {profile}:*")
        where = "what NOT LIKE 'step%' AND (detail GLOB ? OR detail GLOB ? OR detail GLOB ?)"
        last = (f"* {profile}", f"* {profile} *")
        self._writer.erase(
            Statement(f"UPDATE audit SET detail = ? WHERE {where}", [(profile, *about)]),
            Statement(
                f"UPDATE audit SET detail = ? WHERE {PROFILE_LAST} AND (detail GLOB ? OR detail GLOB ?)",
                [(profile, *last)],
            ),
            Statement(
                "UPDATE audit SET detail = ? WHERE detail = ? OR detail GLOB ?",
                [(profile, mac, f"{mac} *") for mac in macs],
            ),
        )

    def lines(self, limit: int = 100, *, who: str | None = None, skip: int = 0) -> list[AuditLine]:
        """Return at most ``limit`` lines, newest first, without the first ``skip`` of them.

        ``who``: only the lines of this author; None: of all. Lines that wait for the disk are
        missing. Raises StoreError.
        """
        rows = self._database.rows(
            "SELECT at, who, what, detail, origin, count FROM audit WHERE ? IN (who, '') "
            "ORDER BY at DESC, rowid DESC LIMIT ? OFFSET ?",
            (who or "", limit, skip),
        )
        return [AuditLine(moment(at), *rest) for at, *rest in rows]

    def authors(self, limit: int) -> list[str]:
        """Return at most ``limit`` names of those who made changes, sorted. Raises StoreError."""
        return [
            who
            for (who,) in self._database.rows("SELECT DISTINCT who FROM audit ORDER BY who LIMIT ?", (limit,))
        ]
