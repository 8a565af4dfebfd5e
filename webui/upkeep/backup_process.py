"""Encrypts and decrypts backups with a password.

It runs `gateway.web.backup_encryption` in a process of its own, one at a time: the key
derivation takes 16 MB and seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from threading import Lock

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code

TIMEOUT = 60  # seconds; a small router needs ten

_one = Lock()


def encrypt_backup(text: str, password: str) -> bytes:
    return _work("encrypt", text.encode("ascii"), password)


def decrypt_backup(data: bytes, password: str) -> str:
    return _work("decrypt", data, password).decode("utf-8", "replace")


def derive_key(password: str) -> str:
    """Return the text that encrypts automatic backups: a key derived from the password, with its parameters.

    Raises ControlError.
    """
    return _work("derive", b"", password).decode("ascii")


def _work(what: str, data: bytes, password: str) -> bytes:
    """Run the process that encrypts backups, with ``data`` as its input, and return its output.

    ``what``: ``encrypt``, ``decrypt`` or ``derive``. Raises ControlError with an error code: that of the
    process, or BUSY if it cannot run, takes more than TIMEOUT seconds, or waits half of that for another one.
    """
    if not _one.acquire(timeout=TIMEOUT / 2):
        raise _busy()
    try:
        done = subprocess.run(
            (sys.executable, "-m", "gateway.web.backup_encryption", what),
            input=json.dumps({"password": password}).encode() + b"\n" + data,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise _busy() from None
    finally:
        _one.release()
    if done.returncode == 0:
        return done.stdout
    try:
        answer = json.loads(done.stderr.splitlines()[-1])
        error = ControlError(str(answer["error"]))
        code, values = str(answer["code"]), dict(answer["values"])
    except (ValueError, KeyError, TypeError, IndexError):
        raise _busy() from None
    raise error.coded(code, **values)


def _busy() -> ControlError:
    return ControlError.of(Code.BUSY)
