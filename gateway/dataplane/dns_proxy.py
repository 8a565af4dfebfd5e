"""Proxies DNS over TCP of filtered devices, and of all devices while a list applies to everyone.

The proxy judges each message, and forwards allowed ones to the resolver that the device chose. It is needed
because a netfilter queue cannot change the length of a TCP stream. The kernel redirects the connections to
the proxy, and its connection table has the original resolver.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum, auto

from gateway.core.errors import KernelError, WireError
from gateway.core.loop import NO_DESCRIPTOR, Loop, Timer
from gateway.kernel.conntrack import Conntrack, FlowTuple
from gateway.kernel.marks import MarkLayout
from gateway.path.dns import PORT, DnsPath
from gateway.path.subject import Subject
from gateway.wire.dns.message import TcpStream, tcp_frame
from gateway.wire.ip.packet import TCP

MAX_CONNECTIONS = 128  # two descriptors each; a client keeps one connection to a resolver open
MAX_PER_DEVICE = 16  # of one filtered device; of one address of an unfiltered device
MAX_PER_SHARED_SLOT = 64  # of several devices with one slot, such as all guests or all unfiltered devices
MAX_PER_GUEST = 4  # of one address in any other such slot: one guest must not take the others' connections
IDLE = 15.0  # seconds; RFC 7766 §6.2.3 recommends a few seconds
MAX_UNSENT = 256 << 10  # bytes waiting for one end; beyond that the connection is closed
MAX_QUESTION = 4096  # bytes of one query; with all options that clients send it has fewer than 600
CHUNK = 16 << 10
BACKLOG = 32
RETRY_ACCEPT = 1.0  # seconds until the next try when the process has no free descriptor

_Peer = tuple[str, int] | tuple[str, int, int, int]  # IPv6 also has flow label and scope

_log = logging.getLogger(__name__)


class Sent(Enum):
    """The result of a send: all bytes are sent, some are left, or the connection is broken."""

    ALL = auto()
    MORE = auto()
    BROKEN = auto()


class _Pair:
    """A client's TCP connection and the connection to its resolver, with unsent bytes of both."""

    __slots__ = (
        "client",
        "idle",
        "key",
        "questions",
        "resolver",
        "responses",
        "scope",
        "to_client",
        "to_resolver",
        "upstream",
    )

    def __init__(
        self,
        client: socket.socket,
        key: tuple[int, bytes, int],
        resolver: bytes,
        scope: int,
    ) -> None:
        self.client = client
        self.key = key
        self.resolver = resolver  # packed address
        self.scope = scope  # interface index of a link-local resolver, else 0
        self.upstream: socket.socket | None = None
        self.questions = TcpStream(MAX_QUESTION)
        self.responses = TcpStream()
        self.to_client = bytearray()
        self.to_resolver = bytearray()
        self.idle: Timer | None = None


