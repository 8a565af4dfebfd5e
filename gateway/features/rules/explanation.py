"""Builds the explanation of a decision for the daemon, and for `qalqan why`, which reads only the files."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address
from typing import Any

from gateway.control.contract.activity import BlockOrigin
from gateway.control.contract.rules import Explanation, NextDecision, PassedRule
from gateway.policy.judge.explanation import Names, sentence, sign_of
from gateway.policy.judge.why import WhyAnswer
from gateway.policy.values import Observation


def explanation(
    seen: Observation,
    at: datetime,
    answer: WhyAnswer,
    names: Names,
    decided: BlockOrigin | None,
    problems: tuple[str, ...] = (),
) -> Explanation:
    """Return a decision with its reason, rule, owner, end and a sentence, for a response.

    Times are in the time zone of ``at``. A connection also has protocol and address, and one
    without a host name the services as which it was recognised. ``decided``: who set the rule;
    None if nothing is blocked. ``problems``: errors in the rule files that the reader should know of.
    """
    decision, left, change = answer
    flow: dict[str, Any] = {} if seen.dport == 0 else {"speaks": str(seen.proto), "to": _endpoint_text(seen)}
    if decision.recognised is not None:
        flow["services"] = tuple(names.services.get(key, key) for key in decision.recognised.services)
        flow["sign"] = sign_of(decision)
    return Explanation(
        host=seen.host,
        at=at,
        verdict=str(decision.verdict),
        reason=str(decision.reason),
        rule=decision.rule,
        owner=decision.owner,
        until=None if decision.until is None else decision.until.astimezone(at.tzinfo),
        passed=tuple(PassedRule(rule=step.rule, outcome=step.outcome) for step in decision.passed),
        minutes_left=None if left is None else left.minutes,
        next_change=None
        if change is None
        else NextDecision(
            at=change[0].astimezone(at.tzinfo), verdict=str(change[1].verdict), reason=str(change[1].reason)
        ),
        sentence=sentence(decision, seen.host, at, names, left=left),
        decided=decided,
        problems=problems,
        **flow,
    )


def _endpoint_text(seen: Observation) -> str | None:
    if not seen.dst:
        return None
    text = str(ip_address(seen.dst))
    return f"[{text}]:{seen.dport}" if ":" in text else f"{text}:{seen.dport}"
