"""A child's rules for the audit's device, as long as a connection to the daemon stands."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from gateway.control.client import Client


class Wear:
    """TEMPORARY seam: by `device assign`."""

    def __init__(self, client: Client, who: str, mac: str, interface: str | None) -> None:
        self._client, self._who, self._mac, self._interface = client, who, mac, interface

    def __enter__(self) -> dict[str, Any]:
        self._client.call("assign", mac=self._mac, profile=self._who, by="console")
        status = self._client.call("status")
        one = next(p for p in status["profiles"] if self._who in (p["id"], p["name"]))
        profile = self._client.call("profile", id=one["id"])["profile"]
        refused = {r["target"] for r in profile["refused"]}
        return {
            "profile": one["id"],
            "name": one["name"],
            "band": one["band"],
            "mode": profile["mode"],
            "strict": "strict" in refused,
        }

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.call("forget", mac=self._mac, by="console")

    def seen(self) -> list[dict[str, Any]]:
        return []

    def pause(self, paused: bool) -> None:
        if paused:
            self._client.call("pause", who=self._mac, minutes=5, by="console")
        else:
            self._client.call("resume", who=self._mac, by="console")

    def clear(self) -> None:
        pass
