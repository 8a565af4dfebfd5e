"""Where the time went: the ledger of a child, for itself and for its parents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway.policy.loglevels import NAMES_LEVEL
from webui import charts
from webui.accounts.locks import own_eyes
from webui.accounts.session import anyone, guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.forms import day as asked_day
from webui.values.answers import Child, Home
from webui.values.ledger import DAYS, Ledger, lanes, rows, starts

blueprint = Blueprint("time", __name__)


@blueprint.get("/my/time")
@own_eyes
@anyone
def mine() -> ResponseReturnValue:
    """The asking device's child's own, every minute of it."""
    here = daemon().here(source_address())
    home = daemon().home()
    child = home.child(here.profile)
    if child is None:
        return redirect(url_for("door.arrive"), 303)
    ledger, today = _on_day(home, lambda day: daemon().ledger_of_device(here, day))
    return _render("my_time.html", home, child, ledger, today, minutes_shown=True)


@blueprint.get("/parent/time/<profile>")
@guardians_only
def of_child(profile: str) -> ResponseReturnValue:
    """How much a child used; which minutes and for what, where its log level lets a guardian see names."""
    home = daemon().home()
    child = home.child(profile)
    if child is None:
        abort(404)
    ledger, today = _on_day(home, lambda day: daemon().ledger_of_child(child.id, day))
    shown = child.log_level >= NAMES_LEVEL
    return _render("child_time.html", home, child, ledger, today, minutes_shown=shown)


def _on_day(home: Home, ask: Callable[[date | None], Ledger]) -> tuple[Ledger, date]:
    """The ledger of the day that the address names, and today: the family's day, which turns at night."""
    today = home.day
    day = asked_day(today)
    return ask(None if day == today else day), today


def _render(
    template: str, home: Home, child: Child, ledger: Ledger, today: date, *, minutes_shown: bool
) -> str:
    start = starts(ledger)
    return render_template(
        template,
        home=home,
        child=child,
        guardian=guardian() if template == "child_time.html" else None,
        ledger=ledger,
        today=today,
        days=[today - timedelta(days=ago) for ago in range(DAYS + 1)],
        lanes=lanes(ledger),
        rows=rows(ledger.minutes) if minutes_shown else (),
        minutes_shown=minutes_shown,
        hours=[(start // 60 + hour) % 24 for hour in (0, 6, 12, 18, 24)],
        start=start,
        strip=charts.strip,
        help_lines=daemon().help_lines(),
    )
