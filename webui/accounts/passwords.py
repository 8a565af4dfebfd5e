"""Password rules and hashes.

One hash takes 8 MB and 0.2 s on a PC, seconds on a router. A separate process that ends afterwards computes
it (`gateway/web/scrypt.py`), one at a time, so that memory stays bounded and the pages stay responsive.
"""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from werkzeug.security import gen_salt

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import METHOD
from webui.accounts.common import COMMON
from webui.language.i18n import gettext as _

SHORTEST, LONGEST = 8, 128  # characters
WAITING = 3  # threads that may wait for or compute a hash, of the eight of the server
TIMEOUT = 30  # seconds for one hash; a small router needs five
_SALT = 16  # characters

_one = Lock()
_places = BoundedSemaphore(WAITING)

RUNS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "йцукенгшщзхъфывапролджэ",
)


class BusyError(ControlError):
    """Raised if too many password hashes or wallet checks run at once, or if one fails or takes too long."""


def problem(password: str, name: str) -> str:
    """Return the message that explains why a new password is not accepted; empty if it is.

    It checks the length, repeated characters, rows of digits, letters or keys, a list of common passwords,
    and the user's name (``name``).
    """
    if len(password) < SHORTEST:
        return _(
            "Take at least %(least)d characters. A sentence of a few words is easy to keep.", least=SHORTEST
        )
    if len(password) > LONGEST:
        return _("Take at most %(most)d characters.", most=LONGEST)
    folded = _same(password).casefold()
    if len(set(folded)) < 3 or _is_run(folded):
        return _("One letter again and again, or a row of the keyboard, is guessed first. Take another one.")
    bare = folded.strip("0123456789!.?* _-")
    if folded in COMMON or bare in COMMON or folded == folded[: len(folded) // 2] * 2:
        return _("This is one of the passwords that are tried first everywhere. Take another one.")
    if bare in {name.casefold(), "qalqan"}:
        return _("A name with some digits is guessed first. Take another one.")
    return ""


def hashed(password: str) -> str:
    """Return a password's scrypt hash with a new salt, in Werkzeug's format.

    Another process computes it. Raises BusyError if too many passwords are being hashed, or it
    fails.
    """
    salt = gen_salt(_SALT)
    return f"{METHOD}${salt}${digest(password, salt)}"


def digest(password: str, salt: str) -> str:
    """Return the scrypt digest of a password with this salt: the last part of a hash.

    Another process computes it. Raises BusyError if too many passwords are being hashed, or it
    fails.
    """
    asked = json.dumps({"password": _same(password), "salt": salt}).encode()
    with _in_turn():
        try:
            done = subprocess.run(
                (sys.executable, "-m", "gateway.web.scrypt"),
                input=asked,
                stdout=subprocess.PIPE,
                timeout=TIMEOUT,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):  # no memory for it, or it did not end
            raise _busy() from None
    return done.stdout.decode("ascii")


def _same(password: str) -> str:
    """Return the password in Unicode form NFC: some keyboards write й as one code point, others as two."""
    return unicodedata.normalize("NFC", password)


def _is_run(text: str) -> bool:
    return any(text in run or text in run[::-1] for run in RUNS)


@contextmanager
def _in_turn() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise _busy()
    try:
        with _one:
            yield
    finally:
        _places.release()


def _busy() -> BusyError:
    return BusyError.of(Code.BUSY)
