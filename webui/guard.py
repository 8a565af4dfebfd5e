"""Checks every request: the host name, the origin of a form, and the content security policy.

The pages use plain HTTP inside the home, and also HTTPS under the trusted name only. They never send
Strict-Transport-Security: the same name serves old devices by HTTP, and would become unreachable for all
others when its certificate expires.

Host allow-list: an unknown name is rejected, because it may be DNS rebinding. An address is accepted, since
rebinding needs a name. Forms: Sec-Fetch-Site if the browser sends it (only to trustworthy origins), else
Origin; without either the form is rejected.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request


def policy(reach: str = "") -> str:
    """Return the content security policy of a page.

    ``reach``: further sources that its script may connect to.
    """
    own = f"'self' {reach}".strip()
    return (
        f"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src {own};"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


HEADERS = {
    "Content-Security-Policy": policy(),
    # With "no-referrer" a browser sends `Origin: null` with our own forms. Over plain HTTP it sends no
    # Sec-Fetch-Site, so nothing would identify them. This policy sends nothing to other sites either.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_ours(host: str, names: frozenset[str]) -> bool:
    """Return whether a Host header has an IP address or one of our names. The port is ignored."""
    parts = _split(f"//{host}")
    if parts is None or not parts or host != host.strip():
        return False
    if parts in names:
        return True
    try:
        ip_address(parts.partition("%")[0])
    except ValueError:
        return False
    return True


def is_same_origin(fetch_site: str | None, origin: str | None, host: str, scheme: str) -> bool:
    """Return whether the headers of a form show that one of our own pages sent it.

    ``fetch_site``: Sec-Fetch-Site. ``host`` and ``scheme``: of this request.
    """
    if fetch_site is not None:
        return fetch_site == "same-origin"
    if origin is None:
        return False
    return origin.lower() == f"{scheme}://{host.lower()}"


def is_beyond_forms(path: str, authorization: str) -> bool:
    """Return whether this is an API request with a bearer token, which needs no check of its origin.

    No page of another site can send one: the browser first sends a preflight request, which we reject.
    """
    return path.startswith("/api/") and authorization.lower().startswith("bearer ")


def _split(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def install(app: Flask, names: frozenset[str], trusted: str = "") -> None:
    """Install the checks. ``trusted``: the name of the pages over HTTPS; empty: none."""
    names = names | {trusted} if trusted else names

    @app.before_request
    def check() -> None:
        host = request.headers.get("Host", "")
        if request.is_secure and host.lower() not in {trusted, f"{trusted}:443"}:
            abort(421)
        if not is_ours(host, names):
            abort(421)
        if request.method in SAFE_METHODS or is_beyond_forms(
            request.path, request.headers.get("Authorization", "")
        ):
            return
        if not is_same_origin(
            request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin"), request.host, request.scheme
        ):
            abort(403)

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        return response
