"""Known browsers: a long-lived signed cookie marks a browser that has signed in before. It grants no access.

A known browser has its own count of wrong passwords. A child who types wrong passwords on another device, or
in another browser of this one, cannot lock a parent out. The count applies only to names that signed in on
it. A user who signs in repeatedly without a cookie gets many such browsers, but no further attempts at
another user's password.
"""

from __future__ import annotations

import secrets

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from webui import cookies

COOKIE = "qalqan-known"
DAYS = 400  # maximum lifetime of a cookie in browsers
ID_LENGTH = 12  # bytes
NAMES = 4  # maximum of user names in a cookie; a new one replaces the oldest


def known(name: str) -> str:
    """Return this browser's id from its cookie, if ``name`` has signed in on it before; else empty."""
    own, names = _kept()
    return own if _folded(name) in map(_folded, names) else ""


def last_name() -> str:
    """Return the user name that signed in last on this browser, to fill in a form; empty if none did."""
    _own, names = _kept()
    return names[-1] if names else ""


def remember(name: str) -> None:
    """Record in a cookie of this response that the user ``name`` has signed in on this browser.

    The cookie has at most four names; a new one replaces the oldest.
    """
    own, names = _kept()
    here = [known_name for known_name in names if _folded(known_name) != _folded(name)][1 - NAMES :]
    value = _signer().dumps([own or secrets.token_urlsafe(ID_LENGTH), *here, " ".join(name.split())])

    @after_this_request
    def keep(response: Response) -> Response:
        cookies.put(response, cookies.name_of(COOKIE), value, DAYS * 86400)
        return response


def _kept() -> tuple[str, list[str]]:
    try:
        found = _signer().loads(request.cookies.get(cookies.name_of(COOKIE), ""))
    except BadSignature:
        return "", []
    if not (isinstance(found, list) and found and all(isinstance(name, str) for name in found)):
        return "", []
    return found[0], found[1:]


def _folded(name: str) -> str:
    """Return the name with single spaces and without case, as the daemon compares names."""
    return " ".join(name.split()).casefold()


def _signer() -> URLSafeSerializer:
    key = current_app.secret_key
    assert key is not None
    return URLSafeSerializer(key, salt=cookies.salt("a browser that has signed in before"))
