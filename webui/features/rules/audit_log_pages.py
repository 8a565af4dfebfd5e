"""The page of the audit log: what was changed, by whom, when, from which device. Only for guardians."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gateway.control.contract.rules import AUDIT_LOG, AUDIT_SKIP
from gateway.policy.accounts.people import NAME_LIMIT
from gateway.policy.profile.rules import NAMES_LEVEL
from webui.accounts import session
from webui.accounts.session import guardians_only
from webui.daemon import daemon
from webui.features.rules.audit_log_text import describe
from webui.language.words import who as author_name

blueprint = Blueprint("auditlog", __name__, url_prefix="/parent/log")

PAGE = 30  # lines


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    home, who = daemon().home(), " ".join(request.args.get("who", "").split())[:NAME_LIMIT]
    text = request.args.get("skip", "0")
    skip = min(int(text), AUDIT_SKIP) if text.isascii() and text.isdigit() and len(text) < 8 else 0
    who = who if who.isprintable() else ""
    values = {"who": who} if who else {}
    log = daemon().client.ask(AUDIT_LOG, limit=PAGE, skip=skip, **values)
    return render_template(
        "auditlog.html",
        home=home,
        guardian=session.guardian(),
        lines=log.lines,
        people=log.people,
        who=who,
        newer=max(0, skip - PAGE) if skip else None,
        older=skip + PAGE if log.more else None,
        author_name=author_name,
        describe=describe,
        names_level=NAMES_LEVEL,
    )
