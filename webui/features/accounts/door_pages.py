"""The start page and sign-in.

``/`` redirects to the page of the user or device; users sign in by password or one-time code.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.accounts import AccountResponse
from gateway.control.contract.devices import DEVICES
from gateway.control.contract.status import TIME
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import NAME_LIMIT, PersonRole
from webui.accounts import browsers, passkeys, session, tries
from webui.accounts.proofs import digest_of, typed_code
from webui.accounts.session import anyone, guardians_only
from webui.accounts.tries import TooManyTriesError
from webui.daemon import daemon, source_address
from webui.features.devices.device_text import GUEST
from webui.front import trusted
from webui.language import refusals
from webui.language.i18n import gettext as _

blueprint = Blueprint("door", __name__)

TIME_LIMIT = 40  # characters
HOMES = {
    PersonRole.GUARDIAN: "home.show",
    PersonRole.HELPER: "helper.show",
    PersonRole.SUPPORT: "support.show",
}


@blueprint.get("/")
@anyone
def arrive() -> ResponseReturnValue:
    """Redirect a signed-in user to the home page of the role, and a child's device to the child's page.

    Other devices get a page that says what applies to them.
    """
    person = session.person()
    if person is not None:
        return redirect(url_for(HOMES[PersonRole(person.role)]), 303)
    status = daemon().home()
    here = daemon().here(source_address())
    if status.child(here.profile) is not None:
        return redirect(url_for("child.show"), 303)
    return render_template(
        "visitor.html",
        home=status,
        here=here,
        rules=daemon().rules(GUEST) if here.profile == GUEST else None,
        help_lines=daemon().help_lines(),
    )


@blueprint.get("/signin")
@anyone
def sign_in() -> ResponseReturnValue:
    """Show the sign-in form, with the one-time code of a link filled in.

    A link's code is used only when the form is sent, because chat previews open links too. A link to the
    loopback address signs in directly: only this machine can open it. Without a code, a gateway that has
    no guardian redirects to the claim.
    """
    code = request.args.get("code", "")[:40]
    if code and _is_loopback(urlsplit(f"//{request.host}").hostname):
        return _use_code(code, detour=False)
    if not code and session.ask("claimable").claimable:
        return redirect(url_for("claim.claim"), 303)
    return _form(code=code)


def _is_loopback(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


@blueprint.post("/signin")
@anyone
def use_code() -> ResponseReturnValue:
    return _use_code(request.form.get("code", "")[:40], detour=True)


def _use_code(code: str, *, detour: bool) -> ResponseReturnValue:
    """Sign in by a one-time code and redirect, or show the sign-in form again with a message (403 or 429).

    ``detour``: redirect to the page that sets a password, if the account has none.
    """
    try:
        with tries.attempt():
            answer = session.ask("signin", token=code)
    except TooManyTriesError as error:
        return _later(error)
    except Unreachable:
        raise
    except ControlError:
        sentence = _("This code was used already, is older than 15 minutes, or has a typing mistake.")
        return _form(sentence=sentence, by_code=True), 403
    return _signed_in(answer, detour=detour)


@blueprint.post("/signin/password")
@anyone
def use_password() -> ResponseReturnValue:
    name, password = request.form.get("name", "")[:NAME_LIMIT], request.form.get("password", "")
    if not name.strip() or not password or not name.isprintable():
        return _form(name=name, sentence=_("Enter your name and your password.")), 403
    try:
        with tries.attempt(name):
            answer = session.ask("signin", name=name, digest=digest_of(name, password))
    except TooManyTriesError as error:
        return _later(error, name)
    except Unreachable:
        raise
    except ControlError as error:
        status = 503 if error.code is Code.BUSY else 403
        return _form(name=name, sentence=refusals.sentence(error)), status
    if answer.pending:
        return render_template("signin_code.html", name=name, pending=answer.pending, sentence="")
    return _signed_in(answer, detour=False)


@blueprint.post("/signin/code")
@anyone
def use_second_step() -> ResponseReturnValue:
    """Complete a sign-in, after the right password, by a code of the second factor, and redirect.

    A wrong code shows the form again with a message (403 or 429); after too long a wait, the user starts
    again with the password.
    """
    name, pending = request.form.get("name", "")[:NAME_LIMIT], request.form.get("pending", "")[:TIME_LIMIT]
    try:
        with tries.attempt(name):
            answer = session.ask(
                "signin", pending=pending or "-", otp=typed_code(request.form.get("otp", ""))
            )
    except TooManyTriesError as error:
        return _later(error, name)
    except Unreachable:
        raise
    except ControlError as error:
        if error.code == Code.SESSION_ENDED:
            return _form(name=name, sentence=refusals.sentence(error)), 403
        sentence = refusals.sentence(error)
        return render_template("signin_code.html", name=name, pending=pending, sentence=sentence), 403
    return _signed_in(answer, detour=False)


def _signed_in(answer: AccountResponse, *, detour: bool) -> ResponseReturnValue:
    return redirect(start_session(answer, detour=detour), 303)


def start_session(answer: AccountResponse, *, detour: bool) -> str:
    """Store a new session in the cookie, and return the address of the page to open for the user's role.

    For a guardian of a home without people, it is the first run (setup). Also sends the browser's
    time, if the form has it, to the daemon. ``answer``: the daemon's, about the new session. ``detour``:
    return the page that sets a password, if the account has none. Raises ControlError.
    """
    session.sign_in(answer)
    _offer_time(answer.guardian)
    role = answer.role or PersonRole.GUARDIAN
    if is_empty(role):
        return url_for("setup.start")  # which asks for a password as well
    if detour and not answer.password:
        return url_for("account.password")
    return url_for(HOMES[PersonRole(role)])


def is_empty(role: str) -> bool:
    """Return whether a user with ``role`` is a guardian in a home without people yet.

    Such a guardian continues with the first run (setup).
    """
    if role != PersonRole.GUARDIAN or daemon().home().children:
        return False
    return not daemon().client.ask(DEVICES, brief=True).people


def _form(*, code: str = "", name: str = "", sentence: str = "", by_code: bool = False) -> str:
    childs = daemon().home().child(daemon().here(source_address()).profile) is not None
    return render_template(
        "signin.html",
        code=code,
        name=name or browsers.last_name(),
        sentence=sentence,
        by_code=by_code or code,
        childs=childs,
        minutes=session.ON_A_CHILDS // 60 if session.belongs_to_child() else 0,
        passkey_why=passkeys.why_not(),
        trusted_origin=trusted().origin,
    )


def _later(error: TooManyTriesError, name: str = "") -> ResponseReturnValue:
    return _form(name=name, sentence=error.sentence), 429, {"Retry-After": str(error.seconds)}


def _offer_time(name: str) -> None:
    """Send the time of the user's phone to the daemon, because a gateway may have no other source.

    It is in the form field ``at``, as ISO 8601 with an offset. An invalid time or a failure is ignored.
    ``name``: the user who signs in.
    """
    text = request.form.get("at", "")[:TIME_LIMIT]
    try:
        aware = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return
    if aware:
        with contextlib.suppress(ControlError):
            daemon().client.ask(TIME, at=text, by=name)


@blueprint.post("/signout")
@anyone
def sign_out() -> ResponseReturnValue:
    """Sign out and redirect to the start page.

    A guardian without a password or passkey stays signed in and is redirected to a warning first.
    """
    if "anyway" not in request.form and _could_not_return():
        return redirect(url_for("door.leaving"), 303)
    if session.token():
        with contextlib.suppress(ControlError):
            session.ask("signout")
    session.sign_out()
    return redirect(url_for("door.arrive"), 303)


def _could_not_return() -> bool:
    """Return whether the signed-in guardian has no password or passkey with which to sign in again.

    False for helpers, who get links from parents, and while the daemon does not respond.
    """
    with contextlib.suppress(Unreachable):
        person = session.person()
        return person is not None and person.guards and not person.can_return
    return False  # signing out has to work while the filter is stopped


@blueprint.get("/account/leaving")
@guardians_only
def leaving() -> ResponseReturnValue:
    """Warn a guardian without a password or passkey, who wants to sign out."""
    return render_template("leaving.html", home=daemon().home(), guardian=session.guardian())
