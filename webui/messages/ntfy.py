"""One message to one topic of an ntfy server, and to nowhere else.

The address is typed by a guardian, and so it is held to gateway/core/public_addresses.py: to the internet
alone, by addresses that were looked at. Where the guardian says that the server stands in the home, it is the
other way round: to that one host, which has to be in a network of the home and may not be the gateway. No
redirect is followed in either case, and of an answer nothing but its head is read.
"""

from __future__ import annotations

import base64
import ipaddress
import socket
import threading
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from gateway.core.http_client import MAX_ADDRESSES, Outside
from gateway.core.public_addresses import NotOutside, check_url
from webui.messages.unsent import NotSent, Why

STALL = 8.0  # seconds for one step of the connection
DEADLINE = 15.0  # seconds for all of it: a server that tells a letter a second is none
USER_AGENT = "qalqan (family filter)"


class Inside(Outside):
    """The home's own networks alone, and no address of this machine."""

    def addresses(self, host: str, port: int) -> list[str]:
        found = self._resolve(host, port)
        ours = tuple(self._networks())
        for text in found:
            address = ipaddress.ip_address(text.partition("%")[0])
            if (
                not address.is_private
                or address.is_loopback
                or address.is_link_local
                or address.is_unspecified
                or not any(address in net for net in ours)
                or is_own(text)
            ):
                msg = f"{host} is not in the home's network"
                raise NotOutside(msg)
        return found[:MAX_ADDRESSES]


def is_own(address: str) -> bool:
    """Whether this machine has it: only then it can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address, 0))
        except OSError:
            return False
    return True


def send(
    address: str,
    text: str,
    *,
    title: str,
    click: str,
    inside: bool = False,
    deadline: float = DEADLINE,
) -> None:
    """Raises NotSent."""
    try:
        host = check_url(address)
    except NotOutside:
        raise NotSent(Why.ADDRESS) from None
    parts = urlsplit(address)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    made = kind(host, parts.port, timeout=min(STALL, deadline))
    line = _Line(Inside() if inside else Outside(), deadline)
    made._create_connection = line.connect  # type: ignore[attr-defined]  # where http.client makes its own
    try:
        made.request("POST", _path(parts.path, parts.query), text.encode(), _headers(title, click))
        status = made.getresponse().status
    except NotOutside:
        raise NotSent(Why.NOT_INSIDE if inside else Why.NOT_OUTSIDE) from None
    except (OSError, HTTPException, ValueError) as error:
        raise NotSent(Why.SLOW if line.cut.is_set() else _why(error)) from None
    finally:
        line.close()
        made.close()
    if line.cut.is_set():  # what was cut reads like an end
        raise NotSent(Why.SLOW)
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        raise NotSent(Why.REFUSED, status)


class _Line:
    """The one connection, which is cut at the deadline, whatever it is at: time-outs are of single steps."""

    def __init__(self, way: Outside, deadline: float) -> None:
        self._way = way
        self._ours: socket.socket | None = None
        self.cut = threading.Event()
        self._timer = threading.Timer(deadline, self._give_up)
        self._timer.daemon = True
        self._timer.start()

    def connect(self, where: tuple[str, int], timeout: float, source: Any = None) -> socket.socket:
        made = self._way.connect(where, timeout, source)
        self._ours = made.dup()  # for TLS takes the other one over
        if self.cut.is_set():
            self._give_up()
        return made

    def _give_up(self) -> None:
        self.cut.set()
        if self._ours is not None:
            with suppress(OSError):  # it has ended already
                self._ours.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._timer.cancel()
        if self._ours is not None:
            self._ours.close()


def _path(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")


def _headers(title: str, click: str) -> dict[str, str]:
    return {"Title": _header(title), "Click": click, "User-Agent": USER_AGENT, "Content-Type": "text/plain"}


def _header(text: str) -> str:
    """Letters of any language in a header, as RFC 2047 has them and ntfy reads them."""
    if text.isascii() and text.isprintable():
        return text
    return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="


def _why(error: Exception) -> Why:
    if isinstance(error, TimeoutError):
        return Why.SLOW
    return Why.NO_NAME if isinstance(error, socket.gaierror) else Why.UNREACHABLE
