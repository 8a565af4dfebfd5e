"""Pages of passkeys and requests of their script: sign in, prove who uses a session, add and remove one."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.passkeys import LABEL_LIMIT
from webui import notices
from webui.accounts import passkeys, session, tries
from webui.accounts.browser_names import browser_name
from webui.accounts.proofs import proven
from webui.accounts.session import anyone, everybody
from webui.accounts.tries import TooManyTriesError
from webui.features.accounts import door_pages
from webui.front import trusted
from webui.language import refusals
from webui.language.i18n import gettext as _

ID_LIMIT = 32  # characters of a passkey's id

blueprint = Blueprint("passkeys", __name__)


# Each use has two requests of the script: for the options of the browser's call, and with its answer.


@blueprint.post("/signin/passkey/ask")
@anyone
def ask_sign_in() -> ResponseReturnValue:
    return _options("signin")


@blueprint.post("/signin/passkey")
@anyone
def sign_in() -> ResponseReturnValue:
    """Sign in by a passkey, in place of password and second step.

    Return as JSON the address of the page to open, or an error message.
    """

    def check() -> str:
        with tries.attempt():
            answer = passkeys.result(passkeys.sent())
        return door_pages.start_session(answer, detour=False)

    return _result(check)


@blueprint.post("/account/passkeys/prove/ask")
@everybody
def ask_proof() -> ResponseReturnValue:
    return _options("prove")


@blueprint.post("/account/passkeys/prove")
@everybody
def prove() -> ResponseReturnValue:
    """Record that the user has just confirmed its identity by a passkey.

    Return JSON: an empty address, since no page is opened, or an error message. The script then
    sends the form of the change that needs this.
    """

    def check() -> str:
        with tries.attempt(session.signed_in().name):
            passkeys.result(passkeys.sent())
        return ""

    return _result(check)


@blueprint.post("/account/passkeys/")
@everybody
@proven
def start() -> ResponseReturnValue:
    return redirect(url_for("passkeys.show"), 303)


@blueprint.get("/account/passkeys/new")
@everybody
def show() -> ResponseReturnValue:
    """Show the form that adds a passkey, with the browser's name as a proposal for its name."""
    return render_template(
        "passkey.html",
        me=session.signed_in(),
        label=browser_name(request.headers.get("User-Agent", "")),
        most=LABEL_LIMIT,
        passkey_why=passkeys.why_not(),
        trusted_origin=trusted().origin,
    )


@blueprint.post("/account/passkeys/new/ask")
@everybody
def ask_new() -> ResponseReturnValue:
    return _options("add")


@blueprint.post("/account/passkeys/new")
@everybody
def add() -> ResponseReturnValue:
    def check() -> str:
        message = passkeys.sent()
        typed = str(message.get("label", ""))[:LABEL_LIMIT]
        label = "".join(letter for letter in typed if letter.isprintable()).strip()
        passkeys.result(message, label=label or None)
        notices.said(_("The passkey is added. Try it the next time you sign in."))
        return url_for("account.show")

    return _result(check)


@blueprint.post("/account/passkeys/remove")
@everybody
@proven
def remove() -> ResponseReturnValue:
    with notices.refusals_to(notices.said):
        session.ask("passkey_remove", id=request.form.get("id", "")[:ID_LIMIT] or "-")
        notices.said(_("The passkey is removed. Delete it on its device too."))
    return redirect(url_for("account.show"), 303)


def _options(purpose: str) -> ResponseReturnValue:
    """Return the options for the browser's WebAuthn call as JSON, or an error message (403 or 409).

    ``purpose``: ``signin``, ``prove`` or ``add``.
    """
    try:
        return jsonify(options=passkeys.options(purpose))
    except Unreachable:
        raise
    except ControlError as error:
        unavailable = error.code in (Code.PASSKEY_MISSING, Code.PASSKEY_NAMELESS)
        return _no(refusals.sentence(error), 409 if unavailable else 403)


def _result(check: Callable[[], str]) -> ResponseReturnValue:
    """Run ``check`` and return the address of the next page as JSON, or an error message (403, 429 or 503).

    ``check``: verifies the browser's WebAuthn answer, and returns that address.
    """
    try:
        return jsonify(open=check())
    except TooManyTriesError as error:
        return _no(error.sentence, 429)
    except Unreachable:
        raise
    except ControlError as error:
        return _no(refusals.sentence(error), 503 if error.code == Code.PASSKEY_UNCHECKED else 403)


def _no(sentence: str, status: int) -> ResponseReturnValue:
    return jsonify(problem=sentence), status
