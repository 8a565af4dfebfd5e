"""Memory that a start leaves behind, or that was never needed: a router has 128 MB in all."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec

# What hashlib falls back to: Python's own code, there in every usual build. BLAKE2 is always taken from it.
_OWN_HASHES = ("_md5", "_sha1", "_sha3", "_blake2")
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
