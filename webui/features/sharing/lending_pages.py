"""A guardian's pages for shared devices, for handing this phone to a child, and for children's PINs."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.sharing import HAND_OVER, LEAVE, LENT, PIN, TAKE_BACK, USE, SharedDevice
from webui import notices
from webui.accounts import session
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.sharing.sharing_text import find_device, find_person, label
from webui.forms import one_of
from webui.language.i18n import gettext as _
from webui.language.words import plain

blueprint = Blueprint("lending", __name__, url_prefix="/parent/sharing")

PIN_TYPED = 12  # characters: six digits, with room for spaces


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    home = daemon().home()
    return render_template(
        "lending.html",
        home=home,
        guardian=guardian(),
        lending=daemon().client.ask(LENT),
        here=daemon().here(source_address()),
        notice=notices.current(home),
    )


@blueprint.post("/hand-over")
@guardians_only
def hand_over() -> ResponseReturnValue:
    """Hand the requesting device to a child, apply the child's rules on it, and sign its browser out.

    Form field ``who``: the child. Responds with 400 if it is unknown. If the daemon refuses, the
    browser stays signed in, and the page shows why.
    """
    here, home = daemon().here(source_address()), daemon().home()
    child = home.child(request.form.get("who", ""))
    if child is None or not here.mac:
        abort(400)
    problem: list[str] = []
    with notices.refusals_to(problem.append):
        by, origin = guardian() or "", source_address()
        daemon().change(HAND_OVER, device=here.mac, who=child.id, by=by, origin=origin)
    if problem:
        notices.said(problem[0])
        return redirect(url_for("lending.show"), 303)
    session.sign_out()
    return redirect(url_for("child.show"), 303)


@blueprint.post("/take-back")
@guardians_only
def take_back() -> ResponseReturnValue:
    """Take a device back that was handed to a child: its own rules apply again.

    On the device itself, signing in does the same.
    """
    lent = _device()
    with notices.refusals_to(notices.said):
        daemon().change(TAKE_BACK, device=lent.device, by=guardian() or "", origin=source_address())
        notices.said(_("%(device)s has its own rules again.", device=plain(label(lent))))
    return redirect(url_for("lending.show"), 303)


@blueprint.post("/use")
@guardians_only
def use() -> ResponseReturnValue:
    """Set which child uses a shared device now, so that its rules apply, or none: the youngest child's apply.

    Form fields: ``device``, ``who``. Responds with 400 for unknown ones.
    """
    lent = _device()
    who = request.form.get("who", "")
    by, origin, device = guardian() or "", source_address(), plain(label(lent))
    with notices.refusals_to(notices.said):
        if not who:
            daemon().change(LEAVE, device=lent.device, by=by, origin=origin)
            notices.said(_("The youngest's rules apply on %(device)s again.", device=device))
        else:
            one_of("who", {person.id for person in lent.people})
            daemon().change(USE, device=lent.device, who=who, by=by, origin=origin)
            person = find_person(lent.people, who)
            name = plain(person.name if person else who)
            notices.said(_("%(name)s's rules apply on %(device)s now.", name=name, device=device))
    return redirect(url_for("lending.show"), 303)


@blueprint.post("/pin")
@guardians_only
def pin() -> ResponseReturnValue:
    """Set or remove the PIN with which a child identifies itself; redirect to the page, with a message.

    Form fields: ``who`` (the child), ``action`` (``set`` or ``clear``), ``pin``. Responds with 400 if the
    child or the action is unknown.
    """
    person = find_person(daemon().client.ask(LENT).people, request.form.get("who", ""))
    if person is None:
        abort(400)
    by, origin, name = guardian() or "", source_address(), plain(person.name)
    with notices.refusals_to(notices.said):
        if one_of("action", {"set", "clear"}) == "clear":
            daemon().change(PIN, action="clear", who=person.id, by=by, origin=origin)
            notices.said(_("%(name)s has no PIN now.", name=name))
        else:
            typed = request.form.get("pin", "").strip()[:PIN_TYPED] or "-"
            daemon().change(PIN, action="set", who=person.id, pin=typed, by=by, origin=origin)
            notices.said(_("%(name)s has a new PIN.", name=name))
    return redirect(url_for("lending.show"), 303)


def _device() -> SharedDevice:
    found = find_device(daemon().client.ask(LENT).devices, request.form.get("device", ""))
    if found is None:
        abort(400)
    return found
