"""Creates tables for migrations where sqlite_utils is not installed, as on OpenWrt.

It has the methods of sqlite_utils that `gateway.store.migrations` calls, and makes the same tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

_TYPES = {str: "TEXT", int: "INTEGER"}


class PlainDatabase:
    """A database whose tables are reached by name: ``db["pauses"]``, in place of sqlite_utils' Database.

    Only for migrations; it has only the methods that these call.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getitem__(self, name: str) -> PlainTable:
        return PlainTable(self._connection, name)

    def execute(self, statement: str) -> sqlite3.Cursor:
        return self._connection.execute(statement)


class PlainTable:
    """One SQLite table that a migration creates, changes or drops. It may not exist yet."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def create(
        self, columns: Mapping[str, type], *, pk: str | Iterable[str] = (), strict: bool = False
    ) -> None:
        """Create the table. It must not exist.

        ``pk``: the column or columns of the primary key. ``strict``: SQLite checks the types
        (STRICT).
        """
        keys = (pk,) if isinstance(pk, str) else tuple(pk)
        lines = [_column(name, kind, of_key=keys == (name,)) for name, kind in columns.items()]
        if len(keys) > 1:
            lines.append(f"PRIMARY KEY ({_names(keys)})")
        ending = " STRICT" if strict else ""
        self._connection.execute(f"CREATE TABLE {_names([self._name])} ({', '.join(lines)}){ending}")

    def create_index(self, columns: Iterable[str]) -> None:
        listed = tuple(columns)
        name = "_".join(("idx", self._name, *listed))
        table = _names([self._name])
        self._connection.execute(f"CREATE INDEX {_names([name])} ON {table} ({_names(listed)})")

    def add_column(self, name: str, kind: type, *, not_null_default: str | int | None = None) -> None:
        """Add a column to the table. ``not_null_default``: the value of existing rows and the default.

        Without it the column may be null. ``kind``: str or int.
        """
        default = ""
        if not_null_default is not None:
            text = str(not_null_default)
            if isinstance(not_null_default, str):
                text = "'" + text.replace("'", "''") + "'"
            default = f" NOT NULL DEFAULT {text}"
        column = _column(name, kind)
        self._connection.execute(f"ALTER TABLE {_names([self._name])} ADD COLUMN {column}{default}")

    def drop(self) -> None:
        self._connection.execute(f"DROP TABLE {_names([self._name])}")


def _column(name: str, kind: type, *, of_key: bool = False) -> str:
    return f"{_names([name])} {_TYPES[kind]}{' PRIMARY KEY' if of_key else ''}"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
