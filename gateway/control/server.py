"""Server of the control socket, on the event loop. No call blocks.

The role of a client comes from the kernel (SO_PEERCRED), not from the client.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from gateway.control.listener import WebUser, listen, take_lock
from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import (
    REQUEST_LIMIT,
    Answer,
    ControlRequest,
    Handler,
    LineReader,
    Role,
    encode,
    failure,
    parse_request,
)
from gateway.core.bus import ControlEvent
from gateway.core.errors import ControlError, GatewayError
from gateway.core.files import UNWRITABLE, write_error_text
from gateway.core.loop import NO_DESCRIPTOR, Loop, Timer
from gateway.core.reason_codes import Code
from gateway.core.turns import Steps

__all__ = ["ControlServer", "WebUser"]

CONNECTIONS_LIMIT = 24  # for each role; the web process needs 4 streams and 8 threads
BACKLOG_LIMIT = 256 * 1024  # unsent bytes of a connection; a slower reader is disconnected
CHUNK = 16 * 1024
RETRY_OPEN = 5.0  # seconds until the next try to create the socket on a full disk
RETRY_ACCEPT = 1.0  # seconds until the next try when the process has no free descriptor

_log = logging.getLogger(__name__)

_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


class _Connection:
    """A client of the control socket: its socket, role, incomplete line, requests and unsent bytes."""

    __slots__ = ("farewell", "kinds", "lines", "outgoing", "reader", "role", "sock", "steps", "uid")

    def __init__(self, sock: socket.socket, role: Role, uid: int) -> None:
        self.sock: socket.socket | None = sock
        self.role = role
        self.uid = uid
        self.reader = LineReader(REQUEST_LIMIT)
        self.outgoing = bytearray()
        self.lines: deque[bytes] = deque()  # requests that wait for an answer
        self.steps: Steps[Mapping[str, object]] | None = None  # of the request that is being answered
        self.kinds: frozenset[str] | None = (
            None  # event kinds subscribed to; empty means all; None: no stream
        )

        self.farewell: Callable[[], None] | None = None  # called after the client has disconnected

    def when_gone(self, farewell: Callable[[], None]) -> None:
        self.farewell = farewell

    @property
    def streams(self) -> bool:
        return self.kinds is not None


class ControlServer:
    """Listens on the Unix socket ``path`` (mode 0660); calls ``verbs[request.do](request)`` for each request.

    Such a handler returns the values of the answer, or a generator that returns them after several steps,
    or raises GatewayError, whose text becomes the answer. An OSError of a handler ends only its request.
    Raises ControlError if another daemon uses the path, or the socket cannot be created. The socket of a
    killed daemon is replaced. On a full disk or a read-only file system, it tries again every few seconds.
    ``web``: the web process's user, which may send only the requests in WEB_VERBS.
    """

    def __init__(
        self, loop: Loop, path: Path, verbs: Mapping[str, Handler], *, web: WebUser | None = None
    ) -> None:
        self._loop = loop
        self._path = path
        self._verbs = verbs
        self._web = web
        self._connections: dict[int, _Connection] = {}
        self._lock: int | None = None
        self._listener: socket.socket | None = None  # None: the socket cannot be created yet
        self._opening: Timer | None = None
        try:
            self._open()
        except ControlError as error:
            cause = error.__cause__
            if not isinstance(cause, OSError) or cause.errno not in UNWRITABLE:
                raise
            _log.error("%s. The filter runs, but the pages and commands cannot reach it yet.", error)
            self._opening = loop.call_later(RETRY_OPEN, self._open_again)

    def _open(self) -> None:
        """Create the control socket and listen.

        Raises ControlError if that fails or another daemon uses it.
        """
        lock = take_lock(self._path)
        try:
            self._listener = listen(self._path, self._web, backlog=CONNECTIONS_LIMIT)
        except BaseException:
            os.close(lock)
            raise
        self._lock, self._opening = lock, None
        self._loop.on_readable(self._listener, self._accept)

    def _open_again(self) -> None:
        try:
            self._open()
        except ControlError:
            self._opening = self._loop.call_later(RETRY_OPEN, self._open_again)

    def publish(self, event: str, **values: object) -> None:
        """Send an event with values to all connected clients that subscribed to events of its name."""
        if not self.wanted(event):
            return
        line = encode({"event": event, **values})
        for connection in tuple(self._connections.values()):
            if connection.kinds is not None and (not connection.kinds or event in connection.kinds):
                self._send(connection, line)

    def send(self, notice: ControlEvent) -> None:
        """Send an event from the daemon's event bus to all clients that subscribed to events of its name."""
        self.publish(notice.event, **notice.values)

    def wanted(self, event: str) -> bool:
        """Return whether a client has subscribed to events of this name.

        Check it before building a costly event.
        """
        return any(
            c.kinds is not None and (not c.kinds or event in c.kinds) for c in self._connections.values()
        )

    def close(self) -> None:
        for connection in tuple(self._connections.values()):
            self._drop(connection)
        if self._opening is not None:
            self._opening.cancel()
        if self._listener is not None and self._lock is not None:
            self._loop.forget(self._listener)
            self._listener.close()
            with suppress(OSError):  # on a read-only file system; the next daemon replaces it
                self._path.unlink(missing_ok=True)
            os.close(self._lock)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            sock, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in NO_DESCRIPTOR:
                self._loop.report_shortage(error)
                self._loop.forget(self._listener)
                self._loop.call_later(RETRY_ACCEPT, self._listen_again)
            return
        sock.setblocking(False)
        uid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))[
            1
        ]
        role = self._role(uid)
        if role is None:
            msg = f"user {uid} may not use this socket; run the command as root"
            _refuse(sock, ControlError(msg).coded(Code.ROOT_ONLY))
        elif not self._make_room(role):
            _refuse(sock, ControlError.of(Code.BUSY))
        else:
            connection = _Connection(sock, role, uid)
            self._connections[sock.fileno()] = connection
            self._loop.on_readable(sock, lambda: self._receive(connection))

    def _listen_again(self) -> None:
        if self._listener is not None and self._listener.fileno() >= 0:
            self._loop.on_readable(self._listener, self._accept)

    def _role(self, uid: int) -> Role | None:
        if uid in (0, os.geteuid()):
            return Role.OWNER
        if self._web is not None and uid == self._web.uid:
            return Role.WEB
        return None

    def _make_room(self, role: Role) -> bool:
        """Return whether one more client of a role may connect.

        At the limit, the oldest connection without an event stream is closed to make room.
        """
        own = [c for c in self._connections.values() if c.role is role]
        if len(own) < CONNECTIONS_LIMIT:
            return True
        idle = next((c for c in own if not c.streams), None)
        if idle is not None:
            self._drop(idle)
        return idle is not None

    def _receive(self, connection: _Connection) -> None:
        if connection.sock is None:
            return
        try:
            data = connection.sock.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection)
            return
        if not data:
            self._drop(connection)
            return
        try:
            lines = connection.reader.feed(data)
        except ControlError as error:
            self._send(connection, encode(failure(error)))
            self._drop(connection)
            return
        connection.lines += lines
        if connection.steps is None:
            self._answer_lines(connection)

    def _answer_lines(self, connection: _Connection) -> None:
        """Answer a client's waiting requests in their order.

        A request whose handler is a generator of steps continues in later turns of the loop, even if
        the client has disconnected meanwhile.
        """
        while connection.steps is not None or (connection.lines and connection.sock is not None):
            try:
                if connection.steps is None:
                    answer = self._begin(connection, connection.lines.popleft())
                    if isinstance(answer, Generator):
                        connection.steps = answer
                        continue
                else:
                    next(connection.steps)
                    self._loop.call_later(0.0, partial(self._answer_lines, connection))
                    return
            except StopIteration as end:
                connection.steps, answer = None, end.value
            except GatewayError as error:
                connection.steps, answer = None, failure(error)
            except OSError as error:
                connection.steps, answer = None, failure(self._system_error(error))
            self._send(connection, encode({"ok": True, **answer}))

    def _system_error(self, error: OSError) -> ControlError:
        """Log an error of the disk or another part of the system, and return the one for the client.

        Only the request ends: the daemon must go on filtering if the disk fails.
        """
        if error.errno in NO_DESCRIPTOR:
            self._loop.report_shortage(error)
            return ControlError.of(Code.BUSY)
        _log.error("A request failed: %s.", error)
        return ControlError(f"the request failed ({write_error_text(error)}); look at the disk and the log")

    def _begin(self, connection: _Connection, line: bytes) -> Answer:
        request = parse_request(
            line, role=connection.role, uid=connection.uid, when_gone=connection.when_gone
        )
        return self._perform(connection, request)

    def _perform(self, connection: _Connection, request: ControlRequest) -> Answer:
        if request.role is Role.WEB and request.do not in WEB_VERBS:
            msg = f"the web pages may not use {request.do!r}; use the qalqan command"
            raise ControlError(msg).coded(Code.ROOT_ONLY)
        if request.do == "events":
            connection.kinds = _kinds(request)
            return {}
        verb = self._verbs.get(request.do)
        if verb is None:
            msg = f"there is no verb {request.do!r}; known are {', '.join(sorted((*self._verbs, 'events')))}"
            raise ControlError(msg).coded(Code.NO_SUCH_VERB)
        return verb(request)

    def _send(self, connection: _Connection, data: bytes) -> bool:
        """Send data to a client, or queue what its socket does not take. Return False if it is gone.

        A client with too many queued bytes is disconnected.
        """
        sock = connection.sock
        if sock is None:
            return False
        if connection.outgoing:
            if len(connection.outgoing) > BACKLOG_LIMIT:
                self._drop(connection)
                return False
            connection.outgoing += data
            return True
        try:
            sent = sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return False
        if sent < len(data):
            connection.outgoing += data[sent:]
            self._loop.on_writable(sock, lambda: self._drain(connection))
        return True

    def _drain(self, connection: _Connection) -> None:
        sock = connection.sock
        if sock is None:
            return
        try:
            sent = sock.send(connection.outgoing)
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection)
            return
        del connection.outgoing[:sent]
        if not connection.outgoing:
            self._loop.off_writable(sock)

    def _drop(self, connection: _Connection) -> None:
        sock = connection.sock
        if sock is None:
            return
        connection.sock = None
        del self._connections[sock.fileno()]
        self._loop.forget(sock)
        sock.close()
        if connection.farewell is not None:
            self._loop.call_later(
                0.0, connection.farewell
            )  # later, since the caller may still use the connection


def _kinds(request: ControlRequest) -> frozenset[str]:
    kinds = request.values.get("kinds", [])
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        request.refuse("kinds", 'must be a list such as ["pause", "device"]')
    return frozenset(kinds)


def _refuse(sock: socket.socket, error: ControlError) -> None:
    try:
        sock.send(encode(failure(error)))
    except OSError:
        pass  # the client has disconnected already
    sock.close()
