"""Pauses, and the filter off and on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.control.contract.time import MAX_ACCESS
from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.webui.standin.handlers import Handler
from tests.webui.standin.places import NOW

if TYPE_CHECKING:
    from tests.webui.standin.household import Household


class Pausing:
    def __init__(self, household: Household) -> None:
        self._household = household

    def verbs(self) -> dict[str, Handler]:
        return {
            "pause": self._pause,
            "resume": self._resume,
            "off": self._off,
            "on": self._on,
            "switch_access": self._switch_access,
        }

    def of_child(self, profile: str) -> dict[str, object] | None:
        """What `status` says of a child that is paused."""
        if not {profile, "all"} & self._household.paused.keys():
            return None
        until = self._household.paused.get(profile, self._household.paused.get("all"))
        told = f"Paused until {until:%H:%M}." if until else "Paused until a parent ends it."
        return {
            "state": "paused",
            "until": until,
            "reason": "paused",
            "rule": "pause",
            "owner": "guardian:Mum",
            "sentence": f"{told} Mum set this.",
            "next_change": {"at": until, "state": "open"} if until else None,
        }

    def _pause(self, request: ControlRequest) -> dict[str, object]:
        who = self._child(request)
        if who == "teen":
            msg = "Dana sets her own pauses"
            raise ControlError(msg)
        minutes = request.whole("minutes", least=1, most=1440) if request.has("minutes") else None
        self._household.paused[who] = NOW + timedelta(minutes=minutes) if minutes else None
        return {"until": self._household.paused[who]}

    def _child(self, request: ControlRequest) -> str:
        who = request.text("who")
        if who not in ("all", *self._household.children):
            raise ControlError.of(Code.NO_PROFILE)
        return who

    def _resume(self, request: ControlRequest) -> dict[str, object]:
        who = self._child(request)
        if who == "all":
            self._household.paused.clear()
        self._household.paused.pop(who, None)
        return {}

    def _off(self, request: ControlRequest) -> dict[str, object]:
        self._household.guardian_of(request)
        until = NOW + timedelta(minutes=request.whole("minutes", least=1, most=10080))
        self._household.extra.update(mode="off", off_until=until)
        return {"until": until}

    def _on(self, _: ControlRequest) -> dict[str, object]:
        self._household.extra.update(mode="on", off_until=None, stopped_by_provider=False)
        return {}

    def _switch_access(self, request: ControlRequest) -> dict[str, object]:
        minutes = request.whole("minutes", least=1, most=MAX_ACCESS) if request.has("minutes") else None
        until = NOW + timedelta(minutes=minutes) if minutes else None
        self._household.extra["provider"] = {"support": None, "switch": until}
        return {"until": until}
