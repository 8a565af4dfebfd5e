"""Pages that create the first guardian of a gateway, and that set a new password for a forgotten one."""

from __future__ import annotations

import time

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.accounts import AccountResponse
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import NAME_LIMIT
from webui.accounts import browsers, passwords, session, tries
from webui.accounts.proofs import typed_code
from webui.accounts.session import anyone, everybody
from webui.accounts.tries import TooManyTriesError
from webui.features.accounts.door_pages import is_empty
from webui.features.time.sheets import Sheet, sheets
from webui.language import refusals
from webui.language.i18n import gettext as _

blueprint = Blueprint("claim", __name__)

CODE_LIMIT = 60  # characters of a typed code
SETUP = "setup"  # a form's word for the first run as the next page


@blueprint.get("/claim")
@anyone
def claim() -> ResponseReturnValue:
    """Show the form that creates the gateway's first guardian.

    Redirect to sign-in if there is a guardian already.
    """
    found = session.ask("claimable")
    if not found.claimable:
        return redirect(url_for("door.sign_in"), 303)
    return _page("", "", found)


@blueprint.post("/claim")
@anyone
def make_claim() -> ResponseReturnValue:
    name = _name()
    try:
        answer = _with_new_password("claim", name, label=request.form.get("label", "")[:CODE_LIMIT] or "-")
    except _RefusedError as error:
        return _page(name, error.sentence, session.ask("claimable")), error.status, error.headers
    return _welcome(answer)


def _page(name: str, sentence: str, found: AccountResponse) -> str:
    return render_template(
        "claim.html",
        name=name,
        sentence=sentence,
        at_home=found.home,
        unclaimed=found.unclaimed,
        button=found.button,
    )


@blueprint.get("/forgot")
@anyone
def forgot() -> ResponseReturnValue:
    return render_template("forgot.html", name=browsers.last_name(), sentence="")


@blueprint.post("/forgot")
@anyone
def recover() -> ResponseReturnValue:
    name, way = _name(), "label" if request.form.get("way") == "label" else "code"
    typed, otp = request.form.get("code", "")[:CODE_LIMIT] or "-", request.form.get("otp", "")
    try:
        answer = _with_new_password("recover", name, **{way: typed}, otp=typed_code(otp))
    except _RefusedError as error:
        page = render_template(
            "forgot.html", name=name, sentence=error.sentence, way=way, otp=otp or error.needs_code
        )
        return page, error.status, error.headers
    return _welcome(answer)


class _RefusedError(Exception):
    """A form was refused, with a message for the user, an HTTP status and headers for the response.

    ``needs_code``: the form also needs a code of the second factor.
    """

    def __init__(
        self,
        sentence: str,
        status: int,
        headers: dict[str, str] | None = None,
        *,
        needs_code: bool = False,
    ) -> None:
        self.sentence, self.status, self.headers = sentence, status, headers or {}
        self.needs_code = needs_code
        super().__init__(sentence)


def _with_new_password(action: str, name: str, **values: str | None) -> AccountResponse:
    """Send a user's name and the typed new password to the daemon, and return its response (the account).

    ``action``: `claim` creates the first guardian, `recover` replaces a forgotten password.
    ``values``: its further arguments, such as a label code. Raises _RefusedError with the message
    for the user, for every problem except Unreachable.
    """
    password = request.form.get("password", "")
    if not name.strip() or not name.isprintable():
        raise _RefusedError(_("Enter your name."), 403)
    if problem := passwords.problem(password, name):
        raise _RefusedError(problem, 403)
    if not all(value.isprintable() for value in values.values() if value):
        raise _RefusedError(_("This code has letters that codes never have. Check your typing."), 403)
    try:
        # Before the claim no device has an owner, so every device counts as unknown.
        with tries.attempt(name, placed=action != "claim"):
            return session.ask(action, name=name, secret=passwords.hashed(password), **values)
    except TooManyTriesError as error:
        raise _RefusedError(error.sentence, 429, {"Retry-After": str(error.seconds)}) from None
    except Unreachable:
        raise
    except ControlError as error:
        needs_code = error.code == Code.FACTOR_NEEDED
        raise _RefusedError(refusals.sentence(error), 403, needs_code=needs_code) from None


def _welcome(answer: AccountResponse) -> ResponseReturnValue:
    session.sign_in(answer)
    return to_recovery(answer.guardian, answer.recovery)


def _name() -> str:
    return request.form.get("name", "")[:NAME_LIMIT]


def to_recovery(name: str, code: str, then: str = "") -> ResponseReturnValue:
    """Store a user's new recovery code for ten minutes, and redirect to the only page that shows it.

    ``name``: the user's. ``then``: SETUP, if the first run goes on after that page.
    """
    key = sheets().put(Sheet(name, (code,), 0, name, None), time.monotonic())
    return redirect(url_for("claim.recovery", key=key, then=then if then == SETUP else None), 303)


@blueprint.get("/account/recovery/<key>")
@everybody
def recovery(key: str) -> ResponseReturnValue:
    me = session.signed_in()
    found = sheets().get(key, me.name, time.monotonic())
    page = render_template("recovery.html", sheet=found, key=key, me=me, then=request.args.get("then", ""))
    return page, 200 if found else 410


@blueprint.post("/account/recovery/<key>")
@everybody
def put_away(key: str) -> ResponseReturnValue:
    """Discard the stored recovery code that a page has shown, and redirect to the start page.

    In the first run (setup), or if the home has no people yet, redirect to its next or first step.
    """
    me = session.signed_in()
    sheets().drop(key, me.name)
    if request.form.get("then") == SETUP and me.guards:
        return redirect(url_for("setup.summary"), 303)
    return redirect(url_for("setup.start" if is_empty(me.role) else "door.arrive"), 303)
