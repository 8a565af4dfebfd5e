"""Opens the database on a full disk or a read-only file system, so that the stored state can be read.

Imported only in that case.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from gateway.store.migrations import MIGRATIONS, migrate, version


def read_only(path: Path) -> sqlite3.Connection:
    """Return a connection that reads the database at ``path``, for a disk that cannot be written.

    If the file is missing or empty, the database is an empty one in memory. A database with a
    write-ahead log, or one that needs a migration, is copied to memory: a connection that shares
    the log's index with others of this process would make theirs read-only too. Raises
    sqlite3.DatabaseError or OSError if the file cannot be read.
    """
    if not path.exists() or not path.stat().st_size:
        return empty()
    if not _has_log(path):
        connection = _connected(path, "mode=ro&immutable=1")
        return connection if version(connection) >= len(MIGRATIONS) else _migrated(_copied(connection))
    try:
        connection = _connected(path, "mode=ro")
    except sqlite3.DatabaseError:
        # Without an index of the log, and without room for one, only an exclusive lock can read it.
        connection = _connected(path, "mode=rw", "PRAGMA locking_mode = EXCLUSIVE")
    return _migrated(_copied(connection))


def empty() -> sqlite3.Connection:
    """Return a connection to a new database in memory, with all tables and without rows."""
    return _migrated(sqlite3.connect(":memory:", isolation_level=None))


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _connected(path: Path, options: str, *pragmas: str) -> sqlite3.Connection:
    """Open the database with the URI ``options``, run ``pragmas`` and a first read; return the connection.

    Raises sqlite3.DatabaseError if any of these fails.
    """
    connection = sqlite3.connect(f"file:{quote(str(path))}?{options}", uri=True, isolation_level=None)
    try:
        for pragma in (*pragmas, "PRAGMA trusted_schema = OFF"):
            connection.execute(pragma).fetchall()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _copied(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return a connection to a copy of the database in memory, and close ``connection``, also on an error."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.backup(memory)
    except BaseException:
        memory.close()
        raise
    finally:
        connection.close()
    return memory


def _migrated(memory: sqlite3.Connection) -> sqlite3.Connection:
    if version(memory) < len(MIGRATIONS):
        migrate(memory)
    return memory
