"""The verb `trial`: a guardian has every way around tried against a child's rules, and looks at what came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.trial import Trial
from gateway.daemon.verbs.whom import Whom

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

ACTIONS = ("start", "look")


class TrialVerbs:
    def __init__(self, daemon: Daemon, whom: Whom) -> None:
        self._daemon = daemon
        self._whom = whom
        self._trial = Trial(daemon)
        self.close = self._trial.close

    def table(self) -> Mapping[str, Verb]:
        return {"trial": self.trial}

    def trial(self, request: Request) -> Mapping[str, object]:
        action = request.choice("action", ACTIONS)
        profile = self._daemon.rules.profile(request.text("id"))
        if profile.built_in or not profile.is_child:
            request.refuse("id", f"names {profile.name}, who is no child", Code.NO_CHILD, name=profile.name)
        if action == "start":
            self._whom.guardian(request)
            self._trial.start(profile.id)
        return self._trial.told(profile.id)
