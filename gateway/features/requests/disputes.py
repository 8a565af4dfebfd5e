"""Finds the counted minutes that a child disputes in a request to a guardian (topic "ledger")."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.control.contract.requests import NewRequest
from gateway.control.protocol import Call
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.household.members import MinuteLedgers
from gateway.household.rule_book import RuleBook
from gateway.policy.time.gates import in_order
from gateway.store.durable_writes import in_utc

MINUTE = timedelta(minutes=1)


def disputed(
    call: Call[NewRequest], since: datetime, rules: RuleBook, minutes: MinuteLedgers, profile_id: str
) -> tuple[datetime, tuple[str, ...], int]:
    """Return the first disputed minute (UTC), the time limits that counted, and the number of minutes.

    ``since`` is the first minute; only minutes of its family day are found. The request has the span as
    ``minutes``, and may restrict the time limits by ``limits``. Raises ControlError if the first minute did
    not count, or the request has no span.
    """
    span = call.args.minutes
    if span is None:
        call.refuse("minutes", "is missing")
    first = in_utc(since).replace(second=0)
    day = rules.calendar.family_day(first.astimezone(rules.household.config.zone))
    limits = set((call.args.limits or "").split())
    entries = [
        entry
        for entry in minutes.entries(profile_id, day)
        if first <= entry.at < first + span * MINUTE and (not limits or entry.gate in limits)
    ]
    if not any(entry.at < first + MINUTE for entry in entries):
        raise ControlError.of(Code.NO_SUCH_MINUTES)
    return first, in_order({entry.gate for entry in entries}), len({entry.at for entry in entries})
