"""Connections of the web to the internet alone; gateway/core/public_addresses.py has the reasons. Not in the
daemon.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
    UnknownHandler,
)

from gateway.core.public_addresses import Network, NotOutside, check_url, is_outside, our_networks

Resolve = Callable[[str, int], list[str]]

MAX_ADDRESSES = 32  # of one name; more are no web server's


def resolve(host: str, port: int) -> list[str]:
    """Addresses by the system's resolver, in its order. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


class Outside:
    """What checks and connects. ``resolver`` and ``networks`` are the outside world, for tests."""

    def __init__(
        self, resolver: Resolve = resolve, networks: Callable[[], Iterable[Network]] = our_networks
    ) -> None:
        self._resolve = resolver
        self._networks = networks
        self._last: socket.socket | None = None

    def addresses(self, host: str, port: int) -> list[str]:
        """Of a host, all of them outside. Raises NotOutside, and OSError where there is none."""
        found = self._resolve(host, port)
        ours = tuple(self._networks())
        inside = next((one for one in found if not is_outside(one, ours)), None)
        if inside is not None:
            msg = f"{host} is {inside}, which is not on the internet"
            raise NotOutside(msg)
        return found[:MAX_ADDRESSES]

    def connect(self, where: tuple[str, int], timeout: Any = None, source: Any = None) -> socket.socket:
        """As socket.create_connection, to an address that was looked at."""
        last: OSError | None = None
        for address in self.addresses(*where):
            try:
                made = socket.create_connection((address, where[1]), timeout, source)
            except OSError as error:
                last = error
            else:
                self.let_go()
                self._last = made.dup()  # for TLS takes the other one over
                return made
        raise last or OSError(f"{where[0]} has no address")

    def cut(self) -> None:
        """End the last connection, whatever it is at; from another thread. Time-outs are of single steps: a
        server that tells a letter now and then meets none of them.
        """
        if self._last is not None:
            with suppress(OSError):  # it has ended already
                self._last.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        if self._last is not None:
            self._last.close()
            self._last = None

    def opener(self, redirects: HTTPRedirectHandler) -> OpenerDirector:
        """Every connection is made by ``connect``. A plain one of urllib's follows a redirect to FTP too, and
        reads files.
        """
        made = OpenerDirector()
        handlers = (_Http(self), _Https(self), redirects, HTTPDefaultErrorHandler(), HTTPErrorProcessor())
        for one in (*handlers, UnknownHandler()):
            made.add_handler(one)
        return made


class _Http(HTTPHandler):
    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self._outside = outside

    def http_open(self, req: Request) -> Any:
        check_url(req.full_url)
        return self.do_open(partial(_connection, HTTPConnection, self._outside), req)


class _Https(HTTPSHandler):
    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self._outside = outside

    def https_open(self, req: Request) -> Any:
        check_url(req.full_url)
        return self.do_open(partial(_connection, HTTPSConnection, self._outside), req)


def _connection(kind: type[HTTPConnection], outside: Outside, host: str, **options: Any) -> HTTPConnection:
    made = kind(host, **options)
    made._create_connection = outside.connect  # type: ignore[attr-defined]  # where http.client makes its own
    return made
