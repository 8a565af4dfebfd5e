"""Browsers that have signed in here before: a long-lived signed cookie of its own, which opens nothing.

It keeps tries of its own, so that a child who types wrong passwords on another device, or on this one before
the parent takes it, can't lock a parent out.
"""

from __future__ import annotations

import secrets

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

DAYS = 400  # as long as browsers keep a cookie
ID_LENGTH = 12  # bytes


def cookie_name(name: str) -> str:
    port = request.host.rpartition(":")[2]
    return f"{name}-{port}" if port.isdigit() else name


def known() -> str:
    """This browser's own id; empty where it has never signed in."""
    try:
        found = _signer().loads(request.cookies.get(cookie_name("qalqan-known"), ""))
    except BadSignature:
        return ""
    return found if isinstance(found, str) else ""


def remember() -> None:
    """From the answer on that is being made."""
    value = _signer().dumps(known() or secrets.token_urlsafe(ID_LENGTH))

    @after_this_request
    def keep(response: Response) -> Response:
        response.set_cookie(
            cookie_name("qalqan-known"), value, max_age=DAYS * 86400, httponly=True, samesite="Strict"
        )
        return response


def _signer() -> URLSafeSerializer:
    key = current_app.secret_key
    assert key is not None
    return URLSafeSerializer(key, salt="a browser that has signed in before")
