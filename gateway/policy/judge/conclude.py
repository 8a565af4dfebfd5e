"""Turns the facts about a host into the decision that applies while no time rule is closed, plus its gates.

A *gate* is one time rule or switch (gateway/policy/time/gates.py). The order of decision:
docs/developers/data-plane.md, section 4. Time rules come first: during bedtime, a blocked host is reported as
bedtime. `passed_rules` lists the same rules, in the same order, for `qalqan why`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from gateway.policy.judge.facts import CategoryFact, HostFacts
from gateway.policy.names.categories import NEW_DOMAIN
from gateway.policy.names.packs import NEEDS_AT_NIGHT, PROBES
from gateway.policy.profile.bypass_methods import REASONS, BypassMethod, MethodSetting
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import (
    FAMILY,
    SERVICE,
    Action,
    EntryKind,
    Mode,
    RuleEntry,
    Rules,
    SafeSearch,
)
from gateway.policy.rule_text import (
    FOR_EVERYONE_RULE,
    HELP_RULE,
    LOCAL_RULE,
    OPEN_RULE,
    category_rule,
    companion_rule,
    entry_rule,
    law_rule,
    method_rule,
    need_rule,
    opening_rule,
    owned_rule,
    repair_rule,
    signal_rule,
    site_rule,
    value_rule,
)
from gateway.policy.time.gates import (
    UNCOUNTED,
    UNCOUNTED_CATEGORIES,
    Bound,
    Gates,
    category_gates,
    group_gates,
    limit_gates,
    service_gates,
    state_gates,
    with_uncounted,
)
from gateway.policy.time.time_rules import Standing
from gateway.policy.values import (
    Decision,
    ExplanationStep,
    Reason,
    RecognitionSign,
    ServiceRecognition,
    Verdict,
)

PRODUCT = "product"
NO_MATCH = "no match"
SIGNS = {
    RecognitionSign.ADDRESS: "by its address",
    RecognitionSign.FIRST_BYTES: "by its first bytes",
    RecognitionSign.PORT: "by its port",
}

# A guardian's temporary opening outranks these rules of the family and the band, but none that binds
# everyone.
OPENABLE = frozenset(
    {
        Reason.FAMILY_BLOCK,
        Reason.SERVICE,
        Reason.CATEGORY,
        Reason.NEW_DOMAIN,
        Reason.UNKNOWN_DOMAIN,
        Reason.NOT_ON_LIST,
    }
)

# The decision ends after these; other allows still pass limits and safe search.
_FINAL = frozenset({Reason.GATEWAY, Reason.HELP, Reason.UNFILTERED, Reason.DEVICE_NEEDS})


class Conclusion(NamedTuple):
    """The decision about a host that is independent of time, and the gates (time rules) that may block it.

    ``outcome`` is the decision while none of ``gates`` is closed. A judge caches equal conclusions as one
    object.
    """

    gates: Gates  # in the order of decision; `outcome` applies if none of them is closed
    outcome: Decision
    rewrite: Decision | None = None  # for a DNS query of a search host: answer with the safe name
    special: bool = False  # True if any of the next seven fields is set, or the profile is unfiltered
    gateway: bool = False
    help: bool = False
    binding: bool = False
    register: Decision | None = None  # the block by a state's register, for everyone while the register is on
    local: bool = False  # the name stays in the local network: valid in a DNS query, not trusted in a flow
    relay: bool = (
        False  # a name of iCloud Private Relay: the outcome of its DNS query does not apply to flows
    )
    # All gates, for a name that has fewer than usual; they apply while only the name identifies the flow.
    ordinary: Gates = ()
    services: tuple[str, ...] = ()
    portal: Gates = ()  # gates of a connectivity probe on a device that is redirected to the page
    # If a guardian opens one of these services for a while, this blocked name or bypass method opens too.
    needed_by: tuple[str, ...] = ()


def conclude(facts: HostFacts, profile: Profile) -> Conclusion:
    """Return the decision about a host by its facts and a profile's rules, with its gates (time rules).

    For an unfiltered profile, only ``gateway``, ``help``, ``binding`` and ``register`` of the result apply.
    """
    helps, relay = facts.help is not None, facts.signal is BypassMethod.RELAY
    conclusion = _conclusion(facts, profile.rules)
    services, companion = facts.services, companion_conclusion(facts, profile.rules, conclusion)
    if companion is not None:
        services, conclusion = companion
        ordinary = tuple(gate for gate in conclusion.gates if gate != UNCOUNTED)
        ordinary = () if ordinary == conclusion.gates else ordinary
    else:
        ordinary = _ordinary(facts, profile.rules, conclusion)
    register = facts.registered
    special = facts.gateway or helps or facts.binding or register is not None or facts.local or relay
    return conclusion._replace(
        special=special or bool(ordinary),
        ordinary=ordinary,
        gateway=facts.gateway,
        help=helps,
        binding=facts.binding,
        register=register,
        local=facts.local,
        relay=relay,
        services=services,
        needed_by=tuple(needing.services[0] for needing in _companions_of(facts, conclusion)),
    )


def companion_conclusion(
    facts: HostFacts, rules: Rules, conclusion: Conclusion
) -> tuple[tuple[str, ...], Conclusion] | None:
    """Return the services that open a blocked host, and the allow; None if none does.

    A companion is a name that a service needs but that is not its own. The host is open as the service is,
    with the service's time rules, and is not counted. Of several services, the one with the fewest time rules
    opens it. A host stays blocked by a family's or age group's entry for a name, by a law, and as a bypass
    method.

    Arguments:
        conclusion: the conclusion about the host without companions.
    """
    alone = [(needing.services, _conclusion(needing, rules)) for needing in _companions_of(facts, conclusion)]
    opened = [(services, found) for services, found in alone if found.outcome.verdict is Verdict.ALLOW]
    if not opened:
        return None
    services, found = min(opened, key=lambda each: len(each[1].gates))
    found = uncounted(found)
    outcome = replace(found.outcome, reason=Reason.OPEN, rule=companion_rule(services[0]))
    return services, Conclusion(found.gates, outcome)


def _companions_of(facts: HostFacts, conclusion: Conclusion) -> tuple[HostFacts, ...]:
    """Return the facts of the services that need a host and may open it if it is blocked; usually none.

    ``conclusion``: that of the host.
    """
    may_open = is_openable(conclusion) and not _has_name(facts.block, facts.band_block)
    return facts.needed_by if may_open else ()


def uncounted(conclusion: Conclusion) -> Conclusion:
    """Return a conclusion for a host that uses no minutes of its limits; used-up limits still block it.

    It is unchanged if no limit applies to the host.
    """
    if not limit_gates(conclusion.gates):
        return conclusion
    gates = (*conclusion.gates, UNCOUNTED)
    return conclusion._replace(gates=gates, outcome=replace(conclusion.outcome, gates=frozenset(gates)))


def _ordinary(facts: HostFacts, rules: Rules, conclusion: Conclusion) -> Gates:
    """Return all gates (time rules) that an allowed name would have without its exemption.

    The exemption is a missing gate of the whole device, or use without counted time. A TLS hello can carry
    any name, so the exemption applies only if a DNS answer gave the address. Return () for a blocked name,
    and for one without an exemption.
    """
    if conclusion.outcome.verdict is Verdict.BLOCK:
        return ()
    free = UNCOUNTED in conclusion.gates or any(gate not in conclusion.gates for gate in state_gates(rules))
    if not free:
        return ()
    gates = flow_gates(facts, rules, Bound.ALL)
    return tuple(gate for gate in gates if gate != UNCOUNTED)


def blocked_conclusion(reason: Reason, rule: str, rules: Rules, owner: str = PRODUCT) -> Conclusion:
    """Return a conclusion that blocks for ``reason``; closed time rules of the whole device outrank it."""
    return Conclusion(state_gates(rules), refuse(reason, rule, owner))


def device_wide_conclusion(reason: Reason, rule: str, rules: Rules, owner: str = PRODUCT) -> Conclusion:
    """Return a conclusion that allows, unless a time rule of the whole device is closed."""
    gates = state_gates(rules)
    return Conclusion(gates, allow(reason, rule, owner, gates))


def allow(reason: Reason, rule: str, owner: str, gates: Gates) -> Decision:
    return Decision(Verdict.ALLOW, reason, rule, owner, gates=frozenset(gates))


def refuse(reason: Reason, rule: str, owner: str, *, askable: bool = False) -> Decision:
    return Decision(Verdict.BLOCK, reason, rule, owner, askable=askable)


def nameless_rule(rules: Rules) -> tuple[str, Rules, str]:
    """Return the rule that blocks flows without a host name: its text, the profile's rules, and its owner.

    It is `strict` if that is on, else `mode`.
    """
    if rules.strict.value:
        return value_rule("strict", "true", rules.strict.owner), rules, rules.strict.owner
    return value_rule("mode", rules.mode.value, rules.mode.owner), rules, rules.mode.owner


def blocks_bypass(rules: Rules, way: BypassMethod) -> bool:
    """Return True if ``rules`` block a bypass method."""
    switch = rules.ways.get(way)
    return switch is not None and switch.value is MethodSetting.BLOCK


def bypass_conclusion(way: BypassMethod, rules: Rules, services: tuple[str, ...] = ()) -> Conclusion:
    """Return the conclusion that blocks a bypass method. ``rules`` must block it.

    ``services``: apps that use the method; a guardian's temporary opening of one of them lifts the block.
    """
    owner = rules.ways[way].owner
    blocked = blocked_conclusion(REASONS[way], method_rule(way, MethodSetting.BLOCK, owner), rules, owner)
    return blocked._replace(needed_by=services)


def _conclusion(facts: HostFacts, rules: Rules) -> Conclusion:
    """Return the conclusion about a host by the first rule that applies.

    The order: blocked names that signal a bypass method, device needs, laws, the family's entries, allowed
    names that signal a bypass method, then categories, the age group's entries, approved sites, local names
    and the mode. A name that the family itself blocks is no device need.
    """
    if facts.signal is not None and blocks_bypass(rules, facts.signal):
        return Conclusion((), refuse(Reason.RESOLVER_SIGNAL, signal_rule(facts.signal), PRODUCT))
    if facts.need is not None and not _refuses_need(facts.block, facts.need[0]):
        return _need(facts.need, rules)
    if facts.law is not None:
        return blocked_conclusion(Reason.LAW, law_rule(facts.law.value.id), rules, facts.law.owner)
    family = family_entry(facts)
    if family is not None:
        if family is facts.block:
            return blocked_conclusion(Reason.FAMILY_BLOCK, entry_rule("block", family), rules, family.owner)
        other = _other_refusal(facts, family, rules)
        if other is not None:
            return _category_refusal(facts, other, rules)
        homework = family is facts.homework
        key, reason = ("homework", Reason.HOMEWORK) if homework else ("allow", Reason.FAMILY_ALLOW)
        return allowed_conclusion(facts, rules, reason, entry_rule(key, family), family.owner)
    if facts.signal is not None and facts.signal in rules.ways:
        # The proxy category covers all bypass methods, so the setting of this method must open it here.
        owner = rules.ways[facts.signal].owner
        rule = method_rule(facts.signal, MethodSetting.ALLOW, owner)
        return allowed_conclusion(facts, rules, Reason.OPEN, rule, owner)
    return _by_band(facts, rules)


def _other_refusal(facts: HostFacts, allowed: RuleEntry, rules: Rules) -> CategoryFact | None:
    """Return the category that blocks a host although the category entry ``allowed`` matches; or None.

    An allowed category lifts no other category.
    """
    if allowed.kind is not EntryKind.CATEGORY:
        return None
    entries = (*rules.allow, *rules.homework)
    opened = {entry.value for entry in entries if entry.kind is EntryKind.CATEGORY}
    return next((fact for fact in facts.deciding if fact.rule.value.refuses and fact.id not in opened), None)


def _refuses_need(block: RuleEntry | None, need: str) -> bool:
    """Return True if the family blocks a name that devices need (``need``), or a name below it.

    A block of a domain above it, such as the vendor's, does not count.
    """
    return block is not None and block.kind is EntryKind.NAME and len(block.value) >= len(need)


def _need(need: tuple[str, str], rules: Rules) -> Conclusion:
    """Return the allow of a name that devices need, such as for updates, with the time rules of its type.

    ``need``: the entry and its type.
    """
    entry, kind = need
    gates = state_gates(rules, _bound_of_need(kind))
    portal = with_uncounted(state_gates(rules)) if kind == PROBES else ()
    outcome = allow(Reason.DEVICE_NEEDS, need_rule(kind, entry), PRODUCT, gates)
    return Conclusion(gates, outcome, portal=portal)


def _bound_of_need(kind: str) -> Bound:
    if kind == PROBES:
        return Bound.NOTHING
    return Bound.DEVICE_ONLY if kind in NEEDS_AT_NIGHT else Bound.NO_LIMITS


def family_entry(facts: HostFacts) -> RuleEntry | None:
    """Return the family's allow, block or homework entry that decides about a host; None if none matches.

    The entry with the highest rank decides; a block wins against an allow of the same rank. Homework counts
    as an allow, and wins a tie with it. An allowed service's entry for a name that it shares ranks below an
    entry for a name and above every other entry.
    """
    allowed = _stronger(facts.homework, facts.allow)
    if facts.companion is not None and not _has_name(facts.block, allowed):
        return facts.companion
    return facts.block if _outranks(facts.block, allowed) else allowed


def _has_name(*entries: RuleEntry | None) -> bool:
    return any(entry is not None and entry.kind is EntryKind.NAME for entry in entries)


def _stronger(first: RuleEntry | None, second: RuleEntry | None) -> RuleEntry | None:
    return first if _outranks(first, second) else second


def _outranks(entry: RuleEntry | None, other: RuleEntry | None) -> bool:
    """Return True if ``entry`` ranks at least as high as ``other``; False for None as ``entry``."""
    return entry is not None and (other is None or entry.rank >= other.rank)


def _by_band(facts: HostFacts, rules: Rules) -> Conclusion:
    """Return the conclusion for a host without a family entry: by categories, age group and mode.

    The family's setting for a category outranks what the age group approves.
    """
    strictest = facts.strictest
    approval = _approval(facts)
    if strictest is not None and strictest.rule.value.refuses:
        if approval is None:
            return _category_refusal(facts, strictest, rules)
        own = next((fact for fact in facts.deciding if _is_family_refusal(fact)), None)
        if own is not None:
            return _category_refusal(facts, own, rules)
    if _outranks(facts.band_block, facts.band_allow) and facts.band_block is not None:
        rule = owned_rule(facts.band_block.owner, entry_rule("block", facts.band_block))
        reason = Reason.SERVICE if facts.band_block.kind is EntryKind.SERVICE else Reason.CATEGORY
        return blocked_conclusion(reason, rule, rules, facts.band_block.owner)
    if approval is not None:
        return allowed_conclusion(facts, rules, Reason.OPEN, *approval)
    if facts.local:
        return allowed_conclusion(facts, rules, Reason.OPEN, LOCAL_RULE, PRODUCT)
    return _by_mode(facts, rules)


def _is_family_refusal(fact: CategoryFact) -> bool:
    return fact.rule.value.refuses and not fact.rule.owner.startswith("band:")


def _approval(facts: HostFacts) -> tuple[str, str] | None:
    """Return rule and owner of the age group's allow, or of a site approved by Qalqan; None without one."""
    if facts.band_allow is not None:
        owner = facts.band_allow.owner
        return owned_rule(owner, entry_rule("allow", facts.band_allow)), owner
    return (site_rule(facts.site.name), PRODUCT) if facts.site is not None else None


