"""The judge of one profile: decides about an observation in a situation at a time.

What names alone decide is computed once for each host and cached (bounded). What the clock and a situation
decide is computed once for each situation and cached until it changes. Most decisions are two look-ups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from gateway.policy.judge.bypass import DNS_PORTS, DOT_DOQ_PORT, BypassRules
from gateway.policy.judge.conclude import (
    PRODUCT,
    Conclusion,
    allow,
    conclude,
    is_openable,
    nameless_rule,
    opened_conclusion,
    passed_rules,
    refuse,
    uncounted,
)
from gateway.policy.judge.facts import FactFinder, without_categories
from gateway.policy.judge.nameless import NamelessFlows, needs_address
from gateway.policy.judge.service_flows import ServiceFlows
from gateway.policy.judge.world import GATEWAY_NAME, World
from gateway.policy.profile.bypass_methods import REASONS, BypassMethod
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import CATEGORY
from gateway.policy.requests.site_repair import repaired
from gateway.policy.rule_text import (
    FOR_EVERYONE_RULE,
    HELP_RULE,
    OFF_RULE,
    UNPROVEN_RULE,
    band_rule,
    owned_rule,
    unknown_devices_rule,
    value_rule,
)
from gateway.policy.time.gates import DEVICE
from gateway.policy.time.schedule import Calendar, calendar_for
from gateway.policy.time.time_rules import FOREVER, Left, Remaining, Situation, Standing, closes_at, standing
from gateway.policy.values import (
    TIME_REASONS,
    Decision,
    Fault,
    Observation,
    Proto,
    Reason,
    ServiceRecognition,
    Verdict,
)

DNS, PROXY = Proto.DNS, Proto.PROXY  # module constants are faster than class attributes
NAMES_KEPT = 1024  # hosts per generation, two generations; 150 bytes each; a device uses some hundred a day
SITUATIONS_KEPT = 64  # devices of one profile; a situation is replaced when it changes

_NO_SERVICES: tuple[str, ...] = ()
BYPASS_REASONS = frozenset(REASONS.values())
GATEWAY = allow(Reason.GATEWAY, GATEWAY_NAME, PRODUCT, ())
HELP = allow(Reason.HELP, HELP_RULE, PRODUCT, ())
# One public reason, rule and owner, so that a sealed entry looks like a malware name. No guardian can open
# either kind for a while: if only malware names could be opened, the difference would show.
REFUSED_FOR_EVERYONE = refuse(Reason.REFUSED_FOR_EVERYONE, FOR_EVERYONE_RULE, PRODUCT)


class Judge:
    """Decides about DNS queries and connections under one profile and the household's data (`World`).

    A change of either needs a new judge.
    """

    def __init__(self, profile: Profile, world: World, calendar: Calendar) -> None:
        self.profile = profile
        self._world = world
        self._calendar = calendar_for(profile, calendar)
        self._fact_finder = FactFinder(profile, world)
        # Of the last set of categories that a guardian opened: their ids, and the rules that allow them.
        self._lenient: tuple[frozenset[str], Profile, FactFinder] | None = None
        self._bypass = BypassRules(self._fact_finder, profile, world)
        self._plain_addresses = self._bypass.plain_addresses
        self._plain_alpns = self._bypass.plain_alpns
        self._services = ServiceFlows(self._fact_finder, profile, world.catalogue)
        self._nameless = NamelessFlows(profile, world, self._bypass, self._services)
        self._recent_hosts: dict[str, Conclusion] = {}
        self._older_hosts: dict[str, Conclusion] = {}
        self._shared: dict[Conclusion, Conclusion] = {}
        self._situations: dict[int, CachedSituation] = {}
        self._remaining: Remaining | None = None
        rules = profile.rules
        self._filtered = profile.filtered
        self._needs_address = needs_address(rules)
        self._unfiltered = allow(Reason.UNFILTERED, *_unfiltered_rule(profile), ())
        self._off = allow(Reason.UNFILTERED, OFF_RULE, "family", (DEVICE,))
        self._allows_ech = self._bypass.refusal(BypassMethod.ECH) is None
        rule, _, owner = nameless_rule(rules)
        self._unresolved = refuse(Reason.UNRESOLVED, rule, owner)
        self._unproven = refuse(Reason.UNRESOLVED, UNPROVEN_RULE, PRODUCT)
        self._unsafe = refuse(
            Reason.SAFE_SEARCH_ADDRESS,
            value_rule("safe_search", rules.safe_search.value, rules.safe_search.owner),
            rules.safe_search.owner,
        )

    def decide(
        self, seen: Observation, situation: Situation, now: datetime, *, explain: bool = False
    ) -> Decision:
        """Return the decision about a DNS query or connection: verdict, reason, rule, owner and end.

        Arguments:
            now: an aware datetime; UTC is fastest.
            explain: also fill ``passed`` (the other rules that were checked), and ``until`` for what is open.
        """
        if explain:
            return self._explained(seen, situation, now)
        proto, host, dst, dport, _, fault, alpn, _ = (
            seen  # unpacking takes a third of the time of attribute access
        )
        if (
            host is None or fault is not None or proto is PROXY
        ):  # a proxy request names the host that the proxy shall call
            return self._decide_nameless(seen, situation, now)
        conclusion = self._recent_hosts.get(host)
        if conclusion is None:
            conclusion = self._cache_host(host)
        is_query = proto is DNS
        if conclusion.special:
            decision = self._special(conclusion, host, seen, situation, now)
            if decision is not None:
                return decision
        state = self._situations.get(id(situation))
        # The cached reference to the situation prevents reuse of its id.
        if state is None or state.situation is not situation or not state.since <= now < state.until:
            state = self._state(situation, now)
        # A flow that is known to be no bypass, at no service's own address, costs only these look-ups.
        if is_query:
            if dport not in DNS_PORTS:
                conclusion = self._bypass.conclusion(seen, conclusion, situation) or conclusion
        elif dst not in self._plain_addresses or alpn not in self._plain_alpns or dport == DOT_DOQ_PORT:
            conclusion = self._at_address(seen, conclusion, situation)
        if state.plain and conclusion.rewrite is None:
            if is_query or not self._needs_address:
                return conclusion.outcome
            resolved = situation.resolved
            if resolved is None or resolved.gave(host, dst) or not conclusion.outcome.allowed:
                return conclusion.outcome
            return self._unresolved
        return self._by_state(host, conclusion, seen, state)

    def _special(
        self, conclusion: Conclusion, host: str, seen: Observation, situation: Situation, now: datetime
    ) -> Decision | None:
        """Return the decision for a host to which the usual order of rules does not apply; None for others.

        Such are lists for everyone, state registers, and all hosts of an unfiltered profile; in DNS queries
        also the pages; help lines in DNS queries and at an address that the gateway resolved. In connections
        also local names, Private Relay names and names with fewer time rules than usual.
        """
        is_query = seen.proto is DNS
        if conclusion.gateway and is_query:
            return GATEWAY
        if conclusion.help and (is_query or self._world.help_address(host, seen.dst)):
            return HELP
        if conclusion.binding:
            return REFUSED_FOR_EVERYONE
        if conclusion.register is not None:
            return conclusion.register
        if not self._filtered:
            return self._unfiltered
        if conclusion.local and not is_query:
            return self._decide_nameless(seen, situation, now)
        if conclusion.relay and not is_query:
            conclusion = self._at_address(seen, conclusion, situation)
            return self._by_state(host, conclusion, seen, self._state(situation, now))
        if conclusion.ordinary and not is_query:
            return self._by_name_alone(conclusion, host, seen, situation, now)
        return None

    def _by_name_alone(
        self, conclusion: Conclusion, host: str, seen: Observation, situation: Situation, now: datetime
    ) -> Decision | None:
        """Return the decision for an exempt name with an address that no DNS answer gave for it.

        The name has fewer time rules than usual; now all apply. A closed bedtime, schedule or limit blocks as
        UNRESOLVED. None: the usual decision applies, because a DNS answer gave the address for the name, or
        unresolved addresses are blocked anyway. None also if answers are not stored, or if the rules allow
        encrypted DNS: it is then unknown which address belongs to the name.
        """
        resolved = situation.resolved
        hidden = resolved is None or self._bypass.refusal(BypassMethod.ENCRYPTED_DNS) is None
        if hidden or self._needs_address or (resolved is not None and resolved.gave(host, seen.dst)):
            return None
        outcome = replace(conclusion.outcome, gates=frozenset(conclusion.ordinary))
        whole = conclusion._replace(gates=conclusion.ordinary, outcome=outcome)
        decision = self._by_state(
            host, self._at_address(seen, whole, situation), seen, self._state(situation, now)
        )
        return self._unproven if decision.reason in TIME_REASONS else decision

    def _at_address(self, seen: Observation, named: Conclusion, situation: Situation) -> Conclusion:
        """Return the conclusion about a flow with a host name, which also depends on its address and content.

        It is the block of a bypass method, else ``named`` combined with the service that alone uses the
        address (`ServiceFlows.named`), else ``named`` itself.
        """
        return (
            self._bypass.conclusion(seen, named, situation)
            or self._services.named(seen, named, situation)
            or named
        )

    def _by_state(
        self, host: str, conclusion: Conclusion, seen: Observation, state: CachedSituation
    ) -> Decision:
        """Return the decision about a host in a situation (pauses, extra time, used minutes).

        It applies temporary openings, a site repair, closed time rules, the address check and safe search, in
        this order.
        """
        if conclusion.portal and state.situation.led and seen.proto is DNS:
            return conclusion.outcome  # a probe without an address is never redirected to the page
        if state.standing.allowed and is_openable(conclusion):
            conclusion = self._opened(host, conclusion, state)
        if state.standing.repair is not None:
            conclusion = repaired(host, conclusion, self._fact_finder, self.profile, state.standing.repair)
        refusal = closed_gate_decision(conclusion, state)
        if refusal is not None:
            recognised = conclusion.outcome.recognised
            return refusal if recognised is None else _with_recognition(refusal, recognised)
        if seen.proto is not DNS or conclusion.rewrite is None:
            wrong = self._wrong_address(host, conclusion, seen, state)
            return self._outcome(conclusion, state) if wrong is None else wrong
        return self._outcome(conclusion, state) if state.standing.off else conclusion.rewrite

    def _wrong_address(
        self, host: str, conclusion: Conclusion, seen: Observation, state: CachedSituation
    ) -> Decision | None:
        """Return the block if a connection's address is not its host name's; else None.

        Only the addresses of safe search names are checked in every profile. Others are checked in allow-list
        mode and with ``strict``, if answers are stored. None also while filtering is off.
        """
        if seen.proto is DNS or state.standing.off or conclusion.outcome.verdict is Verdict.BLOCK:
            return None
        if conclusion.rewrite is not None:
            return None if self._is_safe_address(host, conclusion.rewrite, seen.dst) else self._unsafe
        resolved = state.situation.resolved
        if not self._needs_address or resolved is None or resolved.gave(host, seen.dst):
            return None
        return self._unresolved

    def _explained(self, seen: Observation, situation: Situation, now: datetime) -> Decision:
        """Return the decision with the other rules that were checked, and the end of what is open."""
        # Not `self.decide`: a `CombinedJudge` takes an explanation from the judge of each profile.
        decision = Judge.decide(self, seen, situation, now)
        recognised = decision.recognised
        facts = None if seen.host is None else self._fact_finder.facts(seen.host)
        if recognised is not None and (facts is None or not decision.allowed):
            facts = self._fact_finder.facts_of(recognised.services)
        state = self._state(situation, now).standing
        until = decision.until
        if decision.allowed and not state.off:
            services = _NO_SERVICES if facts is None else facts.services
            if recognised is not None:
                services = tuple(dict.fromkeys(services + recognised.services))
            closing = closes_at(self.profile, situation, self._calendar, now, decision.gates, services)
            until = min((moment for moment in (until, closing) if moment is not None), default=None)
        ways = None if seen.proto is DNS and seen.dport in DNS_PORTS else tuple(self._bypass.steps(seen))
        rules_passed = passed_rules(decision, seen.host, facts, state, self.profile, ways)
        return replace(decision, until=until, passed=rules_passed)

    @property
    def approves(self) -> bool:
        """True if the profile blocks unlisted or unknown sites, and Qalqan has approved sites for its age."""
        return self._fact_finder.approves

    def standing(self, situation: Situation, now: datetime) -> Standing:
        """Return which gates (time rules) are closed for a device at ``now``, why, and until when.

        The result is cached until it changes.
        """
        return self._state(situation, now).standing

    def left(self, gates: Iterable[str], situation: Situation, now: datetime) -> Left | None:
        """Return the time until a flow with ``gates`` (time rules) is closed; None if nothing closes it."""
        return self.remaining(situation, now).of(gates)

    def remaining(self, situation: Situation, now: datetime) -> Remaining:
        """Return the object that computes the time left of a device (``situation``) at ``now``.

        The last one is cached.
        """
        last = self._remaining
        if last is None or last.situation is not situation or last.now != now:
            state = self._state(situation, now).standing
            last = self._remaining = Remaining(self.profile, situation, self._calendar, now, state)
        return last

    def _decide_nameless(self, seen: Observation, situation: Situation, now: datetime) -> Decision:
        """Return the decision about a flow without a host name, or with one that cannot be trusted."""
        if not self._filtered:
            return self._unfiltered
        if self._allows_ech and seen.fault is Fault.ECH:
            shown = seen._replace(fault=None)
            if seen.host is not None:
                return Judge.decide(self, shown, situation, now)
            seen = shown
        conclusion = self._nameless.conclusion(seen, situation)
        if conclusion is None:
            return HELP
        state = self._state(situation, now)
        recognised = conclusion.outcome.recognised
        if state.standing.allowed and is_openable(conclusion):
            conclusion = self._opened("", conclusion, state)
        decision = closed_gate_decision(conclusion, state) or self._outcome(conclusion, state)
        return decision if recognised is None else _with_recognition(decision, recognised)

    def _is_safe_address(self, host: str, rewrite: Decision, dst: bytes) -> bool:
        safe = rewrite.rewrite or host
        # A search engine that is answered with an address has no safe name; the address is learnt for the
        # host.
        return self._world.safe_address(host if safe[-1].isdigit() else safe, dst)

    @staticmethod
    def _outcome(conclusion: Conclusion, state: CachedSituation) -> Decision:
        """Return the decision about a host or flow that no time rule blocks now.

        While filtering is off it is that of the switched-off filter. Further time rules are added for a
        connectivity check of a device that is redirected to the page, and for services with extra time.
        """
        if state.standing.off:
            return state.off
        outcome, lifted = conclusion.outcome, state.standing.lifted
        if conclusion.portal and state.situation.led:
            return replace(outcome, gates=frozenset(conclusion.portal))
        if lifted and outcome.verdict is not Verdict.BLOCK:
            granted = [f"service:{service}" for service in conclusion.services if service in lifted]
            if granted:
                return replace(outcome, gates=outcome.gates.union(granted))
        return outcome

    def _opened(self, host: str, conclusion: Conclusion, state: CachedSituation) -> Conclusion:
        """Return an allow if a guardian opened the blocked host, its service or its category for a while.

        Opening a service also opens the names and bypass methods that it needs. Without an opening, return
        ``conclusion``. ``host``: "" for no name.
        """
        # An opened site opens no bypass method, whatever host the flow names.
        method = conclusion.outcome.reason in BYPASS_REASONS
        opening = None if method else state.standing.opening(host, conclusion.services)
        needed = opening is None and bool(conclusion.needed_by)
        if needed:
            opening = state.standing.opening("", conclusion.needed_by)
        if opening is None:
            return conclusion if method else self._opened_category(host, conclusion, state)
        recognised = conclusion.outcome.recognised
        sign = "" if recognised is None else recognised.sign
        key = opening[0] if method else host or " ".join((*conclusion.services, sign))
        found = state.opened.get(key)
        if found is None:
            if len(state.opened) >= NAMES_KEPT:
                state.opened.clear()
            if needed:
                facts = self._fact_finder.facts_of((opening[0].removeprefix("service:"),))
            elif host:
                facts = self._fact_finder.facts(host)
            else:
                facts = self._fact_finder.facts_of(conclusion.services)
            found = opened_conclusion(facts, self.profile, *opening)
            if needed and not method:
                found = uncounted(found)  # a bypass method is its app's own use, a companion is not
            if recognised is not None:
                found = found._replace(outcome=_with_recognition(found.outcome, recognised))
            state.opened[key] = found
        return found

    def _opened_category(self, host: str, conclusion: Conclusion, state: CachedSituation) -> Conclusion:
        """Return an allow if all categories that block the host are open for a while.

        Otherwise return ``conclusion``: an opened category lifts no other block.
        """
        ends = {
            entry.removeprefix(CATEGORY): until
            for entry, until in state.standing.allowed
            if entry.startswith(CATEGORY)
        }
        if not ends:
            return conclusion
        recognised = conclusion.outcome.recognised
        sign = "" if recognised is None else recognised.sign
        key = CATEGORY + (host or " ".join((*conclusion.services, sign)))
        found = state.opened.get(key)
        if found is None:
            if len(state.opened) >= NAMES_KEPT:
                state.opened.clear()
            found = self._by_open_categories(host, conclusion, ends)
            if found is not conclusion and recognised is not None:
                found = found._replace(outcome=_with_recognition(found.outcome, recognised))
            state.opened[key] = found
        return found

    def _by_open_categories(
        self, host: str, conclusion: Conclusion, ends: Mapping[str, datetime]
    ) -> Conclusion:
        """Return the conclusion about a blocked host while a guardian opened some categories.

        ``ends``: category → the end of its opening. An allow ends with the first opening of the host's
        categories. ``conclusion`` is returned if something else blocks the host too.
        """
        if self._lenient is None or self._lenient[0] != ends.keys():
            profile = without_categories(self.profile, ends.keys())
            self._lenient = (frozenset(ends), profile, FactFinder(profile, self._world))
        _, profile, finder = self._lenient
        facts = finder.facts(host) if host else finder.facts_of(conclusion.services)
        ids = [fact.id for fact in facts.categories if fact.id in ends]
        if not ids or conclude(facts, profile).outcome.verdict is Verdict.BLOCK:
            return conclusion
        first = min(ids, key=ends.__getitem__)
        return opened_conclusion(facts, profile, f"{CATEGORY}{first}", ends[first])

    def _cache_host(self, host: str) -> Conclusion:
        """Return the conclusion about a host and cache it, with at most about 2 * NAMES_KEPT others."""
        conclusion = self._older_hosts.pop(host, None)
        if conclusion is None:
            conclusion = self._concluded(host)
        if len(self._recent_hosts) >= NAMES_KEPT:
            self._older_hosts, self._recent_hosts = self._recent_hosts, {}
        self._recent_hosts[host] = conclusion
        return conclusion

    def _concluded(self, host: str) -> Conclusion:
        facts = self._fact_finder.facts(host)
        conclusion = conclude(facts, self.profile)
        if not self._filtered:
            conclusion = conclusion._replace(special=True)
        if len(self._shared) >= NAMES_KEPT:
            self._shared.clear()
        return self._shared.setdefault(conclusion, conclusion)

    def _state(self, situation: Situation, now: datetime) -> CachedSituation:
        """Return the situation with the state of its time rules; from the cache while that is valid."""
        cached = self._situations.get(id(situation))
        if cached is not None and cached.situation is situation and cached.since <= now < cached.until:
            return cached
        if len(self._situations) >= SITUATIONS_KEPT:
            self._situations.clear()
        current = standing(self.profile, situation, self._calendar, now)
        cached = self._situations[id(situation)] = cache_situation(situation, current, self._off)
        return cached


def _with_recognition(decision: Decision, recognised: ServiceRecognition) -> Decision:
    """Return ``decision`` with ``recognised`` set: the services that the connection was recognised as."""
    return decision if decision.recognised == recognised else replace(decision, recognised=recognised)


def _unfiltered_rule(profile: Profile) -> tuple[str, str]:
    if profile.built_in:
        return unknown_devices_rule(profile.id), "family"
    return band_rule(profile.band.value), f"band:{profile.band.value}"


class CachedSituation(NamedTuple):
    """A situation (pauses, grants, used minutes), its `Standing`, and a decision for each closed gate.

    `Standing`: the state of the time rules. A gate is a time rule.
    """

    situation: Situation
    since: datetime  # start of the standing's validity
    until: datetime
    standing: Standing
    refusals: Mapping[str, Decision]
    # True if nothing is closed or opened for a while, filtering is on, and the device is not redirected to
    # the page: the host's outcome is then the whole decision.
    plain: bool
    off: Decision  # the decision for everything while filtering is off
    opened: dict[str, Conclusion]  # hosts that a guardian opened for a while; bounded


def cache_situation(situation: Situation, state: Standing, off: Decision) -> CachedSituation:
    """Return a situation with its `Standing` and a block decision for each closed gate (time rule).

    ``off``: the decision while filtering is off without an end.
    """
    refusals = {
        gate: Decision(
            Verdict.BLOCK,
            closing.reason,
            owned_rule(closing.owner, closing.rule),
            closing.owner,
            until=closing.until,
            askable=closing.reason in TIME_REASONS,
        )
        for gate, closing in state.closed.items()
    }
    plain = not (refusals or state.lifted or state.off or state.allowed or state.repair or situation.led)
    if state.off and situation.off_until is not None and situation.off_until < FOREVER:
        off = replace(off, until=situation.off_until)
    return CachedSituation(situation, state.since, state.until, state, refusals, plain, off, {})


def closed_gate_decision(conclusion: Conclusion, state: CachedSituation) -> Decision | None:
    """Return the block by the first closed gate (time rule) of a host; None if no gate blocks it."""
    refusals = state.refusals
    if not refusals:
        return None
    lifted = state.standing.lifted_for([f"service:{service}" for service in conclusion.services])
    for gate in conclusion.portal if conclusion.portal and state.situation.led else conclusion.gates:
        if gate in refusals and gate not in lifted:
            return refusals[gate]
    return None
