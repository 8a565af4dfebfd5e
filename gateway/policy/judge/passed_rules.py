"""Lists the rules that a decision passed, for `qalqan why`, in the order of decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.policy.judge.conclude import category_rule, owned_rule
from gateway.policy.judge.opened import OPENED
from gateway.policy.judge.study import Facts
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import Entry, SafeSearch
from gateway.policy.requests.site_repair import lesson_rule
from gateway.policy.time.gates import Gates, category_gates, group_gates, service_gates, state_gates
from gateway.policy.time.standing import Standing
from gateway.policy.values import Decision, Reason, Step, Verdict

NO_MATCH = "no match"

# The decision ends after these; other allows still pass limits and safe search.
_FINAL = frozenset({Reason.GATEWAY, Reason.HELP, Reason.UNFILTERED, Reason.DEVICE_NEEDS})


def passed_rules(
    decision: Decision,
    host: str | None,
    facts: Facts | None,
    state: Standing,
    profile: Profile,
    ways: tuple[Step, ...] | None = None,
) -> tuple[Step, ...]:
    """Return the rules that were passed, without the rule that decided.

    Arguments:
        host, facts: None for a flow that names none.
        ways: the bypass methods of the flow; None for a DNS query.
    """
    opening = None if facts is None or host is None else state.opening(host, facts.services)
    bypass_steps = () if ways is None else ways or (Step("ways", NO_MATCH),)
    steps = list(_steps(facts, state, profile, None if opening is None else opening[0], bypass_steps))
    at = next((at for at, step in enumerate(steps) if step.rule == decision.rule), None)
    if at is None:
        return tuple(steps)
    final = decision.verdict is Verdict.BLOCK or decision.reason in _FINAL
    return tuple(steps[:at] if final else steps[:at] + steps[at + 1 :])


def _steps(
    facts: Facts | None, state: Standing, profile: Profile, opened: str | None, bypass_steps: tuple[Step, ...]
) -> Iterator[Step]:
    if facts is None:
        yield from _gates(state_gates(profile.rules), state, ())
        yield from bypass_steps
        return
    yield Step("help", NO_MATCH if facts.help is None else facts.help)
    yield Step("refused for everyone", NO_MATCH)
    if facts.registered is not None:
        yield Step(facts.registered.rule, "matches")
    if not profile.filtered or state.off:
        return
    rules, services = profile.rules, facts.services
    yield from _gates(state_gates(rules), state, services)
    yield from bypass_steps
    yield _need(facts)
    if opened is not None:
        yield Step(f"{OPENED}: {opened}", "matches")
    if facts.shows:
        yield Step("page proxy", f"shows {' or '.join(facts.shows)}")
    if facts.law is not None:
        yield Step(facts.law.value.rule, "matches")
    yield _entry("homework", facts.homework)
    yield _entry("allow", facts.allow)
    if facts.companion is not None:
        yield Step(f"allow: {facts.companion}", "needs this name")
    yield _entry("block", facts.block)
    yield from _services(facts)
    yield from _gates(service_gates(rules, services), state, services)
    yield from _gates(group_gates(rules, facts.groups), state, services)
    yield from _categories(facts)
    ids = [fact.id for fact in facts.categories]
    yield from _gates(category_gates(rules, ids, counted=facts.counted), state, services)
    yield from _approvals(facts)
    if state.lesson is not None:
        yield Step(lesson_rule(state.lesson), "needed")
    yield Step(owned_rule(rules.mode.owner, f"mode = {rules.mode.value}"), "open")
    if not facts.known:
        yield Step(owned_rule(rules.unknown.owner, f"unknown = {rules.unknown.value}"), "in no category")
    if rules.safe_search.value is not SafeSearch.OFF:
        rule = owned_rule(rules.safe_search.owner, f"safe_search = {rules.safe_search.value}")
        yield Step(rule, "no search host" if facts.engine is None else facts.engine.name)


def _gates(gates: Gates, state: Standing, services: Iterable[str]) -> Iterator[Step]:
    lifted = state.lifted_for([f"service:{service}" for service in services])
    for gate in gates:
        closing = state.closed.get(gate)
        if closing is None:
            budget = state.budgets.get(gate)
            yield Step(gate, "open" if budget is None else f"open: {budget.used}m of {budget.text} used")
        else:
            rule = owned_rule(closing.owner, closing.rule)
            yield Step(rule, "opened by a grant" if gate in lifted else f"closed: {closing.reason}")


def _need(facts: Facts) -> Step:
    if facts.need is None:
        return Step("device needs", NO_MATCH)
    entry, kind = facts.need
    return Step(f"device needs: {kind}: {entry}", "open")


def _entry(word: str, entry: Entry | None) -> Step:
    return Step(word, NO_MATCH) if entry is None else Step(f"{word}: {entry}", "matches")


def _services(facts: Facts) -> Iterator[Step]:
    if not facts.services:
        yield Step("services", NO_MATCH)
    for service in facts.services:
        yield Step(f"service:{service}", "updates" if facts.update else "matches")


def _categories(facts: Facts) -> Iterator[Step]:
    if not facts.categories:
        yield Step("categories", NO_MATCH)
    for fact in facts.categories:
        yield Step(category_rule(fact.id, fact.rule), str(fact.rule.value))


def _approvals(facts: Facts) -> Iterator[Step]:
    for word, entry in (("block", facts.band_block), ("allow", facts.band_allow)):
        if entry is not None:
            yield Step(owned_rule(entry.owner, f"{word}: {entry}"), "matches")
    if facts.site is not None:
        yield Step(f"approved site: {facts.site.name}", "matches")
