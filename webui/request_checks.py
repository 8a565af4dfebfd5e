"""Checks every request's host name and every form's origin, and sets the content security policy.

The pages use plain HTTP inside the home, and also HTTPS under the trusted name only. They never send
Strict-Transport-Security: the same name serves old devices by HTTP, and would become unreachable for all
others when its certificate expires.

Host allow-list: an unknown name is rejected, because it may be DNS rebinding. An address is accepted, since
rebinding needs a name. A browser at the pages' own address that looks for a blocked site is sent to the
page that says why.

Forms: Sec-Fetch-Site if the browser sends it (only to trustworthy origins), else Origin; without either the
form is rejected.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

from gateway.policy.names.hosts import is_host_name
from webui.language.i18n import gettext as _
from webui.settings import OWN_NAME

PLAIN = "text/plain; charset=utf-8"


def policy(reach: str = "") -> str:
    """Return the Content-Security-Policy header of a page.

    ``reach``: further sources that its script may connect to.
    """
    own = f"'self' {reach}".strip()
    return (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; manifest-src 'self';"
        f" connect-src {own}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
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
    """Return whether a Host header has an IP address or one of the gateway's names. The port is ignored."""
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


def host_name(text: str) -> str:
    """Return untrusted text in lower case, without a final dot, if it is a host name; else empty."""
    name = text.lower().removesuffix(".")
    return name if is_host_name(name) else ""


def blocked_site(host: str) -> str:
    """Return the blocked site that a browser looks for, from a Host header with a foreign name; else empty.

    Any name with a dot counts: only blocked sites are redirected to the gateway. Empty for a name with
    another port than 80, since only port 80 is redirected.
    """
    name = host_name(host.removesuffix(":80"))
    return name if "." in name else ""


def is_same_origin(fetch_site: str | None, origin: str | None, host: str, scheme: str) -> bool:
    """Return whether the headers of a form show that one of the gateway's own pages sent it.

    ``fetch_site``: the header Sec-Fetch-Site, which decides if it was sent. ``origin``: the header Origin.
    ``host`` and ``scheme``: of this request.
    """
    if fetch_site is not None:
        return fetch_site == "same-origin"
    if origin is None:
        return False
    return origin.lower() == f"{scheme}://{host.lower()}"


def is_beyond_forms(path: str, authorization: str) -> bool:
    """Return whether this is an API request with a bearer token, which needs no check of its origin.

    No page of another site can send one: the browser first sends a preflight request, which is rejected.
    """
    return path.startswith("/api/") and authorization.lower().startswith("bearer ")


def _split(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _explain(site: str) -> Response:
    """Return the response to a request for a blocked site: for a page load a redirect to the page about it.

    Other requests get an empty response with status 403. Nothing of the gateway is shown under the name of
    the site. The body is a stream without a length, so that the server closes the connection: the browser
    must not use it again once the site is open.
    """
    answer = Response(iter((b"",)), 403, content_type=PLAIN)
    answer.headers["Cache-Control"] = "no-store"
    if is_navigation():
        answer.status_code = 303
        answer.headers["Location"] = f"http://{OWN_NAME}/refused?host={site}"
    return answer


def is_navigation() -> bool:
    """Return whether the browser loads a page, not a part of one. Over plain HTTP only Accept shows it."""
    part = request.headers.get("Sec-Fetch-Dest", "document") != "document"
    return not part and "text/html" in request.headers.get("Accept", "")


def install(app: Flask, names: frozenset[str], trusted: str = "") -> None:
    """Make the application check each request and add security headers to each response.

    It checks the host name and, for forms, the origin: 421 or 403 for others. A page load of a blocked site
    is redirected to the page about it; its other requests get 403. ``names``: the accepted host names.
    ``trusted``: the name of the pages over HTTPS; empty: none.
    """
    names = names | {trusted} if trusted else names

    @app.before_request
    def check() -> Response | None:
        host = request.headers.get("Host", "")
        ours = is_ours(host, names)
        if not ours and not host_name(host.partition(":")[0]):
            # Flask can build no link for such a host, so the usual page of errors would fail.
            return Response(_("This is not the name of this gateway"), 421, content_type=PLAIN)
        if request.is_secure and host.lower() not in {trusted, f"{trusted}:443"}:
            abort(421)
        if not ours:
            site = blocked_site(host)
            if not site or request.path.startswith("/api/"):
                abort(421)
            return _explain(site)
        if request.method in SAFE_METHODS or is_beyond_forms(
            request.path, request.headers.get("Authorization", "")
        ):
            return None
        if not is_same_origin(
            request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin"), request.host, request.scheme
        ):
            abort(403)
        return None

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        return response
