"""What the stand-in family agrees on: the daemon's own order of things, with its rules as they are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.agreement import Agreement, Side, agreed, agreement_state, pending_confirmation
from tests.webui.standin.handlers import Handler

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

FROM_TEN = ("daughter", "teen")


class Agreeing:
    def __init__(self, household: Household, now: datetime) -> None:
        self._household = household
        self._now = now
        self.kept: dict[str, Agreement] = {}

    def verbs(self) -> dict[str, Handler]:
        return {"agreement": self._agreement}

    def both(self, who: str, by: str = "Mum", days: int = 2) -> None:
        """They agreed on what holds now, some days ago."""
        at = self._now - timedelta(days=days)
        self.kept[who] = replace(Agreement(who), digest=self._digest(who), by=by, at=at)

    def told(self, who: str) -> dict[str, Any] | None:
        if who not in FROM_TEN:
            return None
        one, digest = self.kept.get(who, Agreement(who)), self._digest(who)
        yes = pending_confirmation(one, digest)
        return {
            "state": agreement_state(one, digest),
            "by": one.by or None,
            "at": one.at,
            "waits": None if yes is None else {"side": yes.side, "by": yes.by or None, "at": yes.at},
        }

    def _digest(self, who: str) -> str:
        rules = {key: value for key, value in self._household.rules_of(who).items() if key != "set"}
        return repr(sorted(rules.items()))

    def _agreement(self, request: ControlRequest) -> dict[str, Any]:
        if request.has("device"):
            who, by, side = self._household.lending.own_child(request), "", Side.CHILD
        else:
            who, by, side = request.text("id"), self._household.guardian_of(request), Side.GUARDIAN
        if who not in self._household.children:
            raise ControlError.of(Code.NO_PROFILE)
        if who not in FROM_TEN:
            name = str(self._household.rules_of(who).get("name", who))
            raise ControlError.of(Code.NO_PIN, name=name)
        if request.choice("action", ("agree", "end")) == "end":
            self.kept.pop(who, None)
        else:
            before = self.kept.get(who, Agreement(who))
            self.kept[who] = agreed(before, side, by, self._digest(who), self._now)
        return {"id": who, "agreement": self.told(who)}
