"""From the facts about a host to what is decided about it while no gate is closed, and the gates before that.

The order of decision: docs/developers/data-plane.md, section 4. Time rules come first: during bedtime, a
blocked host is reported as bedtime.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from gateway.policy.judge.study import CategoryFact, Facts
from gateway.policy.names.categories import NEW_DOMAIN
from gateway.policy.names.packs import NEEDS_AT_NIGHT, PROBES
from gateway.policy.profile.bypass_methods import REASONS, Switch, Way
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import Action, Entry, Kind, Mode, Owned, Rules, SafeSearch
from gateway.policy.time.gates import (
    UNCOUNTED,
    UNCOUNTED_CATEGORIES,
    Bound,
    Gates,
    category_gates,
    group_gates,
    service_gates,
    state_gates,
    with_uncounted,
)
from gateway.policy.values import Decision, Reason, Verdict

PRODUCT = "product"
OPEN_RULE = "nothing refuses it"


class Part(NamedTuple):
    """What is decided about a name; equal ones are shared."""

    gates: Gates  # in the order of decision; `outcome` is reached when none of them is closed
    outcome: Decision
    rewrite: Decision | None = None  # of a question for a search host: the safe name answers instead
    special: bool = False  # any of the next seven
    gateway: bool = False
    help: bool = False
    binding: bool = False
    register: Decision | None = None  # a state's refusal, for everyone while it is on
    local: bool = (
        False  # never leaves the home: as a question it is fine, as a flow's name it is not believed
    )
    relay: bool = False  # of iCloud Private Relay: what a question for it meets is no flow's outcome
    ordinary: Gates = ()  # of what has fewer gates than others: all of them, while only its name says so
    services: tuple[str, ...] = ()
    portal: Gates = ()  # of a connectivity probe: its gates on a device that is led to the page


def conclude(facts: Facts, profile: Profile) -> Part:
    """``profile`` is filtered."""
    helps, relay = facts.help is not None, facts.signal is Way.RELAY
    part = _conclusion(facts, profile.rules)
    ordinary = _ordinary(facts, profile.rules, part)
    register = facts.registered
    special = facts.gateway or helps or facts.binding or register is not None or facts.local or relay
    return part._replace(
        special=special or bool(ordinary),
        ordinary=ordinary,
        gateway=facts.gateway,
        help=helps,
        binding=facts.binding,
        register=register,
        local=facts.local,
        relay=relay,
        services=facts.services,
    )


def _ordinary(facts: Facts, rules: Rules, part: Part) -> Gates:
    """All gates of an open name that is bound by fewer, or spends nothing; none where it is as others are.

    A hello may tell any name: this one counts where an answer gave the address that is called.
    """
    if part.outcome.verdict is Verdict.BLOCK:
        return ()
    free = UNCOUNTED in part.gates or any(gate not in part.gates for gate in state_gates(rules))
    if not free:
        return ()
    gates = flow_gates(facts, rules, Bound.ALL)
    return tuple(gate for gate in gates if gate != UNCOUNTED)


def refusal_part(reason: Reason, rule: str, rules: Rules, owner: str = PRODUCT) -> Part:
    """A refusal that stands behind the gates of the device as a whole."""
    return Part(state_gates(rules), refuse(reason, rule, owner))


def allowance_part(reason: Reason, rule: str, rules: Rules, owner: str = PRODUCT) -> Part:
    """What passes whenever the device as a whole does."""
    gates = state_gates(rules)
    return Part(gates, allow(reason, rule, owner, gates))


def allow(reason: Reason, rule: str, owner: str, gates: Gates) -> Decision:
    return Decision(Verdict.ALLOW, reason, rule, owner, gates=frozenset(gates))


def refuse(reason: Reason, rule: str, owner: str, *, askable: bool = False) -> Decision:
    return Decision(Verdict.BLOCK, reason, rule, owner, askable=askable)


def owned_rule(owner: str, rule: str) -> str:
    """A rule as `why` prints it: a band's with the band's name before it."""
    return f"{owner.replace(':', ' ', 1)}: {rule}" if owner.startswith("band:") else rule


def nameless_rule(rules: Rules) -> tuple[str, Rules, str]:
    """Rule and owner of what refuses a flow without a name."""
    if rules.strict.value:
        return owned_rule(rules.strict.owner, "strict = true"), rules, rules.strict.owner
    return owned_rule(rules.mode.owner, f"mode = {rules.mode.value}"), rules, rules.mode.owner


def refuses(rules: Rules, way: Way) -> bool:
    switch = rules.ways.get(way)
    return switch is not None and switch.value is Switch.REFUSE


def refusal_of(way: Way, rules: Rules) -> Part:
    """Of a way around the filter that ``rules`` refuse."""
    owner = rules.ways[way].owner
    return refusal_part(REASONS[way], owned_rule(owner, f"ways: {way} = {Switch.REFUSE}"), rules, owner)


def _conclusion(facts: Facts, rules: Rules) -> Part:
    if facts.signal is not None and refuses(rules, facts.signal):
        return Part((), refuse(Reason.RESOLVER_SIGNAL, "resolver signal", PRODUCT))
    if facts.need is not None and not _refuses_need(facts.block, facts.need[0]):
        return _need(facts.need, rules)
    if facts.law is not None:
        return refusal_part(Reason.LAW, facts.law.value.rule, rules, facts.law.owner)
    family = family_entry(facts)
    if family is not None:
        if family is facts.block:
            return refusal_part(Reason.FAMILY_BLOCK, f"block: {family}", rules, family.owner)
        other = _other_refusal(facts, family, rules)
        if other is not None:
            return _category_refusal(facts, other, rules)
        homework = family is facts.homework
        word, reason = ("homework", Reason.HOMEWORK) if homework else ("allow", Reason.FAMILY_ALLOW)
        return allowed_part(facts, rules, reason, f"{word}: {family}", family.owner)
    if facts.signal is not None and facts.signal in rules.ways:
        # Its category is that of all ways, so that the switch has to open it here.
        owner = rules.ways[facts.signal].owner
        return allowed_part(
            facts, rules, Reason.OPEN, owned_rule(owner, f"ways: {facts.signal} = open"), owner
        )
    return _by_band(facts, rules)


def _other_refusal(facts: Facts, allowed: Entry, rules: Rules) -> CategoryFact | None:
    """What refuses a host that ``allowed`` opens: an allow of a category lifts no other category."""
    if allowed.kind is not Kind.CATEGORY:
        return None
    entries = (*rules.allow, *rules.homework)
    opened = {entry.value for entry in entries if entry.kind is Kind.CATEGORY}
    return next((one for one in facts.categories if one.rule.value.refuses and one.id not in opened), None)


def _refuses_need(block: Entry | None, need: str) -> bool:
    """Only a family that names what a device needs, not one that blocks its maker's domain, refuses it."""
    return block is not None and block.kind is Kind.NAME and len(block.value) >= len(need)


