"""The captive-portal API (RFC 8908): an operating system learns there that the device is blocked as a whole.

It says so only for devices that have no mobile data: any other device would leave the Wi-Fi for it.
"""

from __future__ import annotations

import json

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue

from gateway.policy.config.captive_portal import PATH
from webui.accounts.session import anyone
from webui.daemon import daemon, source_address
from webui.features.status.home_text import Here
from webui.front import trusted

blueprint = Blueprint("captive", __name__)

MIME = "application/captive+json"
# States in which the device counts as blocked as a whole. A used-up limit or a schedule does not.
CLOSED = frozenset({"paused", "bedtime", "quarantined"})
OPEN = "open"


@blueprint.get(PATH)
@anyone
def state() -> ResponseReturnValue:
    """Return as RFC 8908 JSON whether the requesting device is blocked as a whole, and where to read why.

    It is in a pause, at bedtime and in quarantine. A device that may have mobile data is never reported as
    blocked. 404 without HTTPS at the trusted name.
    """
    if not (trusted().origin and request.is_secure):
        abort(404)
    return Response(json.dumps(_state(daemon().here(source_address()))), mimetype=MIME)


def _state(here: Here) -> dict[str, object]:
    status = here.status
    if not status.no_mobile_data:
        return {"captive": False}
    found: dict[str, object] = {"captive": status.state in CLOSED, "user-portal-url": f"{trusted().origin}/"}
    change = status.next_change
    if status.state == OPEN and status.now is not None and change is not None and change.state in CLOSED:
        # A child can ask for more time there; a guest or a new device cannot.
        found["seconds-remaining"] = max(0, round((change.at - status.now).total_seconds()))
        found["can-extend-session"] = daemon().home().child(here.profile) is not None
    return found
