"""The stand-in home's connection to home automation: settings as the daemon checks them, and a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.webui.standin.handlers import Handler

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

NOTHING = {
    "on": False, "address": "", "port": 0, "tls": False, "user": "", "has_password": False, "rights": "",
    "installed": True, "state": "",
}  # fmt: skip


class Automating:
    def __init__(self, household: Household) -> None:
        self._household = household
        self.clear()

    def clear(self) -> None:
        self.state: dict[str, Any] = dict(NOTHING)

    def verbs(self) -> dict[str, Handler]:
        return {"home_automation": self._home_automation}

    def _home_automation(self, request: ControlRequest) -> dict[str, Any]:
        self._household.guardian_of(request)
        action, values = request.text("action", "show"), request.values
        if action == "set":
            if request.text("address") == "192.168.1.99":
                raise ControlError.of(Code.TOO_MANY_TOKENS, most=16)
            tls, user = bool(values.get("tls")), request.text("user", "")
            kept = self.state["has_password"] and user == self.state["user"]
            self.state |= {
                "on": True, "address": request.text("address"), "user": user, "tls": tls,
                "port": values.get("port", 8883 if tls else 1883), "rights": request.text("rights"),
                "has_password": "password" in values or kept, "state": "",
            }  # fmt: skip
        elif action == "off":
            self.clear()
        return self.state
