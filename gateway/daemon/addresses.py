"""Addresses of help that the gateway resolved by itself: a name in a hello alone opens nothing.

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
from gateway.path.addresses import AddressBook
from gateway.wire.dns import AAAA, IN, RD, A, parse_message
from gateway.wire.dns_names import host_labels, wire_name

REFRESH = 600.0  # seconds; addresses of help change rarely, and an old one does no harm
RETRY = 5.0  # seconds; at boot the line comes up after the daemon
MAX_NAMES = 512  # help names of all countries, and names under them that devices asked for
SETTLE = 0.3  # seconds
KEPT = 86400.0  # seconds; help stays reachable while the resolver does not answer

_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_log = logging.getLogger(__name__)

HELP = "help"  # the book's key


class HelpAddresses:
    """``changed`` is called when an address is new: the kernel lets them through while no daemon runs."""

    def __init__(
        self,
        loop: Loop,
        book: AddressBook,
        servers: Iterable[str],
        changed: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._book = book
        self._servers = tuple(servers)
        self._changed = changed
        self._names: dict[str, bool] = {}  # name → answered since the last round
        self._asked: dict[int, str] = {}
        self.by_name: dict[str, frozenset[bytes]] = {}  # packed addresses
        self.addresses: frozenset[bytes] = frozenset()
        self._sockets: list[socket.socket] = []
        self._timer: Timer | None = None
        self._settling: Timer | None = None
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
            self._ask(name)
        if self._timer is None and self._names:
            self._timer = self._loop.call_later(RETRY, self._round)

    def knows(self, host: str, address: bytes) -> bool:  # noqa: ARG002  one pack: any help name's address is help
        return address in self.addresses and self._book.knows(HELP, address, self._loop.now())

    def _round(self) -> None:
        waiting = [name for name, answered in self._names.items() if not answered]
        for name in waiting or self._names:
            self._ask(name)
        if not waiting:
            self._names = dict.fromkeys(self._names, False)
        self._timer = self._loop.call_later(RETRY if waiting else REFRESH, self._round)

    def _ask(self, name: str) -> None:
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
                    _log.debug("help names: %s does not take questions (%s)", server, error)

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
        self._names[name] = True
        found = message.addresses()
        self._book.learn(HELP, found, KEPT, self._loop.now())
        known = self.by_name.get(name, frozenset())
        if not known.issuperset(found):
            self.by_name[name] = known.union(found)
            self.addresses = self.addresses.union(found)
            self._settle()

    def _settle(self) -> None:
        """Answers come in a shower; one change of the table is enough for all of it."""
        if self._settling is None:
            self._settling = self._loop.call_later(SETTLE, self._settled)

    def _settled(self) -> None:
        self._settling = None
        self._changed()

    def close(self) -> None:
        for timer in (self._timer, self._settling):
            if timer is not None:
                timer.cancel()
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
