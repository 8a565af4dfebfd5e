"""``python -m gateway.web.front SETTINGS LOG``: the TLS front. `qalqan web` starts and supervises it.

SETTINGS is JSON: `name`, `certificate`, `key`; `sockets`, bound and not yet listening; `pages`, our end of a
socket pair with the pages. LOG is the format of the log (`core.logs`). A connection reaches the pages only
through this pair: as a descriptor together with the browser's address. The pair has no path and no port, so
no other process can pass a connection or claim another device's address.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from gateway.core import logs
from gateway.core.helper_process import HelperProcess
from gateway.core.loop import Loop, Timer
from gateway.core.process_memory import disable_core_dumps, drop_read_pages, settle
from gateway.web.connection_limits import ConnectionLimits
from gateway.web.examined_certificate import ExaminedCertificate, parse_examined

NICE = 5  # pages and packets have priority: TLS handshakes cost more than either
BACKLOG = 64
AT_ONCE = 16  # connections accepted per turn of the loop
MOST_SAID = 500  # characters of a problem: the pages accept messages of up to 4096 bytes

LOOK_EVERY = 2.0  # seconds between checks of the files and the date
TIMEOUT = 60.0  # seconds to examine a certificate; a small router needs two
AGAIN = 60.0  # seconds until unchanged files with a problem are examined again
# OpenSSL caches up to 20,000 sessions of clients without tickets; the cache is freed with its context.
CONTEXT_LIFE = 2000  # connections

Stamp = tuple[tuple[int, int, int], ...]

log = logging.getLogger(__name__)


class Front:
    """Accepts TLS connections while the trusted name's certificate is valid, and passes them to the pages.

    The trusted name is the HTTPS name of the gateway's pages, which run in another process.
    """

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
        """Start or stop listening as the certificate is valid or not, and send its state to the pages.

        Without a valid certificate new connections are refused, so that browsers show no warning; existing
        ones continue.
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
        """Stop the event loop if the pages have closed their end of the socket pair.

        They send nothing on it.
        """
        if not self._pages.recv(1):
            self._loop.stop()

    def close(self) -> None:
        self._certificate.close()
        self._limits.close()
        self._pages.close()


class FrontCertificate:
    """Loads the certificate of the TLS front; examines it again, and loads it, when its files change.

    One with a problem is not loaded: the former stays, and the files are examined again after a minute.
    ``changed``: called when `good`, `problem` or the end of validity changes.
    """

    def __init__(self, loop: Loop, name: str, chain: str, key: str, changed: Callable[[], None]) -> None:
        self._loop, self._name, self._chain, self._key = loop, name, chain, key
        self._changed = changed
        self._process = HelperProcess(loop, self._found, self._done, TIMEOUT)
        self._context: ssl.SSLContext | None = None
        self._shown = ExaminedCertificate(())  # the one in the context
        self._examined: ExaminedCertificate | None = None  # the last that was examined
        self._stamp: Stamp | None = None
        self._looked = 0.0
        self._used = 0
        self._wrong = ""  # the problem of the current files
        self.problem = ""  # the same, or the problem with the date
        self._reported: tuple[bool, str, datetime | None] = (False, "", None)
        self._timer: Timer = loop.call_later(0, self._look)

    @property
    def good(self) -> bool:
        """Whether a certificate is loaded that is valid now."""
        return self._context is not None and not self._shown.dates(datetime.now(UTC))

    @property
    def until(self) -> datetime | None:
        return self._shown.until if self.good else None

    def context(self) -> ssl.SSLContext:
        """Return the TLS context for one new connection. Call it only while the certificate is `good`.

        After 2,000 connections the files are loaded into a new context.
        """
        assert self._context is not None
        self._used += 1
        if self._used > CONTEXT_LIFE:
            try:
                self._context = self._load()
            except OSError:  # the files are being replaced
                self._used = 0
        return self._context

    def _look(self) -> None:
        self._timer = self._loop.call_later(LOOK_EVERY, self._look)
        stamp = _stamp(self._chain, self._key)
        again = bool(self._wrong) and self._loop.now() - self._looked > AGAIN
        if (stamp != self._stamp or again) and not self._process.running:
            self._stamp, self._looked, self._examined = stamp, self._loop.now(), None
            try:
                self._process.start(["gateway.web.certificates", self._name, self._chain, self._key])
            except OSError as error:
                self._wrong = f"the certificate could not be examined: {error.strerror or error}"
        self._report()

    def _found(self, result: Mapping[str, Any]) -> None:
        self._examined = parse_examined(result)

    def _done(self, _status: int, _words: str) -> None:
        found = self._examined or ExaminedCertificate(("the certificate could not be examined",))
        if not found.problems and _stamp(self._chain, self._key) != self._stamp:
            return  # the files have changed again; the next check examines them
        if not found.problems:
            try:
                self._context, self._shown = self._load(), found
            except OSError as error:
                why = error.strerror or error
                found = ExaminedCertificate((f"the certificate could not be loaded: {why}",))
        self._wrong = found.problems[0] if found.problems else ""
        self._report()

    def _report(self) -> None:
        """Call ``changed`` if the state has changed since the last call.

        Invalid files have no effect on `good` while the loaded certificate is valid.
        """
        state = (self.good, self._wrong or self._shown.dates(datetime.now(UTC)), self._shown.until)
        if state != self._reported:
            self._reported, self.problem = state, state[1]
            self._changed()

    def _load(self) -> ssl.SSLContext:
        """Return a TLS server context with the certificate and key files.

        Raises OSError (also ssl.SSLError).
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self._chain, self._key)
        context.sni_callback = self._check_name
        self._used = 0
        return context

    def _check_name(
        self, _line: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> int | None:
        """Return None if the browser names the certificate's host, else a TLS alert.

        After the alert the browser shows an error that cannot be skipped, not a warning.
        """
        if name is not None and name.lower().rstrip(".") == self._name:
            return None
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    def close(self) -> None:
        self._timer.cancel()
        self._process.close()


def _stamp(*paths: str) -> Stamp:
    found = []
    for path in paths:
        try:
            state = os.stat(path)
        except OSError:
            found.append((0, 0, 0))
        else:
            found.append((state.st_ino, state.st_mtime_ns, state.st_size))
    return tuple(found)


def main(text: str, form: str) -> int:
    os.nice(NICE)
    disable_core_dumps()  # one would contain the certificate's key
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
