"""Minutes of the ledger that a child thinks are wrong: which ones, and for which limits they counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request
from gateway.policy.gates import in_order
from gateway.policy.requests import MAX_MINUTES
from gateway.store.given import in_utc

if TYPE_CHECKING:
    from gateway.daemon.devices.family import Member
    from gateway.daemon.main import Daemon

MINUTE = timedelta(minutes=1)


def disputed(request: Request, daemon: Daemon, member: Member) -> tuple[datetime, tuple[str, ...], int]:
    """Since when, for which limits, and how many minutes: the child's own that counted from ``since`` on,
    for `limits` where that is told, within so many ``minutes``.
    """
    since = request.moment_or_none("since")
    if since is None:
        request.refuse("since", "is missing")
    minutes = request.whole("minutes", least=1, most=MAX_MINUTES)
    first = in_utc(since).replace(second=0)
    day = daemon.rules.calendar.family_day(first.astimezone(daemon.rules.household.config.zone))
    entries = daemon.family.minutes.entries(member.profile.id, day)
    wanted = set(request.text("limits", "").split())
    meant = [
        one
        for one in entries
        if first <= one.at < first + minutes * MINUTE and (not wanted or one.gate in wanted)
    ]
    if not any(one.at < first + MINUTE for one in meant):
        request.refuse("since", "names a minute that did not count", Code.NO_SUCH_MINUTES)
    return first, in_order({one.gate for one in meant}), len({one.at for one in meant})
