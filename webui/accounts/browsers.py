"""Browsers that have signed in here before: a long-lived signed cookie of its own, which opens nothing.

It keeps tries of its own, so that a child who types wrong passwords on another device, or in another browser
of this one, can't lock a parent out. They are for the names that signed in here alone: who has an account and
signs in again and again with no cookie gets many such browsers, and not one more try at another's password.
"""

from __future__ import annotations

import secrets

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from webui import cookies

COOKIE = "qalqan-known"
DAYS = 400  # as long as browsers keep a cookie
ID_LENGTH = 12  # bytes
NAMES = 4  # that a browser is known to; the first gives way


def known(name: str) -> str:
    """This browser's own id; empty where ``name`` has never signed in here."""
    own, names = _kept()
    return own if _folded(name) in names else ""


def remember(name: str) -> None:
    """From the answer on that is being made."""
    own, names = _kept()
    here = [one for one in names if one != _folded(name)][1 - NAMES :]
    value = _signer().dumps([own or secrets.token_urlsafe(ID_LENGTH), *here, _folded(name)])

    @after_this_request
    def keep(response: Response) -> Response:
        cookies.put(response, cookies.name_of(COOKIE), value, DAYS * 86400)
        return response


def _kept() -> tuple[str, list[str]]:
    try:
        found = _signer().loads(request.cookies.get(cookies.name_of(COOKIE), ""))
    except BadSignature:
        return "", []
    if not (isinstance(found, list) and found and all(isinstance(one, str) for one in found)):
        return "", []
    return found[0], found[1:]


def _folded(name: str) -> str:
    """As the register finds a name, however it is typed."""
    return " ".join(name.split()).casefold()


def _signer() -> URLSafeSerializer:
    key = current_app.secret_key
    assert key is not None
    return URLSafeSerializer(key, salt=cookies.salt("a browser that has signed in before"))