def _need(need: tuple[str, str], rules: Rules) -> Part:
    entry, kind = need
    gates = state_gates(rules, _bound_of_need(kind))
    rule = f"device needs: {kind}: {entry}"
    portal = with_uncounted(state_gates(rules)) if kind == PROBES else ()
    return Part(gates, allow(Reason.DEVICE_NEEDS, rule, PRODUCT, gates), portal=portal)


def _bound_of_need(kind: str) -> Bound:
    if kind == PROBES:
        return Bound.NOTHING
    return Bound.DEVICE_ONLY if kind in NEEDS_AT_NIGHT else Bound.NO_LIMITS


def family_entry(facts: Facts) -> Entry | None:
    """The family's own entry that decides. Homework is an allow; of equal ones it is the one that is said.

    What an allowed service cannot work without ranks below a name and above every other entry.
    """
    allowed = _stronger(facts.homework, facts.allow)
    if facts.companion is not None and not _has_name(facts.block, allowed):
        return facts.companion
    return facts.block if _outranks(facts.block, allowed) else allowed


def _has_name(*entries: Entry | None) -> bool:
    return any(entry is not None and entry.kind is Kind.NAME for entry in entries)


def _stronger(first: Entry | None, second: Entry | None) -> Entry | None:
    return first if _outranks(first, second) else second


def _outranks(entry: Entry | None, other: Entry | None) -> bool:
    """A tie goes to ``entry``."""
    return entry is not None and (other is None or entry.rank >= other.rank)


