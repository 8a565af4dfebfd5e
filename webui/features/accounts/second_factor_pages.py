"""Pages of the second factor of a user's own account: set up an app, backup codes, turn it off."""

from __future__ import annotations

import time

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.accounts import AccountResponse
from gateway.core.errors import ControlError
from webui import notices
from webui.accounts import session, tries
from webui.accounts.proofs import proven, typed_code
from webui.accounts.session import everybody
from webui.accounts.tries import TooManyTriesError
from webui.charts import qr
from webui.features.time.sheets import Sheet, sheets
from webui.language import refusals
from webui.language.i18n import gettext as _

KEY_AND_ADDRESS = 2  # secrets on the page that sets up an app

blueprint = Blueprint("second", __name__, url_prefix="/account/second")


@blueprint.post("/")
@everybody
@proven
def start() -> ResponseReturnValue:
    """Create a second-factor secret for the user's authenticator app, and redirect to the page that shows it.

    After an error, redirect to the account page with a message.
    """
    where = url_for("account.show")
    with notices.refusals_to(notices.said):
        answer = session.ask("factor_start")
        where = url_for("second.show", key=_kept(answer.secret, answer.uri))
    return redirect(where, 303)


@blueprint.get("/<key>")
@everybody
def show(key: str) -> ResponseReturnValue:
    """Show a new second-factor secret as a QR code and as text, with the form for the app's first code.

    ``key``: names the secret, which is stored for ten minutes.
    """
    return _setup(key)


@blueprint.post("/<key>")
@everybody
@proven
def turn_on(key: str) -> ResponseReturnValue:
    """Turn the second factor on if the app's first code is right, and redirect to the backup codes.

    Otherwise return the form with a message. ``key``: the name under which the secret is stored.
    """
    answer, sentence, status = _with_code("factor_on")
    if answer is None:
        return _setup(key, sentence, status)
    sheets().drop(key, session.signed_in().name)
    return _to_codes(answer)


@blueprint.post("/off")
@everybody
@proven
def turn_off() -> ResponseReturnValue:
    answer, sentence, _status = _with_code("factor_off")
    notices.said(
        sentence if answer is None else _("The second step is off. The password alone signs you in.")
    )
    return _account()


@blueprint.post("/codes")
@everybody
def new_codes() -> ResponseReturnValue:
    """Replace the backup codes, and redirect to the only page that shows the new ones.

    The form needs a code of the second factor; otherwise the account page shows a message.
    """
    answer, sentence, _status = _with_code("factor_codes")
    if answer is not None:
        return _to_codes(answer)
    notices.said(sentence)
    return _account()


@blueprint.get("/codes/<key>")
@everybody
def codes(key: str) -> ResponseReturnValue:
    me = session.signed_in()
    found = sheets().get(key, me.name, time.monotonic())
    return render_template("backup_codes.html", sheet=found, key=key, me=me), 200 if found else 410


@blueprint.post("/codes/<key>")
@everybody
def put_away(key: str) -> ResponseReturnValue:
    """Discard the new backup codes that a page has shown, and redirect to the account page."""
    sheets().drop(key, session.signed_in().name)
    return _account()


def _with_code(action: str) -> tuple[AccountResponse | None, str, int]:
    """Send ``action`` with the typed second-factor code to the daemon.

    Return its response, a message and a status. The response is None if the daemon refused; message and HTTP
    status then say why.
    """
    try:
        with tries.attempt(session.signed_in().name):
            return session.ask(action, otp=typed_code(request.form.get("otp", ""))), "", 200
    except TooManyTriesError as error:
        return None, error.sentence, 429
    except Unreachable:
        raise
    except ControlError as error:
        return None, refusals.sentence(error), 403


def _setup(key: str, sentence: str = "", status: int = 200) -> ResponseReturnValue:
    """Return the page that sets up an authenticator app and its status.

    410 if its secret is no longer stored. ``sentence``: an error message for it.
    """
    me = session.signed_in()
    found = sheets().get(key, me.name, time.monotonic())
    if found is None or len(found.codes) != KEY_AND_ADDRESS:
        return render_template("second_factor.html", me=me, key="", sentence=""), 410
    secret, uri = found.codes
    spaced = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    code = qr.draw(uri, _("QR code for the app"))
    page = render_template(
        "second_factor.html", me=me, key=key, secret=spaced, code=code, uri=uri, sentence=sentence
    )
    return page, status


def _to_codes(answer: AccountResponse) -> ResponseReturnValue:
    return redirect(url_for("second.codes", key=_kept(*answer.codes)), 303)


def _kept(*secrets: str) -> str:
    """Store secrets for ten minutes for the page that shows them to this user, and return its key."""
    name = session.signed_in().name
    return sheets().put(Sheet(name, secrets, 0, name, None), time.monotonic())


def _account() -> ResponseReturnValue:
    return redirect(url_for("account.show"), 303)
