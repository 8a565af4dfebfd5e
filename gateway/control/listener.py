"""Creates the control socket in the file system, with a lock so that one daemon uses a path."""

from __future__ import annotations

import fcntl
import os
import pwd
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from gateway.core.errors import ControlError

PATH_LIMIT = 107  # bytes of a socket's path (unix(7)), without the terminating zero


WEB_USER = "qalqan-web"


@dataclass(frozen=True, slots=True)
class WebUser:
    """User and group id of the web process. The group may open the control socket."""

    uid: int
    gid: int

    @classmethod
    def found(cls) -> WebUser | None:
        """Return the system's user WEB_USER, for the web process; None if it does not exist.

        The pages then run as the current user.
        """
        try:
            return cls.named(WEB_USER)
        except ControlError:
            return None

    @classmethod
    def named(cls, name: str) -> WebUser:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            msg = (
                f"there is no user {name!r} for the web pages; create it, or set another in the configuration"
            )
            raise ControlError(msg) from None
        return cls(entry.pw_uid, entry.pw_gid)


def take_lock(path: Path) -> int:
    """Lock the file ``path``.lock, so that one daemon uses the socket, and return its descriptor.

    The kernel releases it when the process ends. Raises ControlError if another daemon has the lock, the
    path is too long, or the file cannot be created.
    """
    if len(os.fsencode(path)) > PATH_LIMIT:
        msg = f"{path}: a socket's path has at most {PATH_LIMIT} bytes; set a shorter runtime directory"
        raise ControlError(msg)
    lock_path = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        msg = f"{lock_path}: {error.strerror}; check the runtime directory and that you are root"
        raise ControlError(msg) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        msg = f"another daemon uses {path}; stop it first, or set another runtime directory"
        raise ControlError(msg) from None
    return lock


def listen(path: Path, web: WebUser | None, *, backlog: int) -> socket.socket:
    """Create the control socket at ``path`` and return it, listening. The caller has the lock.

    Its owner and the group of the web user may connect. Raises ControlError if it cannot be created.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    before = os.umask(0o177)  # from its creation on, only the owner may open the socket
    try:
        _remove_stale(path)
        listener.bind(os.fspath(path))
        if web is not None:
            os.chown(path, -1, web.gid)
        path.chmod(0o660)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        msg = f"{path}: {error.strerror}; check the runtime directory and that you are root"
        raise ControlError(msg) from error
    except ControlError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def _remove_stale(path: Path) -> None:
    """Delete the socket of a killed daemon, if there is one. The lock shows that no daemon uses it.

    Raises ControlError if the path is not a socket.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        msg = f"{path}: exists and is not a socket; move it away"
        raise ControlError(msg)
    path.unlink()
