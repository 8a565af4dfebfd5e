"""Notification settings of guardians. A channel's address is secret: it is in no log and no audit line."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from gateway.policy.alerts.notifications import Alerts, read
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, table_snapshot

_COLUMNS = "guardian, said"


class AlertTable:
    """Stores the notification settings of each guardian, by name."""

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        self._alerts: dict[str, Alerts] = {
            name: read(json.loads(said)) for name, said in database.rows(f"SELECT {_COLUMNS} FROM alerts")
        }

    def all(self) -> Mapping[str, Alerts]:
        return self._alerts

    def put(self, guardian: str, alerts: Alerts | None) -> None:
        if alerts is None:
            self._alerts.pop(guardian, None)
        else:
            self._alerts[guardian] = alerts
        self._writer.save(*self._snapshot())

    def keep_only(self, guardians: Collection[str]) -> None:
        """Delete the settings of removed guardians. A new guardian of the same name must not get them."""
        gone = self._alerts.keys() - set(guardians)
        for name in gone:
            del self._alerts[name]
        if gone:
            self._writer.save(*self._snapshot())

    def _snapshot(self) -> list[Statement]:
        rows: list[tuple[object, ...]] = [
            (name, json.dumps(alerts.plain())) for name, alerts in self._alerts.items()
        ]
        return [*table_snapshot("alerts", _COLUMNS, rows)]
