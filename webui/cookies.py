"""What cookies are called and how they are kept: over plain HTTP and at the trusted name they are two worlds.

The browser sends one that begins with `__Host-` back over HTTPS alone, to the very name that set it, and
takes it from nobody else (RFC 6265bis 4.1.3). What is signed says for which of the two it is good.
"""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

TRUSTED = "__Host-"


def name_of(name: str) -> str:
    """Browsers share cookies between ports of one host, but several gateways may be tried on 127.0.0.1."""
    if request.is_secure:
        return f"{TRUSTED}{name}"
    port = request.host.rpartition(":")[2]
    return f"{name}-{port}" if port.isdigit() else name


def salt(what: str) -> str:
    """Of a signature: what somebody heard over plain HTTP is worth nothing at the trusted name."""
    return f"{what} over https" if request.is_secure else what


def put(response: Response, name: str, value: str, life: int | None, samesite: str = "Strict") -> None:
    """``name`` is one that `name_of` gave, ``life`` in seconds; None: until the browser ends."""
    response.set_cookie(
        name, value, max_age=life, secure=request.is_secure, httponly=True, samesite=samesite, path="/"
    )
