"""The page on which a parent connects home automation over MQTT, sees whether it works, and turns it off."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.home_automation import HOME_AUTOMATION, SECRET_LIMIT, HomeAutomationState
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.config.mqtt import ADDRESS, PORT, TLS_PORT
from webui import notices
from webui.accounts.proofs import proven
from webui.accounts.session import author, guardian, guardians_only
from webui.daemon import daemon
from webui.forms import one_of
from webui.language import refusals
from webui.language.i18n import gettext as _

blueprint = Blueprint("automation", __name__, url_prefix="/parent/automation")

RIGHTS = ("helper", "guardian")
CONNECTED = "connected"
ADDRESS_LIMIT = 253  # characters


class _FieldError(ValueError):
    """A form field has an invalid value. The message is a sentence for the reader."""


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return _page()


@blueprint.post("/")
@guardians_only
@proven
def save() -> ResponseReturnValue:
    """Store the typed settings of home automation, and redirect to the page.

    If they are refused, the page keeps what was typed, except the password, and says why (422).
    """
    rights = one_of("rights", RIGHTS)
    try:
        values = _typed()
        # It is the name of the permission, in the list of tokens and of who changed what.
        label = _("Home automation")
        daemon().client.ask(HOME_AUTOMATION, action="set", rights=rights, label=label, **values, **author())
    except _FieldError as error:
        return _page(str(error)), 422
    except Unreachable:
        raise
    except ControlError as error:
        if error.code == Code.PROOF_NEEDED:
            raise
        return _page(refusals.sentence(error)), 422
    notices.said(_("Saved. The connection starts within a minute."))
    return redirect(url_for("automation.show"), 303)


@blueprint.post("/off")
@guardians_only
def off() -> ResponseReturnValue:
    with notices.refusals_to(notices.said):
        daemon().client.ask(HOME_AUTOMATION, action="off", **author())
        notices.said(_("Home automation is off."))
    return redirect(url_for("automation.show"), 303)


def _typed() -> dict[str, object]:
    """Return the settings in the form as arguments of the daemon's request.

    Raises _FieldError if one is invalid.
    """
    address, port, user = (request.form.get(key, "").strip() for key in ("address", "port", "user"))
    password = request.form.get("password", "")
    if ADDRESS.fullmatch(address) is None:
        raise _FieldError(_("Write the broker’s address as in 192.168.1.5, without a port."))
    if port and not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 0xFFFF):
        raise _FieldError(_("The port is a number from 1 to 65535. Leave it empty for the usual one."))
    if not (user + password).isprintable() or max(len(user), len(password)) > SECRET_LIMIT:
        raise _FieldError(_("The user name or the password is too long, or has letters it cannot have."))
    if password and not user:
        raise _FieldError(_("Write the user name that goes with the password."))
    return {
        "address": address,
        "tls": "tls" in request.form,
        **({"port": int(port)} if port else {}),
        **({"user": user} if user else {}),
        **({"password": password} if password else {}),
    }


def _page(problem: str = "") -> str:
    home, state = daemon().home(), daemon().client.ask(HOME_AUTOMATION, **author())
    typed = request.form if problem else _stored(state)
    return render_template(
        "automation.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        state=state,
        connected=state.state == CONNECTED,
        connection=_connection(state) if state.on else "",
        problem=problem,
        typed=typed,
        ports=(PORT, TLS_PORT),
        address_limit=ADDRESS_LIMIT,
        secret_limit=SECRET_LIMIT,
        rights=_rights(),
    )


def _stored(state: HomeAutomationState) -> dict[str, str]:
    """Return the stored settings as form fields. A standard port is left out, as it may be when typed."""
    usual = state.port in (0, TLS_PORT if state.tls else PORT)
    return {
        "address": state.address,
        "port": "" if usual else str(state.port),
        "user": state.user,
        "rights": state.rights or RIGHTS[0],
        **({"tls": "yes"} if state.tls else {}),
    }


def _rights() -> dict[str, tuple[str, str]]:
    """Return the choices of what home automation may do, each with a label and its meaning."""
    return {
        "helper": (
            _("Pause, resume and extra time"),
            _("They see each child’s state and the time left."),
        ),
        "guardian": (
            _("Also answer requests"),
            _("They also see requests, and whether the filter works."),
        ),
    }


def _connection(state: HomeAutomationState) -> str:
    """Return a sentence about the connection to the MQTT broker, with what to do if it does not work."""
    place = f"{state.address}:{state.port}"
    if not state.rights or state.state == "permission":
        return _("Not connected. The permission has ended, such as by a new password. Save this page again.")
    if state.state == CONNECTED:
        return _("Connected to %(place)s.", place=place)
    if state.state == "refused":
        return _("Not connected. The broker refuses it. Check the user name and the password.")
    if state.state == "files":
        return _("Not connected. The stored password cannot be read. Type it again.")
    if state.state == "unreachable" and state.tls:
        return _(
            "Not connected. Nothing answers at %(place)s, or its certificate is not trusted here. Check the "
            "address, and whether the broker runs.",
            place=place,
        )
    if state.state == "unreachable":
        return _(
            "Not connected. Nothing answers at %(place)s. Check the address, and whether the broker runs.",
            place=place,
        )
    return _(
        "The connection is starting. If this stays so for a minute, restart the gateway, or ask whoever set "
        "it up."
    )
