"""Memory that a start leaves behind, or that was never needed: a router has 128 MB in all."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from mmap import MADV_DONTNEED
from pathlib import Path
from types import ModuleType
from typing import NoReturn

# What hashlib falls back to: Python's own code, there in every usual build. BLAKE2 is always taken from it.
_OWN_HASHES = ("_md5", "_sha1", "_sha3", "_blake2")
_PR_SET_DUMPABLE = 4  # linux/prctl.h
_OWN_SHA2 = ("_sha2", "_sha256")  # from Python 3.12 on, and before


def one_openssl() -> None:
    """Keep hashlib from loading OpenSSL: `cryptography` may have its own, and 4 MB are spent twice.

    Call it before anything imports hashlib; afterwards it does nothing. The process has no hashlib.scrypt
    then, so this is for the daemon alone.
    """
    own = all(map(find_spec, _OWN_HASHES)) and any(map(find_spec, _OWN_SHA2))
    if own and "hashlib" not in sys.modules and "hmac" not in sys.modules:
        # The documented way to make an import fail (Library Reference, sys.modules).
        sys.modules["_hashlib"] = None  # type: ignore[assignment]


class _InspectLater(ModuleType):
    """As much of `inspect` as `dataclasses` needs; all else is the real one's."""

    @staticmethod
    def signature(_: object) -> NoReturn:
        raise ValueError  # as it does for what has none: the class is then described by its name

    @staticmethod
    def get_annotations(one: type) -> dict[str, object]:
        found: dict[str, object] = vars(one).get("__annotations__", {})
        return found

    def __getattr__(self, name: str) -> object:
        if sys.modules.get("inspect") is self:
            del sys.modules["inspect"]
        return getattr(import_module("inspect"), name)


def dataclasses_alone() -> None:
    """Import `dataclasses` without `inspect`, which brings in ast, dis and tokenize, 1.3 MB, and spends a
    tenth of the start on signatures that nobody reads. Who asks for `inspect` afterwards gets it.

    Call it before anything imports dataclasses; afterwards it does nothing. From Python 3.14 on annotations
    are elsewhere, and it does nothing there.
    """
    if "dataclasses" in sys.modules or "inspect" in sys.modules or sys.version_info >= (3, 14):
        return
    later = sys.modules["inspect"] = _InspectLater("inspect")
    import_module("dataclasses")
    if sys.modules.get("inspect") is later:
        del sys.modules["inspect"]


def no_dumps() -> None:
    """Nothing that is in memory reaches the disk when the process dies, neither as a file nor through a
    program that collects such things (which the limit alone does not stop), and no other process of its user
    reads it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def in_a_child(work: Callable[[], None]) -> None:
    """Run ``work``, which leaves its results on the disk, in a process that ends with all that it loaded.

    What goes wrong there is silent: the caller finds it undone, does it itself, and gets the error. For a
    start, before there are sockets and queues: the child has all of them too.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        work()
    finally:
        os._exit(0)  # no handler of the parent's may run here, nor its last words be written twice


def settle() -> None:
    """Give back what start or reload used, and spare the collector what lives on: a full collection takes
    15 ms with all rules in it, in which no packet gets its verdict.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone keeps freed memory so long
    if trim is not None:
        trim(0)


def drop_read_pages(smaps: Path = Path("/proc/self/smaps")) -> None:
    """Let go of the pages of programs and libraries that the start alone has read, 9 MB of 18. What is needed
    again comes back without a look at the disk, for the kernel's cache keeps it.

    For the end of a start, before the first packet. A kernel that does not say which pages are as their file
    is (no /proc/self/smaps) keeps them until it needs the room itself.
    """
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    try:
        areas = list(read_areas(smaps.read_text("utf-8", "replace").splitlines()))
    except OSError:
        return
    for start, end in areas:
        madvise(start, end - start, MADV_DONTNEED)


def read_areas(smaps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The parts of the memory that are as their file is: what a process has written, be it now in the swap,
    would be lost, and so would relocations, which are written before an area is made read-only.
    """
    area: tuple[int, int] | None = None
    for line in smaps:
        key, value, *rest = line.split()
        if key.endswith(":"):
            if key in ("Anonymous:", "Swap:") and value != "0":
                area = None
            continue
        if area is not None:
            yield area
        start, _, end = key.partition("-")
        of_a_file = value in ("r--p", "r-xp") and rest[2:3] != ["0"]
        area = (int(start, 16), int(end, 16)) if of_a_file else None
    if area is not None:
        yield area
