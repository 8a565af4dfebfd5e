"""The helper's page: each child's state, pause, and the minutes that a guardian allows the helper to give.

Blocks, requests and devices are for guardians only. The daemon enforces the same limits.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.time import GRANT, PAUSE, RESUME, REVOKE
from gateway.control.verbs import Verb
from gateway.policy.accounts.people import PersonRole
from webui import notices
from webui.accounts import session
from webui.accounts.session import seen_by
from webui.daemon import daemon, source_address
from webui.features.time.grant_text import to_parent
from webui.forms import NUMBER_LIMIT, one_of, whole
from webui.language.i18n import gettext as _

blueprint = Blueprint("helper", __name__, url_prefix="/helper")

PAUSES = (15, 30, 60)  # minutes
EXTRAS = (15, 30, 60)  # minutes, up to the helper's own limit

helpers_only = seen_by(PersonRole.HELPER)


@blueprint.get("/")
@helpers_only
def show() -> ResponseReturnValue:
    home, me = daemon().home(), session.signed_in()
    return render_template(
        "helper.html",
        home=home,
        me=me,
        notice=notices.current(home),
        pauses=PAUSES,
        extras=_extras(me.minutes),
    )


def _extras(most: int) -> list[int]:
    return [minutes for minutes in EXTRAS if minutes <= most] or ([most] if most else [])


@blueprint.post("/pause")
@helpers_only
def pause() -> ResponseReturnValue:
    minutes = int(one_of("minutes", {str(choice) for choice in PAUSES}))
    return _change(PAUSE, minutes=minutes)


@blueprint.post("/resume")
@helpers_only
def resume() -> ResponseReturnValue:
    return _change(RESUME)


def _change(verb: Verb[Any, Any], **values: object) -> ResponseReturnValue:
    who = _child()
    with notices.refusals_to(notices.said):
        daemon().change(verb, who=who, by=session.guardian() or "", origin=source_address(), **values)
        notices.forget()
    return redirect(url_for("helper.show"), 303)


@blueprint.post("/grant")
@helpers_only
def grant() -> ResponseReturnValue:
    me, home, who = session.signed_in(), daemon().home(), _child()
    minutes = int(one_of("minutes", {str(choice) for choice in _extras(me.minutes)}))
    child = home.child(who)
    assert child is not None
    with notices.refusals_to(notices.said):
        done = daemon().change(GRANT, who=who, minutes=minutes, by=me.name, origin=source_address())
        (given,) = done.given
        sentence = to_parent(given, child.name, home.now)
        notices.gave(done.grant, sentence, given.until, child=who, what="helped")
    return redirect(url_for("helper.show"), 303)


@blueprint.post("/undo")
@helpers_only
def undo() -> ResponseReturnValue:
    number = whole("grant", 1, NUMBER_LIMIT)
    with notices.refusals_to(notices.said):
        daemon().change(REVOKE, grant=number, by=session.guardian() or "", origin=source_address())
        notices.said(_("The change is undone."))
    return redirect(url_for("helper.show"), 303)


def _child() -> str:
    who = request.form.get("who", "")
    if daemon().home().child(who) is None:
        abort(400)
    return who
