"""Paths of the gateway's files, bounded reads with one-line errors, and atomic writes."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from gateway.core.errors import PolicyError

MAX_TEXT = 262_144  # bytes; a family's file has about 1 kB, the largest packaged one about 60 kB

T = TypeVar("T")

_log = logging.getLogger(__name__)

DEFAULT_CONFIG = Path("/etc/qalqan/qalqan.yaml")
SOCKET = "control.sock"  # in the runtime directory

UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""Errors of a full disk or a read-only file system. The daemon runs without what it cannot store."""


def read_bounded(path: Path, most: int = MAX_TEXT) -> bytes:
    """Return the first ``most`` + 1 bytes of a file, so that the caller can detect one that is too large.

    Raises PolicyError if the file cannot be read or is not a regular file: reading a pipe or a device may
    never end.
    """

    def first_bytes() -> bytes | None:
        with open(path, "rb", opener=open_nonblocking) as file:
            return file.read(most + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None

    found = attempt(path, first_bytes)
    if found is None:
        raise PolicyError(str(path), "is not a regular file", "replace it with a file, or use another path")
    return found


def read_if_there(path: Path) -> bytes | None:
    """Return the content of a file, at most MAX_TEXT + 1 bytes; None if it does not exist.

    Raises PolicyError if it cannot be read.
    """
    return read_bounded(path) if path.exists() else None


def open_nonblocking(path: str, flags: int) -> int:
    """Open a file and return its descriptor; do not wait for the other end of a named pipe. Raises OSError.

    Use it as the opener of ``open()``.
    """
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def attempt(path: Path, read: Callable[[], T]) -> T:
    """Call ``read``, which reads ``path``, once, and return its result.

    Raises PolicyError in place of an OSError.
    """
    try:
        return read()
    except FileNotFoundError:
        problem, fix = "does not exist", "create it, or use another path"
    except OSError as error:
        problem, fix = f"cannot be read ({error.strerror})", "fix its permissions or its path"
    raise PolicyError(str(path), problem, fix)


def write_error_text(error: OSError) -> str:
    """Return why writing a file failed, as text for users: a short cause without the path."""
    return "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)


def make_folder(path: Path) -> None:
    """Create a folder and its parents, unless it exists. Raises PolicyError if that fails.

    On a full disk or a read-only file system it only logs an error: the parts that use the folder report
    theirs.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in UNWRITABLE:
            _log.error("%s: cannot be created (%s).", path, write_error_text(error))
            return
        where, fix = str(path), "fix its path in qalqan.yaml, and run this as root"
        raise PolicyError(where, f"cannot be created ({error.strerror})", fix) from error


def write_atomically(
    path: Path, data: bytes, like: os.stat_result | None = None, *, mode: int = 0o600
) -> None:
    """Replace a file by a new one with ``data``, completely or not at all, and sync the data to the disk.

    The file has ``mode``, or the mode and owner of ``like``. Without the right to change the owner, this
    process's user owns it. Call ``sync_folder`` to sync the new name as well. Raises OSError, with a
    ``filename``.
    """
    fresh = path.with_name(f".{path.name}.new")
    # Left by a killed process. In a folder of another user it may be a link to a file elsewhere.
    fresh.unlink(missing_ok=True)
    try:
        _write_new(fresh, data, like, mode)
        fresh.replace(path)
    except OSError as error:
        # Errors of a write have no name, and an incomplete file would keep a full disk full.
        error.filename = str(path)
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def _write_new(path: Path, data: bytes, like: os.stat_result | None, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
        if like is not None:
            mode = stat.S_IMODE(like.st_mode)
            with suppress(PermissionError):
                os.fchown(out.fileno(), like.st_uid, like.st_gid)
        if mode != 0o600:  # not every file system can change it
            os.fchmod(out.fileno(), mode)
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the renames and removals of files in a folder are on the disk. Raises OSError."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
