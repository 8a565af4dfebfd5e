"""What changes by itself, in SQLite."""

from __future__ import annotations

from gateway.store.database import StoreError
from gateway.store.store import Store
from gateway.store.tables.devices import Device
from gateway.store.tables.grants import Given, Kind, Opening
from gateway.store.tables.pauses import AuditLine, InForce, Off, Pause

__all__ = [
    "AuditLine",
    "Device",
    "Given",
    "InForce",
    "Kind",
    "Off",
    "Opening",
    "Pause",
    "Store",
    "StoreError",
]
