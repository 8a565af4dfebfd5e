"""State in SQLite: pauses, extra time, requests, devices, history, accounts and the audit log."""

from __future__ import annotations

from gateway.store.database import StoreError
from gateway.store.store import Store
from gateway.store.tables.devices import Device
from gateway.store.tables.grants import Given, GrantKind, Opening
from gateway.store.tables.pauses import AuditLine, InForce, Off, Pause

__all__ = [
    "AuditLine",
    "Device",
    "Given",
    "GrantKind",
    "InForce",
    "Off",
    "Opening",
    "Pause",
    "Store",
    "StoreError",
]
