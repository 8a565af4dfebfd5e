"""Limits attempts at passwords and codes. Each counts by device or browser; too many are rejected.

The counts are in a small file of the pages' state, so that a restart gives no further attempts.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from flask import Flask, current_app, request

from gateway.core.errors import ControlError
from gateway.core.files import write_atomically
from gateway.core.reason_codes import Code
from webui.accounts import browsers
from webui.accounts.limiter import NEWCOMERS, TRIES, Limiter
from webui.daemon import daemon, source_address
from webui.language.i18n import ngettext

WRONG = frozenset(
    {
        Code.LINK_USED, Code.WRONG_PASSWORD, Code.WRONG_RECOVERY, Code.WRONG_LABEL, Code.WRONG_TOKEN,
        Code.FACTOR_WRONG, Code.PASSKEY_WRONG,
        # Nothing was guessed, but a hash was computed. Without a count, one device could block all others.
        Code.CLAIMED, Code.NOT_FROM_HOME, Code.NO_BUTTON,
    }
)  # fmt: skip
NEW = "new devices"  # the key of unknown devices without an attempt yet
FILE = "tries.json"
PLACELESS = ("", "guest", "quarantine")  # owners of devices that count as unknown


_log = logging.getLogger(__name__)


class TooManyTriesError(Exception):
    """Raised for an attempt after too many wrong ones; it was not checked.

    ``seconds``: until the next one.
    """

    def __init__(self, wait: float) -> None:
        self.seconds = int(wait) + 1
        super().__init__(self.seconds)

    @property
    def sentence(self) -> str:
        return ngettext(
            "Too many attempts from this device. Try again in %(num)d second.",
            "Too many attempts from this device. Try again in %(num)d seconds.",
            self.seconds,
        )


class WrongTries:
    """Counts wrong attempts at passwords and codes, by device or browser, and rejects too many.

    ``file``: where the counts survive a restart; None: nowhere.
    """

    def __init__(self, file: Path | None, now: float) -> None:
        self._file = file
        self._limiter = Limiter()
        self._lock = Lock()  # the server has several threads
        if file is not None and file.exists():
            try:
                self._limiter.restore(json.loads(file.read_bytes()), now)
            except (OSError, ValueError, TypeError, AttributeError) as error:
                _log.warning("Reading %s failed: %s. Counting wrong passwords from zero.", file, error)

    @contextmanager
    def attempt(
        self, now: float, name: str, *, placed: bool, stored: Callable[[], bool] = lambda: True
    ) -> Iterator[None]:
        """Run the ``with`` block as one attempt at a password or code. Raises TooManyTriesError before it.

        The attempt counts while the block runs, and afterwards only if the block raised a
        ControlError about a wrong input (WRONG). ``now``: seconds of a monotonic clock. ``name``:
        the account. ``placed``: whether devices have owners yet; if not, counts are only in memory.
        ``stored``: returns whether counts may be stored; it is called after a wrong input.
        """
        own, strange = _client(name, placed=placed)
        with self._lock:
            keys = {own: TRIES} | new_device(self._limiter, now, own, strange=strange)
            wait = max(self._limiter.wait(key, now, tries) for key, tries in keys.items())
            if wait > 0:
                raise TooManyTriesError(wait)
            for key in keys:
                self._limiter.count(key, now)
        wrong = False
        try:
            yield
        except ControlError as error:
            wrong = error.code in WRONG
            raise
        finally:
            with self._lock:
                if not wrong:
                    for key in keys:
                        self._limiter.uncount(key, now)
                elif placed and stored():  # before the claim, nothing of any device is stored
                    self._write()

    def _write(self) -> None:
        """Store the counts of wrong attempts in the file, if there is one; an error is logged.

        Attempts that are being checked now are counted too.
        """
        if self._file is None:
            return
        try:
            write_atomically(self._file, json.dumps(self._limiter.state()).encode("ascii"))
        except OSError as error:
            _log.warning("Writing %s failed: %s. A restart forgets the wrong passwords.", self._file, error)


def _client(name: str, *, placed: bool) -> tuple[str, bool]:
    """Return the key by which an attempt at the account ``name`` is counted, and if its device is unknown.

    The key is the browser's id if the account has signed in on it before, else the device's address.
    """
    # Requests with a token ignore cookies.
    browser = "" if "Authorization" in request.headers else browsers.known(name)
    if browser:
        return f"browser {browser}", False
    address = source_address()
    here = daemon().here(address)
    return here.mac or address, not placed or here.profile in PLACELESS


def new_device(
    limiter: Limiter, now: float, own: str, *, strange: bool, most: int = NEWCOMERS
) -> dict[str, int]:
    """Return the key that all unknown devices share, with its limit, for the first attempt of such a device.

    Empty otherwise: a device that has tried before waits only for its own attempts. ``own``: its key.
    ``strange``: its owner is one of PLACELESS, or devices have no owners yet. ``most``: how many unknown
    devices may begin without a wait.
    """
    return {NEW: most} if strange and not limiter.knows(own, now) else {}


@contextmanager
def attempt(
    name: str = "", *, placed: bool = True, stored: Callable[[], bool] = lambda: True
) -> Iterator[None]:
    """Run the ``with`` block as one attempt of the requesting device. Raises TooManyTriesError before it.

    ``name``: the account; empty: none in particular. ``placed``: whether devices have owners yet; if not,
    counts are only in memory. ``stored``: returns whether counts may be stored; it is called after a wrong
    input.
    """
    tries: WrongTries = current_app.extensions["qalqan-tries"]
    with tries.attempt(time.monotonic(), name, placed=placed, stored=stored):
        yield


def install(app: Flask, state: Path | None) -> None:
    """Prepare the counting of wrong attempts for the application.

    ``state``: the folder of the pages' state, where counts are stored; None: they are not.
    """
    file = None if state is None else state / FILE
    app.extensions["qalqan-tries"] = WrongTries(file, time.monotonic())
