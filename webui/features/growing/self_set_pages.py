"""Pages on which a child of 16 or 17 sets a bedtime and limits for itself, protected by its PIN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.growing import SELF_SET, SelfSetTimes
from webui import notices
from webui.accounts.session import anyone
from webui.daemon import daemon, source_address
from webui.features.growing.self_set_text import (
    BEDTIME,
    LIMITS,
    TYPES,
    SelfSetError,
    bedtime_of,
    describe_all,
    limits_of,
    night_fields,
    suggested,
    target_of,
    targets,
    typed_bedtime,
    typed_limit,
)
from webui.features.sharing.sharing_pages import REFUSED, refused, typed_pin
from webui.features.status.home_text import ChildView, Here, HomeView
from webui.features.status.own_rules_text import OwnRules
from webui.forms import one_of
from webui.language.i18n import gettext as _
from webui.language.words import who

blueprint = Blueprint("selfset", __name__, url_prefix="/my/times")

WRONG = 422
TYPED = 24  # characters of a time of day or a duration
SET, OFF = "set", "off"


@dataclass(frozen=True, slots=True)
class SelfSetPage:
    """The child of the requesting device, and the times that it has set for itself."""

    here: Here
    home: HomeView
    child: ChildView
    rules: OwnRules
    own: SelfSetTimes


@dataclass(frozen=True, slots=True)
class SelfSetProblem:
    sentence: str
    at: str  # the form of the problem: `bedtime`, `limits/TARGET`, or `limits/` for a new one


@blueprint.get("/")
@anyone
def show() -> ResponseReturnValue:
    """Show the bedtime and limits that the child has set for itself, and all other bedtimes.

    The others are of the family and the age group. Without an own bedtime, show the one that the
    age group suggests. Responds with 404 if the child may not set its own times.
    """
    return _show(_mine())


@blueprint.post("/bedtime")
@anyone
def bedtime() -> ResponseReturnValue:
    mine = _mine()
    if one_of("do", (SET, OFF)) == OFF:
        return _change(mine, BEDTIME, None, _("Your own bedtime is off."), BEDTIME)
    try:
        value = typed_bedtime(_typed_night())
    except SelfSetError as error:
        return _show(mine, SelfSetProblem(str(error), BEDTIME)), WRONG
    return _change(mine, BEDTIME, value, _("Your own bedtime is now active."), BEDTIME)


@blueprint.post("/limit")
@anyone
def limit() -> ResponseReturnValue:
    """Set, change or remove one of the child's own limits, after a check of its PIN."""
    mine = _mine()
    there = {target_of(limit) for limit in limits_of(mine.own)}
    target = one_of("target", {*there, *(key for key, _name in targets(mine.own))})
    key = f"{LIMITS}{target}"
    at = key if target in there else LIMITS
    if one_of("do", (SET, OFF)) == OFF:
        return _change(mine, key, None, _("Your own limit is off."), at)
    try:
        value = typed_limit(_typed_minutes())
    except SelfSetError as error:
        return _show(mine, SelfSetProblem(str(error), at)), WRONG
    return _change(mine, key, value, _("Your own limit is now active."), at)


def _change(mine: SelfSetPage, key: str, value: object, done: str, at: str) -> ResponseReturnValue:
    problem = refused(
        lambda: daemon().client.ask(
            SELF_SET, device=mine.here.mac, pin=typed_pin("pin"), set={key: value}, origin=source_address()
        )
    )
    if problem:
        return _show(mine, SelfSetProblem(problem, at)), REFUSED
    notices.notify_child(done)
    return redirect(url_for("selfset.show"), 303)


def _mine() -> SelfSetPage:
    here, home = daemon().here(source_address()), daemon().home()
    child = home.child(here.profile)
    rules = None if child is None else daemon().rules(child.id)
    if child is None or rules is None or rules.self_set is None or not rules.self_set.may:
        abort(404)
    return SelfSetPage(here, home, child, rules, rules.self_set)


def _show(mine: SelfSetPage, problem: SelfSetProblem | None = None) -> str:
    """Return the page. ``problem``: what is wrong with the typed values, which the page then shows again."""
    own, at = mine.own, "" if problem is None else problem.at
    bedtime = bedtime_of(own)
    night = night_fields(own.suggested.get(BEDTIME) if bedtime is None else bedtime.value)
    described = describe_all(own, mine.home.now)
    return render_template(
        "my_times.html",
        home=mine.home,
        here=mine.here,
        child=mine.child,
        rules=mine.rules,
        own=own,
        message=notices.child_notice() if problem is None else "",
        bedtime=next((time for time in described if not time.target), None),
        limits=[time for time in described if time.target],
        suggested=suggested(own),
        night=_typed_night() if at == BEDTIME else night,
        minutes=_typed_minutes() if at.startswith(LIMITS) else {},
        target=request.form.get("target", "")[:80],
        targets=targets(own),
        problem="" if problem is None else problem.sentence,
        at=at,
        who=who,
    )


def _typed_night() -> Mapping[str, tuple[str, str]]:
    return {day: (_field(f"{day}-from"), _field(f"{day}-to")) for day in TYPES}


def _typed_minutes() -> Mapping[str, str]:
    return {day: _field(day) for day in TYPES}


def _field(key: str) -> str:
    return request.form.get(key, "").strip()[:TYPED]
