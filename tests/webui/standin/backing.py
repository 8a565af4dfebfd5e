"""Backups behind the pages: plain text out and in by pieces, as the daemon does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.webui.standin.handlers import Handler
from tests.webui.standin.places import NOW

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

TEXT = '{"format": 1, "made": "2026-11-20T08:00:00+05:00"}' + " " * 200
TOKEN = "0123456789abcdef"


class Backing:
    def __init__(self, household: Household) -> None:
        self._household = household
        self.clear()

    def clear(self) -> None:
        self.came = self.key = ""
        self.automatic: dict[str, Any] = {
            "on": False, "folder": "", "every": "daily", "keep": 7, "has_key": False,
            "drives": ["/mnt/usb"], "running": False, "made": None, "files": 0, "problem": "",
        }  # fmt: skip
        self.last: dict[str, Any] | None = None
        self.look: dict[str, Any] = {
            "made": NOW - timedelta(days=4), "by": "Mum", "gateway": "home-gateway", "version": "0.1.0",
            "children": [{"id": "daughter", "name": "Aruzhan", "band": "10-12"}], "people": ["Mum", "Dad"],
            "same": False, "fresh": ["Timur"], "changed": ["Aruzhan"], "gone": ["Guest of ours"],
            "settings": True, "devices": 3, "pins": 1, "self_set": 1,
            "added": ["Dad"], "grants": 2, "steps": 1, "problems": [],
        }  # fmt: skip

    def verbs(self) -> dict[str, Handler]:
        return {"backup": self._backup, "restore": self._restore, "auto_backup": self._automatic}

    def _automatic(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        action, auto = request.text("action"), self.automatic
        if action == "set":
            folder = request.text("folder")
            if folder not in auto["drives"]:
                raise ControlError.of(Code.NO_DRIVE)
            self.key = request.text("key", self.key)
            auto |= {"on": True, "folder": folder, "every": request.values["every"],
                     "keep": request.values["keep"], "has_key": bool(self.key)}  # fmt: skip
        elif action == "off":
            auto |= {"on": False, "folder": ""}
        elif action == "now":
            auto |= {"made": NOW.date(), "files": 3}
        return auto

    def _backup(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        start = request.whole("from", least=0, most=1000, default=0)
        return {"from": start, "text": TEXT[start : start + 100], "size": len(TEXT), "left_out": []}

    def _restore(self, request: ControlRequest) -> Mapping[str, object]:
        by, action = self._household.guardian_of(request), request.text("action")
        if action == "begin":
            self.came = ""
            return {"token": TOKEN, "piece": 64}
        if action == "piece":
            self.came += str(request.values["text"])
        if action in ("look", "apply") and (request.text("token") != TOKEN or not self.came):
            raise ControlError.of(Code.BACKUP_GONE)
        if action == "apply":
            self.last = {"by": by, "at": NOW, "made": NOW - timedelta(days=4), "undo": True}
        if action in ("drop", "apply"):
            self.came = ""
        if action == "undo":
            if self.last is None:
                raise ControlError.of(Code.NO_WAY_BACK)
            self.last = None
        return self.look if action == "look" else {"last": self.last, "problems": []}
