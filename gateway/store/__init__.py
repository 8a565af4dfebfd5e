"""What changes by itself, in SQLite."""

from __future__ import annotations

from gateway.store.database import StoreError
from gateway.store.devices import Device
from gateway.store.given import Given, Kind, Opening
from gateway.store.state import AuditLine, InForce, Off, Pause
from gateway.store.store import Store

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
