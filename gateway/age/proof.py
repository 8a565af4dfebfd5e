"""Verifies that a wallet's response to a request proves its holder to be 18 or older."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.age.dcapi import Challenge, open_answer
from gateway.age.documents import Method
from gateway.age.mdoc import adult_until
from gateway.age.refusals import AgeProofError, ProofRefusal
from gateway.age.trust import Trust

LONGEST = timedelta(hours=24)  # a proof identifies the present holder of the device, who may change


@dataclass(frozen=True, slots=True)
class ProvenAdult:
    """The result of a verified proof of age 18: until when it is valid, and its method. No personal data."""

    until: datetime  # in UTC and whole minutes
    method: Method


def verify(
    answer: object, challenge: Challenge, trust: Trust, now: datetime, lasting: timedelta
) -> ProvenAdult:
    """Verify a wallet's response to ``challenge``; return the method of the proof and until when it is valid.

    ``answer``: the JSON object from the page. The result is valid for ``lasting`` (at most 24 hours), but not
    longer than the proof, rounded down to whole minutes, so that it does not reveal the proof. The challenge
    must not be used again, whatever the result. Raises AgeProofError, or ValueError for another ``lasting``.
    """
    if not timedelta(0) < lasting <= LONGEST:
        msg = f"an adult proof lasts at most {LONGEST}"
        raise ValueError(msg)
    if now >= challenge.until:
        raise AgeProofError(ProofRefusal.LATE)
    trust.check(now)
    data = open_answer(answer, challenge)
    document, until = adult_until(data, challenge.transcript, challenge.documents, trust, now)
    end = min(until, now + lasting).astimezone(UTC).replace(second=0, microsecond=0)
    if end <= now:
        raise AgeProofError(ProofRefusal.EXPIRED)
    return ProvenAdult(end, document.method)
