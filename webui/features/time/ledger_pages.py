"""Pages of a child's time ledger, the minutes that counted for its limits, for child and parents."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Blueprint, Response, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.activity import ERASE
from gateway.control.contract.time import LEDGER, LEDGER_DAYS, LedgerResponse
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL
from webui import charts, notices
from webui.accounts.locks import child_only
from webui.accounts.session import anyone, guardian, guardians_only
from webui.child_lookup import child_of
from webui.daemon import daemon, source_address
from webui.features.sharing.sharing_pages import REFUSED, refused, typed_pin
from webui.features.status.home_text import ChildView, Here, HomeView
from webui.features.time.ledger_text import lanes, rows, starts
from webui.forms import day as asked_day
from webui.language.i18n import gettext as _

blueprint = Blueprint("time", __name__)


@blueprint.get("/my/time")
@child_only
@anyone
def mine() -> ResponseReturnValue:
    """Show the child of the requesting device every minute of a day that counted for its limits."""
    here = daemon().here(source_address())
    home = daemon().home()
    child = home.child(here.profile)
    if child is None:
        return redirect(url_for("door.arrive"), 303)
    ledger, today = _on_day(home, device=here.mac)
    return _render("my_time.html", home, child, ledger, today, minutes_shown=True)


@blueprint.get("/my/time/delete")
@child_only
@anyone
def ask_to_delete() -> ResponseReturnValue:
    """Show which of the child's stored minutes deletion removes and what stays, and ask for the PIN again.

    Deletion has no undo.
    """
    return _deleting(daemon().here(source_address()))


@blueprint.post("/my/time/delete")
@child_only
@anyone
def delete() -> ResponseReturnValue:
    """Delete names and services from the child's stored minutes and activity; counts of categories stay.

    It needs the child's PIN, or below ten years a guardian who is signed in here.
    """
    here = daemon().here(source_address())
    who = {"pin": typed_pin("pin")} if _by_pin(here) else {"by": guardian() or ""}
    problem = refused(lambda: daemon().client.ask(ERASE, device=here.mac, origin=source_address(), **who))
    if problem:
        return _deleting(here, problem), REFUSED
    notices.notify_child(_("It is deleted. Totals by category stay for 30 days."))
    return redirect(url_for("child.show"), 303)


def _deleting(here: Here, problem: str = "") -> Response:
    child = daemon().home().child(here.profile)
    if child is None:
        return make_response(redirect(url_for("door.arrive"), 303))
    return make_response(
        render_template("my_time_delete.html", child=child, by_pin=_by_pin(here), problem=problem)
    )


def _by_pin(here: Here) -> bool:
    return here.own.pin is not None and here.own.pin.pin


@blueprint.get("/parent/time/<profile>")
@guardians_only
def of_child(profile: str) -> ResponseReturnValue:
    """Show guardians how many minutes counted for each of a child's limits on a day.

    The single minutes, with device and service, are shown only if the child's log level allows
    names. Below that level, today has no minutes, and at level 0 no day has any.
    """
    home = daemon().home()
    child = child_of(home, profile)
    ledger, today = _on_day(home, who=child.id)
    shown = child.log_level >= NAMES_LEVEL
    return _render("child_time.html", home, child, ledger, today, minutes_shown=shown)


def _on_day(home: HomeView, **child: str) -> tuple[LedgerResponse, date]:
    """Return the counted minutes of the day in the address, and today's date.

    Both are the family's days, which change at night, not at midnight. ``child``: by ``who`` or ``device``.
    """
    day, today = asked_day(home.day), home.day
    values: dict[str, object] = {} if day == today else {"day": day}
    return daemon().client.ask(LEDGER, **child, **values), today


def _render(
    template: str,
    home: HomeView,
    child: ChildView,
    ledger: LedgerResponse,
    today: date,
    *,
    minutes_shown: bool,
) -> str:
    start = starts(ledger)
    return render_template(
        template,
        home=home,
        child=child,
        guardian=guardian() if template == "child_time.html" else None,
        ledger=ledger,
        today=today,
        days=[today - timedelta(days=ago) for ago in range(LEDGER_DAYS + 1)],
        lanes=lanes(ledger),
        rows=rows(ledger.minutes) if minutes_shown else (),
        minutes_shown=minutes_shown,
        kinds_level=KINDS_LEVEL,
        hours=[(start // 60 + hour) % 24 for hour in (0, 6, 12, 18, 24)],
        start=start,
        strip=charts.strip,
        help_lines=daemon().help_lines(),
    )
