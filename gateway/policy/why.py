"""`qalqan why`: one question to a judge, and the contract's JSON object of the answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from gateway.errors import PolicyError
from gateway.policy import hosts
from gateway.policy.decide import Judge
from gateway.policy.documents import shown
from gateway.policy.extension import Left
from gateway.policy.situation import PLAIN, Situation
from gateway.policy.values import Decision, Observation, Proto, Reason

FIRST_YEAR, LAST_YEAR = 1970, 2200  # beyond these, clocks and time zones say nothing useful
QTYPE_A = 1  # RFC 1035 3.2.2
LOOK_AHEAD = timedelta(days=8)  # in which the next change is looked for: one of each weekday

_BY_TIME = frozenset({Reason.QUARANTINED, Reason.PAUSED, Reason.BEDTIME, Reason.WINDOW, Reason.OUT_OF_TIME})


class Answer(NamedTuple):
    """What a host meets at a moment."""

    decision: Decision
    left: Left | None  # until it is closed; None where nothing closes it, or it is not open at any time
    change: tuple[datetime, Decision] | None  # when the clock opens or closes it next, and what it meets then


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """An ISO 8601 time as an aware datetime, in ``zone`` where it has no offset. Raises PolicyError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        where, mend = "--at", "write it like 2026-12-24T18:00"
        raise PolicyError(where, f"{shown(text)} is not a time", mend) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def parse_host(text: str) -> str:
    """A host as somebody types it, in normal form. Raises PolicyError."""
    try:
        return hosts.normalise(text)
    except hosts.HostError as error:
        raise PolicyError(shown(text), error.problem, error.mend) from None


def why(
    judge: Judge,
    host: str,
    at: datetime,
    situation: Situation = PLAIN,
) -> Answer:
    """What a question for ``host`` (normalised) meets at ``at``, with the rules passed on the way."""
    seen = Observation(Proto.DNS, host, qtype=QTYPE_A)
    decision = judge.decide(seen, situation, at, explain=True)
    if situation.portal and decision.reason is Reason.DEVICE_NEEDS:
        seen = seen._replace(proto=Proto.HTTP)  # a probe's name is answered all the same
        decision = judge.decide(seen, situation, at, explain=True)
    left = None
    if decision.allowed:
        left = judge.left(decision.gates, situation, at)
    elif decision.reason in _BY_TIME:
        left = Left(0, "", None)
    return Answer(decision, left, _next_change(judge, seen, situation, at, decision))


def _next_change(
    judge: Judge, seen: Observation, situation: Situation, at: datetime, decision: Decision
) -> tuple[datetime, Decision] | None:
    last = at + LOOK_AHEAD
    then = decision
    while then.allowed is decision.allowed:
        if not then.allowed and then.reason not in _BY_TIME:  # no hour opens it
            return None
        at = judge.standing(situation, at).until
        if at > last:
            return None
        then = judge.decide(seen, situation, at)
    return at, then


def as_json(host: str, at: datetime, answer: Answer) -> dict[str, Any]:
    """The object of `why --json`; times are told in the zone of ``at``."""
    decision, left, change = answer

    def told(moment: datetime) -> str:
        return moment.astimezone(at.tzinfo).isoformat()

    return {
        "host": host,
        "at": at.isoformat(),
        "verdict": str(decision.verdict),
        "reason": str(decision.reason),
        "rule": decision.rule,
        "owner": decision.owner,
        "until": None if decision.until is None else told(decision.until),
        "passed": [{"rule": step.rule, "outcome": step.outcome} for step in decision.passed],
        "minutes_left": None if left is None else left.minutes,
        "next_change": None if change is None else _change(told(change[0]), change[1]),
    }


def _change(at: str, then: Decision) -> dict[str, str]:
    return {"at": at, "verdict": str(then.verdict), "reason": str(then.reason)}
