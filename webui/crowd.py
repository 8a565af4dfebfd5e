"""Limits connections by evicting some, so that one device cannot block the pages for the others.

Waitress stops accepting at its limit, and silent connections count. This module evicts a connection that was
never answered, or the one that is silent for longest (gateway/web/eviction.py). A connection with a running
response stays. Request bodies are limited too, since each is in memory until it is complete.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

from gateway.web.eviction import pick_eviction

PLACES = 96  # connections in total; the server's own limit is above, and only responses reach it
PLACES_OF_ONE = 24  # of one address: four browsers with six connections each
COMING = PLACES // 2  # never answered so far, so that a new client has time to send a request
LONG_BODIES = 4  # large requests at the same time: a backup, rules from another home
LONG = 16 * 1024  # bytes


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection."""

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
        """Return whether it waits for the client: no response is running."""
        return not self.requests

    @property
    def is_long(self) -> bool:
        """Return whether an incomplete request is already large."""
        return self.request is not None and int(self.request.body_bytes_received) > LONG


def install(server: Any) -> None:
    """Install the limits on all sockets of a waitress server."""
    for dispatcher in dispatchers(server):
        if isinstance(dispatcher, BaseWSGIServer):
            dispatcher.channel_class = Channel


def dispatchers(server: Any) -> tuple[Any, ...]:
    """Return the dispatchers of the loop of a waitress server, which is one or several."""
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
    """Pick the connection to evict.

    One with a running response stays; if all have one, the new one is evicted.
    """
    return pick_eviction([channel for channel in found if channel.waits], time.time(), coming)


def _longest_silent(found: list[Channel]) -> Channel:
    """Return the longest silent connection of the address with the most connections."""
    count = Counter(channel.who for channel in found)
    return min(found, key=lambda channel: (-count[channel.who], channel.last))
