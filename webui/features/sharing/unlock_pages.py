"""The page *Unlock for an adult* of a new, a guest's or a shared device, for a limited time."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.sharing import ADULT_PROOF, AdultProofChange
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import NAME_LIMIT
from webui import notices
from webui.accounts import tries
from webui.accounts.proofs import digest_of, typed_code
from webui.accounts.session import anyone
from webui.accounts.tries import TooManyTriesError
from webui.daemon import daemon, source_address
from webui.features.sharing.adult_proof_text import lengths
from webui.features.status.home_text import Here
from webui.forms import one_of
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.walletwords import not_asked
from webui.wallet import is_offered, way_to, why_not

blueprint = Blueprint("unlock", __name__, url_prefix="/my/adult")

BY_THE_PAGE = ("plain", "ended", "nameless")  # reasons that depend on how the page was reached


@blueprint.get("/unlock")
@anyone
def show() -> ResponseReturnValue:
    here = daemon().here(source_address())
    if not here.own.opens:
        return redirect(url_for("door.arrive"), 303)
    return _form(here)


@blueprint.post("/unlock")
@anyone
def by_password() -> ResponseReturnValue:
    """Unlock the requesting device for an adult with a guardian's typed password, for a limited time.

    This does not sign in. A wrong password shows the form again with a message (403, 429 or 503).
    """
    here = daemon().here(source_address())
    if not here.mac:
        abort(400)
    length = one_of("length", lengths())
    name, password = request.form.get("name", "")[:NAME_LIMIT], request.form.get("password", "")
    if not name.strip() or not password or not name.isprintable():
        return _form(here, _("Enter a parent's name and password."), name, length), 403
    try:
        open_here(here, name, password, length, typed_code(request.form.get("otp", "")))
    except TooManyTriesError as error:
        return _form(here, error.sentence, name, length), 429, {"Retry-After": str(error.seconds)}
    except Unreachable:
        raise
    except ControlError as error:
        status = 503 if error.code is Code.BUSY else 403
        needs_code = error.code == Code.FACTOR_NEEDED or "otp" in request.form
        return _form(here, refusals.sentence(error), name, length, needs_code=needs_code), status
    return redirect(url_for("door.arrive"), 303)


def open_here(here: Here, name: str, password: str, length: str, otp: str | None) -> AdultProofChange:
    """Unlock the device ``here`` for an adult with a guardian's name and password.

    Return the daemon's answer. ``otp``: a code, if the guardian has a second factor. ``length``: how long,
    one of the offered choices. Only this device, or a known browser on it, is slowed after wrong passwords.
    Raises: TooManyTriesError, ControlError.
    """
    with tries.attempt(name):
        return daemon().client.ask(
            ADULT_PROOF,
            action="open",
            device=here.mac,
            method="password",
            name=name,
            digest=digest_of(name, password),
            otp=otp,
            length=length,
            origin=source_address(),
        )


@blueprint.post("/lock")
@anyone
def lock() -> ResponseReturnValue:
    """End the unlocking of the requesting device for an adult. Any person with the device may do this."""
    here = daemon().here(source_address())
    if not here.mac:
        abort(400)
    with notices.refusals_to(notices.notify_child):
        lock_here(here)
    return redirect(url_for("door.arrive"), 303)


def lock_here(here: Here) -> AdultProofChange:
    return daemon().client.ask(ADULT_PROOF, action="end", device=here.mac, origin=source_address())


def _form(
    here: Here, problem: str = "", name: str = "", length: str = "1h", *, needs_code: bool = False
) -> str:
    return render_template(
        "unlock.html",
        here=here,
        home=daemon().home(),
        problem=problem,
        name=name,
        otp=needs_code,
        length=length,
        lengths=lengths(),
        wallet=is_offered(here),
        no_wallet=_no_wallet(here),
        way=way_to(),
    )


def _no_wallet(here: Here) -> str:
    """Return a sentence if no wallet works on this page because it is not at the trusted HTTPS name.

    Empty otherwise, also if no proof can unlock the device.
    """
    why = why_not()
    return not_asked(why) if here.own.opens and why in BY_THE_PAGE else ""
