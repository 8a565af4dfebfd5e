"""``python -m gateway.web.front SETTINGS LOG``: the front. `qalqan web` starts it and watches over it.

SETTINGS is JSON: `name`, `certificate`, `key`; `sockets`, bound and not yet listening; `pages`, our end of a
pair of sockets whose other end the pages hold. Through that pair alone a connection reaches the pages: as a
descriptor, with the address of the browser beside it. It has no place in the file system and no number on
the network, so nobody else can hand one over, or say for another device who it is.
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
from gateway.web.connection_limits import Crowd
from gateway.web.front_certificate import Certificate

NICE = 5  # pages and packets go first: hellos cost more than either
BACKLOG = 64
AT_ONCE = 16  # connections that one turn takes
MOST_SAID = 500  # characters of a problem: the pages take a message of 4096 bytes

log = logging.getLogger(__name__)


class Front:
    def __init__(self, loop: Loop, told: dict[str, Any]) -> None:
        self._loop = loop
        self._sockets = [socket.socket(fileno=int(number)) for number in told["sockets"]]
        self._pages = socket.socket(fileno=int(told["pages"]))
        for one in (*self._sockets, self._pages):
            one.set_inheritable(False)
            one.setblocking(False)
        self._crowd = Crowd(loop, self._hand)
        self._listens = False
        name, chain, key = (str(told[one]) for one in ("name", "certificate", "key"))
        self._certificate = Certificate(loop, name, chain, key, self._changed)
        loop.on_readable(self._pages, self._end)

    def _changed(self) -> None:
        """There is a certificate to show, or none any more: then nobody is met at all, with or without a
        warning. Connections that run go on.
        """
        now = self._certificate
        if now.good and not self._listens:
            for one in self._sockets:
                one.listen(BACKLOG)
                self._loop.on_readable(one, partial(self._accept, one))
        elif not now.good and self._listens:
            for one in self._sockets:
                self._loop.forget(one)
                one.shutdown(socket.SHUT_RDWR)  # of one that listens: it listens no more, and may again
        self._listens = now.good
        until = None if now.until is None else int(now.until.timestamp())
        told = {"until": until, "problem": now.problem[:MOST_SAID]}
        try:
            self._pages.send(json.dumps(told).encode())
        except BlockingIOError:
            log.warning("the pages were not told how the certificate is: they take nothing in")

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS):
                    log.warning("no connection could be taken: %s", error.strerror)
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._crowd.enter(sock, str(address[0]), self._certificate.context())

    def _hand(self, connection: socket.socket, who: str) -> bool:
        try:
            socket.send_fds(self._pages, [who.encode()], [connection.fileno()])
        except BlockingIOError:
            return False
        return True

    def _end(self) -> None:
        """The pages say nothing here: they are gone."""
        if not self._pages.recv(1):
            self._loop.stop()

    def close(self) -> None:
        self._certificate.close()
        self._crowd.close()
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
