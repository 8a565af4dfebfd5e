"""Makes HTTP connections to public addresses only (`Outside`), or to servers of the household (`Inside`).

gateway/core/public_addresses.py has the reasons.

The daemon itself does not use this module.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
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

MAX_ADDRESSES = 32  # of one name; no web server has more


def resolve(host: str, port: int) -> list[str]:
    """Return a host's IP addresses from the system's resolver, in its order, each once. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


class Outside:
    """Makes TCP and HTTP connections to hosts whose addresses are all public, and refuses others.

    ``networks`` returns the networks of this household, whose addresses are refused too. Tests replace
    it and ``resolver``.
    """

    def __init__(
        self, resolver: Resolve = resolve, networks: Callable[[], Iterable[Network]] = our_networks
    ) -> None:
        self._resolve = resolver
        self._networks = networks
        self._last: socket.socket | None = None
        self._aborted = threading.Event()

    def addresses(self, host: str, port: int) -> list[str]:
        """Resolve a host and return its IP addresses, at most MAX_ADDRESSES.

        Raises NotOutside if one of them is not public, and OSError if the name cannot be resolved.
        """
        found = self._resolve(host, port)
        ours = tuple(self._networks())
        inside = next((address for address in found if not is_outside(address, ours)), None)
        if inside is not None:
            msg = f"{host} resolves to {inside}, which is not a public internet address"
            raise NotOutside(msg)
        return found[:MAX_ADDRESSES]

    def connect(self, where: tuple[str, int], timeout: Any = None, source: Any = None) -> socket.socket:
        """Return a TCP socket connected to the host and port ``where``, at one of its checked addresses.

        A replacement for socket.create_connection. Raises NotOutside, or OSError if no address accepts.
        After `abort` it tries no further address, and raises TimeoutError.
        """
        last: OSError | None = None
        for address in self.addresses(*where):
            if self._aborted.is_set():
                raise TimeoutError from last
            try:
                made = socket.create_connection((address, where[1]), timeout, source)
            except OSError as error:
                last = error
            else:
                self._forget()
                self._last = made.dup()  # TLS takes over the original
                if self._aborted.is_set():  # while it connected
                    self.abort()
                return made
        raise last or OSError(f"{where[0]} has no address")

    def abort(self) -> None:
        """Shut down the last connection, so that its reader gets an error or the end. Thread-safe.

        A connection that is being made is shut down too, and no other is made until `release`. Socket
        timeouts limit single operations only, so a server that sends a byte now and then never exceeds them.
        """
        self._aborted.set()
        last = self._last
        if last is not None:
            with suppress(OSError):  # it has ended already
                last.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Forget the last connection and an `abort`: close a duplicate of the connection's descriptor.

        The connection itself stays open.
        """
        self._forget()
        self._aborted.clear()

    def _forget(self) -> None:
        if self._last is not None:
            self._last.close()
            self._last = None

    def opener(self, redirects: HTTPRedirectHandler) -> OpenerDirector:
        """Return a urllib opener for HTTP and HTTPS that connects through ``connect`` only.

        urllib's default opener also follows redirects to FTP and reads local files.
        """
        made = OpenerDirector()
        handlers = (_Http(self), _Https(self), redirects, HTTPDefaultErrorHandler(), HTTPErrorProcessor())
        for handler in (*handlers, UnknownHandler()):
            made.add_handler(handler)
        return made


class Inside(Outside):
    """Makes connections to private addresses in the household's networks only, and not to this machine.

    `addresses` raises NotOutside for another address, and OSError if the name cannot be resolved.
    """

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
    """Return whether this machine has the IP address: only its own addresses can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address, 0))
        except OSError:
            return False
    return True


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
    made._create_connection = outside.connect  # type: ignore[attr-defined]  # the hook of http.client
    return made
