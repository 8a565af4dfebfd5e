"""The audit log: what was changed, by whom, when, and from which device. Only for guardians."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway.policy.accounts.people import NAME_LIMIT
from gateway.policy.profile.rules import NAMES_LEVEL
from webui.accounts import session
from webui.accounts.session import guardians_only
from webui.daemon import daemon
from webui.language import changes
from webui.values.shapes import Answer

blueprint = Blueprint("auditlog", __name__, url_prefix="/parent/log")

PAGE = 30  # lines
FARTHEST = 20_000


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime | None
    who: str
    what: str
    about: str  # a child or device; untrusted input
    detail: str
    until: datetime | None
    address: str
    device: str  # untrusted input
    day_only: bool = False  # whether only the date is shown
    token: str = ""  # name of the API token that was used; empty: a person made the change


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    home, who = daemon().home(), " ".join(request.args.get("who", "").split())[:NAME_LIMIT]
    text = request.args.get("skip", "0")
    skip = min(int(text), FARTHEST) if text.isascii() and text.isdigit() and len(text) < 8 else 0
    who = who if who.isprintable() else ""
    values = {"who": who} if who else {}
    answer = Answer(daemon().client.call("audit_log", limit=PAGE, skip=skip, **values))
    return render_template(
        "auditlog.html",
        home=home,
        guardian=session.guardian(),
        lines=[entry.read(Line) for entry in answer.entries("lines")],
        people=answer.texts("people"),
        who=who,
        newer=max(0, skip - PAGE) if skip else None,
        older=skip + PAGE if answer.flag("more") else None,
        changes=changes,
        names_level=NAMES_LEVEL,
    )