def _category_refusal(facts: HostFacts, fact: CategoryFact, rules: Rules) -> Conclusion:
    """Return a conclusion that blocks because of the profile's action for a category or a service.

    Closed time rules of the device and of the host's services outrank it. ``fact``: the category or service.
    """
    reason = Reason.NEW_DOMAIN if fact.id == NEW_DOMAIN else Reason.CATEGORY
    if fact.id.startswith(SERVICE):
        reason = Reason.SERVICE
    outcome = refuse(
        reason,
        category_rule(fact.id, fact.rule),
        fact.rule.owner,
        askable=fact.rule.value is Action.ASK,
    )
    return Conclusion(state_gates(rules) + service_gates(rules, facts.services), outcome)


def _by_mode(facts: HostFacts, rules: Rules) -> Conclusion:
    """Return the conclusion for a host that no earlier rule of `_by_band` decides.

    The mode decides, then the rule for unknown sites. Otherwise the host is allowed; a counted category is
    then the rule.
    """
    gates = state_gates(rules) + service_gates(rules, facts.services)
    if rules.mode.value is Mode.ALLOW_LIST:
        owner = rules.mode.owner
        rule = value_rule("mode", rules.mode.value, owner)
        return Conclusion(gates, refuse(Reason.NOT_ON_LIST, rule, owner, askable=True))
    if not facts.known and rules.unknown.value.refuses:
        owner = rules.unknown.owner
        rule = value_rule("unknown", rules.unknown.value, owner)
        askable = rules.unknown.value is Action.ASK
        return Conclusion(gates, refuse(Reason.UNKNOWN_DOMAIN, rule, owner, askable=askable))
    counted = next((fact for fact in facts.deciding if fact.rule.value is Action.COUNT), None)
    if counted is None:
        return allowed_conclusion(facts, rules, Reason.OPEN, OPEN_RULE, PRODUCT)
    rule = category_rule(counted.id, counted.rule)
    return allowed_conclusion(facts, rules, Reason.OPEN, rule, counted.rule.owner)


