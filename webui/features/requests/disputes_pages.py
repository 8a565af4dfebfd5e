"""Pages on which a child disputes counted minutes of its time ledger. The guardians are notified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.requests import REQUEST
from gateway.control.contract.time import LEDGER, LEDGER_DAYS
from gateway.core.errors import ControlError
from gateway.policy.requests.requests import MAX_MINUTES
from webui import notices
from webui.accounts.locks import child_only
from webui.accounts.session import anyone
from webui.daemon import daemon, source_address
from webui.features.status.home_text import ChildView, Here, HomeView
from webui.features.time.ledger_text import LedgerRow, limit_name, rows
from webui.forms import one_of, reason
from webui.language import refusals
from webui.language.i18n import gettext as _

blueprint = Blueprint("disputes", __name__, url_prefix="/my/wrong")

STEPS = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180)
REFUSED = 409
ARGUMENT_LIMIT = 80  # characters


@dataclass(frozen=True, slots=True)
class Meant:
    """The counted minutes (a row of the time ledger) that the child disputes, with its device."""

    here: Here
    home: HomeView
    child: ChildView
    row: LedgerRow
    gates: str  # ids of the limits that it counted for, separated by spaces

    @property
    def choices(self) -> list[int]:
        most = min(self.row.minutes, MAX_MINUTES)
        return [*(step for step in STEPS if step < most), most]


@blueprint.get("")
@child_only
@anyone
def show() -> ResponseReturnValue:
    meant = _meant(
        request.args.get("at", ""), request.args.get("device", ""), request.args.get("service", "")
    )
    return _form(meant) if meant is not None else redirect(url_for("time.mine"), 303)


@blueprint.post("")
@child_only
@anyone
def send() -> ResponseReturnValue:
    form = request.form
    meant = _meant(form.get("at", ""), form.get("device", ""), form.get("service", ""))
    if meant is None:
        notices.notify_child(_("These minutes are no longer in the list. Go back and reload."))
        return redirect(url_for("child.show"), 303)
    minutes = int(one_of("minutes", {str(choice) for choice in meant.choices}))
    values: dict[str, object] = {"minutes": minutes, "limits": meant.gates}
    if because := reason("reason"):
        values["reason"] = because
    try:
        device, origin = meant.here.mac, source_address()
        daemon().client.ask(REQUEST, device=device, origin=origin, since=meant.row.start, **values)
    except Unreachable:
        raise
    except ControlError as error:
        return _form(meant, refusals.sentence(error)), REFUSED
    notices.notify_child(_("Your parents see what you wrote. The answer will be here."))
    return redirect(url_for("child.show"), 303)


def _form(meant: Meant, sentence: str = "") -> str:
    return render_template(
        "wrong.html",
        home=meant.home,
        child=meant.child,
        row=meant.row,
        choices=meant.choices,
        sentence=sentence,
        chosen=request.form.get("minutes", str(meant.choices[-1])),
        because=reason("reason"),
    )


def _meant(at: str, device: str, service: str) -> Meant | None:
    """Return the row of counted minutes of the requesting device's child that the request names.

    It begins at ``at`` (ISO time), on ``device``, for ``service``. None if there is no such row, or
    if the requesting device has no child. Responds with 400 if ``at`` is no time with an offset.
    """
    start = _moment(at[:ARGUMENT_LIMIT])
    here, home = daemon().here(source_address()), daemon().home()
    child = home.child(here.profile)
    if child is None or not here.mac:
        return None
    for day in _days(start, home.day):
        on: dict[str, object] = {} if day == home.day else {"day": day}
        ledger = daemon().client.ask(LEDGER, device=here.mac, **on)
        for row in rows(ledger.minutes):
            if (row.start, row.device, row.service) == (start, device, service):
                gates = {
                    minute.gate
                    for minute in ledger.minutes
                    if minute.at == start and limit_name(minute) in row.limits
                }
                return Meant(here, home, child, row, " ".join(sorted(gates)))
    return None


def _days(start: datetime, today: date) -> list[date]:
    """Return the family's days to which ``start`` may belong: its date, and the day before.

    The family's day changes at night: a minute after midnight belongs to the day before.
    """
    own = (start.date(), start.date() - timedelta(days=1))
    return [day for day in own if today - timedelta(days=LEDGER_DAYS) <= day <= today]


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus in an address may have become a space
    except ValueError:
        abort(400)
    if found.tzinfo is None:
        abort(400)
    return found
