"""The judge of one profile: who asks for what, when → Decision.

What names alone decide is worked out once for each host and kept (bounded); what the clock and a situation
decide is worked out once for each situation and kept until it changes. Most decisions are two look-ups.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.policy.judge.bypass import DNS_PORTS, DOT_DOQ_PORT, Around
from gateway.policy.judge.conclude import PRODUCT, Part, allow, conclude, nameless_rule, owned_rule, refuse
from gateway.policy.judge.judge_cache import TIME_REASONS, Kept, closed, keep
from gateway.policy.judge.nameless import NamelessFlows, needs_address
from gateway.policy.judge.opened import is_openable, opened_part
from gateway.policy.judge.study import Student
from gateway.policy.judge.world import GATEWAY_NAME, World
from gateway.policy.profile.bypass_methods import Way
from gateway.policy.profile.profile import Profile
from gateway.policy.requests.site_repair import taught
from gateway.policy.time.extension import Extension, extend
from gateway.policy.time.gates import DEVICE, Gates, gates_of_service
from gateway.policy.time.remaining import Left, closes_at, left
from gateway.policy.time.schedule import Calendar, calendar_for
from gateway.policy.time.situation import Situation
from gateway.policy.time.standing import Standing, standing
from gateway.policy.values import Decision, Fault, Observation, Proto, Reason, Verdict

DNS, PROXY = Proto.DNS, Proto.PROXY  # found faster than through its class
NAMES_KEPT = 1024  # hosts a generation, two generations: 150 bytes each; a device's day has some hundred
SITUATIONS_KEPT = 64  # devices of one profile; a situation is replaced when it changes

GATEWAY = allow(Reason.GATEWAY, GATEWAY_NAME, PRODUCT, ())
HELP = allow(Reason.HELP, "help", PRODUCT, ())
# One outward reason, rule and owner, so that nothing tells a sealed entry from a malware name. Nobody opens
# one for a while either: where the other then stayed shut, it would be told.
REFUSED_FOR_EVERYONE = refuse(Reason.REFUSED_FOR_EVERYONE, "refused for everyone", PRODUCT)


class Judge:
    """Compiled once for a profile and a world; a change of either makes a new one."""

    def __init__(self, profile: Profile, world: World, calendar: Calendar) -> None:
        self.profile = profile
        self._world = world
        self._calendar = calendar_for(profile, calendar)
        self._student = Student(profile, world)
        self._around = Around(self._student, profile, world)
        self._plain_addresses = self._around.plain_addresses
        self._plain_alpns = self._around.plain_alpns
        self._nameless = NamelessFlows(self._student, profile, world, self._around)
        self._young: dict[str, Part] = {}
        self._old: dict[str, Part] = {}
        self._shared: dict[Part, Part] = {}
        self._kept: dict[int, Kept] = {}
        rules = profile.rules
        self._filtered = profile.filtered
        self._needs_address = needs_address(rules)
        self._unfiltered = allow(Reason.UNFILTERED, *_unfiltered_rule(profile), ())
        self._off = allow(Reason.UNFILTERED, "off", "family", (DEVICE,))
        self._hides = self._around.refusal(Way.ECH) is None
        rule, _, owner = nameless_rule(rules)
        self._unresolved = refuse(Reason.UNRESOLVED, rule, owner)
        self._unproven = refuse(Reason.UNRESOLVED, "open at this hour by its name alone", PRODUCT)
        self._unsafe = refuse(
            Reason.SAFE_SEARCH_ADDRESS,
            owned_rule(rules.safe_search.owner, f"safe_search = {rules.safe_search.value}"),
            rules.safe_search.owner,
        )

    def decide(
        self, seen: Observation, situation: Situation, now: datetime, *, explain: bool = False
    ) -> Decision:
        """``now``: an aware datetime; fastest in UTC. ``explain`` fills ``passed``, and ``until`` of what
        is open.
        """
        if explain:
            return self._explained(seen, situation, now)
        proto, host, dst, dport, _, fault, alpn = seen  # in a third of the time that the names take
        if host is None or fault is not None or proto is PROXY:  # of a proxy, it is whom that shall call
            return self._decide_nameless(seen, situation, now)
        part = self._young.get(host)
        if part is None:
            part = self._learn(host)
        asked = proto is DNS
        if part.special:
            decision = self._special(part, host, seen, situation, now)
            if decision is not None:
                return decision
        state = self._kept.get(id(situation))
        # The kept reference keeps the id from being used again.
        if state is None or state.situation is not situation or not state.since <= now < state.until:
            state = self._state(situation, now)
        # What is known to be no way around costs these look-ups alone.
        if asked:
            if dport not in DNS_PORTS:
                part = self._around.part(seen, part, situation) or part
        elif dst not in self._plain_addresses or alpn not in self._plain_alpns or dport == DOT_DOQ_PORT:
            part = self._around.part(seen, part, situation) or part
        if state.plain and part.rewrite is None:
            if asked or not self._needs_address:
                return part.outcome
            resolved = situation.resolved
            if resolved is None or resolved.gave(host, dst) or not part.outcome.allowed:
                return part.outcome
            return self._unresolved
        return self._by_state(host, part, seen, state)

    def _special(
        self, part: Part, host: str, seen: Observation, situation: Situation, now: datetime
    ) -> Decision | None:
        """What no rule of a profile changes, and what is said of a profile without rules; None: neither."""
        asked = seen.proto is DNS
        if part.gateway and asked:
            return GATEWAY
        if part.help and (asked or self._world.help_address(host, seen.dst)):
            return HELP
        if part.binding:
            return REFUSED_FOR_EVERYONE
        if part.register is not None:
            return part.register
        if not self._filtered:
            return self._unfiltered
        if part.local and not asked:
            return self._decide_nameless(seen, situation, now)
        if part.relay and not asked:
            part = self._around.part(seen, part, situation) or part
            return self._by_state(host, part, seen, self._state(situation, now))
        if part.ordinary and not asked:
            return self._by_name_alone(part, host, seen, situation, now)
        return None

    def _by_name_alone(
        self, part: Part, host: str, seen: Observation, situation: Situation, now: datetime
    ) -> Decision | None:
        """Of a flow by a name that is bound by fewer gates than others, to an address that no answer gave for
        it: it has them all. None: the address is its own, or nobody knows, as where answers are encrypted.
        """
        resolved = situation.resolved
        hidden = resolved is None or self._around.refusal(Way.ENCRYPTED_DNS) is None
        if hidden or self._needs_address or (resolved is not None and resolved.gave(host, seen.dst)):
            return None
        outcome = replace(part.outcome, gates=frozenset(part.ordinary))
        whole = part._replace(gates=part.ordinary, outcome=outcome)
        decision = self._by_state(
            host, self._around.part(seen, whole, situation) or whole, seen, self._state(situation, now)
        )
        return self._unproven if decision.reason in TIME_REASONS else decision

    def _by_state(self, host: str, part: Part, seen: Observation, state: Kept) -> Decision:
        if part.portal and state.situation.led and seen.proto is DNS:
            return part.outcome  # a probe that finds no address is never led to the page
        if state.standing.allowed and is_openable(part):
            part = self._opened(host, part, state)
        if state.standing.lesson is not None:
            part = taught(host, part, self._student, self.profile, state.standing.lesson)
        refusal = closed(part, state)
        if refusal is not None:
            return refusal
        if seen.proto is not DNS or part.rewrite is None:
            wrong = self._wrong_address(host, part, seen, state)
            return self._passed(part, state) if wrong is None else wrong
        return self._passed(part, state) if state.standing.off else part.rewrite

    def _wrong_address(self, host: str, part: Part, seen: Observation, state: Kept) -> Decision | None:
        """The refusal of a flow to an address that is not the name's own; None where it is, or may be."""
        if seen.proto is DNS or state.standing.off or part.outcome.verdict is Verdict.BLOCK:
            return None
        if part.rewrite is not None:
            return None if self._is_safe_address(host, part.rewrite, seen.dst) else self._unsafe
        resolved = state.situation.resolved
        if not self._needs_address or resolved is None or resolved.gave(host, seen.dst):
            return None
        return self._unresolved

    def _explained(self, seen: Observation, situation: Situation, now: datetime) -> Decision:
        decision = self.decide(seen, situation, now)
        from gateway.policy.judge.passed_rules import passed  # of `why` alone

        facts = None if seen.host is None else self._student.facts(seen.host)
        state = self._state(situation, now).standing
        until = decision.until
        if decision.allowed and not state.off:
            services = () if facts is None else facts.services
            closing = closes_at(self.profile, situation, self._calendar, now, decision.gates, services)
            until = min((one for one in (until, closing) if one is not None), default=None)
        ways = None if seen.proto is DNS and seen.dport in DNS_PORTS else tuple(self._around.steps(seen))
        way = passed(decision, seen.host, facts, state, self.profile, ways)
        return replace(decision, until=until, passed=way)

    @property
    def approves(self) -> bool:
        """Whether sites that come with the product are open where others ask first."""
        return self._student.approves

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
        if self._hides and seen.fault is Fault.ECH:
            shown = seen._replace(fault=None)
            if seen.host is not None:
                return self.decide(shown, situation, now)
            seen = shown
        part = self._nameless.part(seen, situation)
        if part is None:
            return HELP
        state = self._state(situation, now)
        if state.standing.allowed and is_openable(part):
            part = self._opened("", part, state)
        return closed(part, state) or self._passed(part, state)

    def _is_safe_address(self, host: str, rewrite: Decision, dst: bytes) -> bool:
        safe = rewrite.rewrite or host
        # An engine that is answered in place has an address for a safe name; it is learnt under the host.
        return self._world.safe_address(host if safe[-1].isdigit() else safe, dst)

    @staticmethod
    def _passed(part: Part, state: Kept) -> Decision:
        """No gate is closed: the outcome, with the gates that the portal and grants for services need."""
        if state.standing.off:
            return state.off
        outcome, lifted = part.outcome, state.standing.lifted
        if part.portal and state.situation.led:
            return replace(outcome, gates=frozenset(part.portal))
        if lifted and outcome.verdict is not Verdict.BLOCK:
            granted = [f"service:{one}" for one in part.services if one in lifted]
            if granted:
                return replace(outcome, gates=outcome.gates.union(granted))
        return outcome

    def _opened(self, host: str, part: Part, state: Kept) -> Part:
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
        if not self._filtered:
            part = part._replace(special=True)
        if len(self._shared) >= NAMES_KEPT:
            self._shared.clear()
        return self._shared.setdefault(part, part)

    def _state(self, situation: Situation, now: datetime) -> Kept:
        kept = self._kept.get(id(situation))
        if kept is not None and kept.situation is situation and kept.since <= now < kept.until:
            return kept
        if len(self._kept) >= SITUATIONS_KEPT:
            self._kept.clear()
        held = standing(self.profile, situation, self._calendar, now)
        kept = self._kept[id(situation)] = keep(situation, held, self._off)
        return kept


def _unfiltered_rule(profile: Profile) -> tuple[str, str]:
    if profile.built_in:
        return f"unknown_devices: {profile.id}", "family"
    return f"band {profile.band.value}", f"band:{profile.band.value}"
