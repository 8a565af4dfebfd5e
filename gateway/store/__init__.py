"""What changes by itself, in SQLite."""

from __future__ import annotations

from gateway.store.database import StoreError
from gateway.store.devices import Device
from gateway.store.state import AuditLine, Grant, InForce, Off, Pause
from gateway.store.store import Store

__all__ = ["AuditLine", "Device", "Grant", "InForce", "Off", "Pause", "Store", "StoreError"]
