"""Where a gateway's files are, and how a rule file is read: a bounded piece, and errors in one line."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from gateway.core.errors import PolicyError

MAX_TEXT = 262_144  # bytes; a family's file has about 1 kB, the largest packaged one about 60 kB

T = TypeVar("T")

DEFAULT_CONFIG = Path("/etc/qalqan/qalqan.yaml")
SOCKET = "control.sock"  # in the runtime directory


def read_bounded(path: Path, most: int = MAX_TEXT) -> bytes:
    """At most one byte more than ``most``, which a rule file may have. Raises PolicyError where it cannot be
    read, and for a pipe, a device or anything else that is no file: to read such a thing may never end.
    """

    def first_bytes() -> bytes | None:
        with open(path, "rb", opener=opened_at_once) as file:
            return file.read(most + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None

    found = attempt(path, first_bytes)
    if found is None:
        raise PolicyError(str(path), "is no regular file", "write a file in its place, or name another")
    return found


def read_if_there(path: Path) -> bytes | None:
    """As `read_bounded`; None where there is nothing."""
    return read_bounded(path) if path.exists() else None


def opened_at_once(path: str, flags: int) -> int:
    """Opens without waiting for somebody at the other end of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def attempt(path: Path, read: Callable[[], T]) -> T:
    """``read()``, which reads ``path``. Raises PolicyError where the system refuses it."""
    try:
        return read()
    except FileNotFoundError:
        problem, mend = "is not there", "create it, or name another"
    except OSError as error:
        problem, mend = f"cannot be read ({error.strerror})", "mend its permissions or its path"
    raise PolicyError(str(path), problem, mend)


def disk_words(error: OSError) -> str:
    """Why something could not be written, for people."""
    return "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)


def make_folder(path: Path) -> None:
    """With those that it is in. Raises PolicyError where it cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        where, mend = str(path), "mend its path in qalqan.yaml, and run this as root"
        raise PolicyError(where, f"cannot be made ({error.strerror})", mend) from error


def write_whole(path: Path, data: bytes, like: os.stat_result | None = None) -> None:
    """Whole or not at all, and its bytes on the disk when this returns; for its owner alone, or with the mode
    and the owner of what ``like`` is about (where only root may give it away, it is ours). That it has this
    name, ``sync_folder`` puts on the disk. Raises OSError.
    """
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)  # of a kill; where the folder is another's, a link to what is not
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
        if like is not None:
            with suppress(PermissionError):
                os.fchown(out.fileno(), like.st_uid, like.st_gid)
            os.fchmod(out.fileno(), stat.S_IMODE(like.st_mode))
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)


def sync_folder(path: Path) -> None:
    """What was renamed or removed in it is so on the disk as well. Raises OSError."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
