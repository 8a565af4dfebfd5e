"""The verb `agreement`: a child by its PIN and a guardian say that they have read the rules together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.verbs.pins import PinDesk
from gateway.daemon.verbs.whom import Whom
from gateway.policy import agreement
from gateway.policy.agreement import Side
from gateway.policy.macs import parse_mac
from gateway.policy.profile import Profile
from gateway.policy.sharing import needs_pin
from gateway.store.given import in_utc

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class AgreementVerbs:
    def __init__(self, daemon: Daemon, whom: Whom, pins: PinDesk) -> None:
        self._daemon = daemon
        self._whom = whom
        self._pins = pins

    def table(self) -> Mapping[str, Verb]:
        return {"agreement": self.agreement}

    def agreement(self, request: Request) -> Mapping[str, object]:
        """With ``device`` the child, with ``id`` and ``by`` a guardian: each for itself."""
        action = request.choice("action", ("agree", "end"))
        if request.has("device"):
            profile, guardian = self._whom.child(request).profile, ""
            self._old_enough(request, "device", profile)
            self._pins.check(request, parse_mac(request.text("device")) or "", profile)
        else:
            guardian, profile = self._whom.guardian(request), self._daemon.rules.profile(request.text("id"))
            self._old_enough(request, "id", profile)
        store, at = self._daemon.store.agreements, in_utc(self._daemon.local_now())
        by, origin = guardian or profile.name, request.text("origin", "")
        if action == "end":
            store.end(profile.id, by=by, at=at, origin=origin)
        else:
            before, side = store.of(profile.id), Side.GUARDIAN if guardian else Side.CHILD
            after = agreement.agreed(before, side, guardian, agreement.digest_of(profile), at)
            if after != before:
                store.put(after, by=by, at=at, origin=origin)
        return {"id": profile.id, "agreement": self.told(profile)}

    def told(self, profile: Profile) -> dict[str, object] | None:
        """None of a child that has no PIN to say yes by."""
        if not (profile.is_child and needs_pin(profile)):
            return None
        one, digest = self._daemon.store.agreements.of(profile.id), agreement.digest_of(profile)
        zone = self._daemon.rules.household.config.zone
        yes = agreement.waiting(one, digest)
        return {
            "state": agreement.state(one, digest),
            "by": one.by or None,
            "at": None if one.at is None else one.at.astimezone(zone),
            "waits": None
            if yes is None
            else {"side": yes.side, "by": yes.by or None, "at": yes.at.astimezone(zone)},
        }

    def _old_enough(self, request: Request, key: str, profile: Profile) -> None:
        if not (profile.is_child and needs_pin(profile)):
            problem = f"is about {profile.name}, who has no PIN to agree by"
            request.refuse(key, problem, Code.NO_PIN, name=profile.name)
