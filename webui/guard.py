"""What holds for every request: whose name was asked for, who sends a form, and what a browser may load.

The pages are plain HTTP inside the home, and HTTPS too where it has a trusted name: under that name alone.
It never sends Strict-Transport-Security: the same name serves old devices by HTTP, and would be lost to all
others on the day on which its certificate ends.

Host allow-list: a name that somebody points at our address (DNS rebinding) is refused; an address is not,
since rebinding needs a name. Forms: Sec-Fetch-Site where the browser sends it (it does so to trustworthy
origins only), else Origin, else nothing passes.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request


def policy(reach: str = "") -> str:
    """What a browser may load for a page. ``reach``: sources that its script may ask beside our own."""
    own = f"'self' {reach}".strip()
    return (
        f"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src {own};"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


HEADERS = {
    "Content-Security-Policy": policy(),
    # With "no-referrer" a browser says `Origin: null` of our own forms, and over plain HTTP, where it sends
    # no Sec-Fetch-Site, nothing is left by which to know them. Others are told nothing by this one either.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_ours(host: str, names: frozenset[str]) -> bool:
    """True when a Host header names an address or one of our names; the port does not matter."""
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
    """May a form with these headers change something?"""
    if fetch_site is not None:
        return fetch_site == "same-origin"
    if origin is None:
        return False
    return origin.lower() == f"{scheme}://{host.lower()}"


def is_beyond_forms(path: str, authorization: str) -> bool:
    """A request to the API that says by a header who asks: no page of another site can send one, since a
    browser asks us first, and gets no leave.
    """
    return path.startswith("/api/") and authorization.lower().startswith("bearer ")


def _split(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def install(app: Flask, names: frozenset[str], trusted: str = "") -> None:
    """``trusted``: the name by which the pages are reached over HTTPS; empty: none."""
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
