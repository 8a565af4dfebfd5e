"""The page of the gateway's health: results of its checks, figures, and the last lines of its log."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.health import COUNTER_DAYS, HEALTH, METRICS_ACCESS, SUPPORT_ACCESS
from gateway.control.contract.time import SWITCH_ACCESS
from webui import charts, notices
from webui.accounts.session import author, guardian, guardians_only
from webui.daemon import daemon
from webui.features.status.health_text import PLACES, HealthView, process_memory
from webui.forms import one_of
from webui.language.i18n import gettext as _

ACCESS_MINUTES = (60, 24 * 60, 7 * 24 * 60)  # of an approval for the provider
ALLOW, END = "allow", "end"

blueprint = Blueprint("health", __name__, url_prefix="/parent/health")


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return _page("health.html")


@blueprint.get("/now")
@guardians_only
def now() -> ResponseReturnValue:
    """Return the gateway's health as an HTML fragment, for the script that updates the page."""
    return _page("health_now.html")


def _page(template: str) -> str:
    home = daemon().home()
    return render_template(
        template,
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        health=HealthView(daemon().client.ask(HEALTH)),
        pages_memory=process_memory(),
        line=charts.line,
        places=PLACES,
        access_minutes=ACCESS_MINUTES,
        counter_minutes=COUNTER_DAYS * 24 * 60,
        again_url=url_for("health.again"),
    )


@blueprint.post("/again")
@guardians_only
def again() -> ResponseReturnValue:
    with notices.refusals_to(notices.said):
        running = daemon().client.ask(HEALTH, again=True).check.running
        if running:
            notices.forget()
        else:
            notices.said(_("This was checked just now. Try again in a moment."))
    return redirect(url_for("health.show"), 303)


@blueprint.post("/access")
@guardians_only
def set_access() -> ResponseReturnValue:
    """Let the provider's support fetch the support report for the chosen time, or end that; redirect."""
    minutes = _minutes()
    daemon().change(SUPPORT_ACCESS, minutes=minutes, **author())
    if minutes is None:
        notices.said(_("Your provider can no longer fetch the file."))
    return redirect(url_for("health.show"), 303)


@blueprint.post("/switch")
@guardians_only
def set_switch() -> ResponseReturnValue:
    """Let the provider turn the rules off and on for the chosen time, or end that; redirect."""
    minutes = _minutes()
    daemon().change(SWITCH_ACCESS, minutes=minutes, **author())
    if minutes is None:
        notices.said(_("Your provider can no longer turn the rules off."))
    return redirect(url_for("health.show"), 303)


@blueprint.post("/counters")
@guardians_only
def set_counters() -> ResponseReturnValue:
    """Let the provider read the counters of the gateway for 30 days, or end that; redirect."""
    allowed = one_of("for", {ALLOW, END}) == ALLOW
    daemon().change(METRICS_ACCESS, allowed=allowed, **author())
    if not allowed:
        notices.said(_("Your provider can no longer read the counters."))
    return redirect(url_for("health.show"), 303)


def _minutes() -> int | None:
    """Return the minutes for which the form lets the provider act; None to end that."""
    chosen = one_of("for", {END, *(str(minutes) for minutes in ACCESS_MINUTES)})
    return None if chosen == END else int(chosen)
