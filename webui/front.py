"""Runs the TLS front of the pages: starts it, receives its connections, and stores its certificate's state.

The front (`gateway.web.front`) terminates TLS in a separate process, because TLS takes 6 MB. It is restarted
when it ends. While it is down or its certificate is not valid, the pages are still available over plain HTTP.
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
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, request
from waitress.server import BaseWSGIServer

from gateway.web.listen import SettingsError
from webui.listen import open_sockets
from webui.settings import Settings

KEY = "qalqan-front"
MESSAGE = 4096  # bytes of a status message, in which a problem has at most 500 characters of English
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds until a restart, doubled each time
END = 2.0  # seconds to wait for the front's end
SCHEME, PORT = "https", 443
STEADY = 60.0  # seconds after which an exit does not count as a failed start

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trusted:
    """The home's trusted HTTPS name and its state. ``good``: browsers can reach the pages by it now."""

    name: str = ""  # empty: none
    good: bool = False
    until: datetime | None = None  # expiry of its certificate, while it is valid
    problem: str = ""  # English, one line; empty: no problem, or not known yet

    @property
    def origin(self) -> str:
        """The address ``https://NAME``; empty while no link may use it."""
        return f"https://{self.name}" if self.good else ""


class TrustedNameState:
    """Holds the current state of the trusted name for the pages, in ``now``."""

    def __init__(self, name: str) -> None:
        self.now = Trusted(name)


def install(app: Flask, name: str) -> None:
    app.extensions[KEY] = TrustedNameState(name)


def trusted() -> Trusted:
    found = current_app.extensions[KEY]
    assert isinstance(found, TrustedNameState)
    return found.now


def why_untrusted() -> str:
    """Return why this page is not shown at the trusted HTTPS name, as a key; empty if it is.

    ``plain``: it was requested over HTTP, while the name has a valid certificate. ``ended``: the name has
    none. ``nameless``: there is no trusted name.
    """
    found = trusted()
    if found.good and request.is_secure:
        return ""
    return "nameless" if not found.name else "plain" if found.good else "ended"


def secure_address() -> str:
    """Return the address of the requested page at the trusted name, to redirect to; empty for no redirect.

    Only a browser that loads a page over plain HTTP by a name other than ``localhost`` is redirected,
    while the trusted name's certificate is valid. A page opened by an IP address is not: a device
    with a resolver that does not know the trusted name needs it.
    """
    if request.is_secure or request.method != "GET" or not trusted().good:
        return ""
    host = urlsplit(f"//{request.host}").hostname or ""
    if "text/html" not in request.headers.get("Accept", "") or host == "localhost" or _is_address(host):
        return ""
    return trusted().origin + request.full_path.removesuffix("?")


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class FrontServer(BaseWSGIServer):  # type: ignore[misc]
    """A server in waitress' event loop that receives the TLS front's connections and restarts the front.

    A socket pair without a name in the file system connects the two, so that no other process can pass a
    connection or claim its address. Requests over it count as HTTPS.
    """

    def __init__(self, like: BaseWSGIServer, app: Flask, settings: Settings, form: str) -> None:
        """Use event loop, threads and application of the server ``like``.

        ``form``: format of the front's log.
        """
        assert settings.https is not None
        self._settings, self._https, self._form = settings, settings.https, form
        self._book: TrustedNameState = app.extensions[KEY]
        self._bound: list[socket.socket] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._pause, self._begun, self._due = FIRST_PAUSE, 0.0, 0.0
        ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        adjusted = copy.copy(like.adj)
        adjusted.url_scheme = SCHEME
        adjusted.clear_untrusted_proxy_headers = False  # ``like.application`` removes them already
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
        """Start the front if it does not run; return whether the loop should watch for its connections.

        After a failure it waits 1 to 60 s before the next start. The loop calls this in each turn,
        at least once a second.
        """
        self._tend(time.monotonic())
        return bool(super().readable())

    def handle_accept(self) -> None:
        try:
            message, found, flags, _ = socket.recv_fds(self.socket, MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        if flags & socket.MSG_CTRUNC:  # the kernel closed the connection: no free descriptor for it
            log.error("The pages have no free file descriptor. A connection over HTTPS is closed.")
        elif found:
            connection = socket.socket(fileno=found[0])
            self.channel_class(self, connection, (message.decode("ascii"), 0), self.adj, map=self._map)
        else:
            self._hear(json.loads(message))

    def _hear(self, status: Mapping[str, Any]) -> None:
        """Store and log the state of the certificate, from a message of the TLS front."""
        seconds, problem = status["until"], str(status["problem"])
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
        for sock in self._bound:  # refuse clients instead of letting them wait for the next front
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _started(self) -> subprocess.Popen[bytes]:
        https = self._https
        numbers = [sock.fileno() for sock in (*self._bound, self._theirs)]
        config = {
            "name": https.name, "certificate": https.certificate, "key": https.key,
            "sockets": numbers[:-1], "pages": numbers[-1],
        }  # fmt: skip
        argv = (sys.executable, "-m", "gateway.web.front", json.dumps(config), self._form)
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, pass_fds=numbers)

    def close(self) -> None:
        """End the front's process, so that its sockets are free; then close this server.

        It waits at most two seconds for the process to end.
        """
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END)
        super().close()
