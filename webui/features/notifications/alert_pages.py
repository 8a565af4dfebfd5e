"""The page of a guardian's notifications. Each guardian sets their own; `channel_pages` adds channels."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.notifications import ALERTS, SET_ALERTS, GuardianAlerts
from gateway.policy.alerts.channels import channel_id
from gateway.policy.alerts.notifications import DEFAULT_AT_NIGHT, DEFAULT_KINDS, DEFAULT_QUIET, KINDS
from gateway.policy.time.time_text import TimeTextError, clock_span
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.notifications import push_pages
from webui.features.notifications.alert_text import alerts_of, kinds, not_sent, recipient_label
from webui.features.notifications.channel_forms import forms
from webui.front import trusted
from webui.language.i18n import gettext as _
from webui.language.i18n import language
from webui.messages import channels, notifier
from webui.messages.recipients import Recipient, recipients_of
from webui.messages.unsent import NotSent
from webui.upkeep.installed import Installed, installed

blueprint = Blueprint("alerts", __name__, url_prefix="/parent/alerts")


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return _page()


def _page(typed: GuardianAlerts | None = None) -> str:
    """Return the page. ``typed``: the settings of a form that was refused; None: the stored ones."""
    home, book, services = daemon().home(), daemon().client.ask(ALERTS), channels.has_services()
    return render_template(
        "alerts.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        mine=typed or alerts_of(book, guardian() or ""),
        places={channel_id(to.key[1]): recipient_label(to) for to in recipients_of(book, guardian() or "")},
        forms={key: form.name for key, form in forms().items() if services or not form.apprise},
        services_missing=not services and installed() is not Installed.OPENWRT,
        push_why=push_pages.why_not(),
        push_origin=trusted().origin,
        usual=(DEFAULT_KINDS, DEFAULT_AT_NIGHT, DEFAULT_QUIET),
        kinds=kinds(),
        trouble=_failures(notifier.of(current_app).troubles(guardian() or "")),
    )


@blueprint.post("/")
@guardians_only
def save() -> ResponseReturnValue:
    """Save which kinds of notifications the guardian gets, and which of them in quiet hours too.

    Also the quiet hours, whether messages have names, and the page's language. Invalid quiet hours
    change nothing: the response is the form as it was sent, with a notice, and status 422.
    """
    chosen, at_night = (
        tuple(kind for kind in KINDS if kind in request.form.getlist(key)) for key in ("kinds", "at_night")
    )
    names = "names" in request.form
    quiet = f"{_time('quiet-from')}-{_time('quiet-to')}"
    try:
        clock_span(quiet)
    except TimeTextError:
        notices.said(_("Not saved. Write from when until when it is quiet."))
        return _page(GuardianAlerts(guardian() or "", chosen, at_night, names=names, quiet=quiet)), 422
    daemon().change(
        SET_ALERTS,
        kinds=list(chosen),
        at_night=list(at_night),
        names=names,
        language=language(),
        quiet=quiet,
        by=guardian() or "",
        origin=source_address(),
    )
    notices.said(_("Saved."))
    return redirect(url_for("alerts.show"), 303)


@blueprint.post("/test")
@guardians_only
def test() -> ResponseReturnValue:
    book = daemon().client.ask(ALERTS)
    try:
        failed = notifier.of(current_app).test(book, guardian() or "")
    except NotSent as error:
        notices.said(not_sent(error))
    else:
        notices.said(_failures(failed) or _("Sent. It arrives within a few seconds."))
    return redirect(url_for("setup.summary" if request.form.get("then") == "setup" else "alerts.show"), 303)


def _time(name: str) -> str:
    return request.form.get(name, "")[:5]


def _failures(failed: Iterable[tuple[Recipient, NotSent]]) -> str:
    """Return a text about each channel or browser that did not get a message, and why. It has no secret."""
    return " ".join(f"{recipient_label(to)}: {not_sent(error)}" for to, error in failed)
