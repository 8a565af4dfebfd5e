"""The page of a guardian's notifications, by Web Push and by ntfy. Each guardian sets their own."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.notifications import ALERTS, SET_ALERTS, GuardianAlerts
from gateway.core.errors import ControlError
from gateway.policy.alerts.notifications import ADDRESS_LIMIT, DEFAULT_AT_NIGHT, DEFAULT_KINDS, KINDS
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.notifications import push_pages
from webui.features.notifications.alert_text import alerts_of, kinds, not_sent, server_of
from webui.front import trusted
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.i18n import language
from webui.messages import notifier
from webui.messages.outbox import NIGHT
from webui.messages.unsent import NotSent

blueprint = Blueprint("alerts", __name__, url_prefix="/parent/alerts")


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return _show(_mine())


@blueprint.post("/")
@guardians_only
def save() -> ResponseReturnValue:
    """Save the guardian's kinds of notifications and the address.

    An empty address keeps the stored one: it is a secret, and no page shows it again.
    """
    before = _mine()
    address = request.form.get("address", "").strip()[: ADDRESS_LIMIT + 1]
    typed = GuardianAlerts(
        guardian=guardian() or "",
        address=address or (before.address if before else ""),
        kinds=tuple(kind for kind in KINDS if kind in request.form.getlist("kinds")),
        at_night=tuple(kind for kind in KINDS if kind in request.form.getlist("at_night")),
        names="names" in request.form,
        inside="inside" in request.form,
        language=language(),
    )
    if not typed.address and before is None:
        return _show(typed, _("Write the address of your topic, or turn messages on in this browser.")), 422
    try:
        daemon().change(
            SET_ALERTS,
            address=typed.address or None,
            kinds=list(typed.kinds),
            at_night=list(typed.at_night),
            names=typed.names,
            inside=typed.inside,
            language=typed.language,
            by=typed.guardian,
            origin=source_address(),
        )
    except Unreachable:
        raise
    except ControlError as error:
        kept = before.address if before else ""
        return _show(replace(typed, address=kept), refusals.sentence(error)), 422
    notices.said(_("Saved. Send a test message to check that it arrives."))
    return redirect(url_for("alerts.show"), 303)


@blueprint.post("/stop")
@guardians_only
def stop() -> ResponseReturnValue:
    daemon().change(SET_ALERTS, by=guardian() or "", origin=source_address())
    notices.said(_("Messages are off. The address is deleted, and no browser of yours gets them."))
    return redirect(url_for("alerts.show"), 303)


@blueprint.post("/test")
@guardians_only
def test() -> ResponseReturnValue:
    book = daemon().client.ask(ALERTS)
    if alerts_of(book, guardian() or "") is None:
        return redirect(url_for("alerts.show"), 303)
    try:
        notifier.of(current_app).test(book, guardian() or "")
    except NotSent as error:
        notices.said(not_sent(error))
    else:
        notices.said(_("The server accepted it. It arrives on your phone within a few seconds."))
    return redirect(url_for("setup.summary" if request.form.get("then") == "setup" else "alerts.show"), 303)


def _mine() -> GuardianAlerts | None:
    return alerts_of(daemon().client.ask(ALERTS), guardian() or "")


def _browsers() -> int:
    """Return how many browsers of the guardian get messages."""
    return sum(target.guardian == guardian() for target in daemon().client.ask(ALERTS).push)


def _show(mine: GuardianAlerts | None, problem: str = "") -> str:
    home, trouble = daemon().home(), notifier.of(current_app).trouble(guardian() or "")
    return render_template(
        "alerts.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        mine=mine,
        server=server_of(mine) if mine else "",
        kept=bool(mine and mine.address),
        browsers=_browsers(),
        push_why=push_pages.why_not(),
        push_origin=trusted().origin,
        usual=(DEFAULT_KINDS, DEFAULT_AT_NIGHT),
        problem=problem,
        kinds=kinds(),
        night=tuple(f"{hour:%H:%M}" for hour in NIGHT),
        trouble=not_sent(trouble) if trouble else "",
        address_limit=ADDRESS_LIMIT,
    )
