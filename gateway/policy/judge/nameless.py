"""Decides flows that name no host, or whose name cannot be trusted."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.judge.bypass import BypassRules
from gateway.policy.judge.conclude import (
    Conclusion,
    blocked_conclusion,
    conclude,
    device_wide_conclusion,
    nameless_rule,
)
from gateway.policy.judge.facts import FactFinder
from gateway.policy.judge.world import World
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import Mode, Rules
from gateway.policy.time.standing import Situation
from gateway.policy.values import Fault, Observation, Proto, Reason, Verdict

IKE_PORTS = (500, 4500)  # RFC 7296; Wi-Fi calling runs over them
CALLING = (Proto.IPSEC, Proto.OTHER)
PORT_TYPES = {Proto.UDP: "udp", Proto.TCP: "tcp", Proto.TEREDO: "teredo"}  # of the catalogue's `ports`
PARTS_KEPT = 256  # combinations of services that share a port; a device has a handful

# Blocked under every profile: no correct client sends these.
REFUSED_FAULTS: Mapping[Fault, Reason] = {
    Fault.BAD_NAME: Reason.BAD_NAME,
    Fault.MALFORMED: Reason.MALFORMED,
    Fault.FRAGMENT: Reason.FRAGMENT,
    Fault.OVERFLOW: Reason.OVERFLOW,
    Fault.VERSION: Reason.NO_NAME,  # draft versions and private versions of apps; these apps also use TCP
}


def needs_address(rules: Rules) -> bool:
    """Return True if a flow passes only to an address that a DNS answer gave to the device."""
    return rules.mode.value is Mode.ALLOW_LIST or rules.strict.value


class NamelessFlows:
    """Decides flows without a trusted name, under one profile. Created with its judge."""

    def __init__(
        self, fact_finder: FactFinder, profile: Profile, world: World, bypass_rules: BypassRules
    ) -> None:
        rules = profile.rules
        self._world = world
        self._bypass = bypass_rules
        self._ported = PortedFlows(fact_finder, profile, world.catalogue)
        self._needs_address = needs_address(rules)
        self._protocol = blocked_conclusion(Reason.PROTOCOL, "foreign protocols", rules)
        self._faults: dict[Fault | None, Conclusion] = {
            fault: blocked_conclusion(reason, f"fault: {reason}", rules)
            for fault, reason in REFUSED_FAULTS.items()
        }
        hidden = bypass_rules.refusal(BypassMethod.ECH)
        if hidden is not None:
            self._faults[Fault.ECH] = hidden
        self._nameless = device_wide_conclusion(Reason.OPEN, "no name", rules)
        self._no_name = blocked_conclusion(Reason.NO_NAME, *nameless_rule(rules))
        self._unanswered = blocked_conclusion(Reason.UNANSWERED, *nameless_rule(rules))

    def conclusion(self, seen: Observation, situation: Situation) -> Conclusion | None:
        """Return the conclusion for the flow; None if the flow is Wi-Fi calling, which always passes."""
        if seen.fault in self._faults and not situation.is_bare(seen):
            return self._faults[seen.fault]
        is_calling = seen.proto in CALLING or (seen.proto is Proto.UDP and seen.dport in IKE_PORTS)
        if is_calling and self._world.calling_address(seen.dst):
            return None
        # A console's Teredo tunnel belongs to its game, which has its own rules. It is no bypass if the game
        # is allowed.
        played = self._ported.conclusion(seen, situation) if seen.proto is Proto.TEREDO else None
        way = self._bypass.conclusion(seen, None, situation) if played is None else None
        if way is not None:
            return way
        if seen.proto is Proto.OTHER:
            return self._protocol
        unanswered = seen.fault is Fault.UNANSWERED
        # An unanswered TCP packet may be a decoy before a hello, and many sites share an address.
        decoys = unanswered and seen.proto is Proto.TCP
        if self._needs_address and (decoys or seen.dst not in situation.addresses):
            return self._unanswered if unanswered else self._no_name
        return played or self._ported.conclusion(seen, situation) or self._nameless


class PortedFlows:
    """Assigns flows without a name to services, by port and by which services the device recently queried."""

    def __init__(self, fact_finder: FactFinder, profile: Profile, catalogue: Catalogue) -> None:
        self._fact_finder = fact_finder
        self._profile = profile
        self._catalogue = catalogue
        self._parts: dict[tuple[str, ...], Conclusion] = {}

    def conclusion(self, seen: Observation, situation: Situation) -> Conclusion | None:
        """Return the conclusion about the services that use a flow's port; None if no service is known.

        Services share ports. If an allowed name gave this address to the device, the flow counts for a
        service only if one of the service's own names gave it. Teredo is detected by content, and its servers
        have their own names.
        """
        kind, recent = PORT_TYPES.get(seen.proto), situation.recent
        if kind is None:
            return None
        found = tuple(
            service for service in self._catalogue.services_at(kind, seen.dport) if recent.asked(service)
        )
        if found and seen.dst in situation.addresses and seen.proto is not Proto.TEREDO:
            found = tuple(service for service in found if recent.gave(service, seen.dst))
        if not found:
            return None
        conclusion = self._parts.get(found)
        if conclusion is None:
            if len(self._parts) >= PARTS_KEPT:
                self._parts.clear()
            conclusion = self._parts[found] = self._concluded(found)
        return conclusion

    def _concluded(self, services: tuple[str, ...]) -> Conclusion:
        """Return the conclusion about a flow of several services: a block if one of them is blocked.

        Otherwise the flow has the time rules of all of them.
        """
        alone = (conclude(self._fact_finder.facts_of((service,)), self._profile) for service in services)
        refused = next(
            (conclusion for conclusion in alone if conclusion.outcome.verdict is Verdict.BLOCK), None
        )
        return refused or conclude(self._fact_finder.facts_of(services), self._profile)