def allowed_conclusion(facts: HostFacts, rules: Rules, reason: Reason, rule: str, owner: str) -> Conclusion:
    """Return a conclusion that allows a host, with its time rules; a search engine gets safe search.

    Safe search is then the reason and rule in place of ``reason`` and ``rule``, unless it is off.
    """
    bound = Bound.ALL
    if reason is Reason.HOMEWORK or facts.homework is not None:
        bound = Bound.NO_LIMITS
    if facts.update and rules.updates.value:
        bound = Bound.DEVICE_ONLY
    gates = flow_gates(facts, rules, bound)
    engine, level = facts.engine, rules.safe_search.value
    if engine is None or level is SafeSearch.OFF:
        return Conclusion(gates, allow(reason, rule, owner, gates))
    owner = rules.safe_search.owner
    passes = allow(Reason.SAFE_SEARCH, value_rule("safe_search", level, owner), owner, gates)
    rewrite = replace(passes, verdict=Verdict.REWRITE, rewrite=engine.safe_name(level))
    return Conclusion(gates, passes, rewrite)


def flow_gates(facts: HostFacts, rules: Rules, bound: Bound) -> Gates:
    """Return the time rules (gates) that apply to an allowed host, in the order of decision.

    ``bound`` leaves some of them out, as for homework and updates.
    """
    categories = [fact.id for fact in facts.categories]
    gates = (
        *state_gates(rules, bound),
        *service_gates(rules, facts.services, bound),
        *group_gates(rules, facts.groups, bound),
        *category_gates(rules, categories, counted=facts.counted, bound=bound),
    )
    return gates if UNCOUNTED_CATEGORIES.isdisjoint(categories) else with_uncounted(gates)


