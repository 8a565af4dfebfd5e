"""The database file: opens it, writes in transactions, and replaces it when it is damaged."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from gateway.core.errors import GatewayError
from gateway.core.files import UNWRITABLE
from gateway.store.migrations import MIGRATIONS, STATE_TABLES, is_newer, migrate, needed

CACHE_KIB = 512  # SQLite's page cache; its default of 2 MB is too much for a router
CHECKPOINT_PAGES = 256  # 1 MiB of write-ahead log, then a checkpoint
VACUUM_PAGES = 256  # pages freed in one call, to keep it short
REOPEN = 5.0  # seconds between two tries to open the file for writing
TIDY_AGAIN = 60.0  # seconds between two tries to empty the log; each can take BUSY_MS
BUSY_MS = 250  # longest wait of the event loop for another process that uses the file
SIDE_FILES = ("-wal", "-shm")  # files of SQLite in WAL mode
NOT_UTF8 = "Could not decode to UTF-8"  # begins the message of sqlite3's own error, which has no code
UNREADABLE = "\ufffd"  # in a text that is not UTF-8

log = logging.getLogger(__name__)


class Trouble(Enum):
    """Why the database file cannot be opened, read or written."""

    FULL = "the disk is full"
    READ_ONLY = "the disk is read-only"
    BROKEN = "the file is damaged"
    NEWER = "a newer Qalqan has written it"
    OTHER = "it cannot be written"


class StoreError(GatewayError):
    """Raised when stored data cannot be read or written; ``trouble`` is the cause.

    Also when no number is free for a filtered device (slot) or a combination of its time rules
    (class).
    """

    def __init__(self, text: str, trouble: Trouble = Trouble.OTHER) -> None:
        super().__init__(text)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Statement:
    """An SQL statement and its rows of parameters: it is executed once for each row."""

    sql: str
    rows: Sequence[Sequence[Any]] = ((),)


class Database:
    """A connection to the SQLite file at ``path``. A damaged file is renamed and replaced by a new one.

    The new one has the state that can still be read. On a full disk or a read-only file system, it
    reads the file, or an empty database in memory if there is none. A file of a newer version stays
    as it is, and the database is an empty one in memory. Writes then raise StoreError until the
    file can be opened for writing. ``renewals`` counts the replacements after the file was opened.
    Raises StoreError if the file cannot be opened for another reason.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.renewals = 0
        self.opened = 1  # how many connections so far: a new one may lack earlier writes
        self.refused: StoreError | None = None  # why writes fail; None: the last one succeeded
        self._next_try: float | None = None  # when to open the file for writing; None: it is
        self._next_tidy: float | None = None  # when to repeat `tidy`; None: the last one emptied the log
        try:
            self._connection = _open(path)
        except IsADirectoryError:
            self._replace()
        except (sqlite3.DatabaseError, StoreError) as error:
            found = error if isinstance(error, StoreError) else _store_error(path, error)
            if found.trouble is Trouble.BROKEN:
                self._replace()
            else:
                self._read_only(found)

    def write(self, statements: Iterable[Statement], *, durable: bool) -> None:
        """Run all statements in one transaction. With ``durable``, they are on the disk before this returns.

        Raises StoreError. A damaged file has been replaced by then, so the next write may succeed.
        Raises sqlite3.IntegrityError if a row violates a constraint.
        """
        self.reopen()
        run = self._connection.execute
        try:
            run(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            run("BEGIN IMMEDIATE")
            try:
                for statement in statements:
                    self._connection.executemany(statement.sql, statement.rows)
                run("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    run("ROLLBACK")
                raise
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            found = self._troubled(error)
            if found.trouble is not Trouble.BROKEN:
                self.refused = found
            raise found from error
        self.refused = None

    def reopen(self) -> None:
        """Try to open the file for writing, if it is open for reading only or a database in memory is used.

        Otherwise do nothing. A damaged file is replaced by a new one. Tries once in REOPEN seconds.
        Raises StoreError if that fails, and until the next try the last error again.
        """
        if self._next_try is None or self.refused is None:
            return
        if time.monotonic() < self._next_try:
            raise self.refused
        self._next_try = time.monotonic() + REOPEN
        try:
            fresh = _open(self.path)
        except (IsADirectoryError, sqlite3.DatabaseError) as error:
            self._refuse_or_replace(error)
            return
        except StoreError as error:
            self.refused = error
            raise
        self._connection.close()
        self._connection, self._next_try, self.refused = fresh, None, None
        self.opened += 1
        log.warning("%s: can be written again.", self.path)

    def _refuse_or_replace(self, error: OSError | sqlite3.DatabaseError) -> None:
        """Replace a file that ``error`` shows as damaged, or a folder in its place.

        Raises StoreError for any other ``error``, or if the new file cannot be written.
        """
        if isinstance(error, sqlite3.DatabaseError) and _trouble(error) is not Trouble.BROKEN:
            self.refused = _store_error(self.path, error)
            raise self.refused from error
        self._next_try, self.refused = None, None
        self.renew()
        if self.refused is not None:
            raise self.refused

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._troubled(error) from error

    def tidy(self) -> None:
        """Move the write-ahead log into the file and truncate the log; free up to VACUUM_PAGES unused pages.

        secure_delete overwrites deleted rows in the file. In the log they may remain until this
        call. If another process reads the file longer than BUSY_MS, they remain until `finish_tidy`
        succeeds; this is no error. Raises StoreError.
        """
        self.reopen()
        self._next_tidy = time.monotonic() + TIDY_AGAIN  # also after an error
        try:
            # Each step frees one page. `execute` of Python 3.11 runs only the first step.
            self._connection.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
        except sqlite3.DatabaseError as error:
            raise self._troubled(error) from error
        busy = self.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
        if not busy:
            self._next_tidy = None

    def finish_tidy(self) -> None:
        """Repeat a `tidy` that did not empty the write-ahead log, TIDY_AGAIN seconds after it.

        Otherwise do nothing. Raises StoreError.
        """
        if self._next_tidy is not None and time.monotonic() >= self._next_tidy:
            self.tidy()

    def _troubled(self, error: sqlite3.DatabaseError) -> StoreError:
        """Return the StoreError to raise for an SQLite error. If the file is damaged, replace it first.

        Raises StoreError if that fails.
        """
        trouble = _store_error(self.path, error)
        if trouble.trouble is Trouble.BROKEN:
            self.renew()
        return trouble

    def close(self) -> None:
        self._connection.close()

    def renew(self, *, salvage: bool = True) -> None:
        """Rename the file, as a damaged one, and continue with a new one.

        ``salvage``: copy the state, not the activity, that can still be read; otherwise the new one
        is empty. On a full or read-only disk, continue with an empty database in memory. Raises
        StoreError if the file cannot be replaced for another reason.
        """
        self._connection.close()
        self._replace(salvage=salvage)
        self.renewals += 1
        self.opened += 1

    def _replace(self, *, salvage: bool = True) -> None:
        try:
            self._connection = _replace(self.path, salvage=salvage)
        except StoreError as error:
            self._read_only(error, damaged=True)
        except sqlite3.DatabaseError as error:
            self._read_only(_store_error(self.path, error), damaged=True)

    def _read_only(self, refused: StoreError, *, damaged: bool = False) -> None:
        """Read the file until it can be written, or an empty database if it is ``damaged`` or newer.

        A file in which this finds damage is treated as ``damaged``. Raises ``refused`` unless its
        cause is a full or read-only disk or a newer file, or if the file cannot be read either.
        """
        if refused.trouble not in (Trouble.FULL, Trouble.READ_ONLY, Trouble.NEWER):
            raise refused
        from gateway.store.unwritable import empty, read_only

        in_memory = damaged or refused.trouble is Trouble.NEWER
        try:
            self._connection = empty() if in_memory else read_only(self.path)
        except sqlite3.DatabaseError as error:
            if _trouble(error) is not Trouble.BROKEN:
                raise refused from None
            self._connection = empty()
        except OSError:
            raise refused from None
        log.error("%s. Changes are stored as soon as the file can be written.", refused)
        self.refused, self._next_try = refused, time.monotonic() + REOPEN


def broken_copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.broken-*"))


def remove_broken_copies(path: Path, before: datetime | None = None) -> None:
    """Delete the renamed copies of damaged database files, because they contain names of visited sites.

    ``path``: the database's file. ``before``: delete only copies last modified before this time.
    Raises StoreError.
    """
    try:
        for copy in broken_copies(path):
            if copy.is_dir():  # it was in the database's place, and has no names in it
                continue
            if before is None or copy.stat().st_mtime < before.timestamp():
                copy.unlink(missing_ok=True)
    except OSError as error:
        msg = f"{path}: a damaged copy cannot be deleted ({error.strerror})"
        raise StoreError(msg) from error


def _open(path: Path) -> sqlite3.Connection:
    """Return a connection for writing. A new file is created, and an older one is migrated.

    Raises StoreError, sqlite3.DatabaseError or IsADirectoryError.
    """
    if is_newer(path):
        raise _newer(path)
    unclean = path.with_name(path.name + "-wal").exists()
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except IsADirectoryError:
        raise
    except OSError as error:
        if error.errno in UNWRITABLE:
            raise _unwritable(path, error.errno) from error
        msg = f"{path}: {error.strerror}; check the state directory and that you are root"
        raise StoreError(msg) from error
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_MS / 1000)
    try:
        for pragma in (
            "auto_vacuum = INCREMENTAL",
            "journal_mode = WAL",
            "secure_delete = ON",
            f"cache_size = -{CACHE_KIB}",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            "temp_store = MEMORY",
            "trusted_schema = OFF",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        if needed(connection) > len(MIGRATIONS):
            raise _newer(path)
        migrate(connection)
        # The check reads the whole file, which is slow on flash: run it only after an unclean shutdown.
        if unclean and (found := _quick_check(connection)) != "ok":
            raise _broken(found)
    except BaseException:
        connection.close()
        raise
    return connection


def _quick_check(connection: sqlite3.Connection) -> str:
    """Return SQLite's first finding about the file, or "ok". A finding may quote bytes that are not UTF-8."""
    connection.text_factory = _lenient_text
    try:
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    finally:
        connection.text_factory = str


def _lenient_text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _broken(text: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(text)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _replace(path: Path, *, salvage: bool = True) -> sqlite3.Connection:
    """Rename the damaged file, and return a connection to a new one with the state that can be read.

    ``salvage`` False: an empty one. Raises StoreError, or sqlite3.DatabaseError.
    """
    aside = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%dT%H%M%S')}")
    try:
        path.replace(aside)
        for end in SIDE_FILES:
            side = path.with_name(path.name + end)
            if side.exists():
                side.replace(aside.with_name(aside.name + end))
    except OSError as error:
        if error.errno in UNWRITABLE:
            raise _unwritable(path, error.errno) from error
        msg = f"{path}: is damaged and cannot be renamed ({error.strerror}); move it away"
        raise StoreError(msg, Trouble.BROKEN) from error
    fresh = _open(path)
    saved = _salvage(aside, fresh) if salvage and aside.is_file() else {}
    kept = ", ".join(f"{count} {table}" for table, count in saved.items() if count) or "nothing"
    log.error("%s: damaged. Renamed to %s; the new file has from it: %s", path, aside.name, kept)
    return fresh


def _salvage(aside: Path, fresh: sqlite3.Connection) -> dict[str, int]:
    """Copy the tables of state, not those of activity, from the damaged file ``aside`` to ``fresh``.

    Return the row count of each. Each table is read from both ends, because reading stops at the
    first damaged row.
    """
    saved = dict.fromkeys(STATE_TABLES, 0)
    old = sqlite3.connect(aside, isolation_level=None)
    old.text_factory = _lenient_text
    try:
        for table in STATE_TABLES:
            for order in ("ASC", "DESC"):
                fresh.execute("BEGIN IMMEDIATE")
                saved[table] += _copy_rows(old, fresh, table, order)
                fresh.execute("COMMIT")
    except sqlite3.OperationalError as error:
        log.error("%s: the remaining rows could not be copied: %s", aside, error)
        if fresh.in_transaction:
            fresh.execute("ROLLBACK")
    finally:
        old.close()
    return saved


def _copy_rows(old: sqlite3.Connection, fresh: sqlite3.Connection, table: str, order: str) -> int:
    """Copy rows of a table in rowid ``order`` (ASC, DESC) up to the first unreadable one. Return how many.

    Rows with a text that is not UTF-8, and those that ``fresh`` has already, are skipped. An error
    of writing also ends the copy.
    """
    copied = 0
    try:
        names = ["rowid"] + [name for name in _columns(fresh, table) if name in set(_columns(old, table))]
        insert = f"INSERT OR IGNORE INTO {table} ({_listed(names)}) VALUES ({', '.join('?' * len(names))})"
        for row in old.execute(f"SELECT {_listed(names)} FROM {table} ORDER BY rowid {order}"):
            if not any(isinstance(value, str) and UNREADABLE in value for value in row):
                copied += fresh.execute(insert, row).rowcount
    except sqlite3.DatabaseError:
        return copied
    return copied


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _trouble(error: sqlite3.DatabaseError) -> Trouble:
    # The low byte is the primary code: https://www.sqlite.org/rescode.html
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or str(error).startswith(NOT_UTF8):
        return Trouble.BROKEN
    if code == sqlite3.SQLITE_FULL or extended == sqlite3.SQLITE_IOERR_SHMSIZE:
        return Trouble.FULL
    return Trouble.READ_ONLY if code == sqlite3.SQLITE_READONLY else Trouble.OTHER


def _store_error(path: Path, error: sqlite3.DatabaseError) -> StoreError:
    trouble = _trouble(error)
    if trouble in (Trouble.FULL, Trouble.READ_ONLY):
        return _unwritable(path, trouble)
    return StoreError(f"{path}: {error}; check the disk and the permissions of the file", trouble)


def _newer(path: Path) -> StoreError:
    fix = "install that version again, or move the file away"
    return StoreError(f"{path}: {Trouble.NEWER.value}; {fix}", Trouble.NEWER)


def _unwritable(path: Path, cause: Trouble | int | None) -> StoreError:
    """Return the error for a disk that cannot be written. ``cause``: a Trouble, or an OSError's number."""
    if not isinstance(cause, Trouble):
        cause = Trouble.READ_ONLY if cause == errno.EROFS else Trouble.FULL
    fix = "free some space" if cause is Trouble.FULL else "check the disk, and mount it for writing"
    return StoreError(f"{path}: {cause.value}; {fix}", cause)
