"""Names, signs and sets cookies. Those of plain HTTP and of the trusted HTTPS name are separate.

A browser sends a cookie with the prefix `__Host-` only over HTTPS, only to the name that set it, and accepts
it from no other (RFC 6265bis 4.1.3). A signature is valid for one of the two only.
"""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

TRUSTED = "__Host-"


def name_of(name: str) -> str:
    """Return the full name of a cookie: with the prefix `__Host-` over HTTPS, else with the port, if any.

    The port is that of the Host header, which browsers leave out for port 80. Browsers share cookies between
    ports, and 127.0.0.1 may have several gateways.
    """
    if request.is_secure:
        return f"{TRUSTED}{name}"
    port = request.host.rpartition(":")[2]
    return f"{name}-{port}" if port.isdigit() else name


def salt(what: str) -> str:
    """Return the salt with which a cookie is signed: ``what``, with an addition over HTTPS.

    A cookie captured over plain HTTP is therefore not valid at the trusted name.
    """
    return f"{what} over https" if request.is_secure else what


def put(response: Response, name: str, value: str, life: int | None, samesite: str = "Strict") -> None:
    """Set an HttpOnly cookie on the response, over HTTPS a Secure one.

    ``name``: from `name_of`. ``life``: seconds; None: until the browser ends.
    """
    response.set_cookie(
        name, value, max_age=life, secure=request.is_secure, httponly=True, samesite=samesite, path="/"
    )
