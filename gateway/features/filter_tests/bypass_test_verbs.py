"""The verb `trial`: a guardian tests every bypass method against a child's rules, and reads the result."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Whom
from gateway.features.filter_tests.bypass_test import Trial
from gateway.household.rule_book import RuleBook

ACTIONS = ("start", "look")


class TrialVerbs:
    def __init__(self, rules: RuleBook, trial: Trial, whom: Whom) -> None:
        self._rules = rules
        self._trial = trial
        self._whom = whom

    def register(self, router: Router) -> None:
        router.add("trial", self.trial)

    def trial(self, request: Request) -> Mapping[str, object]:
        action = request.choice("action", ACTIONS)
        profile = self._rules.profile(request.text("id"))
        if profile.built_in or not profile.is_child:
            request.refuse("id", f"names {profile.name}, who is no child", Code.NO_CHILD, name=profile.name)
        if action == "start":
            self._whom.guardian(request)
            self._trial.start(profile.id)
        return self._trial.to_dict(profile.id)
