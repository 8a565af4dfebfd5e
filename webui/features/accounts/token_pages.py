"""API tokens of a guardian: create, show a new one, list, revoke (docs/developers/api.md)."""

from __future__ import annotations

import time

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.accounts import TokenEntry
from gateway.policy.accounts import tokens
from gateway.policy.accounts.people import PersonRole
from webui import notices
from webui.accounts import session
from webui.accounts.proofs import proven
from webui.accounts.session import guardians_only
from webui.daemon import daemon
from webui.features.time.sheets import Sheet, sheets
from webui.forms import one_of
from webui.language.i18n import gettext as _

blueprint = Blueprint("tokens", __name__, url_prefix="/account/tokens")

DAYS = (*tokens.DAYS, 0)  # 0: until revoked
ID_LIMIT = 12  # characters of a token's id


def mine() -> tuple[TokenEntry, ...]:
    return session.ask("tokens").tokens


@blueprint.post("/")
@guardians_only
@proven
def make() -> ResponseReturnValue:
    label = " ".join(request.form.get("label", "").split())[: tokens.LABEL_LIMIT]
    role, days = one_of("role", list(PersonRole)), int(one_of("days", [str(day) for day in DAYS]))
    where = url_for("account.show")
    if not label or not label.isprintable():
        notices.said(_("Give the token a name, such as what will use it."))
        return redirect(where, 303)
    with notices.refusals_to(notices.said):
        answer = session.ask("token_make", label=label, role=role, days=days)
        sheet = Sheet(session.guardian() or "", (answer.token,), 0, label, None)
        where = url_for("tokens.show", key=sheets().put(sheet, time.monotonic()))
    return redirect(where, 303)


@blueprint.get("/<key>")
@guardians_only
def show(key: str) -> ResponseReturnValue:
    """Show a new API token by the key of its sheet, for ten minutes; then status 410.

    No other page shows it.
    """
    found = sheets().get(key, session.guardian() or "", time.monotonic())
    page = render_template("token.html", home=daemon().home(), guardian=session.guardian(), sheet=found)
    return page, 200 if found else 410


@blueprint.post("/end")
@guardians_only
def end() -> ResponseReturnValue:
    which = request.form.get("id", "")[:ID_LIMIT]
    if not which.isalnum():
        abort(400)
    with notices.refusals_to(notices.said):
        session.ask("token_end", id=which)
        notices.said(_("The token is ended. Programs that used it no longer have access."))
    return redirect(url_for("account.show"), 303)
