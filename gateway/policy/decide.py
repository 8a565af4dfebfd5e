"""The judge of one profile: who asks for what, when → Decision.

What names alone decide is worked out once for each host and kept (bounded); what the clock and a situation
decide is worked out once for each situation and kept until it changes. Most decisions are two look-ups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.policy.conclude import (
    PRODUCT,
    Part,
    allow,
    allowance_part,
    conclude,
    is_openable,
    nameless_rule,
    opened_part,
    owned_rule,
    refusal_part,
    refuse,
)
from gateway.policy.extension import Extension, Left, closes_at, extend, left
from gateway.policy.gates import DEVICE, Gates, gates_of_service
from gateway.policy.hosts import is_under
from gateway.policy.ports import PortedFlows
from gateway.policy.profile import Profile
from gateway.policy.rules import Mode
from gateway.policy.schedule import Calendar, calendar_for
from gateway.policy.situation import FOREVER, Situation
from gateway.policy.standing import Standing, standing
from gateway.policy.study import Student
from gateway.policy.values import Decision, Fault, Observation, Proto, Reason, Verdict
from gateway.policy.world import GATEWAY_NAME, World

NAMES_KEPT = 1024  # hosts a generation, two generations: 150 bytes each; a device's day has some hundred
SITUATIONS_KEPT = 64  # devices of one profile; a situation is replaced when it changes
DOT_DOQ_PORT = 853  # RFC 7858, RFC 9250
IKE_PORTS = (500, 4500)  # RFC 7296; Wi-Fi calling runs over them

# Whatever the profile says: no correct client sends these, or they hide the name.
REFUSED_FAULTS: Mapping[Fault | None, Reason] = {
    Fault.BAD_NAME: Reason.BAD_NAME,
    Fault.ECH: Reason.ECH,
    Fault.MALFORMED: Reason.MALFORMED,
    Fault.FRAGMENT: Reason.FRAGMENT,
    Fault.OVERFLOW: Reason.OVERFLOW,
    Fault.VERSION: Reason.NO_NAME,  # drafts, and apps with versions of their own: they have TCP as well
}
TIME_REASONS = frozenset({Reason.BEDTIME, Reason.WINDOW, Reason.OUT_OF_TIME})

GATEWAY = allow(Reason.GATEWAY, GATEWAY_NAME, PRODUCT, ())
HELP = allow(Reason.HELP, "help", PRODUCT, ())
# One outward reason, rule and owner, so that nothing tells a sealed entry from a malware name.
REFUSED_FOR_EVERYONE = refuse(Reason.REFUSED_FOR_EVERYONE, "refused for everyone", PRODUCT)

_CALLING = (Proto.IPSEC, Proto.OTHER)  # of Wi-Fi calling, by its addresses


class _Kept(NamedTuple):
    """A situation, how things stand in it, and the decision of each closed gate."""

    situation: Situation
    standing: Standing
    refusals: Mapping[str, Decision]
    plain: bool  # nothing is closed, lifted, opened or off: a name's outcome is all there is to say
    off: Decision  # of everything, while filtering is off
    opened: dict[str, Part]  # hosts that a guardian opened for a while, bounded


class Judge:
    """Compiled once for a profile and a world; a change of either makes a new one."""

    def __init__(self, profile: Profile, world: World, calendar: Calendar) -> None:
        self.profile = profile
        self._world = world
        self._calendar = calendar_for(profile, calendar)
        self._student = Student(profile, world)
        self._ported = PortedFlows(self._student, profile, world.catalogue)
        self._young: dict[str, Part] = {}
        self._old: dict[str, Part] = {}
        self._shared: dict[Part, Part] = {}
        self._kept: dict[int, _Kept] = {}
        rules = profile.rules
        self._filtered = profile.filtered
        self._needs_address = rules.mode.value is Mode.ALLOW_LIST or rules.strict.value
        self._unfiltered = allow(Reason.UNFILTERED, *_unfiltered_rule(profile), ())
        self._off = allow(Reason.UNFILTERED, "off", "family", (DEVICE,))
        self._protocol = refusal_part(Reason.PROTOCOL, "encrypted DNS and foreign protocols", rules)
        self._faults = {
            fault: refusal_part(reason, f"fault: {reason}", rules) for fault, reason in REFUSED_FAULTS.items()
        }
        self._nameless = allowance_part(Reason.OPEN, "no name", rules)
        self._no_name = refusal_part(Reason.NO_NAME, *nameless_rule(rules))
        self._unanswered = refusal_part(Reason.UNANSWERED, *nameless_rule(rules))
        self._unsafe = refuse(
            Reason.SAFE_SEARCH_ADDRESS,
            owned_rule(rules.safe_search.owner, f"safe_search = {rules.safe_search.value}"),
            rules.safe_search.owner,
        )

    def decide(
        self, seen: Observation, situation: Situation, now: datetime, *, explain: bool = False
    ) -> Decision:
        """``now``: an aware datetime; fastest in UTC.

        ``explain`` fills ``passed``, and ``until`` of what is open.
        """
        if explain:
            return self._explained(seen, situation, now)
        host = seen.host
        if host is None or seen.fault is not None:
            return self._decide_nameless(seen, situation, now)
        part = self._young.get(host)
        if part is None:
            part = self._learn(host)
        if part.gateway and seen.proto is Proto.DNS:
            return GATEWAY
        if part.help and (seen.proto is Proto.DNS or self._world.help_address(host, seen.dst)):
            return HELP
        if part.binding and (part.sealed or not _is_opened(host, situation, now)):
            return REFUSED_FOR_EVERYONE
        if not self._filtered:
            return self._unfiltered
        if part.local and seen.proto is not Proto.DNS:
            return self._decide_nameless(seen, situation, now)
        if seen.dport == DOT_DOQ_PORT and seen.proto is not Proto.DNS:
            part = self._protocol
        state = self._state(situation, now)
        if state.plain and part.rewrite is None:
            return part.outcome
        if state.standing.allowed and is_openable(part):
            part = self._opened(host, part, state)
        closed = _closed(part, state)
        if closed is not None:
            return closed
        if part.rewrite is not None and not state.standing.off:
            if seen.proto is Proto.DNS:
                return part.rewrite
            if not self._is_safe_address(host, part.rewrite, seen.dst):
                return self._unsafe
        return self._passed(part, state)

    def _explained(self, seen: Observation, situation: Situation, now: datetime) -> Decision:
        decision = self.decide(seen, situation, now)
        from gateway.policy.trail import passed  # of `why` alone

        facts = None if seen.host is None else self._student.facts(seen.host)
        state = self._state(situation, now).standing
        until = decision.until
        if decision.allowed and not state.off:
            services = () if facts is None else facts.services
            closing = closes_at(self.profile, situation, self._calendar, now, decision.gates, services)
            until = min((one for one in (until, closing) if one is not None), default=None)
        return replace(decision, until=until, passed=passed(decision, seen.host, facts, state, self.profile))

    def standing(self, situation: Situation, now: datetime) -> Standing:
        """How things stand for a device now; kept until it changes."""
        return self._state(situation, now).standing

    def left(self, gates: Iterable[str], situation: Situation, now: datetime) -> Left | None:
        """What is left to a flow with ``gates``; None where nothing closes it."""
        return left(self.profile, situation, self._calendar, now, gates)

    def extend(
        self, situation: Situation, now: datetime, extra: timedelta, service: str | None = None
    ) -> tuple[Extension, ...]:
        """What it does to give ``extra`` time. ``service``: an id of the catalogue, else KeyError."""
        gates: Gates = ()
        if service is not None:
            gates = gates_of_service(self.profile.rules, self._world.catalogue.services[service])
        return extend(self.profile, situation, self._calendar, now, extra, service, gates)

    def _decide_nameless(self, seen: Observation, situation: Situation, now: datetime) -> Decision:
        if not self._filtered:
            return self._unfiltered
        part = self._nameless_part(seen, situation)
        if part is None:
            return HELP
        state = self._state(situation, now)
        if state.standing.allowed and is_openable(part):
            part = self._opened("", part, state)
        return _closed(part, state) or self._passed(part, state)

    def _nameless_part(self, seen: Observation, situation: Situation) -> Part | None:
        """What is decided about a flow that names no host that can be believed; None: it is Wi-Fi calling."""
        if seen.fault in self._faults and not situation.is_bare(seen):
            return self._faults[seen.fault]
        is_calling = seen.proto in _CALLING or (seen.proto is Proto.UDP and seen.dport in IKE_PORTS)
        if is_calling and self._world.calling_address(seen.dst):
            return None
        if seen.proto is Proto.OTHER or (seen.dport == DOT_DOQ_PORT and seen.proto is not Proto.DNS):
            return self._protocol
        if self._needs_address and seen.dst not in situation.addresses:
            return self._unanswered if seen.fault is Fault.UNANSWERED else self._no_name
        return self._ported.part(seen, situation) or self._nameless

    def _is_safe_address(self, host: str, rewrite: Decision, dst: bytes) -> bool:
        safe = rewrite.rewrite or host
        # An engine that is answered in place has an address for a safe name; it is learnt under the host.
        return self._world.safe_address(host if safe[-1].isdigit() else safe, dst)

    @staticmethod
    def _passed(part: Part, state: _Kept) -> Decision:
        """No gate is closed: the outcome, with the gates that the portal and grants for services need."""
        if state.standing.off:
            return state.off
        outcome, lifted = part.outcome, state.standing.lifted
        if part.portal and state.situation.portal:
            return replace(outcome, gates=frozenset(part.portal))
        if lifted and outcome.verdict is not Verdict.BLOCK:
            granted = [f"service:{one}" for one in part.services if one in lifted]
            if granted:
                return replace(outcome, gates=outcome.gates.union(granted))
        return outcome

    def _opened(self, host: str, part: Part, state: _Kept) -> Part:
        """``part``, which is refused, or what a guardian made of it for a while. ``host``: "" for no name."""
        opening = state.standing.opening(host, part.services)
        if opening is None:
            return part
        key = host or " ".join(part.services)
        found = state.opened.get(key)
        if found is None:
            if len(state.opened) >= NAMES_KEPT:
                state.opened.clear()
            facts = self._student.facts(host) if host else self._student.facts_of(part.services)
            found = state.opened[key] = opened_part(facts, self.profile, *opening)
        return found

    def _learn(self, host: str) -> Part:
        part = self._old.pop(host, None)
        if part is None:
            part = self._concluded(host)
        if len(self._young) >= NAMES_KEPT:
            self._old, self._young = self._young, {}
        self._young[host] = part
        return part

    def _concluded(self, host: str) -> Part:
        facts = self._student.facts(host)
        part = conclude(facts, self.profile)
        if len(self._shared) >= NAMES_KEPT:
            self._shared.clear()
        return self._shared.setdefault(part, part)

    def _state(self, situation: Situation, now: datetime) -> _Kept:
        kept = self._kept.get(id(situation))
        # The kept reference keeps the id from being used again.
        if kept is not None and kept.situation is situation:
            state = kept.standing
            if state.since <= now < state.until:
                return kept
        state = standing(self.profile, situation, self._calendar, now)
        refusals = {
            gate: Decision(
                Verdict.BLOCK,
                one.reason,
                owned_rule(one.owner, one.rule),
                one.owner,
                until=one.until,
                askable=one.reason in TIME_REASONS,
            )
            for gate, one in state.closed.items()
        }
        if len(self._kept) >= SITUATIONS_KEPT:
            self._kept.clear()
        plain = not (refusals or state.lifted or state.off or state.allowed or situation.portal)
        off = self._off
        if state.off and situation.off_until is not None and situation.off_until < FOREVER:
            off = replace(off, until=situation.off_until)
        kept = self._kept[id(situation)] = _Kept(situation, state, refusals, plain, off, {})
        return kept


def _closed(part: Part, state: _Kept) -> Decision | None:
    """The refusal of the first closed gate, if there is one."""
    refusals = state.refusals
    if not refusals:
        return None
    lifted = state.standing.lifted_for([f"service:{one}" for one in part.services])
    for gate in part.portal if part.portal and state.situation.portal else part.gates:
        if gate in refusals and gate not in lifted:
            return refusals[gate]
    return None


def _is_opened(host: str, situation: Situation, now: datetime) -> bool:
    return any(now < until and is_under(host, name) for name, until in situation.opened)


def _unfiltered_rule(profile: Profile) -> tuple[str, str]:
    if profile.built_in:
        return f"unknown_devices: {profile.id}", "family"
    return f"band {profile.band.value}", f"band:{profile.band.value}"
