"""Gives up root: the process becomes a user that keeps some capabilities, which its programs inherit.

For service managers that cannot do it themselves. procd ignores `capabilities` and `no_new_privs` of a
service without a jail (ujail), and images for small flash have no ujail. A jail with its own mounts would
also have to name each library of Python's extension modules: ujail looks up those of a file that is named,
but not those of the files in a folder.
"""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.core.errors import GatewayError

CAP_NET_ADMIN, CAP_NET_RAW = 12, 13  # linux/capability.h
_LAST_CAPABILITY = Path("/proc/sys/kernel/cap_last_cap")
# linux/prctl.h
_SET_KEEPCAPS, _DROP_BOUNDING, _SET_NO_NEW_PRIVS, _AMBIENT = 8, 24, 38, 47
_IS_SET, _RAISE, _CLEAR_ALL = 1, 2, 4  # of _AMBIENT
_VERSION_3 = 0x20080522  # of capset's header: two words for each set


class PrivilegeError(GatewayError):
    """Raised if the process cannot become another user."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32),
    )  # fmt: skip


def become(name: str, capabilities: Iterable[int], groups: Iterable[str] = ()) -> None:
    """Change this root process to the user ``name``, permanently, with only these capabilities.

    It cannot gain others; programs that it starts inherit these. ``groups``: supplementary groups;
    missing ones are ignored. Raises PrivilegeError; the process must then end.
    """
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        msg = f"there is no user {name}; create it, or start without --user"
        raise PrivilegeError(msg) from None
    kept = frozenset(capabilities)
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        _call(libc.prctl, _SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        for number in range(int(_LAST_CAPABILITY.read_text()) + 1):
            if number not in kept:
                _call(libc.prctl, _DROP_BOUNDING, number, 0, 0, 0)
        _call(libc.prctl, _SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([group.gr_gid for group in grp.getgrall() if group.gr_name in {*groups}])
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
        bits = sum(1 << number for number in kept)
        sets = (_Sets * 2)(*(_Sets(word, word, word) for word in (bits & 0xFFFFFFFF, bits >> 32)))
        _call(libc.capset, ctypes.byref(_Header(_VERSION_3, 0)), ctypes.byref(sets))
        for number in kept:
            _call(libc.prctl, _AMBIENT, _RAISE, number, 0, 0)
    except OSError as error:
        msg = f"the process cannot become the user {name}: {error.strerror}; start it as root"
        raise PrivilegeError(msg) from error


@contextmanager
def without_ambient_capabilities() -> Iterator[None]:
    """Context manager: programs that start inside inherit no capabilities. For a process with one thread.

    A process without root passes its ambient capabilities on. Raises OSError if they cannot be removed or
    set again.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    numbers = range(int(_LAST_CAPABILITY.read_text()) + 1)
    kept = [number for number in numbers if prctl(_AMBIENT, _IS_SET, number, 0, 0) == 1]
    _call(prctl, _AMBIENT, _CLEAR_ALL, 0, 0, 0)
    try:
        yield
    finally:
        for number in kept:
            _call(prctl, _AMBIENT, _RAISE, number, 0, 0)


def no_new_privileges() -> None:
    """Ensure that this process and programs that it starts gain no privileges, such as by a set-user bit.

    It cannot be undone. Raises OSError.
    """
    _call(ctypes.CDLL(None, use_errno=True).prctl, _SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _call(function: ctypes._NamedFuncPointer, *arguments: object) -> None:
    """Call a C function that returns 0 on success. Raises OSError with its errno if it fails."""
    if function(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
