"""Names that the gateway resolves by itself, now and again: what a device's resolver says is not believed.

Questions go to the gateway's own resolver over UDP, on the event loop; nothing waits for an answer. Anybody
in the home can send what looks like that resolver's answer. So each question has a socket and a number of
its own, which are gone with the answer or after a few seconds, and letters in random case, which answers
repeat.
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
from gateway.wire.dns.message import AAAA, IN, RD, A, parse_message
from gateway.wire.dns.names import host_labels, wire_name

PORT = 53
REFRESH = 600.0  # seconds
RETRY = 5.0  # seconds; at boot the line comes up after the daemon
MAX_NAMES = 512  # help names of all countries and the safe names of all search engines
MAX_OPEN = 32  # questions on their way to one resolver, a descriptor each; the others wait for their turn
MAX_WAITING = 4 * MAX_NAMES  # of one resolver, 200 bytes each
PATIENCE = 3.0  # seconds for an answer
KEPT = 86400.0  # seconds for which an address holds while the resolver does not answer

_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_MAX_ANSWER = 4096  # bytes
_log = logging.getLogger(__name__)

Found = Callable[[str, list[bytes]], None]
"""A name and the packed addresses of one answer."""

_Ask = tuple[str, int]  # name and type


class _Server:
    """One resolver, and what it is asked."""

    __slots__ = ("address", "open", "repeats", "waiting")

    def __init__(self, address: str) -> None:
        self.address = address
        self.waiting: OrderedDict[_Ask, None] = OrderedDict()
        self.open: dict[_Ask, _Sent] = {}
        # Whether it repeats a question letter by letter, as all but a few old ones do. What is known once is
        # never unlearnt: it would be the first thing that a forger says.
        self.repeats = False


class _Sent:
    """One question on its way."""

    __slots__ = ("ask", "ident", "raw", "server", "sock", "timer")

    def __init__(self, server: _Server, ask: _Ask, sock: socket.socket, ident: int, raw: bytes) -> None:
        self.server = server
        self.ask = ask
        self.sock = sock
        self.ident = ident
        self.raw = raw  # the name as it was written
        self.timer: Timer | None = None


class Lookups:
    """Asks for A and AAAA of every wanted name, and again from time to time."""

    def __init__(self, loop: Loop, servers: Iterable[str], found: Found) -> None:
        self._loop = loop
        self._servers = tuple(_Server(address) for address in servers)
        self._found = found
        self._names: dict[str, bool] = {}  # name → answered since the last round
        self._retries = 0  # rounds in a row in which something was still waited for
        self._timer: Timer | None = None

    def want(self, names: Iterable[str]) -> None:
        """Resolve these names now, and again from time to time."""
        fresh = [name for name in names if name not in self._names]
        for name in fresh:
            if len(self._names) >= MAX_NAMES:
                break
            self._names[name] = False
            self.ask(name)
        if fresh:
            self._next(RETRY)

    def _round(self) -> None:
        """What was not answered is asked again soon, and all of it after a while: one name whose servers are
        silent must not let the others grow old."""
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
        """Resolve it now; of what is not wanted, this once."""
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
            sock.connect((server.address, PORT))  # from a random port; the kernel drops what others send
            sock.send(_HEADER.pack(ident, RD, 1, 0, 0, 0) + raw + _QUESTION.pack(kind, IN))
        except OSError:
            sock.close()
            raise
        sent = server.open[ask] = _Sent(server, ask, sock, ident, raw)
        sent.timer = self._loop.call_later(PATIENCE, lambda: self._over(sent))
        self._loop.on_readable(sock, lambda: self._answered(sent))

    def _over(self, sent: _Sent) -> None:
        """Answered, or not in time."""
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
        except OSError as error:  # nobody listens there
            _log.debug("%s does not take questions (%s)", sent.server.address, error)
            self._over(sent)
            return
        addresses = _read(sent, data)
        if addresses is None:
            return  # the answer itself may follow
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
    """None: it is no answer to this question."""
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
    """Draft "Use of Bit 0x20 in DNS Labels": names are compared without regard to case, and repeated with."""
    bits = secrets.randbits(len(label))
    return b"".join(
        label[at : at + 1].upper() if bits >> at & 1 else label[at : at + 1] for at in range(len(label))
    )


def resolvers(path: Path = Path("/etc/resolv.conf")) -> tuple[str, ...]:
    """The gateway's own resolvers (resolv.conf(5)); its loopback where none is named."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    fields = (line.split() for line in lines)
    found = [words[1].partition("%")[0] for words in fields if len(words) > 1 and words[0] == "nameserver"]
    return tuple(found[:3]) or ("127.0.0.1",)
