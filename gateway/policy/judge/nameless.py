"""Decides flows without a host name, or with one that cannot be trusted."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.judge.bypass import BypassRules
from gateway.policy.judge.conclude import (
    Conclusion,
    blocked_conclusion,
    device_wide_conclusion,
    nameless_rule,
)
from gateway.policy.judge.service_flows import ServiceFlows
from gateway.policy.judge.world import World
from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import Mode, Rules
from gateway.policy.rule_text import NAMELESS_RULE, PROTOCOL_RULE, fault_rule
from gateway.policy.time.time_rules import Situation
from gateway.policy.values import Fault, Observation, Proto, Reason

IKE_PORTS = (500, 4500)  # RFC 7296; Wi-Fi calling runs over them
CALLING = (Proto.IPSEC, Proto.OTHER)

# Blocked under every filtered profile. No correct client sends these, except an unsupported QUIC version.
REFUSED_FAULTS: Mapping[Fault, Reason] = {
    Fault.BAD_NAME: Reason.BAD_NAME,
    Fault.MALFORMED: Reason.MALFORMED,
    Fault.FRAGMENT: Reason.FRAGMENT,
    Fault.OVERFLOW: Reason.OVERFLOW,
    Fault.VERSION: Reason.NO_NAME,  # draft versions and private versions of apps; these apps also use TCP
}


def needs_address(rules: Rules) -> bool:
    """Return True if the rules block flows to addresses that no DNS answer gave to the device.

    They do in allow-list mode and with ``strict``.
    """
    return rules.mode.value is Mode.ALLOW_LIST or rules.strict.value


class NamelessFlows:
    """Decides about flows without a host name, or with one that cannot be trusted, under one profile."""

    def __init__(
        self, profile: Profile, world: World, bypass_rules: BypassRules, service_flows: ServiceFlows
    ) -> None:
        rules = profile.rules
        self._world = world
        self._bypass = bypass_rules
        self._services = service_flows
        self._needs_address = needs_address(rules)
        self._protocol = blocked_conclusion(Reason.PROTOCOL, PROTOCOL_RULE, rules)
        self._faults: dict[Fault | None, Conclusion] = {
            fault: blocked_conclusion(reason, fault_rule(reason), rules)
            for fault, reason in REFUSED_FAULTS.items()
        }
        hidden = bypass_rules.refusal(BypassMethod.ECH)
        if hidden is not None:
            self._faults[Fault.ECH] = hidden
        self._nameless = device_wide_conclusion(Reason.OPEN, NAMELESS_RULE, rules)
        self._no_name = blocked_conclusion(Reason.NO_NAME, *nameless_rule(rules))
        self._unanswered = blocked_conclusion(Reason.UNANSWERED, *nameless_rule(rules))

    def conclusion(self, seen: Observation, situation: Situation) -> Conclusion | None:
        """Return the conclusion about the flow; None for Wi-Fi calling, which passes.

        Wi-Fi calling with a fault that the rules block is blocked.
        """
        if seen.fault in self._faults and not situation.is_bare(seen):
            return self._faults[seen.fault]
        is_calling = seen.proto in CALLING or (seen.proto is Proto.UDP and seen.dport in IKE_PORTS)
        if is_calling and self._world.calling_address(seen.dst):
            return None
        # A console's Teredo tunnel belongs to its game, which has its own rules. If the game is recognised,
        # its rules decide, and the tunnel is no bypass method.
        played = self._services.nameless(seen, situation) if seen.proto is Proto.TEREDO else None
        way = self._bypass.conclusion(seen, None, situation) if played is None else None
        if way is not None:
            return way
        if seen.proto is Proto.OTHER:
            return self._protocol
        if (
            self._services.owner_of(seen.dst) is not None
        ):  # the address proves the service, as a DNS answer would
            return self._services.nameless(seen, situation)
        unanswered = seen.fault is Fault.UNANSWERED
        # An unanswered TCP packet may be a decoy before a hello, and many sites share an address.
        decoys = unanswered and seen.proto is Proto.TCP
        if self._needs_address and (decoys or seen.dst not in situation.addresses):
            return self._unanswered if unanswered else self._no_name
        return played or self._services.nameless(seen, situation) or self._nameless
