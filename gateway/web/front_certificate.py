"""The certificate that the front shows, and the next one as soon as its files have it."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.core.helper_process import HelperProcess
from gateway.core.loop import Loop, Timer
from gateway.web.examined_certificate import Examined, examined

LOOK_EVERY = 2.0  # seconds between two looks at the files and at the date
TIMEOUT = 60.0  # seconds to read a certificate; a small router needs two
AGAIN = 60.0  # seconds until a pair that did not fit is looked at once more, though nothing changed
# OpenSSL keeps a session of each client that takes no ticket, 20,000 of them; they go with their context.
CONTEXT_LIFE = 2000  # connections

Stamp = tuple[tuple[int, int, int], ...]

log = logging.getLogger(__name__)


class Certificate:
    """``changed`` is called when what `good` or `problem` say is another."""

    def __init__(self, loop: Loop, name: str, chain: str, key: str, changed: Callable[[], None]) -> None:
        self._loop, self._name, self._chain, self._key = loop, name, chain, key
        self._changed = changed
        self._errand = HelperProcess(loop, self._found, self._done, TIMEOUT)
        self._context: ssl.SSLContext | None = None
        self._shown = Examined(())  # that of the context
        self._examined: Examined | None = None  # the last that was looked at
        self._stamp: Stamp | None = None
        self._looked = 0.0
        self._used = 0
        self._wrong = ""  # with the pair that is in the files now
        self.problem = ""  # that, or what is wrong with the date
        self._said: tuple[bool, str, datetime | None] = (False, "", None)
        self._timer: Timer = loop.call_later(0, self._look)

    @property
    def good(self) -> bool:
        """Whether there is one to show now."""
        return self._context is not None and not self._shown.dates(datetime.now(UTC))

    @property
    def until(self) -> datetime | None:
        return self._shown.until if self.good else None

    def context(self) -> ssl.SSLContext:
        """For one connection, while it is `good`."""
        assert self._context is not None
        self._used += 1
        if self._used > CONTEXT_LIFE:
            try:
                self._context = self._load()
            except OSError:  # the files are being changed just now
                self._used = 0
        return self._context

    def _look(self) -> None:
        self._timer = self._loop.call_later(LOOK_EVERY, self._look)
        stamp = _stamp(self._chain, self._key)
        again = bool(self._wrong) and self._loop.now() - self._looked > AGAIN
        if (stamp != self._stamp or again) and not self._errand.running:
            self._stamp, self._looked, self._examined = stamp, self._loop.now(), None
            try:
                self._errand.start(["gateway.web.certificates", self._name, self._chain, self._key])
            except OSError as error:
                self._wrong = f"the certificate could not be looked at: {error.strerror or error}"
        self._tell()

    def _found(self, told: Mapping[str, Any]) -> None:
        self._examined = examined(told)

    def _done(self, _status: int, _words: str) -> None:
        found = self._examined or Examined(("the certificate could not be looked at",))
        if not found.problems and _stamp(self._chain, self._key) != self._stamp:
            return  # another one by now; the next look sees it
        if not found.problems:
            try:
                self._context, self._shown = self._load(), found
            except OSError as error:
                found = Examined((f"the certificate could not be loaded: {error.strerror or error}",))
        self._wrong = found.problems[0] if found.problems else ""
        self._tell()

    def _tell(self) -> None:
        """A pair that does not fit changes nothing while the one before is good."""
        said = (self.good, self._wrong or self._shown.dates(datetime.now(UTC)), self._shown.until)
        if said != self._said:
            self._said, self.problem = said, said[1]
            self._changed()

    def _load(self) -> ssl.SSLContext:
        """Raises OSError, of which ssl's is one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self._chain, self._key)
        context.sni_callback = self._asked
        self._used = 0
        return context

    def _asked(self, _line: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        """For any other name, and for none, the browser gets an error and no warning that could be passed."""
        if name is not None and name.lower().rstrip(".") == self._name:
            return None
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    def close(self) -> None:
        self._timer.cancel()
        self._errand.close()


def _stamp(*paths: str) -> Stamp:
    found = []
    for path in paths:
        try:
            told = os.stat(path)
        except OSError:
            found.append((0, 0, 0))
        else:
            found.append((told.st_ino, told.st_mtime_ns, told.st_size))
    return tuple(found)
