"""Memory that the pages need not hold: a router has 128 MB in all. musl keeps little of itself."""

from __future__ import annotations

import ctypes
import resource

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # parameters of mallopt, as malloc.h numbers them
_LARGE = 128 << 10  # bytes; what is larger is given back as soon as it is free


def one_heap() -> None:
    """For all threads, before there are any: else each has its own, and keeps the most that it ever held."""
    set_to = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_to is not None:
        set_to(_ARENA_MAX, 1)
        set_to(_MMAP_THRESHOLD, _LARGE)  # which glibc raises by itself where it is not told


def no_core() -> None:
    """A crash leaves no picture of a password, or of a wallet's answer."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def give_back() -> None:
    """What is free: glibc would keep it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
