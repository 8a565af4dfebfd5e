"""What children ask for, and the one tap that answers it."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webui import notices, telling
from webui.asked import Asked
from webui.daemon import daemon, source_address
from webui.forms import one_of, reason, whole
from webui.session import guardian, guardians_only
from webui.shapes import Answer

blueprint = Blueprint("requests", __name__, url_prefix="/parent")

ANSWERS = {"time": ("once", "no"), "site": ("once", "today", "always", "no")}
MINUTES = (5, 10, 15, 30, 45, 60, 90, 120, 180, 240)  # that an answer may be changed to
SITE_ONCE = 60  # minutes
ANSWERED_SHOWN = 10
ID_LIMIT = 1 << 31


@blueprint.get("/requests")
@guardians_only
def show() -> ResponseReturnValue:
    return render_template("requests.html", **_lists())


@blueprint.get("/requests/now")
@guardians_only
def now() -> ResponseReturnValue:
    """The part of the page that changes, for the script that keeps it fresh."""
    return render_template("requests_now.html", **_lists())


@blueprint.post("/requests")
@guardians_only
def answer() -> ResponseReturnValue:
    number = whole("id", 1, ID_LIMIT)
    asked = next((one for one in daemon().requests() if one.id == number), None)
    if asked is None:
        abort(404)
    choice = one_of("answer", ANSWERS.get(asked.topic, ()))
    values: dict[str, object] = {"id": number, "answer": choice}
    if choice == "once":
        values["minutes"] = int(one_of("minutes", {str(one) for one in choices(asked)}))
    because = reason("because")
    if because:
        values["because"] = because
    with notices.refusals_to(notices.said):
        done = daemon().change("answer", by=guardian() or "", origin=source_address(), **values)
        told_by_daemon, now = Answer(done), daemon().home().now
        notices.gave(
            told_by_daemon.whole("grant") or None,
            telling.answered(told_by_daemon, now),
            told_by_daemon.moment("until"),
            now,
        )
    return redirect(url_for("requests.show"), 303)


def choices(asked: Asked) -> list[int]:
    """The minutes that it may be answered with, those that were asked for among them."""
    return sorted({*MINUTES, asked.minutes or SITE_ONCE})


def _lists() -> dict[str, object]:
    home = daemon().home()
    found = daemon().requests()
    return {
        "home": home,
        "waiting": [one for one in found if one.waits],
        "answered": [one for one in found if not one.waits][:ANSWERED_SHOWN],
        "choices": choices,
        "site_once": SITE_ONCE,
        "guardian": guardian(),
        "notice": notices.current(home),
    }
