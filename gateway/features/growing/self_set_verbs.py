"""The verb `self_set`: a child changes its own times, with its own PIN."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.growing.self_set import SelfSetting
from gateway.features.sharing.pins import PinDesk
from gateway.household.editing import bad_rule
from gateway.household.rule_book import RuleBook
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.self_set import FILE, may_set


class SelfSetVerbs:
    """Lets a child change its own times."""

    def __init__(self, rules: RuleBook, self_set: SelfSetting, access: Access, pins: PinDesk) -> None:
        self._rules = rules
        self._self_set = self_set
        self._access = access
        self._pins = pins

    def register(self, router: Router) -> None:
        router.add("self_set", self.self_set)

    def self_set(self, request: Request) -> Mapping[str, object]:
        """Change the child's own times as ``set`` says."""
        profile = self._access.child(request).profile
        if not may_set(profile, self._rules.household.bands):
            problem = f"is of {profile.name}, whose times others set"
            request.refuse("device", problem, Code.NOT_SELF_SET, name=profile.name)
        changes = request.mapping("set")
        self._pins.check(request, parse_mac(request.text("device")) or "", profile)
        try:
            self._self_set.change(profile, changes, request.text("origin", ""))
        except PolicyError as error:
            raise bad_rule(error, FILE if error.where.startswith(FILE) else "", changes) from error
        return {"id": profile.id, "self_set": self._self_set.describe(profile)}
