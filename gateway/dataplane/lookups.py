"""Names that the gateway resolves itself, periodically, because a device's resolver is not trusted.

Queries go to the gateway's own resolver over UDP on the event loop; nothing waits for an answer. Any device
on the LAN can forge answers of that resolver. Each query therefore has its own socket and id, which are
closed with the answer or after a few seconds, and letters in random case, which answers repeat.
"""

from __future__ import annotations

import logging
import secrets
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

from gateway.core.errors import WireError
from gateway.core.loop import Loop, Timer
from gateway.wire.dns.message import AAAA, IN, RD, A, host_labels, parse_message, wire_name

PORT = 53
REFRESH = 600.0  # seconds
RETRY = 5.0  # seconds; at boot the internet connection comes up after the daemon
MAX_NAMES = 512  # names of help lines of all countries, and safe names of all search engines
MAX_OPEN = 32  # pending queries to one resolver, a descriptor each; others wait
MAX_WAITING = 4 * MAX_NAMES  # per resolver, 200 bytes each
PATIENCE = 3.0  # seconds for an answer
KEPT = 86400.0  # seconds for which an address stays valid while the resolver does not answer

_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_MAX_ANSWER = 4096  # bytes
_log = logging.getLogger(__name__)

Found = Callable[[str, list[bytes]], None]
"""A name and the packed addresses of one answer."""

_Ask = tuple[str, int]  # name and type


class _Server:
    """A resolver and its queries."""

    __slots__ = ("address", "open", "repeats", "waiting")

    def __init__(self, address: str) -> None:
        self.address = address
        self.waiting: OrderedDict[_Ask, None] = OrderedDict()
        self.open: dict[_Ask, _Sent] = {}
        # Whether it repeats a name letter by letter, as all but a few old resolvers do. Never unset once
        # known: a forger would do that first.
        self.repeats = False


class _Sent:
    """A pending query."""

    __slots__ = ("ask", "ident", "raw", "server", "sock", "timer")

    def __init__(self, server: _Server, ask: _Ask, sock: socket.socket, ident: int, raw: bytes) -> None:
        self.server = server
        self.ask = ask
        self.sock = sock
        self.ident = ident
        self.raw = raw  # the name as sent
        self.timer: Timer | None = None


class Lookups:
    """Resolves A and AAAA of every wanted name, periodically."""

    def __init__(self, loop: Loop, servers: Iterable[str], found: Found) -> None:
        self._loop = loop
        self._servers = tuple(_Server(address) for address in servers)
        self._found = found
        self._names: dict[str, bool] = {}  # name → answered since the last round
        self._retries = 0  # consecutive rounds in which an answer was missing
        self._timer: Timer | None = None

    def want(self, names: Iterable[str]) -> None:
        """Resolve these names now and periodically."""
        fresh = [name for name in names if name not in self._names]
        for name in fresh:
            if len(self._names) >= MAX_NAMES:
                break
            self._names[name] = False
            self.ask(name)
        if fresh:
            self._next(RETRY)

    def _round(self) -> None:
        """Repeat unanswered queries soon, and all queries after a while.

        A name whose servers do not answer must not prevent that the others are refreshed.
        """
        waiting = [name for name, answered in self._names.items() if not answered]
        self._retries = self._retries + 1 if waiting else 0
        if self._retries * RETRY > REFRESH:
            waiting, self._retries = list(self._names), 0
        if not waiting or not self._retries:
            self._names = dict.fromkeys(self._names, False)
        for name in waiting:
            self.ask(name)
        self._next(RETRY if waiting else REFRESH)

    def _next(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._round)

    def ask(self, name: str) -> None:
        """Resolve a name now. If it is not a wanted name, only once."""
        for server in self._servers:
            for ask in ((name, A), (name, AAAA)):
                if ask not in server.open and len(server.waiting) < MAX_WAITING:
                    server.waiting[ask] = None
            self._send_waiting(server)

    def _send_waiting(self, server: _Server) -> None:
        while server.waiting and len(server.open) < MAX_OPEN:
            ask, _ = server.waiting.popitem(last=False)
            try:
                self._send(server, ask)
            except OSError as error:
                _log.debug("%s does not take questions (%s)", server.address, error)

    def _send(self, server: _Server, ask: _Ask) -> None:
        name, kind = ask
        ident, raw = secrets.randbits(16), wire_name([_in_any_case(label) for label in host_labels(name)])
        family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            sock.connect((server.address, PORT))  # from a random port; the kernel drops packets of others
            sock.send(_HEADER.pack(ident, RD, 1, 0, 0, 0) + raw + _QUESTION.pack(kind, IN))
        except OSError:
            sock.close()
            raise
        sent = server.open[ask] = _Sent(server, ask, sock, ident, raw)
        sent.timer = self._loop.call_later(PATIENCE, lambda: self._over(sent))
        self._loop.on_readable(sock, lambda: self._answered(sent))

    def _over(self, sent: _Sent) -> None:
        """Close a query that was answered or timed out."""
        self._forget(sent)
        self._send_waiting(sent.server)

    def _forget(self, sent: _Sent) -> None:
        del sent.server.open[sent.ask]
        if sent.timer is not None:
            sent.timer.cancel()
        self._loop.forget(sent.sock)
        sent.sock.close()

    def _answered(self, sent: _Sent) -> None:
        try:
            data = sent.sock.recv(_MAX_ANSWER)
        except BlockingIOError:
            return
        except OSError as error:  # no program listens on that port
            _log.debug("%s does not take questions (%s)", sent.server.address, error)
            self._over(sent)
            return
        addresses = _read(sent, data)
        if addresses is None:
            return  # the real answer may follow
        name = sent.ask[0]
        self._over(sent)
        if name in self._names:
            self._names[name] = True
        self._found(name, addresses)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for server in self._servers:
            for sent in tuple(server.open.values()):
                self._forget(sent)


def _read(sent: _Sent, data: bytes) -> list[bytes] | None:
    """Return the addresses in an answer; None if it does not answer this query."""
    server, (name, kind) = sent.server, sent.ask
    try:
        message = parse_message(data)
    except WireError:
        return None
    question = message.question
    if not message.is_response or message.id != sent.ident or question is None:
        return None
    if (question.name, question.qtype, question.qclass) != (name, kind, IN):
        return None
    repeated = question.raw == sent.raw
    if server.repeats and not repeated:
        return None
    server.repeats = repeated
    return message.addresses()


def _in_any_case(label: bytes) -> bytes:
    """Return a label in random case (draft "Use of Bit 0x20 in DNS Labels"): names compare
    case-insensitively, and answers repeat the case.
    """
    bits = secrets.randbits(len(label))
    return b"".join(
        label[at : at + 1].upper() if bits >> at & 1 else label[at : at + 1] for at in range(len(label))
    )


def resolvers(path: Path = Path("/etc/resolv.conf")) -> tuple[str, ...]:
    """Return the gateway's resolvers (resolv.conf(5)); its loopback address if there are none."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    fields = (line.split() for line in lines)
    found = [words[1].partition("%")[0] for words in fields if len(words) > 1 and words[0] == "nameserver"]
    return tuple(found[:3]) or ("127.0.0.1",)
