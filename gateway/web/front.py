"""``python -m gateway.web.front SETTINGS LOG``: the TLS front. `qalqan web` starts and supervises it.

SETTINGS is JSON: `name`, `certificate`, `key`; `sockets`, bound and not yet listening; `pages`, our end of a
socket pair with the pages. A connection reaches the pages only through this pair: as a descriptor together
with the browser's address. The pair has no path and no port, so no other process can pass a connection or
claim another device's address.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import socket
import sys
from functools import partial
from typing import Any

from gateway.core import logs
from gateway.core.loop import Loop
from gateway.core.process_memory import drop_read_pages, settle
from gateway.web.connection_limits import ConnectionLimits
from gateway.web.front_certificate import FrontCertificate

NICE = 5  # pages and packets have priority: TLS handshakes cost more than either
BACKLOG = 64
AT_ONCE = 16  # connections accepted per turn of the loop
MOST_SAID = 500  # characters of a problem: the pages accept messages of up to 4096 bytes

log = logging.getLogger(__name__)


class Front:
    """Accepts TLS connections while the certificate is valid, and passes them to the pages."""

    def __init__(self, loop: Loop, settings: dict[str, Any]) -> None:
        self._loop = loop
        self._sockets = [socket.socket(fileno=int(number)) for number in settings["sockets"]]
        self._pages = socket.socket(fileno=int(settings["pages"]))
        for sock in (*self._sockets, self._pages):
            sock.set_inheritable(False)
            sock.setblocking(False)
        self._limits = ConnectionLimits(loop, self._hand_over)
        self._listens = False
        name, chain, key = (str(settings[word]) for word in ("name", "certificate", "key"))
        self._certificate = FrontCertificate(loop, name, chain, key, self._changed)
        loop.on_readable(self._pages, self._end)

    def _changed(self) -> None:
        """Start or stop listening with the certificate. Without a valid one, new connections are refused
        rather than shown a warning; existing ones continue.
        """
        now = self._certificate
        if now.good and not self._listens:
            for sock in self._sockets:
                sock.listen(BACKLOG)
                self._loop.on_readable(sock, partial(self._accept, sock))
        elif not now.good and self._listens:
            for sock in self._sockets:
                self._loop.forget(sock)
                sock.shutdown(socket.SHUT_RDWR)  # a listening socket stops listening, and can start again
        self._listens = now.good
        until = None if now.until is None else int(now.until.timestamp())
        state = {"until": until, "problem": now.problem[:MOST_SAID]}
        try:
            self._pages.send(json.dumps(state).encode())
        except BlockingIOError:
            log.warning("Certificate state not sent: the pages read no messages.")

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS):
                    log.warning("Connection not accepted: %s", error.strerror)
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._limits.enter(sock, str(address[0]), self._certificate.context())

    def _hand_over(self, connection: socket.socket, who: str) -> bool:
        try:
            socket.send_fds(self._pages, [who.encode()], [connection.fileno()])
        except BlockingIOError:
            return False
        return True

    def _end(self) -> None:
        """Stop when the pages close their end. They send nothing here."""
        if not self._pages.recv(1):
            self._loop.stop()

    def close(self) -> None:
        self._certificate.close()
        self._limits.close()
        self._pages.close()


def main(text: str, form: str) -> int:
    os.nice(NICE)
    logs.configure(form)
    loop = Loop()
    front = Front(loop, json.loads(text))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    settle()
    drop_read_pages()
    try:
        loop.run()
    except SystemExit:
        pass
    finally:
        front.close()
    return 0


def _stop(_signal: int, _frame: object) -> None:
    raise SystemExit


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
