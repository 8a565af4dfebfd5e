"""Times of one's own, at 16 and 17: a bedtime and limits that a child turns on for itself, by its PIN."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webui import notices
from webui.accounts.session import anyone
from webui.daemon import daemon, source_address
from webui.forms import one_of
from webui.language.changes import who
from webui.language.i18n import gettext as _
from webui.pages.sharing import REFUSED, refused, typed_pin
from webui.rules.selfset import (
    TYPES,
    NotThatError,
    all_told,
    night_fields,
    suggested,
    targets,
    typed_bedtime,
    typed_limit,
)
from webui.values.answers import Child, Here, Home
from webui.values.selfset import BEDTIME, LIMITS, SelfSet

blueprint = Blueprint("selfset", __name__, url_prefix="/my/times")

WRONG = 422
TYPED = 8  # characters of a time or of minutes
SET, OFF = "set", "off"


@blueprint.get("/")
@anyone
def show() -> ResponseReturnValue:
    """What holds of it, what is suggested, and what others set."""
    return _show(*_own())


@blueprint.post("/bedtime")
@anyone
def bedtime() -> ResponseReturnValue:
    here, home, child, own = _own()
    if one_of("do", (SET, OFF)) == OFF:
        return _change(here, home, child, own, BEDTIME, None, _("Your own bedtime is off."))
    try:
        value = typed_bedtime(_typed_night())
    except NotThatError as error:
        return _show(here, home, child, own, str(error), BEDTIME), WRONG
    return _change(here, home, child, own, BEDTIME, value, _("Your own bedtime holds from now on."))


@blueprint.post("/limit")
@anyone
def limit() -> ResponseReturnValue:
    """Of one that is there, or a new one."""
    here, home, child, own = _own()
    there = {one.target for one in own.limits}
    target = one_of("target", {*there, *(key for key, _name in targets(own))})
    at = f"{LIMITS}{target}" if target in there else LIMITS
    if one_of("do", (SET, OFF)) == OFF:
        return _change(here, home, child, own, f"{LIMITS}{target}", None, _("Your own limit is off."), at)
    try:
        value = typed_limit(_typed_minutes())
    except NotThatError as error:
        return _show(here, home, child, own, str(error), at), WRONG
    done = _("Your own limit holds from now on.")
    return _change(here, home, child, own, f"{LIMITS}{target}", value, done, at)


def _change(
    here: Here, home: Home, child: Child, own: SelfSet, key: str, value: object, done: str, at: str = ""
) -> ResponseReturnValue:
    """``at``: the form to which a refusal belongs."""
    problem = refused(
        lambda: daemon().sharing(
            "self_set", device=here.mac, pin=typed_pin("pin"), set={key: value}, origin=source_address()
        )
    )
    if problem:
        return _show(here, home, child, own, problem, at or key), REFUSED
    notices.tell_child(done)
    return redirect(url_for("selfset.show"), 303)


def _own() -> tuple[Here, Home, Child, SelfSet]:
    here, home = daemon().here(source_address()), daemon().home()
    child = home.child(here.profile)
    own = None if child is None else daemon().rules(child.id).self_set
    if child is None or own is None or not own.may:
        abort(404)
    return here, home, child, own


def _show(here: Here, home: Home, child: Child, own: SelfSet, problem: str = "", at: str = "") -> str:
    posted = request.method == "POST"
    night = night_fields(own.suggested if own.bedtime is None else own.bedtime.value)
    return render_template(
        "my_times.html",
        home=home,
        here=here,
        child=child,
        own=own,
        told=notices.told_child() if not posted else "",
        choices={one.key: one for one in all_told(own, home.now)},
        suggested=suggested(own),
        night=_typed_night() if posted and at == BEDTIME else night,
        minutes=_typed_minutes() if posted and at.startswith(LIMITS) else {},
        target=request.form.get("target", "")[:80] if posted else "",
        targets=targets(own),
        rules=daemon().rules(child.id),
        problem=problem,
        at=at,
        who=who,
    )


def _typed_night() -> Mapping[str, tuple[str, str]]:
    return {day: (_field(f"{day}-from"), _field(f"{day}-to")) for day in TYPES}


def _typed_minutes() -> Mapping[str, str]:
    return {day: _field(day) for day in TYPES}


def _field(key: str) -> str:
    return request.form.get(key, "").strip()[:TYPED]
