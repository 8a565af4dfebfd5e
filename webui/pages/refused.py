"""Where a refused plain-HTTP request lands: why, who decided, until when, and help.

The name in the address is hostile input. It is looked up among the device's own last refusals and nowhere
else, so that nobody can ask this page what a list holds.
"""

from __future__ import annotations

import re

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webui.asked import waiting_for
from webui.daemon import daemon, source_address
from webui.session import anyone

blueprint = Blueprint("refused", __name__)

HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63}){0,126}")
HOST_LIMIT = 253  # RFC 1035, 2.3.4, without the closing dot


@blueprint.get("/refused")
@anyone
def show() -> ResponseReturnValue:
    host = request.args.get("host", "").lower().rstrip(".")
    if len(host) > HOST_LIMIT or not HOST.fullmatch(host):
        host = ""
    home = daemon().home()
    here = daemon().here(source_address())
    own = daemon().refusals_of_device(here)
    refusal = next((found for found in own.found if found.host == host), None)
    child = home.child(here.profile)
    page = render_template(
        "refused.html",
        home=home,
        child=child,
        host=host if refusal else "",
        refusal=refusal,
        shared=own.shared,
        rules=daemon().rules(child.id) if child and refusal else None,
        asked=waiting_for(daemon().requests_of_device(here), refusal) if child and refusal else None,
        help_lines=daemon().help_lines(),
    )
    return page, 403 if refusal else 200
