"""What is decided about a flow that names no host, or none that can be believed."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.judge.bypass import Around
from gateway.policy.judge.conclude import Part, allowance_part, nameless_rule, refusal_part
from gateway.policy.judge.ports import PortedFlows
from gateway.policy.judge.study import Student
from gateway.policy.judge.world import World
from gateway.policy.profile.bypass_methods import Way
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import Mode, Rules
from gateway.policy.time.situation import Situation
from gateway.policy.values import Fault, Observation, Proto, Reason

IKE_PORTS = (500, 4500)  # RFC 7296; Wi-Fi calling runs over them
CALLING = (Proto.IPSEC, Proto.OTHER)

# Whatever the profile says: no correct client sends these.
REFUSED_FAULTS: Mapping[Fault, Reason] = {
    Fault.BAD_NAME: Reason.BAD_NAME,
    Fault.MALFORMED: Reason.MALFORMED,
    Fault.FRAGMENT: Reason.FRAGMENT,
    Fault.OVERFLOW: Reason.OVERFLOW,
    Fault.VERSION: Reason.NO_NAME,  # drafts, and apps with versions of their own: they have TCP as well
}


def needs_address(rules: Rules) -> bool:
    """Whether a flow passes only to an address that a name gave to the device."""
    return rules.mode.value is Mode.ALLOW_LIST or rules.strict.value


class NamelessFlows:
    """Compiled with its judge."""

    def __init__(self, student: Student, profile: Profile, world: World, around: Around) -> None:
        rules = profile.rules
        self._world = world
        self._around = around
        self._ported = PortedFlows(student, profile, world.catalogue)
        self._needs_address = needs_address(rules)
        self._protocol = refusal_part(Reason.PROTOCOL, "foreign protocols", rules)
        self._faults: dict[Fault | None, Part] = {
            fault: refusal_part(reason, f"fault: {reason}", rules) for fault, reason in REFUSED_FAULTS.items()
        }
        hidden = around.refusal(Way.ECH)
        if hidden is not None:
            self._faults[Fault.ECH] = hidden
        self._nameless = allowance_part(Reason.OPEN, "no name", rules)
        self._no_name = refusal_part(Reason.NO_NAME, *nameless_rule(rules))
        self._unanswered = refusal_part(Reason.UNANSWERED, *nameless_rule(rules))

    def part(self, seen: Observation, situation: Situation) -> Part | None:
        """None: it is Wi-Fi calling."""
        if seen.fault in self._faults and not situation.is_bare(seen):
            return self._faults[seen.fault]
        is_calling = seen.proto in CALLING or (seen.proto is Proto.UDP and seen.dport in IKE_PORTS)
        if is_calling and self._world.calling_address(seen.dst):
            return None
        # A console's tunnels are its game's, which has rules of its own: no way around for who may play.
        played = self._ported.part(seen, situation) if seen.proto is Proto.TEREDO else None
        way = self._around.part(seen, None, situation) if played is None else None
        if way is not None:
            return way
        if seen.proto is Proto.OTHER:
            return self._protocol
        unanswered = seen.fault is Fault.UNANSWERED
        decoys = unanswered and seen.proto is Proto.TCP  # it may be, ahead of a hello; addresses are shared
        if self._needs_address and (decoys or seen.dst not in situation.addresses):
            return self._unanswered if unanswered else self._no_name
        return played or self._ported.part(seen, situation) or self._nameless
