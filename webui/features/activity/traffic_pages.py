"""The technical view: live queries and connections of a guardian's own devices and appliances.

The daemon decides which devices are shown (gateway/features/activity/traffic_access.py). Appliances are
unfiltered printers, televisions and the like. A child's device up to age 9 is shown for 15 minutes at a time,
if its log level shows visits, after a guardian has started it here.
"""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.activity import TRAFFIC, TRAFFIC_WATCH
from webui import notices
from webui.accounts.session import author, guardian, guardians_only
from webui.daemon import daemon
from webui.features.activity import activity_table
from webui.features.activity.traffic_text import VERDICTS, TrafficFilter, TrafficView, verdict_name
from webui.forms import one_of
from webui.language.i18n import gettext as _
from webui.language.words import clock

blueprint = Blueprint("traffic", __name__, url_prefix="/parent/traffic")

MAC_LIMIT = 17  # characters
TEXT_LIMIT = 100  # characters of a filter
NUMBER_DIGITS = 15


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return _render("traffic.html")


@blueprint.get("/now")
@guardians_only
def now() -> ResponseReturnValue:
    """Return the lines of live traffic as an HTML fragment, for the script that updates the page."""
    return _render("traffic_now.html")


@blueprint.get("/lines.csv")
@guardians_only
def export() -> ResponseReturnValue:
    """Return the lines of live traffic that match the filters in the address, as a CSV file for download."""
    view = _read(TrafficFilter(**_filters(), paused=_paused()), paused=True)
    answer = Response(activity_table.table(view.rows()), mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="qalqan-traffic.csv"'
    return answer


@blueprint.post("/watch")
@guardians_only
def watch() -> ResponseReturnValue:
    """Start or end showing a guardian the traffic of a young child's device.

    The child's page says so meanwhile. Form fields: ``mac``, and ``action`` (``start`` or ``end``).
    """
    mac, action = request.form.get("mac", "")[:MAC_LIMIT], one_of("action", ("start", "end"))
    home = daemon().home()
    with notices.refusals_to(notices.said):
        until = daemon().change(TRAFFIC_WATCH, mac=mac, action=action, **author()).until
        notices.said(
            _("It has ended.")
            if until is None
            else _(
                "You see this device until %(until)s. The child's page says so.",
                until=clock(until, home.now),
            )
        )
    return redirect(url_for("traffic.show"), 303)


def _render(template: str) -> str:
    wanted = TrafficFilter(**_filters(), paused=_paused())
    home = daemon().home()
    return render_template(
        template,
        home=home,
        guardian=guardian(),
        notice=notices.current(home) if template == "traffic.html" else None,
        view=_read(wanted, paused=wanted.paused is not None),
        wanted=wanted,
        verdicts=VERDICTS,
        verdict_name=verdict_name,
    )


def _read(wanted: TrafficFilter, *, paused: bool) -> TrafficView:
    return TrafficView(daemon().client.ask(TRAFFIC, paused=paused, **author()), wanted)


def _filters() -> dict[str, str]:
    values = {key: request.args.get(key, "").strip()[:TEXT_LIMIT] for key in ("device", "reason", "text")}
    verdict = request.args.get("verdict", "")
    return values | {"verdict": verdict if verdict in VERDICTS else ""}


def _paused() -> int | None:
    text = request.args.get("paused", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS else None
