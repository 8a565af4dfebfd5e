"""Pages of printed codes: a guardian creates them, sees them for ten minutes, and can withdraw a batch."""

from __future__ import annotations

import time

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.time import CODE_BATCHES, CODES, WITHDRAW, CodeBatch
from gateway.core.errors import ControlError
from gateway.policy.requests.tickets import LIFE
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.time.sheets import Sheet, sheets
from webui.forms import one_of
from webui.language import refusals
from webui.language.i18n import ngettext
from webui.notices import EVERYONE
from webui.settings import OWN_NAME

blueprint = Blueprint("codes", __name__, url_prefix="/parent/codes")

MINUTES = (15, 30, 45, 60, 90, 120)
COUNTS = (1, 5, 10, 20)
BATCH_LIMIT = 40  # characters of a batch's id


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    home = daemon().home()
    batches: tuple[CodeBatch, ...] | None = None  # None: not available; new codes can still be created
    with notices.refusals_to(current_app.logger.warning):
        batches = daemon().client.ask(CODE_BATCHES).batches
    return render_template(
        "codes.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        batches=batches,
        minutes_offered=MINUTES,
        address=OWN_NAME,
        life=LIFE.days,
        counts_offered=COUNTS,
    )


@blueprint.post("/")
@guardians_only
def make() -> ResponseReturnValue:
    minutes = int(one_of("minutes", {str(minute) for minute in MINUTES}))
    count = int(one_of("count", {str(number) for number in COUNTS}))
    who = request.form.get("who", "")
    child = daemon().home().child(who)
    if child is None and who != EVERYONE:
        abort(400)
    by = guardian() or ""
    try:
        issued = daemon().change(CODES, who=who, minutes=minutes, count=count, by=by, origin=source_address())
    except Unreachable:
        raise
    except ControlError as error:
        notices.said(refusals.sentence(error))
        return redirect(url_for("codes.show"), 303)
    notices.forget()
    name = "" if child is None else child.name
    sheet = Sheet(by, issued.codes, issued.minutes, name, issued.until)
    return redirect(url_for("codes.sheet", key=sheets().put(sheet, time.monotonic())), 303)


@blueprint.get("/sheet/<key>")
@guardians_only
def sheet(key: str) -> ResponseReturnValue:
    """Show new printed codes for extra time by the key of their sheet, for ten minutes; then status 410.

    No other page shows them.
    """
    found = sheets().get(key, guardian() or "", time.monotonic())
    page = render_template(
        "sheet.html", home=daemon().home(), guardian=guardian(), sheet=found, key=key, address=OWN_NAME
    )
    return page, 200 if found else 410


@blueprint.post("/sheet/<key>")
@guardians_only
def put_away(key: str) -> ResponseReturnValue:
    sheets().drop(key, guardian() or "")
    return redirect(url_for("codes.show"), 303)


@blueprint.post("/withdraw")
@guardians_only
def withdraw() -> ResponseReturnValue:
    batch = request.form.get("batch", "")
    if not batch or len(batch) > BATCH_LIMIT or not batch.isprintable():
        abort(400)
    with notices.refusals_to(notices.said):
        done = daemon().change(WITHDRAW, batch=batch, by=guardian() or "", origin=source_address())
        notices.said(ngettext("%(num)d code no longer works.", "%(num)d codes no longer work.", done.count))
    return redirect(url_for("codes.show"), 303)
