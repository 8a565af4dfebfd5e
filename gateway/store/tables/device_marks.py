"""Marks that a guardian sets on devices. The only mark says that a device has no mobile data."""

from __future__ import annotations

from datetime import datetime

from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, audit_line, table_snapshot

MARKS_LIMIT = 512  # devices; the oldest mark is dropped
NO_MOBILE_DATA = "no mobile data"


class DeviceMarkTable:
    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        self._without_data = dict.fromkeys(
            str(mac) for (mac,) in database.rows("SELECT mac FROM no_mobile_data ORDER BY rowid")
        )

    @property
    def no_mobile_data(self) -> frozenset[str]:
        """Return the MACs of devices that a guardian marked as having no mobile data."""
        return frozenset(self._without_data)

    def mark(self, mac: str, *, no_mobile_data: bool, by: str, at: datetime, origin: str = "") -> None:
        """Mark a device as having no mobile data, or remove the mark, with a line in the audit log."""
        self._without_data.pop(mac, None)
        if no_mobile_data:
            self._without_data[mac] = None
        while len(self._without_data) > MARKS_LIMIT:
            del self._without_data[next(iter(self._without_data))]
        detail = f"{mac} {NO_MOBILE_DATA}: {'yes' if no_mobile_data else 'no'}"
        self._writer.save(*self._snapshot(), audit=audit_line(at, by, "device mark", detail, origin))

    def forget(self, mac: str) -> None:
        if mac in self._without_data:
            del self._without_data[mac]
            self._writer.save(*self._snapshot())

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("no_mobile_data", "mac", [(mac,) for mac in self._without_data])
