"""Whose connections give way when there are many: one device keeps nobody from the trusted name.

The pages have bounds of their own (webui/crowd.py), above which these are: what comes here is 40 kB with its
TLS, and a hello costs a small router 5 ms.
"""

from __future__ import annotations

import socket
import ssl

from gateway.core.loop import Loop, Timer
from gateway.web.eviction import first_to_go
from gateway.web.tls_connection import Hand, Line

PLACES = 64  # connections of all
PLACES_OF_ONE = 24  # of one address: four browsers with their six each
COMING = PLACES // 2  # of those that no page has answered yet: who comes has time to be one that was
GREETING = 8.0  # seconds for shaking hands, be it on a bad Wi-Fi
IDLE = 90.0  # seconds of silence; the pages end a silent connection after 30, and a stream beats every 10
LOOK_EVERY = 2.0  # seconds


class Crowd:
    def __init__(self, loop: Loop, hand: Hand) -> None:
        self.lines: set[Line] = set()
        self._loop, self._hand = loop, hand
        self._timer: Timer = loop.call_later(LOOK_EVERY, self._look)

    def enter(self, sock: socket.socket, who: str, context: ssl.SSLContext) -> None:
        """A new connection; it, or another, gives way where there is no place."""
        sock.setblocking(False)
        try:
            tls = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):  # gone already
            sock.close()
            return
        line = Line(self._loop, tls, who, self._hand)
        line.done = lambda: self.lines.discard(line)
        self.lines.add(line)
        own = [one for one in self.lines if one.who == who]
        if len(own) > PLACES_OF_ONE:
            first_to_go(own, self._loop.now(), 0).close()  # of one device what runs goes before what comes
        elif len(self.lines) > PLACES:
            first_to_go(self.lines, self._loop.now(), COMING).close()

    def _look(self) -> None:
        now = self._loop.now()
        for one in tuple(self.lines):
            if (now - one.last > IDLE) if one.open else (now - one.begun > GREETING):
                one.close()
        self._timer = self._loop.call_later(LOOK_EVERY, self._look)

    def close(self) -> None:
        self._timer.cancel()
        for one in tuple(self.lines):
            one.close()
