"""Checks a browser's subscription to Web Push. The gateway connects to the address that is in it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from gateway.core.errors import GatewayError
from gateway.core.public_addresses import NotOutside, check_url, looks_like_address
from gateway.policy.alerts.push_subscriptions import PushSubscription

HTTPS_PORT = 443

_POINT = re.compile(r"B[A-Za-z0-9_-]{86}", re.ASCII)  # 65 bytes, the first is 4: an uncompressed point
_SECRET = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)  # 16 bytes


class BadSubscription(GatewayError):
    """Raised for a browser's push subscription that is invalid, or not to a push service on the internet."""


def checked(endpoint: str, p256dh: str, auth: str) -> PushSubscription:
    """Return a browser's Web Push subscription after a check of its parts. Raises BadSubscription.

    ``endpoint`` must be an HTTPS address with a host name, at port 443. Whether the name has an internet
    address is checked for each message. ``p256dh`` and ``auth``: the browser's keys in base64url.
    """
    try:
        host = check_url(endpoint)
    except NotOutside as error:
        raise BadSubscription(str(error)) from None
    parts = urlsplit(endpoint)
    if parts.scheme != "https" or parts.port not in (None, HTTPS_PORT):
        msg = "a push service has an https address, at port 443"
        raise BadSubscription(msg)
    if looks_like_address(host) or "." not in host:
        msg = "a push service has a name"
        raise BadSubscription(msg)
    p256dh, auth = p256dh.rstrip("="), auth.rstrip("=")
    if _POINT.fullmatch(p256dh) is None or _SECRET.fullmatch(auth) is None:
        msg = "the keys of a subscription are 65 and 16 bytes in base64url"
        raise BadSubscription(msg)
    return PushSubscription(endpoint, p256dh, auth)
