"""A child's own activity: the same days as its parents' page, with all that is stored, on its own device."""

from __future__ import annotations

from datetime import date
from functools import partial

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.activity import HISTORY
from gateway.control.contract.time import LEDGER
from gateway.policy.profile.rules import CATEGORY, KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL
from webui import charts
from webui.accounts.locks import child_only
from webui.accounts.session import anyone
from webui.daemon import daemon, source_address
from webui.features.activity import target_names
from webui.features.activity.activity_days import MONTH, VIEWS, Strip, View, usual_minutes
from webui.features.activity.activity_text import AskedFor, HistoryView, nothing_asked
from webui.features.requests.requests_text import waiting_for
from webui.features.status.home_text import Here
from webui.forms import day as asked_day
from webui.language.levels import level_of

blueprint = Blueprint("my_activity", __name__, url_prefix="/my/activity")


@blueprint.get("/")
@child_only
@anyone
def day() -> ResponseReturnValue:
    return _page("day")


@blueprint.get("/week")
@child_only
@anyone
def week() -> ResponseReturnValue:
    return _page("week")


@blueprint.get("/month")
@child_only
@anyone
def month() -> ResponseReturnValue:
    return _page("month")


def _page(name: str) -> ResponseReturnValue:
    """Show the child of the requesting device its own activity of a day, week or month (``name``).

    A day is compared with a usual one, if enough days are known. Another device is redirected to
    the start page.
    """
    here = daemon().here(source_address())
    home = daemon().home()
    child = home.child(here.profile)
    if child is None or not here.mac:
        return redirect(url_for("door.arrive"), 303)
    view = View(name, asked_day(home.day, MONTH - (VIEWS[name] - 1)), home.day)
    asked_for = partial(waiting_for, daemon().requests_of_device(here))
    history = _history(here, view.first, view.last, asked_for)
    strip = None
    if view.is_day and history.has_names and history.minutes:
        on: dict[str, object] = {} if view.last == home.day else {"day": view.last}
        strip = Strip(daemon().client.ask(LEDGER, device=here.mac, **on))
    return render_template(
        "my_activity.html",
        home=home,
        child=child,
        reading=level_of(child.band).value,
        view=view,
        days_of=history,
        history=history.history,
        own=True,
        time=here.time,
        strip=strip,
        charts=charts,
        kinds=target_names,
        usual=usual_minutes(view, partial(_history, here)),
        rules_of=_explained,
        asked_for=asked_for,
        levels={"kinds": KINDS_LEVEL, "names": NAMES_LEVEL, "visits": VISITS_LEVEL},
        help_lines=daemon().help_lines(),
    )


def _explained(target: str) -> str:
    """Return the address of the page that explains a category; empty for services and others."""
    return url_for("learn.one", key=target) if target.startswith(CATEGORY) else ""


def _history(here: Here, first: date, last: date, asked_for: AskedFor = nothing_asked) -> HistoryView:
    """Return the child's own activity from ``first`` to ``last``, both included."""
    return HistoryView(
        daemon().client.ask(HISTORY, device=here.mac, **{"from": first, "to": last}), asked_for
    )
