"""Limits the front's connections, so that one device cannot keep others from the trusted name.

The pages have lower limits of their own (webui/connection_limits.py). A connection here takes 40 kB with its
TLS state, and a handshake costs a small router 5 ms.
"""

from __future__ import annotations

import socket
import ssl

from gateway.core.loop import Loop, Timer
from gateway.web.eviction import pick_eviction
from gateway.web.tls_connection import BrowserConnection, HandOver

PLACES = 64  # connections in total
PLACES_OF_ONE = 24  # of one address: four browsers with six each
COMING = PLACES // 2  # without a response from the pages yet: leaves new connections time to get one
GREETING = 8.0  # seconds for the handshake, enough for a bad Wi-Fi
IDLE = 90.0  # seconds of silence; the pages close a silent connection after 30, and streams send every 10
LOOK_EVERY = 2.0  # seconds


class ConnectionLimits:
    """Limits the connections of the TLS front: at most 64, and 24 of one address.

    Closes those that are silent or too slow with the handshake.
    """

    def __init__(self, loop: Loop, hand_over: HandOver) -> None:
        self.connections: set[BrowserConnection] = set()
        self._loop, self._hand_over = loop, hand_over
        self._timer: Timer = loop.call_later(LOOK_EVERY, self._look)

    def enter(self, sock: socket.socket, who: str, context: ssl.SSLContext) -> None:
        """Add a browser's connection, which starts its TLS handshake. ``who``: the browser's address.

        If a limit is exceeded, this connection or another is closed.
        """
        sock.setblocking(False)
        try:
            tls = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):  # the browser has disconnected
            sock.close()
            return
        connection = BrowserConnection(self._loop, tls, who, self._hand_over)
        connection.done = lambda: self.connections.discard(connection)
        self.connections.add(connection)
        own = [other for other in self.connections if other.who == who]
        if len(own) > PLACES_OF_ONE:
            # 0: of one device, connections without a response are closed before running ones.
            pick_eviction(own, self._loop.now(), 0).close()
        elif len(self.connections) > PLACES:
            pick_eviction(self.connections, self._loop.now(), COMING).close()

    def _look(self) -> None:
        now = self._loop.now()
        for connection in tuple(self.connections):
            since = now - connection.last if connection.open else now - connection.begun
            if since > (IDLE if connection.open else GREETING):
                connection.close()
        self._timer = self._loop.call_later(LOOK_EVERY, self._look)

    def close(self) -> None:
        self._timer.cancel()
        for connection in tuple(self.connections):
            connection.close()