class DnsProxy:
    """Judges the queries of DNS over TCP, and forwards allowed ones to the resolver that the device chose.

    Responses to filtered devices are edited, and limited in number and size. It listens on ``port``
    (0: any) of all addresses, and closes connections that the ruleset did not redirect or that exceed
    the limits.
    ``subjects``: the rules by slot (number of a filtered device, or of several with one profile; 0: the
    unfiltered ones). ``wall`` returns the present time, aware. Raise OSError if it cannot listen on ``port``.
    """

    def __init__(
        self,
        loop: Loop,
        dns: DnsPath,
        subjects: Mapping[int, Subject],
        conntrack: Conntrack,
        layout: MarkLayout,
        wall: Callable[[], datetime],
        port: int = 0,
    ) -> None:
        self._loop = loop
        self._dns = dns
        self._subjects = subjects
        self._conntrack = conntrack
        self._layout = layout
        self._wall = wall
        self._pairs: dict[socket.socket, _Pair] = {}
        self._listener = listen(port)
        self.port: int = self._listener.getsockname()[1]
        loop.on_readable(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            client, peer = self._listener.accept()
        except OSError as error:
            if error.errno in NO_DESCRIPTOR:
                self._loop.report_shortage(error)
                self._loop.forget(self._listener)
                self._loop.call_later(RETRY_ACCEPT, self._listen_again)
            return
        client.setblocking(False)
        pair = self._pair(client, peer)
        if pair is None:
            client.close()
            return
        self._pairs[client] = pair
        self._restart_idle_timer(pair)
        self._loop.on_readable(client, lambda: self._from_client(pair))

    def _listen_again(self) -> None:
        if self._listener.fileno() >= 0:
            self._loop.on_readable(self._listener, self._accept)

    def _pair(self, client: socket.socket, peer: _Peer) -> _Pair | None:
        """Return the state of a new connection of a device.

        None if the ruleset did not redirect it, if no rules apply to the device (its slot), beyond the
        limits, or if the kernel's connection table cannot be read.
        """
        if len(self._pairs) >= MAX_CONNECTIONS:
            return None
        local, source = client.getsockname(), packed(peer[0])
        try:
            entry = self._conntrack.answered_by(FlowTuple(packed(local[0]), source, TCP, local[1], peer[1]))
        except KernelError as error:
            _log.warning("%s", error)
            return None
        if entry is None or entry.original.dport != PORT:
            return None
        slot = self._layout.ct_slot(entry.mark)
        if slot not in self._subjects or self._is_full(slot, source):
            return None
        scope = peer[3] if len(peer) == 4 else 0
        return _Pair(client, (slot, source, peer[1]), entry.original.dst, scope)

    def _is_full(self, slot: int, source: bytes) -> bool:
        """Return True if a slot (one filtered device, or several) has reached its limit of connections.

        If several devices share it, as guests and unfiltered devices do, also if the address ``source`` has
        reached its own limit.
        """
        held = [pair.key[1] for pair in self._pairs.values() if pair.key[0] == slot]
        if not self._subjects[slot].shared:
            return len(held) >= MAX_PER_DEVICE
        own = MAX_PER_GUEST if slot else MAX_PER_DEVICE
        return len(held) >= MAX_PER_SHARED_SLOT or held.count(source) >= own

    def _restart_idle_timer(self, pair: _Pair) -> None:
        if pair.idle is not None:
            pair.idle.cancel()
        pair.idle = self._loop.call_later(IDLE, lambda: self._end(pair))

    def _from_client(self, pair: _Pair) -> None:
        self._receive_messages(pair, pair.client, pair.questions, self._handle_query)

    def _from_resolver(self, pair: _Pair) -> None:
        if pair.upstream is not None:
            self._receive_messages(pair, pair.upstream, pair.responses, self._handle_response)

    def _receive_messages(
        self, pair: _Pair, sock: socket.socket, stream: TcpStream, each: Callable[[_Pair, bytes], None]
    ) -> None:
        """Receive from ``sock``, and pass each complete message to ``each``.

        End the pair if the other end closed the connection, or a message is no valid DNS or too long.
        """
        data = receive(sock)
        if data is None:
            return
        if not data:
            self._end(pair)
            return
        self._restart_idle_timer(pair)
        try:
            for message in stream.feed(data):
                each(pair, message)
        except WireError:
            self._end(pair)

    def _handle_response(self, pair: _Pair, response: bytes) -> None:
        subject = self._subject(pair)
        if subject is None:
            return
        if subject.slot:  # as over UDP, answers to unfiltered devices stay unchanged
            now = self._loop.now()
            if not self._dns.allows_answer(subject, pair.key[1], response, now):
                self._end(pair)
                return
            response = self._dns.edit_answer(
                response,
                pair.key,
                now,
                over_udp=False,
                resolver=pair.resolver,
                unwanted=subject.unwanted,
            )
        self._send(pair, pair.client, pair.to_client, response)

    def _handle_query(self, pair: _Pair, query: bytes) -> None:
        subject = self._subject(pair)
        if pair.client.fileno() < 0 or subject is None:
            return
        now = self._loop.now()
        outcome = self._dns.judge_query(query, subject, pair.key, pair.resolver, now, self._wall())
        if outcome is None:
            self._end(pair)
        elif outcome.reply is not None:
            self._send(pair, pair.client, pair.to_client, outcome.reply)
        elif outcome.forward is not None and self._connected(pair):
            self._send(pair, pair.upstream, pair.to_resolver, outcome.forward)

    def _subject(self, pair: _Pair) -> Subject | None:
        """Return the rules (subject) that apply to the client now.

        If there are none, end the pair and return None.
        """
        subject = self._subjects.get(pair.key[0])
        if subject is None:
            self._end(pair)
        return subject

    def _connected(self, pair: _Pair) -> bool:
        """Begin to connect to the client's resolver if necessary; return False if that fails.

        The pair is ended then. True: there is a connection, perhaps one that is not established yet.
        """
        if pair.upstream is not None:
            return True
        family = socket.AF_INET if len(pair.resolver) == 4 else socket.AF_INET6
        try:
            upstream = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        except OSError as error:
            self._end(pair)
            self._loop.report_shortage(error)
            return False
        address = socket.inet_ntop(family, pair.resolver)
        where = (address, PORT) if family == socket.AF_INET else (address, PORT, 0, pair.scope)
        result = upstream.connect_ex(where)
        if result not in (0, errno.EINPROGRESS):
            upstream.close()
            self._end(pair)
            return False
        pair.upstream = upstream
        self._loop.on_readable(upstream, lambda: self._from_resolver(pair))
        return True

    def _send(self, pair: _Pair, sock: socket.socket | None, waiting: bytearray, message: bytes) -> None:
        if sock is None or sock.fileno() < 0:
            return
        waiting += tcp_frame(message)
        if len(waiting) > MAX_UNSENT:
            self._end(pair)
            return
        self._flush(pair, sock, waiting)

    def _flush(self, pair: _Pair, sock: socket.socket, waiting: bytearray) -> None:
        sent = send_some(sock, waiting)
        if sent is Sent.BROKEN:
            self._end(pair)
        elif sent is Sent.MORE:
            self._loop.on_writable(sock, lambda: self._flush(pair, sock, waiting))
        else:
            self._loop.off_writable(sock)

    def _end(self, pair: _Pair) -> None:
        if pair.idle is not None:
            pair.idle.cancel()
        for sock in (pair.client, pair.upstream):
            if sock is not None and sock.fileno() >= 0:
                self._loop.forget(sock)
                sock.close()
        self._pairs.pop(pair.client, None)

    def __len__(self) -> int:
        return len(self._pairs)

    def forget(self, slot: int | None = None) -> None:
        """End the connections of one slot (filtered device or devices), or all connections (None)."""
        for pair in tuple(self._pairs.values()):
            if slot in (None, pair.key[0]):
                self._end(pair)

    def close(self) -> None:
        self.forget()
        self._loop.forget(self._listener)
        self._listener.close()


def listen(port: int) -> socket.socket:
    """Return a socket that listens on all addresses, on ``port`` (0: any). Raise OSError if it cannot."""
    try:
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        address = "::"
    except OSError:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        address = "0.0.0.0"
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def packed(text: str) -> bytes:
    """Return the packed form of a socket's address, without scope; an IPv4-mapped address as IPv4."""
    text = text.partition("%")[0]
    if "." in text:
        return socket.inet_pton(socket.AF_INET, text.removeprefix("::ffff:"))
    return socket.inet_pton(socket.AF_INET6, text)


def receive(sock: socket.socket) -> bytes | None:
    """Return at most CHUNK received bytes: None if there are none yet, empty if the connection has ended."""
    try:
        return sock.recv(CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def send_some(sock: socket.socket, waiting: bytearray) -> Sent:
    """Send as much of ``waiting`` as possible, remove that from it, and return the result.

    `Sent.MORE` also if the connection is not established yet.
    """
    try:
        del waiting[: sock.send(waiting)]
    except BlockingIOError:
        return Sent.MORE
    except OSError as error:
        return Sent.MORE if error.errno == errno.ENOTCONN else Sent.BROKEN
    return Sent.MORE if waiting else Sent.ALL
