"""Which counted minutes a child's request of the topic "ledger" is about."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.control.protocol import Request
from gateway.core.reason_codes import Code
from gateway.household.members import Minutes
from gateway.household.rule_book import RuleBook
from gateway.policy.requests.requests import MAX_MINUTES
from gateway.policy.time.gates import in_order
from gateway.store.tables.grants import in_utc

MINUTE = timedelta(minutes=1)


def disputed(
    request: Request, rules: RuleBook, minutes: Minutes, profile_id: str
) -> tuple[datetime, tuple[str, ...], int]:
    """Return when the disputed minutes begin (in UTC), which limits counted them, and how many they are.

    The request names the first minute as ``since``, a span as ``minutes``, and may name ``limits``.
    """
    since = request.moment_or_none("since")
    if since is None:
        request.refuse("since", "is missing")
    span = request.whole("minutes", least=1, most=MAX_MINUTES)
    first = in_utc(since).replace(second=0)
    day = rules.calendar.family_day(first.astimezone(rules.household.config.zone))
    limits = set(request.text("limits", "").split())
    entries = [
        entry
        for entry in minutes.entries(profile_id, day)
        if first <= entry.at < first + span * MINUTE and (not limits or entry.gate in limits)
    ]
    if not any(entry.at < first + MINUTE for entry in entries):
        request.refuse("since", "names a minute that did not count", Code.NO_SUCH_MINUTES)
    return first, in_order({entry.gate for entry in entries}), len({entry.at for entry in entries})
