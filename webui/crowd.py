"""Whose connections give way when there are many, so that one device cannot keep the others from the pages.

Waitress by itself stops listening when its places are taken, and places are taken by whoever connects and
says nothing. Here one that nobody answered makes room, or the longest silent one (gateway/web/eviction.py);
what is being answered stays. Bodies are bounded too, since each is in memory until all of it has come.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

from gateway.web.eviction import pick_eviction

PLACES = 96  # connections of all; the server's own limit is above, and is met by answers alone
PLACES_OF_ONE = 24  # of one address: four browsers with their six each
COMING = PLACES // 2  # of those that were never answered: who comes has time to ask
LONG_BODIES = 4  # that may be on their way at once: a backup, rules from another home
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
            long = [one for one in _here(self._map) if one.is_long]
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
        """For the other end: nothing is being answered here."""
        return not self.requests

    @property
    def is_long(self) -> bool:
        """Whether much has come of a request that is not complete."""
        return self.request is not None and int(self.request.body_bytes_received) > LONG


def install(server: Any) -> None:
    """On all sockets of a server that waitress made."""
    for one in dispatchers(server):
        if isinstance(one, BaseWSGIServer):
            one.channel_class = Channel


def dispatchers(server: Any) -> tuple[Any, ...]:
    """All of the loop of a server that waitress made, which is one or several."""
    return tuple((server.map if hasattr(server, "map") else server._map).values())


def _here(dispatchers: dict[int, Any]) -> list[Channel]:
    return [one for one in dispatchers.values() if isinstance(one, Channel) and not one.will_close]


def _make_room(new: Channel, here: list[Channel]) -> None:
    own = [one for one in here if one.who == new.who]
    if len(own) > PLACES_OF_ONE:
        _to_go(own, PLACES_OF_ONE // 2).will_close = True
    elif len(here) > PLACES:
        _to_go(here, COMING).will_close = True


def _to_go(found: list[Channel], coming: int) -> Channel:
    """What is being answered stays; the new one itself goes where all others are."""
    return pick_eviction([one for one in found if one.waits], time.time(), coming)


def _longest_silent(found: list[Channel]) -> Channel:
    """Of the address that has the most."""
    count = Counter(one.who for one in found)
    return min(found, key=lambda one: (-count[one.who], one.last))
