"""The stand-in family's repairs: one begins with `teach`; its names are what a test says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.webui.standin.handlers import Handler

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

CLOSED, REFUSED = "closed.kz", "casino.example"  # sites for which no repair begins


def needed(name: str, group: str, *, proposed: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "group": group, "service": None, "proposed": proposed, "refused": None,
        "sentence": None, "rule": None, "owner": None, **more,
    }  # fmt: skip


def some_names(site: str = "kundelik.kz") -> list[dict[str, Any]]:
    return [
        needed(f"www.{site}", site),
        needed(f"login.{site}", site),
        *(needed(f"{one}.school-parts.kz", "school-parts.kz") for one in ("a", "b", "static")),
        needed("d3k81ch9hvuctc.cloudfront.net", "d3k81ch9hvuctc.cloudfront.net"),
        needed("api.weather-app.example", "weather-app.example", proposed=False),
        needed(
            "www.tiktok.com", "tiktok.com", proposed=False, service="TikTok", refused="family_block",
            owner="family", rule="block: service:tiktok",
            sentence="TikTok is blocked. Your family set this.",
        ),
    ]  # fmt: skip


class SiteRepairs:
    def __init__(self, home: Household, now: datetime) -> None:
        self._home = home
        self._now = now
        self.repairs: dict[str, dict[str, Any]] = {}  # by profile
        self.ended: list[tuple[str, tuple[str, ...]]] = []  # profile, what was kept

    def verbs(self) -> dict[str, Handler]:
        return {"teach": self._start, "lesson": self._repair, "teach_end": self._end}

    def of_child(self, profile: str) -> dict[str, Any]:
        repair = self.repairs.get(profile)
        shown = None if repair is None else {key: value for key, value in repair.items() if key != "names"}
        return {"lesson": shown}

    def begin(self, profile: str, host: str, *, state: str = "runs", device: str = "") -> dict[str, Any]:
        macs = [one["mac"] for one in self._home.devices.values() if one["profile"] == profile]
        until = self._now + timedelta(minutes=4, seconds=12)
        self.repairs[profile] = {
            "state": state, "host": host, "until": until, "by": "Mum", "names": [], "left_out": 0,
            "devices": [device] if device else macs,
        }  # fmt: skip
        return self.repairs[profile]

    def _start(self, request: ControlRequest) -> dict[str, object]:
        self._home.guardian_of(request)
        profile, host = request.text("id"), request.text("host")
        if host == CLOSED:
            raise ControlError.of(Code.REPAIR_CLOSED, name="Aruzhan")
        if host == REFUSED:
            raise ControlError.of(Code.REPAIR_REFUSED, host=host, name="Aruzhan")
        begun = self.begin(profile, host, device=request.text("device", ""))
        return {key: begun[key] for key in ("host", "until", "devices")}

    def _repair(self, request: ControlRequest) -> dict[str, object]:
        return self.repairs.get(request.text("id"), {"state": "none", "names": []})

    def _end(self, request: ControlRequest) -> dict[str, object]:
        self._home.guardian_of(request)
        profile, keep = request.text("id"), request.texts("keep")
        if self.repairs.pop(profile, None) is None:
            raise ControlError.of(Code.NO_REPAIR)
        self.ended.append((profile, tuple(keep)))
        done: Mapping[str, object] = {}
        if keep:
            values = {"id": profile, "by": request.text("by"), "set": {f"allow/{one}": True for one in keep}}
            done = self._home.editing.verbs()["edit"](ControlRequest("edit", request.role, 0, values))
        return {
            "kept": len(keep),
            "entries": keep,
            "undo": done.get("undo"),
            "revision": done.get("revision"),
        }