def _by_band(facts: Facts, rules: Rules) -> Part:
    """No entry of the family's matches. Its word on a category still goes before what its band approves."""
    strictest = facts.strictest
    approval = _approval(facts)
    if strictest is not None and strictest.rule.value.refuses:
        if approval is None:
            return _category_refusal(facts, strictest, rules)
        own = next((fact for fact in facts.categories if _is_family_refusal(fact)), None)
        if own is not None:
            return _category_refusal(facts, own, rules)
    if _outranks(facts.band_block, facts.band_allow) and facts.band_block is not None:
        rule = owned_rule(facts.band_block.owner, f"block: {facts.band_block}")
        reason = Reason.SERVICE if facts.band_block.kind is Kind.SERVICE else Reason.CATEGORY
        return refusal_part(reason, rule, rules, facts.band_block.owner)
    if approval is not None:
        return allowed_part(facts, rules, Reason.OPEN, *approval)
    if facts.local:
        return allowed_part(facts, rules, Reason.OPEN, "names of the home", PRODUCT)
    return _by_mode(facts, rules)


def _is_family_refusal(fact: CategoryFact) -> bool:
    return fact.rule.value.refuses and not fact.rule.owner.startswith("band:")


def _approval(facts: Facts) -> tuple[str, str] | None:
    """Rule and owner of what the band itself lets through."""
    if facts.band_allow is not None:
        owner = facts.band_allow.owner
        return owned_rule(owner, f"allow: {facts.band_allow}"), owner
    return (f"approved site: {facts.site.name}", PRODUCT) if facts.site is not None else None


def _category_refusal(facts: Facts, fact: CategoryFact, rules: Rules) -> Part:
    reason = Reason.NEW_DOMAIN if fact.id == NEW_DOMAIN else Reason.CATEGORY
    outcome = refuse(
        reason,
        category_rule(fact.id, fact.rule),
        fact.rule.owner,
        askable=fact.rule.value is Action.ASK,
    )
    return Part(state_gates(rules) + service_gates(rules, facts.services), outcome)


def category_rule(category: str, rule: Owned[Action]) -> str:
    return owned_rule(rule.owner, f"category:{category} = {rule.value}")


def _by_mode(facts: Facts, rules: Rules) -> Part:
    gates = state_gates(rules) + service_gates(rules, facts.services)
    if rules.mode.value is Mode.ALLOW_LIST:
        owner = rules.mode.owner
        rule = owned_rule(owner, f"mode = {rules.mode.value}")
        return Part(gates, refuse(Reason.NOT_ON_LIST, rule, owner, askable=True))
    if not facts.known and rules.unknown.value.refuses:
        owner = rules.unknown.owner
        rule = owned_rule(owner, f"unknown = {rules.unknown.value}")
        askable = rules.unknown.value is Action.ASK
        return Part(gates, refuse(Reason.UNKNOWN_DOMAIN, rule, owner, askable=askable))
    counted = next((fact for fact in facts.categories if fact.rule.value is Action.COUNT), None)
    if counted is None:
        return allowed_part(facts, rules, Reason.OPEN, OPEN_RULE, PRODUCT)
    rule = category_rule(counted.id, counted.rule)
    return allowed_part(facts, rules, Reason.OPEN, rule, counted.rule.owner)


def allowed_part(facts: Facts, rules: Rules, reason: Reason, rule: str, owner: str) -> Part:
    bound = Bound.ALL
    if reason is Reason.HOMEWORK or facts.homework is not None:
        bound = Bound.NO_LIMITS
    if facts.update and rules.updates.value:
        bound = Bound.DEVICE_ONLY
    gates = flow_gates(facts, rules, bound)
    engine, level = facts.engine, rules.safe_search.value
    if engine is None or level is SafeSearch.OFF:
        return Part(gates, allow(reason, rule, owner, gates))
    owner = rules.safe_search.owner
    passes = allow(Reason.SAFE_SEARCH, owned_rule(owner, f"safe_search = {level}"), owner, gates)
    rewrite = replace(passes, verdict=Verdict.REWRITE, rewrite=engine.safe_name(level))
    return Part(gates, passes, rewrite)


def flow_gates(facts: Facts, rules: Rules, bound: Bound) -> Gates:
    """Every gate of an allowed flow, in the order of decision."""
    categories = [fact.id for fact in facts.categories]
    gates = (
        *state_gates(rules, bound),
        *service_gates(rules, facts.services, bound),
        *group_gates(rules, facts.groups, bound),
        *category_gates(rules, categories, counted=facts.counted, bound=bound),
    )
    return gates if UNCOUNTED_CATEGORIES.isdisjoint(categories) else with_uncounted(gates)
