"""Sends one message to one topic of an ntfy server.

A guardian types the address, so gateway/core/public_addresses.py restricts it: the server must be on the
internet, at addresses that were checked. If the guardian says that the server is in the home, the opposite
applies: only that host, in a network of the home, and not the gateway. Redirects are not followed, and only
the head of the response is read.
"""

from __future__ import annotations

import base64
import socket
import threading
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from gateway.core.http_client import Inside, Outside
from gateway.core.public_addresses import NotOutside, check_url
from webui.messages.unsent import NotSent, SendFailure

STALL = 8.0  # seconds for one step of the connection
DEADLINE = 15.0  # seconds until the attempt is aborted: a server that sends a byte a second has failed
USER_AGENT = "qalqan (family filter)"


def send(
    address: str,
    text: str,
    *,
    title: str,
    click: str,
    inside: bool = False,
    deadline: float = DEADLINE,
) -> None:
    """Send a message to the ntfy topic at ``address``. Raises: NotSent.

    ``click``: the address that a tap opens. ``inside``: the server is in the home, not on the internet. After
    ``deadline`` seconds an open connection is cut, and no further address of the server is tried; resolving
    the name and connecting to one address may take longer.
    """
    try:
        host = check_url(address)
    except NotOutside:
        raise NotSent(SendFailure.ADDRESS) from None
    parts = urlsplit(address)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    made = kind(host, parts.port, timeout=min(STALL, deadline))
    way = Inside() if inside else Outside()
    line = _Line(way, deadline)
    made._create_connection = way.connect  # type: ignore[attr-defined]  # where http.client makes its own
    try:
        made.request("POST", _path(parts.path, parts.query), text.encode(), _headers(title, click))
        status = made.getresponse().status
    except NotOutside:
        raise NotSent(SendFailure.NOT_INSIDE if inside else SendFailure.NOT_OUTSIDE) from None
    except (OSError, HTTPException, ValueError) as error:
        raise NotSent(SendFailure.SLOW if line.cut.is_set() else _why(error)) from None
    finally:
        line.close()
        made.close()
    if line.cut.is_set():  # a cut connection reads like an end of the response
        raise NotSent(SendFailure.SLOW)
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        raise NotSent(SendFailure.REFUSED, status)


class _Line:
    """Aborts the connections of ``way`` ``deadline`` seconds after this object is made.

    The time-out of a socket applies only to single steps, so a slow server could take longer.
    """

    def __init__(self, way: Outside, deadline: float) -> None:
        self._way = way
        self.cut = threading.Event()
        self._timer = threading.Timer(deadline, self._give_up)
        self._timer.daemon = True
        self._timer.start()

    def _give_up(self) -> None:
        self.cut.set()
        self._way.abort()

    def close(self) -> None:
        self._timer.cancel()
        self._timer.join()
        self._way.release()


def _path(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")


def _headers(title: str, click: str) -> dict[str, str]:
    return {"Title": _header(title), "Click": click, "User-Agent": USER_AGENT, "Content-Type": "text/plain"}


def _header(text: str) -> str:
    """Return ``text`` as the value of an HTTP header.

    Text that is not printable ASCII is encoded by RFC 2047, which ntfy decodes.
    """
    if text.isascii() and text.isprintable():
        return text
    return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="


def _why(error: Exception) -> SendFailure:
    if isinstance(error, TimeoutError):
        return SendFailure.SLOW
    return SendFailure.NO_NAME if isinstance(error, socket.gaierror) else SendFailure.UNREACHABLE
