"""Names that the gateway resolves by itself, now and again: what a device's resolver says is not believed.

Questions go to the gateway's own resolver over UDP, on the event loop; nothing waits for an answer.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from gateway.errors import WireError
from gateway.loop import Loop, Timer
from gateway.wire.dns import AAAA, IN, RD, A, parse_message
from gateway.wire.dns_names import host_labels, wire_name

REFRESH = 600.0  # seconds
RETRY = 5.0  # seconds; at boot the line comes up after the daemon
MAX_NAMES = 512  # help names of all countries and the safe names of all search engines
KEPT = 86400.0  # seconds for which an address holds while the resolver does not answer

_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_log = logging.getLogger(__name__)

Found = Callable[[str, list[bytes]], None]
"""A name and the packed addresses of one answer."""


class Lookups:
    """Asks for A and AAAA of every wanted name, and again from time to time."""

    def __init__(self, loop: Loop, servers: Iterable[str], found: Found) -> None:
        self._loop = loop
        self._servers = tuple(servers)
        self._found = found
        self._names: dict[str, bool] = {}  # name → answered since the last round
        self._asked: dict[int, str] = {}
        self._sockets: list[socket.socket] = []
        self._timer: Timer | None = None
        for family, local in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            try:
                sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
                sock.bind((local, 0))
            except OSError:
                continue
            self._sockets.append(sock)
            loop.on_readable(sock, lambda sock=sock: self._answered(sock))  # type: ignore[misc]

    def want(self, names: Iterable[str]) -> None:
        """Resolve these names now, and again from time to time."""
        fresh = [name for name in names if name not in self._names]
        for name in fresh:
            if len(self._names) >= MAX_NAMES:
                break
            self._names[name] = False
            self.ask(name)
        if self._timer is None and self._names:
            self._timer = self._loop.call_later(RETRY, self._round)

    def _round(self) -> None:
        waiting = [name for name, answered in self._names.items() if not answered]
        for name in waiting or self._names:
            self.ask(name)
        if not waiting:
            self._names = dict.fromkeys(self._names, False)
        self._timer = self._loop.call_later(RETRY if waiting else REFRESH, self._round)

    def ask(self, name: str) -> None:
        """Resolve it now; of what is not wanted, this once."""
        for kind in (A, AAAA):
            ident = int.from_bytes(os.urandom(2), "big")
            self._asked[ident] = name
            while len(self._asked) > 4 * MAX_NAMES:
                del self._asked[next(iter(self._asked))]
            query = (
                _HEADER.pack(ident, RD, 1, 0, 0, 0) + wire_name(host_labels(name)) + _QUESTION.pack(kind, IN)
            )
            for server in self._servers:
                self._send(query, server)

    def _send(self, query: bytes, server: str) -> None:
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        for sock in self._sockets:
            if sock.family == family:
                try:
                    sock.sendto(query, (server, 53))
                except OSError as error:
                    _log.debug("%s does not take questions (%s)", server, error)

    def _answered(self, sock: socket.socket) -> None:
        try:
            data, peer = sock.recvfrom(4096)
            message = parse_message(data)
        except (OSError, WireError):
            return
        name = self._asked.get(message.id)
        question = message.question
        if peer[0] not in self._servers or name is None or question is None or question.name != name:
            return
        if name in self._names:
            self._names[name] = True
        self._found(name, message.addresses())

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for sock in self._sockets:
            self._loop.forget(sock)
            sock.close()


def resolvers(path: Path = Path("/etc/resolv.conf")) -> tuple[str, ...]:
    """The gateway's own resolvers (resolv.conf(5)); its loopback where none is named."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    fields = (line.split() for line in lines)
    found = [words[1].partition("%")[0] for words in fields if len(words) > 1 and words[0] == "nameserver"]
    return tuple(found[:3]) or ("127.0.0.1",)