def is_openable(conclusion: Conclusion) -> bool:
    """Return True if the conclusion is a block that a guardian may lift for a while (`opened_conclusion`)."""
    openable = conclusion.outcome.reason in OPENABLE or bool(conclusion.needed_by)
    return openable and conclusion.outcome.verdict is Verdict.BLOCK


def opened_conclusion(facts: HostFacts, profile: Profile, entry: str, until: datetime) -> Conclusion:
    """Return a conclusion that allows a host until ``until``, because a guardian opened ``entry``.

    ``entry``: a site, service or category. The conclusion names the time rules, which still apply.
    """
    return conclusion_until(facts, profile, opening_rule(entry), until)


def conclusion_until(facts: HostFacts, profile: Profile, rule: str, until: datetime) -> Conclusion:
    """Return a conclusion that allows a host until ``until`` by the family's ``rule``.

    It names the host's time rules, which still apply; a search engine gets safe search.
    """
    conclusion = allowed_conclusion(facts, profile.rules, Reason.FAMILY_ALLOW, rule, FAMILY)
    rewrite = None if conclusion.rewrite is None else replace(conclusion.rewrite, until=until)
    return Conclusion(
        conclusion.gates, replace(conclusion.outcome, until=until), rewrite, services=facts.services
    )


def passed_rules(
    decision: Decision,
    host: str | None,
    facts: HostFacts | None,
    state: Standing,
    profile: Profile,
    ways: tuple[ExplanationStep, ...] | None = None,
) -> tuple[ExplanationStep, ...]:
    """Return the rules that were checked before the one that decided, with their results, for `qalqan why`.

    After most allows, the rules that come after the deciding one are included too. If the deciding rule is
    not in the list of rules, all of them are returned.

    Arguments:
        host: None for a flow that names none.
        facts: about the host, or about the services that the flow was recognised as; None if it has neither.
        ways: the bypass methods of the flow; None for a DNS query to port 53.
    """
    opening = None
    if facts is not None:
        categories = [fact.id for fact in facts.categories if fact.rule.value.refuses]
        opening = state.opening(host or "", facts.services, categories)
    bypass_steps = () if ways is None else ways or (ExplanationStep("ways", NO_MATCH),)
    opened = None if opening is None else opening[0]
    steps = list(_steps(facts, state, profile, opened, bypass_steps, decision.recognised))
    at = next((at for at, step in enumerate(steps) if step.rule == decision.rule), None)
    if at is None:
        return tuple(steps)
    final = decision.verdict is Verdict.BLOCK or decision.reason in _FINAL
    return tuple(steps[:at] if final else steps[:at] + steps[at + 1 :])


