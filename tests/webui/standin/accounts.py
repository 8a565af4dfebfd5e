"""The stand-in family's accounts: the real verb `guardian` over a register in memory, and an audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway.control.protocol import ControlRequest, Role
from gateway.control.surroundings import Requester
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import (
    ANNOUNCED_FOR,
    SESSION_LIFE,
    Account,
    AccountRegister,
    Announcement,
    AnnouncementKind,
    PersonRole,
    ProposedRole,
    Session,
)
from tests.around import Scene, account_verb, guardians_of
from tests.webui.standin.handlers import Handler

PARENTS_PHONE = "192.168.1.7"
MUMS_PASSWORD = "four quiet words here"
MUMS_SECRET = (  # as werkzeug would write it
    "scrypt:8192:8:10$Household0123456$"
    "775cfb17c6c6478c42fbe7ff4d0ffe344a6bc4c4520d83fe5f98d31f343e946d"
    "209a486f4ad04f35e9790fe6023a0d55b75faa4b15e33cc10cce5cc635d97bce"
)


class Accounts:
    def __init__(self, devices: Mapping[str, Mapping[str, Any]], start: datetime) -> None:
        requesters = {ip: Requester(str(one["mac"]), str(one["name"])) for ip, one in devices.items()}
        requesters[PARENTS_PHONE] = Requester("02:00:00:00:00:1c", "Galaxy-S23")
        self.scene = Scene(start=start, devices=requesters)
        self.register = AccountRegister()
        self.guardians = guardians_of(self.register, self.scene)
        self.changes: list[dict[str, Any]] = []  # the audit log, newest first
        self.mum_alone()

    def mum_alone(self) -> None:
        for name in tuple(self.register.accounts()):
            self.register.remove(name)
        self.register.announced.clear()
        self.changes.clear()
        self.register.put(Account("Mum", secret=MUMS_SECRET, came=True))

    def family(self) -> None:
        """Everybody that there may be; two guardians who want something of each other."""
        now, register = self.scene.wall(), self.register
        register.put(Account("Dad", secret="a hash", came=True))
        register.put(Account("Oma", PersonRole.HELPER, "a hash", 45, came=True))
        register.put(Account("Telecom", PersonRole.SUPPORT))
        register.begin(
            Session("k1", "Mum", "Laptop", now - timedelta(days=3), now + SESSION_LIFE - timedelta(hours=5))
        )
        register.announce(
            Announcement(
                AnnouncementKind.CLAIM, "Mum", "Galaxy-S23", now - timedelta(days=2), now + timedelta(days=5)
            )
        )
        register.announce(Announcement(AnnouncementKind.CONSOLE, "Dad", "", now, now + ANNOUNCED_FOR))
        register.propose(ProposedRole("Mum", "helper", 30, "Dad", now))
        register.propose(ProposedRole("Dad", "none", 0, "Mum", now))
        line = {"at": now, "who": "Mum", "address": PARENTS_PHONE, "device": "Galaxy-S23"}
        paused = {"what": "pause", "about": "Aruzhan", "until": now + timedelta(minutes=30)}
        reset = {"what": "guardian reset", "detail": "Dad", "who": "console", "address": "", "device": ""}
        self.changes[:] = [line | paused, line | reset] * 20

    def unclaimed(self) -> None:
        self.register.remove("Mum")

    def verbs(self) -> dict[str, Handler]:
        return {"guardian": account_verb(self.guardians), "audit_log": self._audit_log}

    def require_proof(self, request: ControlRequest) -> None:
        """Refuse a request whose session has no proof of the last ten minutes."""
        check = {"action": "check", "session": request.text("session")}
        if not account_verb(self.guardians)(ControlRequest("guardian", Role.WEB, 0, check))["proof"]:
            raise ControlError.of(Code.PROOF_NEEDED)

    def announced(self) -> list[dict[str, object]]:
        return [
            {"told": one.kind, "name": one.name, "device": one.device, "at": one.at}
            for one in reversed(self.register.announced)
        ]

    def _audit_log(self, request: ControlRequest) -> dict[str, object]:
        who = request.text("who", "")
        found = [one for one in self.changes if who in ("", one["who"])]
        limit, skip = request.whole("limit", least=1, most=50), request.whole("skip", least=0, most=20_000)
        names = sorted({str(one["who"]) for one in self.changes})
        return {"lines": found[skip : skip + limit], "more": len(found) > skip + limit, "people": names}
