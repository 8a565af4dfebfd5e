"""Writes critical state immediately. If the disk fails, keeps it in memory and retries.

A full disk or a damaged file never ends a pause: the state in memory applies. As soon as the disk can be
written again, one transaction writes the whole state.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from gateway.store.database import Database, Statement, StoreError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AUDIT_LIMIT = 500  # audit lines that wait for the disk; the oldest are dropped and counted
ERASURES_LIMIT = 500  # erasures that wait for the disk; one statement each
SAME_WITHIN = 60  # seconds within which a repeated audit line only raises the count of the stored one

# The first statement counts a repeated line, the second adds any other. Both get the line and SAME_WITHIN.
_REPEAT_AUDIT = (
    "UPDATE audit SET at = ?1, count = count + 1 WHERE rowid = (SELECT max(rowid) FROM audit "
    "WHERE who = ?2 AND what = ?3 AND detail = ?4 AND origin = ?5 AND at BETWEEN ?1 - ?6 AND ?1)"
)
_ADD_AUDIT = (
    "INSERT INTO audit (at, who, what, detail, origin) "
    "SELECT ?1, ?2, ?3, ?4, ?5 WHERE changes() = 0 AND ?6 IS NOT NULL"
)

log = logging.getLogger(__name__)

Snapshot = Callable[[], list[Statement]]


class NewAuditLine(NamedTuple):
    """A new line for the audit log. Its fields are those of `tables.audit.AuditLine`."""

    at: int  # Unix time
    who: str
    what: str
    detail: str
    origin: str


class DurableWriter:
    """Writes SQL statements to disk immediately; after a failure, it rewrites all tables from memory.

    Each table registers with ``add`` a function that returns the statements for all of its rows.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._snapshots: list[Snapshot] = []
        self._audit: deque[NewAuditLine] = deque(maxlen=AUDIT_LIMIT)
        self._erasures: deque[Statement] = deque(maxlen=ERASURES_LIMIT)
        self._opened = database.opened
        self._pending: list[Statement] | None = None
        self.behind = False  # memory has state that is not on the disk
        self.audit_lost = 0

    def add(self, snapshot: Snapshot) -> None:
        self._snapshots.append(snapshot)

    def save(self, *statements: Statement, audit: NewAuditLine | None = None) -> None:
        """Write statements and an audit line to the disk now. In a `transaction`, its end writes them.

        If the disk fails, nothing is raised: `catch_up` writes all tables later. The caller has
        already changed its state in memory.
        """
        if audit is not None:
            self.audit_lost += len(self._audit) == AUDIT_LIMIT
            self._audit.append(audit)
        if self._pending is not None:
            self._pending += statements
        elif self.behind or self._opened != self._database.opened:
            self.catch_up()
        else:
            self._try(list(statements))

    def erase(self, *statements: Statement) -> None:
        """Run statements that erase stored data that is not in memory: now, or once the disk can be written.

        The rewrite of all tables after a failure would not repeat them. At most ERASURES_LIMIT wait;
        beyond that, the oldest ones are dropped.
        """
        self._erasures += statements
        self.save()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Return a context manager that collects all ``save`` calls inside into one database transaction.

        May be nested: the end of the outermost one writes the statements, also after an exception.
        """
        if self._pending is not None:
            yield
            return
        statements: list[Statement] = []
        self._pending = statements
        try:
            yield
        finally:
            self._pending = None
            if statements or self._erasures or self._audit:
                self.save(*statements)

    def catch_up(self) -> None:
        """Write all rows of all tables, if an earlier write failed or the file was replaced or opened again.

        Otherwise do nothing. A failure is logged, not raised.
        """
        if not self.behind and self._opened == self._database.opened:
            return
        self._try([statement for snapshot in self._snapshots for statement in snapshot()])

    def _try(self, statements: list[Statement]) -> None:
        try:
            self._database.write([*statements, *self._erasures, *self._audit_statements()], durable=True)
        except StoreError as error:
            if not self.behind:
                log.error("%s. The change applies; it is written as soon as possible", error)
            self.behind = True
            return
        if self.behind:
            log.warning("%s: writable again; nothing was lost", self._database.path)
        self.behind = False
        self._opened = self._database.opened
        self._erasures.clear()
        self._audit.clear()

    def _audit_statements(self) -> Iterator[Statement]:
        for line in self._audit:
            row = (*line, SAME_WITHIN)
            yield Statement(_REPEAT_AUDIT, [row])
            yield Statement(_ADD_AUDIT, [row])


def table_snapshot(table: str, columns: str, rows: list[tuple[object, ...]]) -> list[Statement]:
    """Return the statements that replace all rows of ``table``. ``columns``: names, separated by commas."""
    marks = ", ".join("?" for _ in columns.split(","))
    return [
        Statement(f"DELETE FROM {table}"),
        Statement(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows),
    ]


def audit_line(at: datetime, who: str, what: str, detail: str, origin: str) -> NewAuditLine:
    return NewAuditLine(unix(at), who, what, detail, origin)


def in_utc(at: datetime) -> datetime:
    """Return a time as it is read back from the disk: whole seconds, in UTC."""
    return at.astimezone(UTC).replace(microsecond=0)


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


def unix_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else unix(moment)


def moment(seconds: int) -> datetime:
    """Return the time in UTC of a stored number of Unix seconds.

    Raises OverflowError for a number that damage has made too large.
    """
    return EPOCH + timedelta(seconds=seconds)


def moment_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else moment(seconds)
