"""The verb `self_set`: what a child sets for itself, by its own PIN and nobody else's word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.files.editing import bad_rule
from gateway.daemon.verbs.pins import PinDesk
from gateway.daemon.verbs.whom import Whom
from gateway.errors import PolicyError
from gateway.policy.macs import parse_mac
from gateway.policy.selfset import FILE, may_set

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class SelfSetVerbs:
    def __init__(self, daemon: Daemon, whom: Whom, pins: PinDesk) -> None:
        self._daemon = daemon
        self._whom = whom
        self._pins = pins

    def table(self) -> Mapping[str, Verb]:
        return {"self_set": self.self_set}

    def self_set(self, request: Request) -> Mapping[str, object]:
        profile = self._whom.child(request).profile
        if not may_set(profile, self._daemon.rules.household.bands):
            problem = f"is of {profile.name}, whose times others set"
            request.refuse("device", problem, Code.NOT_SELF_SET, name=profile.name)
        changes = request.mapping("set")
        self._pins.check(request, parse_mac(request.text("device")) or "", profile)
        try:
            self._daemon.self_set.change(profile, changes, request.text("origin", ""))
        except PolicyError as error:
            raise bad_rule(error, FILE if error.where.startswith(FILE) else "", changes) from error
        return {"id": profile.id, "self_set": self._daemon.self_set.told(profile)}
