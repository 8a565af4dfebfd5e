"""Browsers that get messages by Web Push. Their addresses are secret: no log and no audit line has them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from gateway.policy.alerts.push_subscriptions import MOST_OF_A_PERSON, PushSubscription
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, table_snapshot

_COLUMNS = "endpoint, p256dh, auth, language, guardian, profile, device"
_PUT = f"INSERT OR REPLACE INTO push_subscriptions ({_COLUMNS}) VALUES ({', '.join('?' * 7)})"
_DELETE = "DELETE FROM push_subscriptions WHERE endpoint = ?"


class PushTable:
    """Stores the browsers that get Web Push messages, by the URL that receives these, oldest first."""

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        rows = database.rows(f"SELECT {_COLUMNS} FROM push_subscriptions ORDER BY rowid")
        self._found = {row[0]: PushSubscription(*map(str, row)) for row in rows}

    def all(self) -> Collection[PushSubscription]:
        return self._found.values()

    def put(self, new: PushSubscription) -> None:
        """Store a browser that gets Web Push messages.

        If the person has more than MOST_OF_A_PERSON, the oldest one is deleted.
        """
        self._found.pop(new.endpoint, None)
        self._found[new.endpoint] = new
        of_person = [
            endpoint
            for endpoint, found in self._found.items()
            if (found.guardian, found.profile) == (new.guardian, new.profile)
        ]
        gone = of_person[:-MOST_OF_A_PERSON]
        for endpoint in gone:
            del self._found[endpoint]
        self._writer.save(
            Statement(_PUT, [_row(new)]), Statement(_DELETE, [(endpoint,) for endpoint in gone])
        )

    def drop_where(self, is_gone: Callable[[PushSubscription], bool]) -> bool:
        """Delete the subscriptions for which ``is_gone`` is true. Return whether there was one."""
        gone = [endpoint for endpoint, found in self._found.items() if is_gone(found)]
        for endpoint in gone:
            del self._found[endpoint]
        if gone:
            self._writer.save(Statement(_DELETE, [(endpoint,) for endpoint in gone]))
        return bool(gone)

    def keep_only(self, guardians: Collection[str]) -> None:
        """Delete the push subscriptions of guardians that are not in ``guardians``."""
        self.drop_where(lambda found: bool(found.guardian) and found.guardian not in guardians)

    def forget(self, profile: str) -> None:
        """Delete the push subscriptions of a child's browsers. ``profile``: the child's id."""
        self.drop_where(lambda found: found.profile == profile)

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("push_subscriptions", _COLUMNS, [_row(found) for found in self._found.values()])


def _row(found: PushSubscription) -> tuple[object, ...]:
    return (
        *(found.endpoint, found.p256dh, found.auth, found.language),
        *(found.guardian, found.profile, found.device),
    )
