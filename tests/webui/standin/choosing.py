"""Times that the stand-in's teenager sets for itself: checked by the daemon's own rules, kept in memory."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code
from gateway.household.editing import bad_rule
from gateway.household.loading import vocabulary
from gateway.policy.profile import self_set as selfset
from gateway.policy.profile.self_set import FILE, MOST_LIMITS, OwnSetting
from tests.webui.standin.handlers import Handler

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

SUGGESTED = {"bedtime": {"school": "22:00-07:00", "free": "23:00-08:00"}}


class Choosing:
    def __init__(self, household: Household, now: datetime) -> None:
        self._household = household
        self._now = now
        self.choices: dict[str, tuple[OwnSetting, ...]] = {}
        self.ago = timedelta()

    def verbs(self) -> dict[str, Handler]:
        return {"self_set": self._self_set}

    def put(self, who: str, **changes: object) -> None:
        """As if the child had said so; ``limits_internet`` is ``limits/internet``."""
        named = {key.replace("limits_", "limits/"): value for key, value in changes.items()}
        words = vocabulary(self._household.editing.rules.product)
        at = self._now - self.ago
        self.choices[who] = selfset.chosen(self.choices.get(who, ()), named, at, words)

    def told(self, who: str) -> dict[str, Any] | None:
        may = self._household.rules_of(who).get("band") == "16-17"
        choices = self.choices.get(who, ())
        if not may and not choices:
            return None
        return {
            "may": may,
            "most": MOST_LIMITS,
            "suggested": SUGGESTED if may else {"bedtime": {}},
            "choices": [
                {"key": one.key, "name": self._name(one), "value": one.value, "at": one.at} for one in choices
            ],
        }

    def _name(self, one: OwnSetting) -> str | None:
        if not one.target:
            return None
        names = {"internet": "The internet", "play": "Play"}
        kind, _colon, key = one.target.partition(":")
        known = self._household.editing.rules.product.categories.by_id if kind == "category" else {}
        return known[key].name["en"] if key in known else names.get(one.target, key)

    def _self_set(self, request: ControlRequest) -> dict[str, Any]:
        who = self._household.child_of(request)
        name = str(self._household.rules_of(who)["name"])
        if self._household.rules_of(who).get("band") != "16-17":
            raise ControlError.of(Code.NOT_SELF_SET, name=name)
        self._household.lending.own_child(request)
        changes = request.mapping("set")
        words = vocabulary(self._household.editing.rules.product)
        try:
            self.choices[who] = selfset.chosen(self.choices.get(who, ()), changes, self._now, words)
        except PolicyError as error:
            raise bad_rule(error, FILE if error.where.startswith(FILE) else "", changes) from error
        return {"id": who, "self_set": self.told(who)}
