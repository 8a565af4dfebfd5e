"""What a judge keeps of a situation: how things stand in it, and what each closed gate says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from gateway.policy.judge.conclude import Part, owned_rule
from gateway.policy.time.situation import FOREVER, Situation
from gateway.policy.time.standing import Standing
from gateway.policy.values import Decision, Reason, Verdict

TIME_REASONS = frozenset({Reason.BEDTIME, Reason.WINDOW, Reason.OUT_OF_TIME})


class Kept(NamedTuple):
    """A situation, how things stand in it, and the decision of each closed gate."""

    situation: Situation
    since: datetime  # of the standing, as its end
    until: datetime
    standing: Standing
    refusals: Mapping[str, Decision]
    plain: bool  # nothing is closed, lifted, opened or off: a name's outcome is all there is to say
    off: Decision  # of everything, while filtering is off
    opened: dict[str, Part]  # hosts that a guardian opened for a while, bounded


def keep(situation: Situation, state: Standing, off: Decision) -> Kept:
    """``off``: of everything, while filtering is off until somebody changes it."""
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
    plain = not (refusals or state.lifted or state.off or state.allowed or state.lesson or situation.led)
    if state.off and situation.off_until is not None and situation.off_until < FOREVER:
        off = replace(off, until=situation.off_until)
    return Kept(situation, state.since, state.until, state, refusals, plain, off, {})


def closed(part: Part, state: Kept) -> Decision | None:
    """The refusal of the first closed gate, if there is one."""
    refusals = state.refusals
    if not refusals:
        return None
    lifted = state.standing.lifted_for([f"service:{one}" for one in part.services])
    for gate in part.portal if part.portal and state.situation.led else part.gates:
        if gate in refusals and gate not in lifted:
            return refusals[gate]
    return None
