"""The state of one situation, computed once: the standing, and the decision of each closed gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from gateway.policy.judge.conclude import Conclusion, owned_rule
from gateway.policy.time.situation import FOREVER, Situation
from gateway.policy.time.standing import Standing
from gateway.policy.values import Decision, Reason, Verdict

TIME_REASONS = frozenset({Reason.BEDTIME, Reason.WINDOW, Reason.OUT_OF_TIME})


class CachedSituation(NamedTuple):
    """A situation, its standing, and the decision of each closed gate."""

    situation: Situation
    since: datetime  # start of the standing's validity
    until: datetime
    standing: Standing
    refusals: Mapping[str, Decision]
    plain: bool  # no gate is closed, lifted, opened or off: the host's outcome is the whole decision
    off: Decision  # the decision for everything while filtering is off
    opened: dict[str, Conclusion]  # hosts that a guardian opened for a while; bounded


def cache_situation(situation: Situation, state: Standing, off: Decision) -> CachedSituation:
    """Return the state of a situation. ``off``: the decision while filtering is off without an end."""
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
    plain = not (refusals or state.lifted or state.off or state.allowed or state.lesson or situation.led)
    if state.off and situation.off_until is not None and situation.off_until < FOREVER:
        off = replace(off, until=situation.off_until)
    return CachedSituation(situation, state.since, state.until, state, refusals, plain, off, {})


def closed_gate_decision(conclusion: Conclusion, state: CachedSituation) -> Decision | None:
    """Return the decision of the first closed gate, or None if every gate is open."""
    refusals = state.refusals
    if not refusals:
        return None
    lifted = state.standing.lifted_for([f"service:{service}" for service in conclusion.services])
    for gate in conclusion.portal if conclusion.portal and state.situation.led else conclusion.gates:
        if gate in refusals and gate not in lifted:
            return refusals[gate]
    return None
