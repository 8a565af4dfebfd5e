"""The stand-in home's trusted name: it notes the account, and a test says how it ended."""

from __future__ import annotations

from typing import Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.webui.standin.handlers import Handler

NOTHING = {
    "name": "", "provider": "", "running": False, "problem": "",
    "providers": ["duckdns", "desec", "dynu", "cloudflare"], "configured": "",
}  # fmt: skip


class Secure:
    def __init__(self) -> None:
        self.state: dict[str, Any] = dict(NOTHING)

    def verbs(self) -> dict[str, Handler]:
        return {"trusted_name": self._trusted_name}

    def _trusted_name(self, request: ControlRequest) -> dict[str, Any]:
        action = request.choice("action", ("look", "get", "stop"))
        if action == "get":
            if not request.text("name").endswith(".org"):
                raise ControlError.of(Code.NO_HOST_NAME)
            self.state |= {key: request.text(key) for key in ("name", "provider")} | {"running": True}
        elif action == "stop":
            self.state = dict(NOTHING)
        return self.state
