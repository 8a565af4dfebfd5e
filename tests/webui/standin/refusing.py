"""What was refused, and who helps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.control.protocol import ControlRequest
from tests.webui.standin.handlers import Handler
from tests.webui.standin.places import GUEST, NOW, TABLET

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

HELP = [
    {"name": "Contact centre for children and families", "names": {}, "phone": "111"},
    {"name": "Find a help line in any country", "names": {}, "web": "findahelpline.com"},
]
RIGHTS = [{"name": "Children's Commissioner", "names": {}, "web": "rights.example", "kind": "rights"}]

REFUSALS = [
    {
        "at": NOW - timedelta(minutes=2), "host": "www.tiktok.com", "name": "TikTok", "proto": "tls",
        "verdict": "block", "reason": "service", "rule": "block: service:tiktok", "owner": "family",
        "until": None, "sentence": "TikTok is blocked. Mum set this on Sunday.", "askable": True,
        "entry": "service:tiktok",
        "decided": {
            "who": "family", "kind": None, "contest": "parent", "since": "2026-11-22", "by": "Mum",
            "version": None, "lists": [],
        },
    },
    {
        "at": NOW - timedelta(minutes=7), "host": "bet.example", "name": "", "proto": "http",
        "verdict": "block", "reason": "category", "rule": "category:gambling", "owner": "band:10-12",
        "until": None, "sentence": "bet.example is a gambling site. The 10-12 rules refuse these.",
        "askable": True, "entry": "bet.example", "ask_category": "category:gambling",
        "decided": {
            "who": "band", "kind": "gambling", "contest": "parent", "since": "2026-03-03", "by": "Mum",
            "version": "0.1.0", "lists": [{"id": "bets", "version": "2026-11-20"}],
        },
    },
    {
        "at": NOW - timedelta(minutes=8), "host": "www.instagram.com", "name": "Instagram", "proto": "tls",
        "verdict": "block", "reason": "category", "rule": "category:social_networks", "owner": "band:10-12",
        "until": None, "sentence": "Instagram is blocked. A parent may allow it.", "askable": True,
         "entry": "service:instagram",
    },
]  # fmt: skip


class Refusing:
    def __init__(self, household: Household) -> None:
        self._household = household

    def verbs(self) -> dict[str, Handler]:
        return {"refusals": self._refusals, "helplines": self._help_lines}

    def _help_lines(self, _request: ControlRequest) -> dict[str, object]:
        return {"lines": HELP, "rights": self._household.rights}

    def _refusals(self, request: ControlRequest) -> dict[str, object]:
        mine = request.text("device", "") == TABLET or request.text("profile", "") == "daughter"
        limit = request.whole("limit", least=1, most=10, default=10)
        if self._household.guests_are_several and request.text("device", "") == GUEST:
            return {"refusals": [], "shared": True}
        return {"refusals": self._household.refusals[:limit] if mine else []}
