"""Where each guardian is told what, by ntfy. A topic's address is a secret: neither log nor audit has it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from gateway.policy.alerts.notifications import Alerts, read
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import Keeper, table_snapshot

_COLUMNS = "guardian, said"


class AlertBook:
    """By guardian's name: as many as there are guardians."""

    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
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
        self._keeper.save(*self._snapshot())

    def keep_only(self, guardians: Collection[str]) -> None:
        """Whoever is no guardian any more is told nothing any more, also under the same name later."""
        gone = self._alerts.keys() - set(guardians)
        for name in gone:
            del self._alerts[name]
        if gone:
            self._keeper.save(*self._snapshot())

    def _snapshot(self) -> list[Statement]:
        rows: list[tuple[object, ...]] = [
            (name, json.dumps(one.plain())) for name, one in self._alerts.items()
        ]
        return [*table_snapshot("alerts", _COLUMNS, rows)]
