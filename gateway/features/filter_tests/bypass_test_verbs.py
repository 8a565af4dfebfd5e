"""The verb `trial`: a guardian tests all bypass methods against a child's rules, and reads the result."""

from __future__ import annotations

from gateway.control.contract.filter_tests import BYPASS_TEST, BypassTestRequest, BypassTestState
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.filter_tests.bypass_test import BypassTest
from gateway.household.rule_book import RuleBook


class BypassTestVerbs:
    """Starts a bypass test and returns its result."""

    def __init__(self, rules: RuleBook, test: BypassTest, access: Access) -> None:
        self._rules = rules
        self._test = test
        self._access = access

    def register(self, router: Router) -> None:
        router.serve(BYPASS_TEST, self.test)

    def test(self, call: Call[BypassTestRequest]) -> BypassTestState:
        profile = self._rules.household.profile(call.args.id)
        if profile.built_in or not profile.is_child:
            call.refuse("id", f"names {profile.name}, who is no child", Code.NO_CHILD, name=profile.name)
        if call.args.action == "start":
            self._access.guardian(call)
            self._test.start(profile.id)
        return self._test.state(profile.id)
