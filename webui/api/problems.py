"""Problem details (RFC 9457): an error code for programs, a text in the user's language."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import Response

from gateway.control.client import Unreachable
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from webui.language import refusals
from webui.language.i18n import gettext as _

MEDIA = "application/problem+json"
TYPES = "/api/problems/"
SOON = 5  # seconds until a retry makes sense while the daemon does not respond

NOT_FOUND = frozenset(
    {
        Code.NO_PROFILE, Code.NO_DEVICE, Code.NO_LIST, Code.NO_REGISTER, Code.NO_REQUEST, Code.NO_QUESTION,
        Code.NO_CARD,
        Code.NO_REVISION, Code.NO_PROPOSAL, Code.NO_GOOD_CODES, Code.NO_TOKEN, Code.NOT_LISTED,
    }
)  # fmt: skip
CONFLICT = frozenset(
    {
        Code.CHANGED_MEANWHILE,
        Code.FILE_BROKEN,
        Code.ANSWERED_BEFORE,
        Code.STILL_NAMED,
        Code.SERVICE_USED,
        Code.ROUTERS_OWN,
    }
)
FORBIDDEN = frozenset(
    {
        Code.GUARDIANS_ONLY, Code.HELPER_MINUTES, Code.NOT_YOUR_PAUSE, Code.NO_GUARDIAN, Code.ROOT_ONLY,
        Code.NO_DEVICE_OF_A_CHILD, Code.PIN_WRONG, Code.CONSOLE_ONLY, Code.CHILDS_DEVICE,
        Code.MAY_BE_A_CHILDS, Code.HANDED_OVER, Code.PROOF_NEEDED, Code.NOT_APPROVED,
    }
)  # fmt: skip
# Code → the value with the waiting time, and its unit in seconds. Without a value, a minute.
SLOWED: Mapping[str, tuple[str, int]] = {
    Code.TOO_MANY_TRIES: ("minutes", 60),
    Code.TRIED_TOO_OFTEN: ("minutes", 60),
    Code.SCANNED_JUST_NOW: ("seconds", 1),
    Code.ASK_LATER: ("", 60),
}


class Problem(Exception):
    """Raised for an API request that fails: HTTP status, error code, text for the user, and headers."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        self.status, self.code, self.detail = status, code, detail
        self.headers = dict(headers or {})
        self.more = more
        super().__init__(code)

    def response(self) -> Response:
        details: dict[str, object] = {
            "type": TYPES + self.code,
            "title": title(self.status),
            "status": self.status,
            "detail": self.detail or title(self.status),
            "code": self.code,
            **self.more,
        }
        response = Response(json.dumps(details) + "\n", self.status, mimetype=MEDIA)
        response.headers.update(self.headers)
        return response


def of_refusal(error: ControlError) -> Problem:
    """Return the API's error for an error of the daemon.

    The daemon's error code determines the HTTP status; it is 503 if the daemon does not respond.
    """
    if isinstance(error, Unreachable):
        detail = _("The filter does not answer. Try again in a moment.")
        return Problem(503, "unreachable", detail, {"Retry-After": str(SOON)})
    status, headers = _status(error), {}
    if error.code in SLOWED:
        key, seconds = SLOWED[error.code]
        wait = error.values.get(key)
        headers["Retry-After"] = str(seconds * wait if isinstance(wait, int) else 60)
    elif status == 503:
        headers["Retry-After"] = str(SOON)
    more: dict[str, object] = {"values": dict(error.values)} if error.values else {}
    field = error.values.get("key")
    if isinstance(field, str):
        more["pointer"] = "/" + field.replace("~", "~0").replace("/", "~1")
    return Problem(status, str(error.code), refusals.sentence(error), headers, **more)


def _status(error: ControlError) -> int:
    for status, codes in ((404, NOT_FOUND), (409, CONFLICT), (403, FORBIDDEN), (429, SLOWED)):
        if error.code in codes:
            return status
    if error.code in (Code.BUSY, Code.NO_SUCH_VERB):
        return 503
    return 401 if error.code in (Code.SESSION_ENDED, Code.WRONG_TOKEN) else 422


CODES: Mapping[int, str] = {
    400: "malformed", 401: "sign_in", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    406: "not_acceptable", 409: "conflict", 413: "too_large", 415: "json_only", 421: "wrong_host",
    422: "refused", 429: "slow_down", 503: "unreachable",
}  # fmt: skip


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    return Problem(status, CODES.get(status, "error"), "", headers)


def title(status: int) -> str:
    titles = {
        400: _("This request does not fit"),
        401: _("Sign in first"),
        403: _("This is not for you"),
        404: _("Not found here"),
        405: _("This cannot be done here"),
        409: _("This has changed in the meantime"),
        413: _("That is too long"),
        415: _("Send JSON"),
        421: _("This is not the name of this gateway"),
        422: _("The gateway rejected this"),
        429: _("Too many attempts"),
        503: _("The filter does not answer"),
    }
    return titles.get(status) or _("Something went wrong")
