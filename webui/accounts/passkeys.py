"""Uses passkeys (WebAuthn) on the pages: where they work, and what a page's script asks of the daemon."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from flask import request

from gateway.control.contract.accounts import AccountResponse
from gateway.core.errors import ControlError
from gateway.core.optional_packages import is_installed
from gateway.core.reason_codes import Code
from webui.accounts import session
from webui.front import why_untrusted

PATIENCE = 30.0  # seconds for one check; it takes half a second on a PC, several on a small router
PAUSE = 0.1  # seconds until the daemon is asked again
ANSWER_LIMIT = 32 * 1024  # bytes of a script's message
PENDING_LIMIT = 64  # characters of a challenge


def why_not() -> str:
    """Return why this page cannot use a passkey, as a key; empty if it can.

    ``uninstalled``: the package fido2 is missing, and no page mentions passkeys. Else see `why_untrusted`.
    """
    return why_untrusted() if is_installed("fido2") else "uninstalled"


def sent() -> Mapping[str, Any]:
    """Return the JSON object that the page's script has sent; empty if the body is something else.

    A body above ANSWER_LIMIT makes the response 413.
    """
    request.max_content_length = ANSWER_LIMIT
    try:
        found = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def options(purpose: str) -> Any:
    """Return the options that a browser needs for a WebAuthn request, as JSON, from the daemon.

    ``purpose``: ``signin``, ``prove`` (confirm a dangerous change) or ``add`` (a new passkey). Raises
    ControlError.
    """
    return session.ask("passkey_start", purpose=purpose).options


def result(message: Mapping[str, Any], **values: object) -> AccountResponse:
    """Send a browser's WebAuthn response to the daemon, wait up to 30 s for its check, and return the result.

    ``message``: the script's, with challenge and answer. ``values``: further arguments of the daemon's
    request, such as the name of a new passkey. Raises ControlError, also if the check takes longer.
    """
    pending = str(message.get("challenge"))[:PENDING_LIMIT]
    session.ask("passkey_check", pending=pending, passkey=message.get("answer") or {})
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        answer = session.ask("passkey_finish", pending=pending, **values)
        if not answer.checking:
            return answer
        time.sleep(PAUSE)
    raise ControlError.of(Code.PASSKEY_UNCHECKED)
