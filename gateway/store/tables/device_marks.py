"""What a guardian noted about a device by hand: so far, that it has no mobile data to leave the Wi-Fi for."""

from __future__ import annotations

from datetime import datetime

from gateway.store.database import Database, Statement
from gateway.store.durable_writes import Keeper, audit_line, table_snapshot

MARKS_LIMIT = 512  # devices, as many as are kept; the one marked longest ago gives way
NO_MOBILE_DATA = "no mobile data"


class Marks:
    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
        self._without_data = dict.fromkeys(
            str(mac) for (mac,) in database.rows("SELECT mac FROM no_mobile_data ORDER BY rowid")
        )

    @property
    def no_mobile_data(self) -> frozenset[str]:
        """MACs."""
        return frozenset(self._without_data)

    def mark(self, mac: str, *, no_mobile_data: bool, by: str, at: datetime, origin: str = "") -> None:
        """Written at once, and told in the audit."""
        self._without_data.pop(mac, None)
        if no_mobile_data:
            self._without_data[mac] = None
        while len(self._without_data) > MARKS_LIMIT:
            del self._without_data[next(iter(self._without_data))]
        told = f"{mac} {NO_MOBILE_DATA}: {'yes' if no_mobile_data else 'no'}"
        self._keeper.save(*self._snapshot(), audit=audit_line(at, by, "device mark", told, origin))

    def forget(self, mac: str) -> None:
        if mac in self._without_data:
            del self._without_data[mac]
            self._keeper.save(*self._snapshot())

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("no_mobile_data", "mac", [(mac,) for mac in self._without_data])
