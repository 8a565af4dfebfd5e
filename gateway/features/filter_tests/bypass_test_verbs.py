"""The verb `trial`: a guardian tests every bypass method against a child's rules, and reads the result."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.filter_tests.bypass_test import BypassTest
from gateway.household.rule_book import RuleBook

ACTIONS = ("start", "look")


class BypassTestVerbs:
    """Starts a bypass test and returns its result."""

    def __init__(self, rules: RuleBook, test: BypassTest, access: Access) -> None:
        self._rules = rules
        self._test = test
        self._access = access

    def register(self, router: Router) -> None:
        router.add("trial", self.test)

    def test(self, request: Request) -> Mapping[str, object]:
        action = request.choice("action", ACTIONS)
        profile = self._rules.profile(request.text("id"))
        if profile.built_in or not profile.is_child:
            request.refuse("id", f"names {profile.name}, who is no child", Code.NO_CHILD, name=profile.name)
        if action == "start":
            self._access.guardian(request)
            self._test.start(profile.id)
        return self._test.to_dict(profile.id)