def _steps(
    facts: HostFacts | None,
    state: Standing,
    profile: Profile,
    opened: str | None,
    bypass_steps: tuple[ExplanationStep, ...],
    recognised: ServiceRecognition | None,
) -> Iterator[ExplanationStep]:
    """Yield every rule with its result for `qalqan why`, in the order of decision.

    ``opened``: the entry that a guardian opened for a while, if it covers the host. ``bypass_steps``: those
    of the flow's bypass methods.
    """
    if facts is None:
        yield from _gates(state_gates(profile.rules), state, ())
        yield from bypass_steps
        return
    yield ExplanationStep(HELP_RULE, NO_MATCH if facts.help is None else facts.help)
    yield ExplanationStep(FOR_EVERYONE_RULE, NO_MATCH)
    if facts.registered is not None:
        yield ExplanationStep(facts.registered.rule, "matches")
    if not profile.filtered or state.off:
        return
    rules, services = profile.rules, facts.services
    yield from _gates(state_gates(rules), state, services)
    yield from bypass_steps
    yield _need_step(facts)
    if opened is not None:
        yield ExplanationStep(opening_rule(opened), "matches")
    if facts.shows:
        yield ExplanationStep("page proxy", f"shows {' or '.join(facts.shows)}")
    if facts.law is not None:
        yield ExplanationStep(law_rule(facts.law.value.id), "matches")
    yield _entry("homework", facts.homework)
    yield _entry("allow", facts.allow)
    if facts.companion is not None:
        yield ExplanationStep(entry_rule("allow", facts.companion), "needs this name")
    for needing in facts.needed_by:
        yield ExplanationStep(companion_rule(needing.services[0]), "needs this name")
    yield _entry("block", facts.block)
    yield from _services(facts, recognised)
    yield from _gates(service_gates(rules, services), state, services)
    yield from _gates(group_gates(rules, facts.groups), state, services)
    yield from _categories(facts)
    ids = [fact.id for fact in facts.categories]
    yield from _gates(category_gates(rules, ids, counted=facts.counted), state, services)
    yield from _approvals(facts)
    if state.repair is not None:
        yield ExplanationStep(repair_rule(state.repair.site), "needed")
    yield ExplanationStep(value_rule("mode", rules.mode.value, rules.mode.owner), "open")
    if not facts.known:
        rule = value_rule("unknown", rules.unknown.value, rules.unknown.owner)
        yield ExplanationStep(rule, "in no category")
    if rules.safe_search.value is not SafeSearch.OFF:
        rule = value_rule("safe_search", rules.safe_search.value, rules.safe_search.owner)
        yield ExplanationStep(rule, "no search host" if facts.engine is None else facts.engine.name)


