"""Steps into the next band at a desk, and what is told of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.policy.accounts.people import Account
from tests.features.desk import Desk
from tests.features.rules.edited import audit

DAY = timedelta(days=1)
BEFORE, MAY = "2027-04-30T12:00", "2027-05-01T12:00"
STEP = {"next_step": "2027-05"}


def go(desk: Desk, span: timedelta) -> None:
    """Day by day: minute by minute a month is long."""
    end = desk.clock.at + span
    while desk.clock.at < end:
        desk.clock.at = min(end, desk.clock.at + DAY)
        desk.loop.run_due()


def step(desk: Desk, who: str = "daughter") -> dict[str, Any] | None:
    return next((one for one in desk.ask("status")["steps"] if one["profile"] == who), None)


def stage(desk: Desk, who: str = "daughter") -> str:
    found = step(desk, who)
    return "" if found is None else str(found["stage"])


def steps(desk: Desk) -> list[tuple[str, str]]:
    """Of the audit, the oldest first."""
    return [(who, what) for who, what, _ in reversed(audit(desk)) if what.startswith("step")]


def web(desk: Desk, do: str, **values: object) -> dict[str, Any]:
    assert do in WEB_VERBS
    if desk.store.people.accounts().get("Mum") is None:
        desk.store.people.put(Account("Mum", came=True))
    values = {"by": "Mum", "origin": "192.168.77.7", "session": desk.session("Mum"), **values}
    return desk.ask(do, Role.WEB, **values)


def put_off(desk: Desk, until: str = "2027-09", reason: str = "School first.") -> dict[str, Any]:
    return web(desk, "postpone_step", id="daughter", until=until, reason=reason)
