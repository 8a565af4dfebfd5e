"""Devices of the stand-in home that an adult's proof opened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.control.second_factor import check_code
from gateway.control.signins import by_password
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.webui.standin.handlers import Handler

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

OPENED_BY_ONE = ("guest", "quarantine")
HOURS = {"1h": 1, "4h": 4, "morning": 10}


class Proven:
    def __init__(self, home: Household, now: datetime) -> None:
        self._home = home
        self._now = now
        self.proofs: dict[str, dict[str, Any]] = {}  # by MAC

    def verbs(self) -> dict[str, Handler]:
        return {"adult_proof": self._adult_proof}

    def of_device(self, device: Mapping[str, Any]) -> dict[str, Any]:
        """As `device` tells it."""
        proof = self.proofs.get(str(device["mac"]))
        if proof is not None:
            return {"adult_proof": proof}
        return {"opens": True} if self._opens(device) else {}

    def listed(self, one: Mapping[str, Any]) -> dict[str, Any]:
        """As `devices` tells it."""
        return {
            "adult_proof": self.proofs.get(one["mac"]),
            "opens": one["profile"] in ("visitor", *OPENED_BY_ONE) or bool(one["shared"]),
        }

    def _opens(self, device: Mapping[str, Any]) -> bool:
        return device["profile"] in OPENED_BY_ONE or device["mac"] in self._home.lending.people

    def _adult_proof(self, request: ControlRequest) -> dict[str, Any]:
        mac = request.text("device")
        device = self._device(mac)
        if request.choice("action", ("open", "end")) == "end":
            if mac not in self.proofs:
                raise ControlError.of(Code.NOT_IN_FORCE)
            del self.proofs[mac]
            device["profile"] = device.pop("before", device["profile"])
            return {"device": mac}
        hours, by = HOURS[request.choice("length", HOURS)], ""
        if request.has("by"):
            method, by = "guardian", self._home.guardian_of(request)
        else:
            method = request.choice("method", ("password", "wallet"))
        if method == "password":
            account = by_password(self._home.stamps, request)
            by = account.name
            if not account.guards:
                raise ControlError.of(Code.GUARDIANS_ONLY)
            now = self._home.accounts.scene.wall()
            check_code(self._home.stamps, account, request, now, clock_known=True)
        if not (self._opens(device) or device.get("shared") or device["profile"] == "visitor"):
            raise ControlError.of(Code.CHILDS_DEVICE)
        until = self._now + timedelta(hours=hours)
        self.proofs[mac] = {"method": method, "by": by or None, "until": until}
        if "shared" not in device:  # one that asks; the list says where it belongs
            device["before"], device["profile"] = device["profile"], "adult"
        return {"device": mac} | self.proofs[mac]

    def _device(self, mac: str) -> dict[str, Any]:
        known = (*self._home.devices.values(), *self._home.things.found)
        return next(one for one in known if one["mac"] == mac)
