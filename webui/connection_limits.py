"""Limits connections by evicting some, so that one device cannot block the pages for the others.

Waitress stops accepting at its limit, and silent connections count. This module evicts a connection that was
never answered, or the one that is silent for longest (gateway/web/eviction.py). A connection with a running
response stays. Request bodies are limited too, since each is in memory until it is complete.

Without a free file descriptor no connection can be accepted. Waitress would try again without a pause, and
log each failure with a traceback. This module pauses for a second instead.
"""

from __future__ import annotations

import errno
import logging
import socket
import time
from collections import Counter
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

from gateway.web.eviction import pick_eviction

PLACES = 96  # connections in total; the server's own limit, CONNECTIONS, is above it
PLACES_OF_ONE = 24  # connections of one address: four browsers with six each
COMING = PLACES // 2  # connections without a response that may stay while answered ones can be closed
LONG_BODIES = 4  # large requests at the same time: a backup, rules from another home
LONG = 16 * 1024  # bytes of a body, above which a request counts as large
ACCEPT_AGAIN = 1.0  # seconds until the next try when the process has no free descriptor
REPORT_AGAIN = 60.0  # seconds until the next line in the log about it

log = logging.getLogger(__name__)


class Channel(HTTPChannel):  # type: ignore[misc]
    """A client's connection to the web server, which counts towards the limits of connections.

    When it opens or sends a large body and a limit is exceeded, another connection or itself is closed.
    """

    def __init__(
        self, server: Any, sock: socket.socket, addr: tuple[Any, ...], adj: Any, **more: Any
    ) -> None:
        super().__init__(server, sock, addr, adj, **more)
        self.answered = False
        _make_room(self, _here(self._map))

    def received(self, data: bytes) -> bool:
        taken = bool(super().received(data))
        if self.is_long:
            long = [channel for channel in _here(self._map) if channel.is_long]
            if len(long) > LONG_BODIES:
                _longest_silent(long).will_close = True
        return taken

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent = int(super().send(data, do_close))
        self.answered |= sent > 0
        return sent

    @property
    def begun(self) -> float:
        return float(self.creation_time)

    @property
    def last(self) -> float:
        return float(self.last_activity)

    @property
    def who(self) -> str:
        return str(self.addr[0])

    @property
    def waits(self) -> bool:
        """Whether no response is running on the connection: it waits for its client."""
        return not self.requests

    @property
    def is_long(self) -> bool:
        """Whether more than 16 KB of the body of an incomplete request have arrived."""
        return self.request is not None and int(self.request.body_bytes_received) > LONG


def install(server: Any) -> None:
    """Apply the limits of connections to all listening sockets of a waitress server."""
    for dispatcher in dispatchers(server):
        if isinstance(dispatcher, BaseWSGIServer):
            dispatcher.channel_class = Channel
            _pause_without_descriptors(dispatcher)


def _pause_without_descriptors(listener: Any) -> None:
    """Make a listening socket wait a second before it accepts again if no file descriptor is free.

    An error is logged at most once a minute.
    """
    accept, readable = listener.accept, listener.readable
    resumes = reports = 0.0

    def accept_or_wait() -> Any:
        nonlocal resumes, reports
        try:
            return accept()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            resumes = time.monotonic() + ACCEPT_AGAIN
            if resumes >= reports:
                reports = resumes + REPORT_AGAIN
                log.error("The pages have no free file descriptor. New connections wait.")
            return None  # as if the client was gone again

    listener.accept = accept_or_wait
    listener.readable = lambda: time.monotonic() >= resumes and readable()


def dispatchers(server: Any) -> tuple[Any, ...]:
    """Return all objects in the event loop of a waitress server: listening sockets and connections.

    ``server``: a server of one socket, or one of several.
    """
    return tuple((server.map if hasattr(server, "map") else server._map).values())


def _here(dispatchers: dict[int, Any]) -> list[Channel]:
    return [
        dispatcher
        for dispatcher in dispatchers.values()
        if isinstance(dispatcher, Channel) and not dispatcher.will_close
    ]


def _make_room(new: Channel, here: list[Channel]) -> None:
    own = [channel for channel in here if channel.who == new.who]
    if len(own) > PLACES_OF_ONE:
        _pick_eviction(own, PLACES_OF_ONE // 2).will_close = True
    elif len(here) > PLACES:
        _pick_eviction(here, COMING).will_close = True


def _pick_eviction(found: list[Channel], coming: int) -> Channel:
    """Return the connection to close, of those without a running response (`gateway.web.eviction`).

    One of them always exists: the new connection has no response yet. ``coming``: how many connections
    without a response may stay.
    """
    return pick_eviction([channel for channel in found if channel.waits], time.time(), coming)


def _longest_silent(found: list[Channel]) -> Channel:
    """Return the connection that is silent for longest, of the address with the most connections."""
    count = Counter(channel.who for channel in found)
    return min(found, key=lambda channel: (-count[channel.who], channel.last))