def _gates(gates: Gates, state: Standing, services: Iterable[str]) -> Iterator[ExplanationStep]:
    """Yield each gate (time rule) with its state: open, closed, or opened by extra time."""
    lifted = state.lifted_for([f"service:{service}" for service in services])
    for gate in gates:
        closing = state.closed.get(gate)
        if closing is None:
            budget = state.budgets.get(gate)
            yield ExplanationStep(
                gate, "open" if budget is None else f"open: {budget.used}m of {budget.text} used"
            )
        else:
            rule = owned_rule(closing.owner, closing.rule)
            yield ExplanationStep(
                rule, "opened by a grant" if gate in lifted else f"closed: {closing.reason}"
            )


def _need_step(facts: HostFacts) -> ExplanationStep:
    if facts.need is None:
        return ExplanationStep("device needs", NO_MATCH)
    entry, kind = facts.need
    return ExplanationStep(need_rule(kind, entry), "open")


def _entry(key: str, entry: RuleEntry | None) -> ExplanationStep:
    if entry is None:
        return ExplanationStep(key, NO_MATCH)
    return ExplanationStep(entry_rule(key, entry), "matches")


def _services(facts: HostFacts, recognised: ServiceRecognition | None) -> Iterator[ExplanationStep]:
    """Yield the services of the name, and those recognised without a name, with how they were recognised."""
    signs = {} if recognised is None else dict.fromkeys(recognised.services, SIGNS[recognised.sign])
    services = tuple(dict.fromkeys((*facts.services, *signs)))
    if not services:
        yield ExplanationStep("services", NO_MATCH)
    for service in services:
        by_name = "updates" if facts.update else "matches"
        yield ExplanationStep(f"service:{service}", signs.get(service, by_name))


def _categories(facts: HostFacts) -> Iterator[ExplanationStep]:
    if not facts.categories:
        yield ExplanationStep("categories", NO_MATCH)
    for fact in facts.categories:
        yield ExplanationStep(category_rule(fact.id, fact.rule), str(fact.rule.value))


def _approvals(facts: HostFacts) -> Iterator[ExplanationStep]:
    for key, entry in (("block", facts.band_block), ("allow", facts.band_allow)):
        if entry is not None:
            yield ExplanationStep(owned_rule(entry.owner, entry_rule(key, entry)), "matches")
    if facts.site is not None:
        yield ExplanationStep(site_rule(facts.site.name), "matches")
