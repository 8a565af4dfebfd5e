"""The times of actions that are limited per day ("attempts"), such as a child's requests and PIN changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from gateway.policy.time.clock_changes import Jump
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, moment, table_snapshot, unix

_COLUMNS = "kind, key, at"
KEYS_LIMIT = 512  # of all kinds; the one with the oldest last attempt is dropped first
_PUT = f"INSERT INTO attempts ({_COLUMNS}) VALUES (?, ?, ?)"
_DROP = "DELETE FROM attempts WHERE kind = ? AND key = ?"


class AttemptTable:
    """Stores the times of actions that are limited per day ("attempts"), by kind and key.

    Kinds are requests, PIN changes, wrong PINs and changes of self-set times. The limit is checked
    elsewhere. A key ends with a space and the id of the child's profile, or is only this id.
    """

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        self._times: dict[tuple[str, str], tuple[datetime, ...]] = {}
        for kind, key, at in database.rows(f"SELECT {_COLUMNS} FROM attempts ORDER BY at"):
            self._times[kind, key] = (*self._times.get((kind, key), ()), moment(at))

    def of(self, kind: str) -> Mapping[str, tuple[datetime, ...]]:
        """Return the times of one kind of limited action by key, oldest first."""
        return {key: times for (found, key), times in self._times.items() if found == kind}

    def add(self, kind: str, key: str, at: datetime, limit: int) -> None:
        """Store a limited action at ``at``, and delete all but the newest ``limit`` of its kind and key.

        Beyond KEYS_LIMIT keys, the one with the oldest last action is deleted.
        """
        times = self._times[kind, key] = (*self._times.get((kind, key), ()), at)[-limit:]
        rows = [(kind, key, unix(time)) for time in times]
        self._writer.save(Statement(_DROP, [(kind, key)]), Statement(_PUT, rows))
        if len(self._times) > KEYS_LIMIT:
            self._drop([min(self._times, key=lambda name: self._times[name][-1])])

    def drop_of(self, profile: str) -> None:
        """Delete the times of a child's limited actions, of all kinds."""
        self._drop(name for name in self._times if name[1].rpartition(" ")[2] == profile)

    def drop_old(self, before: datetime) -> None:
        """Delete the times of all keys without a limited action since ``before``."""
        self._drop(name for name, times in self._times.items() if times[-1] < before)

    def shift(self, jump: Jump) -> None:
        """Move the stored times with the clock after it was set, on the disk too.

        A time later than ``jump.before`` was stored while the clock was right, and stays.
        """
        if not (jump.size and self._times):
            return
        self._times = {
            name: tuple(sorted(at + jump.size if at <= jump.before else at for at in times))
            for name, times in self._times.items()
        }
        self._writer.save(*self._snapshot())

    def _drop(self, names: Iterable[tuple[str, str]]) -> None:
        gone = list(names)
        for name in gone:
            del self._times[name]
        if gone:
            self._writer.save(Statement(_DROP, gone))

    def _snapshot(self) -> list[Statement]:
        rows = [(kind, key, unix(at)) for (kind, key), times in self._times.items() for at in times]
        return table_snapshot("attempts", _COLUMNS, list(rows))
