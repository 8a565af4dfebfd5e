"""A filter with fixed values, which a test approves or does not: the same in recordings and in replays."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.usp.agent import Denied
from gateway.usp.messages import ErrorCode
from gateway.usp.model import MODEL, ValueType
from gateway.usp.values import UNKNOWN_TIME

VENDOR = "isp.example"
ROOT = "Device.X_ISP-EXAMPLE_FamilyFilter."
BROKER = "os::ISPEXAMPLE-router1"
REFUSAL = "no parent has approved it; they can in Qalqan, on Health"  # the text when this was recorded
FILE = "H4sIAAAAAAAAA6tWKkstKs7Mz1OyUjLQM9AzUqoFALOmPjoUAAAA"

KNOWN = {
    "status": "Running",
    "version": "0.1.0",
    "support_code": "0.1.0-WNK0",
    "internet": "Works",
    "brand_name": "Alma Net",
    "brand_support": "https://isp.example/help",
    "feed_url": "https://feed.isp.example/qalqan/",
    "lists_updated": "2026-11-30T02:10:00Z",
}


class ScriptedFilter:
    """The filter of a gateway, without a daemon."""

    def __init__(self) -> None:
        self.approved: set[str] = set()
        self.on = True

    def perform(self, step: str) -> None:
        """Carry out a step of a parent: ``approve switch``, ``end switch``, ``approve support`` …"""
        verb, what = step.split()
        if verb == "approve":
            self.approved.add(what)
        else:
            self.approved.discard(what)

    def values(self) -> Mapping[str, str]:
        plain = {
            ValueType.TEXT: "",
            ValueType.FLAG: "true",
            ValueType.TIME: UNKNOWN_TIME,
            ValueType.COUNT: "42",
            ValueType.BINARY: "",
        }
        found = {entry.key: plain[entry.type] for part in MODEL for entry in part.parameters}
        until = "2026-12-01T08:00:00Z"
        switched = {
            "enabled": "true" if self.on else "false",
            "status": "Running" if self.on else "Off",
            "off_until": UNKNOWN_TIME if self.on else until,
        }
        approved = {f"{what}_until": until for what in self.approved}
        return {**found, **KNOWN, **switched, **approved, "feed_failed": "false"}

    def switch(self, on: bool) -> None:
        if "switch" not in self.approved:
            raise Denied(ErrorCode.PERMISSION_DENIED, REFUSAL)
        self.on = on

    def support_file(self) -> str:
        if "support" not in self.approved:
            raise Denied(ErrorCode.PERMISSION_DENIED, REFUSAL)
        return FILE
