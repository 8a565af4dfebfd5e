"""Pages of activity: use and blocks by day, week and month, guardians' changes of today, export, deletion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.age.bands import AgeBand
from gateway.control.contract.activity import ERASE, HISTORY
from gateway.control.contract.devices import DeviceOwner
from gateway.control.contract.rules import CHANGES, UNEDIT, FamilyChange
from gateway.control.contract.time import LEDGER
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL
from gateway.policy.requests.requests import SITE_ONCE
from webui import charts, notices
from webui.accounts.session import author, guardian, guardians_only
from webui.child_lookup import child_of
from webui.daemon import daemon
from webui.features.activity import activity_table, target_names
from webui.features.activity.activity_days import MONTH, VIEWS, Strip, View, usual_minutes
from webui.features.activity.activity_text import WEEK, AskedFor, HistoryView, nothing_asked
from webui.features.devices.device_text import PLACES, describe_place
from webui.features.requests.requests_text import pending_of, waiting_for
from webui.features.rules.rules_pages import rule_address
from webui.features.status.home_text import ChildView, HomeView
from webui.forms import day as asked_day
from webui.forms import one_of, revisions
from webui.language.i18n import gettext as _
from webui.language.words import plain, who
from webui.rules.edited import RuleLine, SentenceNames, lines

blueprint = Blueprint("activity", __name__, url_prefix="/parent/activity")

WHO_LIMIT = 100  # characters of a profile's id
COMPARED = frozenset({AgeBand.AGE_0_5.value, AgeBand.AGE_6_9.value, AgeBand.AGE_10_12.value})
ERASABLE = ("names", "all")


@dataclass(frozen=True, slots=True)
class ChildRow:
    """One child in the family's overview, with its activity of the last seven days."""

    child: ChildView
    week: HistoryView


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    """Show the activity of the whole family for seven days, and today's changes by guardians."""
    home = daemon().home()
    first = home.day - timedelta(days=WEEK - 1)
    changes = daemon().client.ask(CHANGES).changes
    return render_template(
        "activity.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        rows=[ChildRow(child, _history(child, first, home.day)) for child in home.children],
        changes=_with_sentences(changes, home),
        who=who,
        described_place=_describe_place,
        bars=charts.bars,
        kinds_level=KINDS_LEVEL,
    )


def _describe_place(device: str, place: str, name: str) -> str:
    """Return a sentence that says who uses a device now. ``device``: its name in the sentence.

    ``place``: the id of the new owner (``name``: its name), or a group such as ``guest``.
    """
    owner = None if place in PLACES else DeviceOwner(place, name, child=True)
    return describe_place(device, place, owner)


def _with_sentences(
    changes: Sequence[FamilyChange], home: HomeView
) -> list[tuple[FamilyChange, tuple[RuleLine, ...]]]:
    """Return each change of rules with a sentence for each of its edits; none for a change without edits.

    The catalogue, which has names for the sentences, is requested only if there are edits.
    """
    if not any(change.edits for change in changes):
        return [(change, ()) for change in changes]
    people = {child.id: child.name for child in home.children}
    named = SentenceNames(daemon().catalogue(), people, home.now)
    return [(change, lines(change, named)) for change in changes]


@blueprint.post("/undo")
@guardians_only
def undo() -> ResponseReturnValue:
    """Undo the last change of a person's rule file, and redirect to the overview of activity.

    Form fields: ``revision`` (`forms.revisions`), and ``who``: the person's id; also an adult's. The rules
    of an adult have no page.
    """
    who = request.form.get("who", "")[:WHO_LIMIT]
    with notices.refusals_to(notices.said):
        there = revisions("revision")
        changes = daemon().client.ask(CHANGES).changes
        name = next((change.name for change in changes if change.who == who and change.name), who)
        daemon().change(UNEDIT, id=who, **author() | there)
        notices.said(_("The rules of %(name)s are as they were before.", name=plain(name)))
    return redirect(url_for("activity.show"), 303)


