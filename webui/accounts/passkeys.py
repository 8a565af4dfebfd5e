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

PATIENCE = 30.0  # seconds for one check; it takes half a second here, several on a small router
PAUSE = 0.1  # seconds until the daemon is asked again
ANSWER_LIMIT = 32 * 1024  # bytes of a script's message
PENDING_LIMIT = 64  # characters of a challenge


def why_not() -> str:
    """Return why this page cannot use a passkey; empty if it can.

    ``uninstalled``: the package fido2 is missing, and no page mentions passkeys. Else see `why_untrusted`.
    """
    return why_untrusted() if is_installed("fido2") else "uninstalled"


def sent() -> Mapping[str, Any]:
    """Return the JSON object that the page's script has sent; empty if it is none."""
    request.max_content_length = ANSWER_LIMIT
    try:
        found = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def options(purpose: str) -> Any:
    """Return the options of a WebAuthn request, as JSON. Raises: ControlError."""
    return session.ask("passkey_start", purpose=purpose).options


def result(message: Mapping[str, Any], **values: object) -> AccountResponse:
    """Let the daemon check a browser's answer, and return the result. Raises: ControlError."""
    pending = str(message.get("challenge"))[:PENDING_LIMIT]
    session.ask("passkey_check", pending=pending, passkey=message.get("answer") or {})
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        answer = session.ask("passkey_finish", pending=pending, **values)
        if not answer.checking:
            return answer
        time.sleep(PAUSE)
    msg = "the check of the passkey takes too long; try again in a moment"
    raise ControlError(msg).coded(Code.PASSKEY_UNCHECKED)
