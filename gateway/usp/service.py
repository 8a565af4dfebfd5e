"""The USP Service: keeps a connection to the broker over its UNIX domain socket."""

from __future__ import annotations

import logging
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import uniform
from typing import NoReturn

from gateway.usp.agent import Agent, Filter
from gateway.usp.exchange import ConnectionEnded, Exchange, Stage

RETRY = (1.0, 5.0)  # seconds until the next connection, at random (R-UDS.5)
GREETING = 30.0  # seconds for the handshake and the registration (R-UDS.18)
CHECK_EVERY = 8.0  # seconds between two looks for changed values; at most 10 (R-NOT.0a)
SENDING = 10.0  # seconds until the broker has read what is sent
CHUNK = 64 * 1024

_log = logging.getLogger(__name__)


class UspService:
    """Connects to the USP broker's socket, answers it, and connects again when the connection ends.

    ``path``: the broker's UNIX socket. ``vendor``: a domain or an OUI (`gateway.usp.model`). Each
    connection has a new agent, as the broker adds its subscriptions again.
    """

    def __init__(
        self, path: Path, vendor: str, family_filter: Filter, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._path = path
        self._vendor = vendor
        self._filter = family_filter
        self._pause = pause
        self._reported = ""  # the last problem in the log: the same one is not repeated every few seconds

    def run(self) -> None:
        """Serve connection after connection until SIGTERM, which raises SystemExit. Never returns."""
        signal.signal(signal.SIGTERM, _stop)
        while True:
            self.serve_once()
            self._pause(uniform(*RETRY))

    def serve_once(self) -> None:
        """Connect to the broker and serve until the connection ends; log why it ended.

        Raises SystemExit on SIGTERM, if `run` has called it.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        sock.settimeout(SENDING)
        exchange = Exchange(Agent(self._vendor, self._filter))
        try:
            sock.connect(str(self._path))
            self._serve(sock, exchange)
        except ConnectionEnded as error:
            _send_last(sock, error.farewell)
            self._report(str(error))
        except OSError as error:
            self._report(f"{self._path}: {error.strerror or error}")
        except SystemExit:
            _send_last(sock, exchange.end("the service stops"))
            raise
        finally:
            sock.close()

    def _serve(self, sock: socket.socket, exchange: Exchange) -> None:
        """Exchange messages on a connected socket until the connection ends, and send due notifications.

        Always raises ConnectionEnded or OSError.
        """
        sock.sendall(exchange.begin())
        began = checked = time.monotonic()
        while True:
            now = time.monotonic()
            registered = exchange.stage is Stage.REGISTERED
            if registered and now - checked >= CHECK_EVERY:
                sock.sendall(exchange.notifications())
                checked = time.monotonic()
                continue
            left = checked + CHECK_EVERY - now if registered else began + GREETING - now
            if left <= 0:
                msg = f"{self._path}: the USP agent has not answered for {GREETING:g} s"
                raise ConnectionEnded(msg, exchange.end("the agent does not answer"))
            sock.sendall(exchange.receive(_received(sock, left)))
            if exchange.stage is Stage.REGISTERED and not registered:
                self._reported = ""
                _log.info("%s: registered with the USP agent.", self._path)

    def _report(self, problem: str) -> None:
        if problem != self._reported:
            _log.warning("%s. Trying again every few seconds.", problem)
            self._reported = problem


def _received(sock: socket.socket, seconds: float) -> bytes:
    """Return bytes that arrive within ``seconds``; empty if none do.

    Raises ConnectionEnded if the other side has closed the connection.
    """
    readable, _, _ = select.select([sock], [], [], seconds)
    if not readable:
        return b""
    data = sock.recv(CHUNK)
    if not data:
        msg = "the USP agent has closed the connection"
        raise ConnectionEnded(msg)
    return data


def _send_last(sock: socket.socket, data: bytes) -> None:
    if data:
        with suppress(OSError):
            sock.sendall(data)


def _stop(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)
