"""Whose a device is, and ways on it that a card shuts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.webui.standin.handlers import Handler

if TYPE_CHECKING:
    from tests.webui.standin.household import Household


class Identifying:
    def __init__(self, household: Household) -> None:
        self._household = household

    def verbs(self) -> dict[str, Handler]:
        return {
            "questions": self._questions,
            "identify": self._identify,
            "cards": self._cards,
            "dismiss": self._dismiss,
        }

    def _questions(self, request: ControlRequest) -> dict[str, object]:
        limit = request.whole("limit", least=1, most=64, default=64)
        return {"questions": self._household.questions[:limit], "count": len(self._household.questions)}

    def _identify(self, request: ControlRequest) -> dict[str, object]:
        self._household.guardian_of(request)
        self._household.questions[:] = [
            one for one in self._household.questions if one["mac"] != request.text("mac")
        ]
        return {"profile": request.text("profile", "guest"), "problems": []}

    def waiting(self) -> list[dict[str, Any]]:
        return [one for one in self._household.cards if not one["dismissed"] and one["told"]]

    def _cards(self, request: ControlRequest) -> dict[str, object]:
        if request.has("device"):
            mac = request.text("device")
            found = [one for one in self._household.cards if one["device"] == mac and not one["solved"]]
        else:
            found = self.waiting()
        return {"cards": found[: request.whole("limit", least=1, most=64, default=64)], "count": len(found)}

    def _dismiss(self, request: ControlRequest) -> dict[str, object]:
        card = request.text("device"), request.text("way")
        found = [one for one in self._household.cards if (one["device"], one["way"]) == card]
        if not found:
            raise ControlError.of(Code.NO_CARD)
        for one in found:
            one["dismissed"] = not request.has("back")
        return {"device": card[0], "way": card[1]}
