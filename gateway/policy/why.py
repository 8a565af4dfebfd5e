"""`qalqan why`: one question to a judge, and the contract's JSON object of the answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.errors import PolicyError
from gateway.policy import hosts
from gateway.policy.decide import Judge
from gateway.policy.documents import shown
from gateway.policy.situation import PLAIN, Situation
from gateway.policy.values import Decision, Observation, Proto

FIRST_YEAR, LAST_YEAR = 1970, 2200  # beyond these, clocks and time zones say nothing useful
QTYPE_A = 1  # RFC 1035 3.2.2


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
) -> Decision:
    """What a question for ``host`` (normalised) meets at ``at``, with the rules passed on the way."""
    return judge.decide(Observation(Proto.DNS, host, qtype=QTYPE_A), situation, at, explain=True)


def as_json(host: str, at: datetime, decision: Decision) -> dict[str, Any]:
    """The object of `why --json`; times are told in the zone of ``at``."""
    return {
        "host": host,
        "at": at.isoformat(),
        "verdict": str(decision.verdict),
        "reason": str(decision.reason),
        "rule": decision.rule,
        "owner": decision.owner,
        "until": None if decision.until is None else decision.until.astimezone(at.tzinfo).isoformat(),
        "passed": [{"rule": step.rule, "outcome": step.outcome} for step in decision.passed],
    }
