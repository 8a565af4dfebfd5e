"""Dismisses and restores cards about bypass methods on the parents' page."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.bypass_alerts import DISMISS_CARD
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.language.i18n import gettext as _

blueprint = Blueprint("cards", __name__, url_prefix="/parent/cards")

CARD_LIMIT = 60  # characters: an address and a method


@blueprint.post("/")
@guardians_only
def dismiss() -> ResponseReturnValue:
    """Dismiss an alert (card) about a bypass method that a device has used, and redirect to Home.

    Only the parents no longer see it: the method stays blocked, and the child's page on that device
    still shows the alert until the device no longer uses the method.
    """
    card, device, way = _card()
    with notices.refusals_to(notices.said):
        daemon().change(DISMISS_CARD, device=device, way=way, by=guardian() or "", origin=source_address())
        notices.put_away(card, _("Card dismissed. The device itself still shows it while the problem lasts."))
    return redirect(url_for("home.show"), 303)


@blueprint.post("/back")
@guardians_only
def back() -> ResponseReturnValue:
    _one, device, way = _card()
    with notices.refusals_to(notices.said):
        daemon().change(
            DISMISS_CARD, device=device, way=way, back=True, by=guardian() or "", origin=source_address()
        )
        notices.forget()
    return redirect(url_for("home.show"), 303)


def _card() -> tuple[str, str, str]:
    """Return the id of an alert (card) from the form, and its parts: MAC address and bypass method.

    Responds with 400 if it is malformed. The daemon checks whether there is such an alert.
    """
    card = request.form.get("card", "")
    device, blank, way = card.partition(" ")
    if not blank or len(card) > CARD_LIMIT:
        abort(400)
    return card, device, way
