"""Pages of a user's own account, for every role: password, recovery code, and active sessions."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.core.errors import ControlError
from webui import notices
from webui.accounts import passkeys, passwords, session, tries
from webui.accounts.proofs import digest_of
from webui.accounts.session import everybody
from webui.accounts.tries import TooManyTriesError
from webui.daemon import daemon
from webui.features.accounts import token_pages
from webui.features.accounts.claim_pages import SETUP, to_recovery
from webui.front import trusted
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.i18n import ngettext
from webui.pages import setup

blueprint = Blueprint("account", __name__, url_prefix="/account")

ID_LIMIT = 32  # characters of a session's id


@blueprint.get("/")
@everybody
def show() -> ResponseReturnValue:
    answer, home = session.ask("sessions"), daemon().home()
    return render_template(
        "account.html",
        home=home,
        me=session.signed_in(),
        guardian=session.guardian(),
        notice=notices.current(home),
        sessions=answer.sessions,
        recovery=bool(answer.recovery),
        second_factor=answer.second_factor,
        backup_codes=answer.backup_codes,
        passkeys=answer.passkeys,
        passkey_why=passkeys.why_not(),
        trusted_origin=trusted().origin,
        tokens=token_pages.mine() if session.signed_in().guards else (),
        token_days=token_pages.DAYS,
    )


@blueprint.post("/end")
@everybody
def end() -> ResponseReturnValue:
    """Sign the user out of another browser, or of all others, and redirect to the account page.

    Form field ``id``: the id of the session to end, or ``others``. Responds with 400 for a text
    that can be no id.
    """
    which = request.form.get("id", "")[:ID_LIMIT]
    if not which.isalnum():
        abort(400)
    count = session.ask("end", **({} if which == "others" else {"id": which})).count
    notices.said(ngettext("%(num)d browser is signed out.", "%(num)d browsers are signed out.", count))
    return redirect(url_for("account.show"), 303)


@blueprint.post("/confirm")
@everybody
def confirm() -> ResponseReturnValue:
    """Record that the user recognises a new sign-in to the account, and redirect to the start page.

    Form field ``id``: the id of the new session. Responds with 400 for a text that can be no id.
    """
    which = request.form.get("id", "")[:ID_LIMIT]
    if not which.isalnum():
        abort(400)
    session.ask("confirm", id=which)
    return redirect(url_for("door.arrive"), 303)


@blueprint.get("/password")
@everybody
def password() -> ResponseReturnValue:
    return _form()


@blueprint.post("/password")
@everybody
def set_password() -> ResponseReturnValue:
    me, new = session.signed_in(), request.form.get("password", "")
    if problem := passwords.problem(new, me.name):
        return _form(problem), 403
    try:
        with tries.attempt(me.name):
            answer = session.ask("password", secret=passwords.hashed(new), **_typed_password(me))
    except TooManyTriesError as error:
        return _form(error.sentence), 429, {"Retry-After": str(error.seconds)}
    except Unreachable:
        raise
    except ControlError as error:
        return _form(refusals.sentence(error)), 403
    if answer.recovery:
        return to_recovery(me.name, answer.recovery, then=request.form.get("then", ""))
    notices.said(_("Your password is changed. Other browsers are signed out."))
    return redirect(url_for("account.show"), 303)


@blueprint.post("/recovery")
@everybody
def new_recovery_code() -> ResponseReturnValue:
    me = session.signed_in()
    try:
        with tries.attempt(me.name):
            answer = session.ask("recovery", **_typed_password(me))
    except TooManyTriesError as error:
        notices.said(error.sentence)
    except Unreachable:
        raise
    except ControlError as error:
        notices.said(refusals.sentence(error))
    else:
        return to_recovery(me.name, answer.recovery)
    return redirect(url_for("account.show"), 303)


def _typed_password(me: session.Person) -> dict[str, str]:
    """Return ``digest``, made from the typed current password, as an argument of a request to the daemon.

    Empty if the account or the form has no password.
    """
    old = request.form.get("old", "")
    return {"digest": digest_of(me.name, old)} if me.password and old else {}


def _form(sentence: str = "") -> str:
    """Return the page with the form for a new password: the account's, or the step of the first run (setup).

    ``sentence``: an error message for it.
    """
    if request.form.get("then") == SETUP and session.signed_in().guards:
        return setup.password_form(sentence)
    return render_template("password.html", me=session.signed_in(), sentence=sentence)