@blueprint.get("/<profile>")
@guardians_only
def day(profile: str) -> ResponseReturnValue:
    return _child_page(profile, "day")


@blueprint.get("/<profile>/week")
@guardians_only
def week(profile: str) -> ResponseReturnValue:
    return _child_page(profile, "week")


@blueprint.get("/<profile>/month")
@guardians_only
def month(profile: str) -> ResponseReturnValue:
    return _child_page(profile, "month")


def _child_page(profile: str, name: str) -> ResponseReturnValue:
    home, child, view = _view(profile, name)
    asked_for = partial(waiting_for, pending_of(child))
    history = _history(child, view.first, view.last, asked_for)
    strip = None
    if view.is_day and history.has_names and child.log_level >= NAMES_LEVEL and history.minutes:
        on: dict[str, object] = {} if view.last == home.day else {"day": view.last}
        strip = Strip(daemon().client.ask(LEDGER, who=child.id, **on))
    return render_template(
        "activity_child.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        child=child,
        view=view,
        days_of=history,
        history=history.history,
        own=False,
        time=child.time,
        strip=strip,
        charts=charts,
        kinds=target_names,
        # From age 13, parents get no comparison.
        usual=usual_minutes(view, partial(_history, child)) if child.band in COMPARED else None,
        rules_of=partial(_rules_of, child.id),
        asked_for=asked_for,
        site_once=SITE_ONCE,
        levels={"kinds": KINDS_LEVEL, "names": NAMES_LEVEL, "visits": VISITS_LEVEL},
    )


def _history(child: ChildView, first: date, last: date, asked_for: AskedFor = nothing_asked) -> HistoryView:
    """Return a child's activity from ``first`` to ``last``, both included.

    ``asked_for``: returns the child's open request for a site or service.
    """
    return HistoryView(daemon().client.ask(HISTORY, id=child.id, **{"from": first, "to": last}), asked_for)


def _rules_of(profile: str, target: str) -> str:
    """Return the address of the page on which a parent limits, blocks or allows a target for a child.

    ``target``: ``service:ID`` or ``category:ID``. ``profile``: the child's id. Empty for other targets.
    """
    kind, _colon, key = target.partition(":")
    if kind == "service":
        return url_for("services.one", profile=profile, service=key)
    if kind == "category":
        return rule_address(profile, f"categories/{key}", "kinds")
    return ""


def _view(profile: str, name: str) -> tuple[HomeView, ChildView, View]:
    home = daemon().home()
    child = child_of(home, profile)
    most = MONTH - (VIEWS[name] - 1)
    return home, child, View(name, asked_day(home.day, most), home.day, child.id)


@blueprint.get("/<profile>/<name>.csv")
@guardians_only
def export(profile: str, name: str) -> ResponseReturnValue:
    """Return a child's activity of a day, week or month as a CSV file for download.

    404 for another ``name``.
    """
    if name not in VIEWS:
        abort(404)
    _home, child, view = _view(profile, name)
    history = _history(child, view.first, view.last)
    answer = Response(activity_table.table(activity_table.rows(history)), mimetype="text/csv")
    named = f"qalqan-{child.id}-{view.first.isoformat()}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{named}.csv"'
    return answer


@blueprint.get("/<profile>/delete")
@guardians_only
def ask_to_erase(profile: str) -> ResponseReturnValue:
    home, child, _view_of = _view(profile, "day")
    return render_template("activity_delete.html", home=home, guardian=guardian(), child=child)


@blueprint.post("/<profile>/delete")
@guardians_only
def erase(profile: str) -> ResponseReturnValue:
    _home, child, view = _view(profile, "day")
    what = one_of("what", ERASABLE)
    with notices.refusals_to(notices.said):
        daemon().change(ERASE, id=child.id, what=what, **author())
        name = plain(child.name)
        notices.said(
            _("The activity of %(name)s is deleted.", name=name)
            if what == "all"
            else _("The sites of %(name)s are deleted.", name=name)
        )
    return redirect(view.url(), 303)
