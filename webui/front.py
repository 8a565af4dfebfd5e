"""The pages' end of the front: connections of the trusted name, and how its certificate is.

The front (`gateway.web`) is a process of its own, for TLS takes 6 MB. It is started again when it ends;
meanwhile, and where its certificate is not good, the pages are plain HTTP as ever.
"""

from __future__ import annotations

import copy
import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask, current_app
from waitress.server import BaseWSGIServer

from gateway.web.listen import SettingsError
from webui.listen import open_sockets
from webui.settings import Settings

KEY = "qalqan-front"
MESSAGE = 4096  # bytes of what it tells; a problem has 500 characters, six bytes each at most
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds until it is started again, twice as long each time
END = 2.0  # seconds that it has to end
SCHEME, PORT = "https", 443
STEADY = 60.0  # seconds after which one that ends is no longer one that cannot start

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trusted:
    """The home's trusted name; ``good`` where a browser reaches the pages by it now."""

    name: str = ""  # empty: it has none
    good: bool = False
    until: datetime | None = None  # of its certificate, while that is good
    problem: str = ""  # English, one line; empty: nothing is wrong, or nothing is known yet

    @property
    def origin(self) -> str:
        """``https://NAME``; empty while nothing may lead there."""
        return f"https://{self.name}" if self.good else ""


class Book:
    """What is known of it now, for the pages."""

    def __init__(self, name: str) -> None:
        self.now = Trusted(name)


def install(app: Flask, name: str) -> None:
    app.extensions[KEY] = Book(name)


def trusted() -> Trusted:
    found = current_app.extensions[KEY]
    assert isinstance(found, Book)
    return found.now


class FrontServer(BaseWSGIServer):  # type: ignore[misc]
    """A server in waitress' loop that takes what the front hands over, and starts the front whenever there is
    none. One pair of sockets, nowhere in the file system, leads from any front to here: nobody else can hand
    over a connection, or say whose it is. What is asked over one is asked over https.
    """

    def __init__(self, like: BaseWSGIServer, app: Flask, settings: Settings, form: str) -> None:
        """``like``: a server whose loop, threads and application it shares. ``form``: of the front's log."""
        assert settings.https is not None
        self._settings, self._https, self._form = settings, settings.https, form
        self._book: Book = app.extensions[KEY]
        self._bound: list[socket.socket] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._pause, self._begun, self._due = FIRST_PAUSE, 0.0, 0.0
        ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        adjusted = copy.copy(like.adj)
        adjusted.url_scheme = SCHEME
        adjusted.clear_untrusted_proxy_headers = False  # the application does so already
        super().__init__(
            like.application,
            map=like._map,
            _sock=ours,
            dispatcher=like.task_dispatcher,
            adj=adjusted,
            sockinfo=(ours.family, ours.type, None, None),
            bind_socket=False,
        )

    def getsockname(self) -> tuple[str, int]:
        return self._https.name, PORT

    def accept_connections(self) -> None:
        self.accepting = True

    def readable(self) -> bool:
        """Asked in each turn of the loop, once a second at least."""
        self._tend(time.monotonic())
        return bool(super().readable())

    def handle_accept(self) -> None:
        try:
            message, found, _flags, _ = socket.recv_fds(self.socket, MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        if found:
            connection = socket.socket(fileno=found[0])
            self.channel_class(self, connection, (message.decode("ascii"), 0), self.adj, map=self._map)
        else:
            self._hear(json.loads(message))

    def _hear(self, told: Mapping[str, Any]) -> None:
        """How the certificate is."""
        seconds, problem = told["until"], str(told["problem"])
        until = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
        good = until is not None
        name = self._https.name
        if problem:
            log.warning("https://%s: %s%s", name, problem, "" if good else "; the pages are plain HTTP")
        elif good:
            log.info("the pages are at https://%s too", name)
        self._book.now = Trusted(name, good, until, problem)

    def _tend(self, now: float) -> None:
        if (self._process is not None and self._process.poll() is None) or now < self._due:
            return
        if self._process is not None:
            log.warning("the front ended with status %d; it is started again", self._process.returncode)
            self._process = None
            self._gone("the front of the pages ended")
            self._pause = FIRST_PAUSE if now - self._begun > STEADY else min(2 * self._pause, LONGEST_PAUSE)
            self._due = now + self._pause
            return
        try:
            self._bound = self._bound or open_sockets(self._settings, self._https.port)
            self._process, self._begun = self._started(), now
        except (SettingsError, OSError) as error:
            log.error("https://%s: %s; the pages are plain HTTP", self._https.name, error)
            self._gone(str(error))
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            self._due = now + self._pause

    def _gone(self, problem: str) -> None:
        self._book.now = Trusted(self._https.name, problem=problem)
        for one in self._bound:  # nobody waits there for the next one
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _started(self) -> subprocess.Popen[bytes]:
        https = self._https
        numbers = [one.fileno() for one in (*self._bound, self._theirs)]
        told = {
            "name": https.name, "certificate": https.certificate, "key": https.key,
            "sockets": numbers[:-1], "pages": numbers[-1],
        }  # fmt: skip
        argv = (sys.executable, "-m", "gateway.web.front", json.dumps(told), self._form)
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, pass_fds=numbers)

    def close(self) -> None:
        """The front ends with us: its sockets are free when we are gone."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END)
        super().close()
