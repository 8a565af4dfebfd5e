"""Reduces the memory of the pages: a router has 128 MB in total. musl needs none of this."""

from __future__ import annotations

import ctypes
import resource

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # parameters of mallopt, as malloc.h numbers them
_LARGE = 128 << 10  # bytes; larger blocks return to the system when freed


def limit_arenas() -> None:
    """Use one malloc arena for all threads, before any starts. Each arena would keep its peak size."""
    set_to = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_to is not None:
        set_to(_ARENA_MAX, 1)
        set_to(_MMAP_THRESHOLD, _LARGE)  # glibc otherwise raises it dynamically


def disable_core_dumps() -> None:
    """Disable core dumps, which could contain a password or a wallet's response."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def release_memory() -> None:
    """Return unused memory of the process to the system, which glibc would keep."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
