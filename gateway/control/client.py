"""Client of the control socket: blocking, with time-outs, one connection for each call."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any, TypeVar

from gateway.control.protocol import ANSWER_LIMIT, LineReader, decode, encode, refusal
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError

ResponseT = TypeVar("ResponseT")

TIMEOUT = 5.0  # seconds for a whole answer; the daemon usually needs milliseconds
CHUNK = 64 * 1024


class Unreachable(ControlError):
    """Raised if the daemon does not respond. A refusal or a denied socket is a plain ControlError."""


class EventStream:
    """Iterates over the daemon's events, each a dictionary. Yields None after ``idle`` seconds without one.

    Raises Unreachable when the daemon closes the connection. `Client.events` creates it.
    """

    __slots__ = ("_lines", "_reader", "_sock")

    def __init__(self, sock: socket.socket, reader: LineReader, lines: list[bytes]) -> None:
        self._sock = sock
        self._reader = reader
        self._lines = lines

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> dict[str, Any] | None:
        while not self._lines:
            try:
                self._lines = self._reader.feed(_receive(self._sock))
            except TimeoutError:
                return None
        return decode(self._lines.pop(0))

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._sock.close()


class Client:
    """Sends requests to the daemon's control socket: ``Client(path).ask(PAUSE, who="daughter", minutes=30)``.

    Threads may share a client. ``timeout``: seconds for a whole answer.
    """

    __slots__ = ("_path", "_timeout")

    def __init__(self, path: Path, timeout: float = TIMEOUT) -> None:
        self._path = path
        self._timeout = timeout

    def ask(self, verb: Verb[Any, ResponseT], /, **values: object) -> ResponseT:
        """Send a request of type ``verb`` with these values, wait, and return the answer as a record.

        Raises ControlError if the daemon refuses or this user may not open the socket, Unreachable if the
        daemon does not respond, and UnexpectedAnswer if the answer does not fit (another version).
        """
        with self._connect() as sock:
            return verb.decode_response(self._ask(sock, LineReader(ANSWER_LIMIT), verb.name, values)[0])

    def hold(self, verb: Verb[Any, ResponseT], /, **values: object) -> tuple[ResponseT, socket.socket]:
        """Send a request. Return its answer as a record, and the open connection (socket).

        Closing the connection ends what the request started, such as a bypass test. Raises
        ControlError as `ask` does.
        """
        sock = self._connect()
        try:
            answer, _ = self._ask(sock, LineReader(ANSWER_LIMIT), verb.name, values)
            return verb.decode_response(answer), sock
        except ControlError:
            sock.close()
            raise

    def events(self, kinds: tuple[str, ...] = (), idle: float = 10.0) -> EventStream:
        """Subscribe to the daemon's events of these ``kinds`` (empty: all), and return an iterator over them.

        ``idle``: seconds without an event after which it yields None. No event after this call is lost; the
        daemon disconnects a client that reads too slowly. Raises ControlError as `ask` does.
        """
        sock = self._connect()
        reader = LineReader(ANSWER_LIMIT)
        try:
            _, first = self._ask(sock, reader, "events", {"kinds": list(kinds)})
        except ControlError:
            sock.close()
            raise
        sock.settimeout(idle)
        return EventStream(sock, reader, first)

    def _connect(self) -> socket.socket:
        try:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        except OSError as error:
            msg = f"the daemon cannot be asked: {error.strerror or error}; close some programs"
            raise Unreachable(msg) from error
        sock.settimeout(self._timeout)
        try:
            sock.connect(os.fspath(self._path))
        except PermissionError as error:
            sock.close()
            msg = f"{self._path}: permission denied; run this as root"
            raise ControlError(msg) from error
        except OSError as error:
            sock.close()
            msg = f"the daemon does not run ({self._path}: {error.strerror or error}); start it: qalqan run"
            raise Unreachable(msg) from error
        return sock

    def _ask(
        self, sock: socket.socket, reader: LineReader, do: str, values: dict[str, object]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Send a request. Return the answer, and lines that arrived directly after it.

        Raises ControlError for a refusal, and Unreachable if no answer arrives within the client's
        time-out.
        """
        deadline = time.monotonic() + self._timeout
        lines: list[bytes] = []
        try:
            sock.sendall(encode({"do": do, **values}))
        except (BrokenPipeError, ConnectionResetError):
            pass  # the daemon refused the connection: its answer has the reason
        while not lines:
            left = deadline - time.monotonic()
            try:
                sock.settimeout(max(left, 0.001))
                lines = reader.feed(_receive(sock))
            except TimeoutError:
                msg = f"the daemon did not answer {do!r} within {self._timeout:g} s; see its log"
                raise Unreachable(msg) from None
        answer = decode(lines[0])
        if answer.pop("ok", False) is not True:
            raise refusal(answer)
        return answer, lines[1:]


def _receive(sock: socket.socket) -> bytes:
    """Return bytes from the daemon, at least one.

    Raises TimeoutError, or Unreachable if it has disconnected.
    """
    try:
        data = sock.recv(CHUNK)
    except ConnectionError:
        data = b""
    if not data:
        msg = "the daemon closed the connection before it answered; see its log"
        raise Unreachable(msg)
    return data
