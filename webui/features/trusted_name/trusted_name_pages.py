"""The page that gets a certificate for the pages' trusted name by a free DNS provider, and turns HTTPS on."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.trusted_name import (
    EMAIL_LIMIT,
    TOKEN_LIMIT,
    TRUSTED_NAME,
    TrustedNameStatus,
)
from gateway.core.errors import ControlError
from gateway.policy.config.dns_providers import PROVIDERS
from webui import notices
from webui.accounts import session
from webui.accounts.proofs import proven
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.forms import one_of
from webui.front import trusted
from webui.language import refusals
from webui.language.i18n import gettext as _

blueprint = Blueprint("secure", __name__, url_prefix="/parent/settings/secure")

NAME_LIMIT = 253  # characters
EXAMPLE = {"duckdns": "family-4821.duckdns.org", "desec": "family-4821.dedyn.io"}


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return _page(_ask("look"))


@blueprint.post("/")
@guardians_only
@proven
def get() -> ResponseReturnValue:
    """Send the typed account at the DNS provider to the daemon, which gets a certificate for HTTPS with it.

    Form fields: ``name``, ``email``, ``token``, ``provider``. Responds with 422 if one is missing or refused.
    """
    name, email = request.form.get("name", "").strip(), request.form.get("email", "").strip()
    token, provider = request.form.get("token", "").strip(), one_of("provider", PROVIDERS)
    if not (name and email and token) or not (name + email).isprintable():
        return _page(_ask("look"), _("Fill in all four fields.")), 422
    if "@" not in email or not token.isascii() or any(not letter.isprintable() for letter in token):
        return _page(_ask("look"), _("The e-mail address or the token has letters that it cannot have.")), 422
    values = {"name": name[:NAME_LIMIT], "provider": provider}
    try:
        _ask("get", **values, token=token[:TOKEN_LIMIT], email=email[:EMAIL_LIMIT])
    except Unreachable:
        raise
    except ControlError as error:
        return _page(_ask("look"), refusals.sentence(error)), 422
    return redirect(url_for("secure.show"), 303)


@blueprint.post("/stop")
@guardians_only
@proven
def stop() -> ResponseReturnValue:
    with notices.refusals_to(notices.said):
        _ask("stop")
        notices.said(_("The token is deleted, and the pages are not encrypted any more."))
    return redirect(url_for("family.show"), 303)


def _ask(action: str, **values: object) -> TrustedNameStatus:
    values |= {"action": action, "session": session.token()}
    return daemon().change(TRUSTED_NAME, by=guardian() or "", origin=source_address(), **values)


def _page(state: TrustedNameStatus, problem: str = "") -> str:
    home = daemon().home()
    return render_template(
        "secure.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        state=state,
        trusted=trusted(),
        problem=problem or _problem(state.problem),
        providers={key: PROVIDERS[key] for key in state.providers if key in PROVIDERS},
        example=EXAMPLE["duckdns"],
        typed=request.form,
    )


def _problem(code: str) -> str:
    """Return a sentence about why there is no certificate; empty without a problem.

    ``code``: the daemon's.
    """
    if not code:
        return ""
    return {
        "client": _(
            "A part that gets the certificate is not installed on the gateway. Ask whoever set it up."
        ),
        "token": _("The provider rejected the token. Copy it again from the provider’s page."),
        "zone": _("This account at the provider does not have the name. Look at its spelling."),
        "limit": _("The certificate authority had too many requests for this name. Try again tomorrow."),
        "dns": _("The provider did not publish the proof in time. Try again in ten minutes."),
        "email": _("The e-mail address was rejected. Enter another one."),
        "offline": _("The provider or the authority cannot be reached. Try again later."),
    }.get(code) or _("There is no certificate yet. Health says why.")
