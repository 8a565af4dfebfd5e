"""Reduces the memory of a process: the smallest supported routers have 128 MB.

This module itself imports no `dataclasses`: `import_dataclasses_alone` must be able to run first.
"""

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
from types import FunctionType, ModuleType
from typing import NoReturn

# hashlib's fallback: CPython's own code, part of every usual build. BLAKE2 always comes from it.
_OWN_HASHES = ("_md5", "_sha1", "_sha3", "_blake2")
_OWN_SHA2 = ("_sha2", "_sha256")  # from Python 3.12 on, and before
_PR_SET_DUMPABLE = 4  # linux/prctl.h
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # parameters of mallopt, as malloc.h numbers them
_LARGE = 128 << 10  # bytes; larger blocks return to the system when freed


def name_time_zones() -> None:
    """Set PYTHONTZPATH unless it is set, so that `zoneinfo` does not load Python's build settings: 0.3 MB."""
    os.environ.setdefault("PYTHONTZPATH", "/usr/share/zoneinfo")


def one_openssl() -> None:
    """Prevent hashlib from loading OpenSSL: `cryptography` may bring its own copy, which costs 4 MB more.

    Call it before anything imports hashlib; afterwards it has no effect. The process then has no
    hashlib.scrypt: the daemon and the pages hash passwords in another process.
    """
    own = all(map(find_spec, _OWN_HASHES)) and any(map(find_spec, _OWN_SHA2))
    if own and "hashlib" not in sys.modules and "hmac" not in sys.modules:
        # The documented way to make an import fail (Library Reference, sys.modules).
        sys.modules["_hashlib"] = None  # type: ignore[assignment]


class _InspectLater(ModuleType):
    """A stand-in for the module `inspect`, with the two functions that `dataclasses` needs.

    Any other name loads the real module.
    """

    @staticmethod
    def signature(_: object) -> NoReturn:
        raise ValueError  # as for a class without a signature: dataclasses then uses its name as __doc__

    @staticmethod
    def get_annotations(cls: type) -> dict[str, object]:
        annotations: dict[str, object] = vars(cls).get("__annotations__", {})
        return annotations

    def __getattr__(self, name: str) -> object:
        if sys.modules.get("inspect") is self:
            del sys.modules["inspect"]
        return getattr(import_module("inspect"), name)


def import_dataclasses_alone() -> None:
    """Import `dataclasses` without `inspect`. Later imports of `inspect` work as usual.

    `inspect` loads ast, dis and tokenize (1.3 MB), and spends a tenth of the start on signatures that are
    never read. Call this before anything imports dataclasses; afterwards it has no effect. It does nothing
    on Python 3.14 and later, where annotations are stored elsewhere.
    """
    if "dataclasses" in sys.modules or "inspect" in sys.modules or sys.version_info >= (3, 14):
        return
    later = sys.modules["inspect"] = _InspectLater("inspect")
    import_module("dataclasses")
    if sys.modules.get("inspect") is later:
        del sys.modules["inspect"]


def forget_yaml_in_python() -> None:
    """Delete PyYAML's parser and emitter in Python, if the faster ones of libyaml are there: saves 0.2 MB.

    Afterwards only the loaders and dumpers with C in their names work. Call it before other large
    imports, which use the freed memory.
    """
    if not import_module("yaml").__with_libyaml__:
        return
    for name in ("Reader", "Scanner", "Parser", "Composer", "Serializer", "Emitter"):
        cls = getattr(import_module(f"yaml.{name.lower()}"), name)
        for attribute in [key for key in vars(cls) if not key.startswith("__")]:
            delattr(cls, attribute)


def forget_annotations_and_docstrings(*packages: str) -> None:
    """Delete the docstrings of all functions; of ``packages`` also annotations and docstrings of classes.

    Of ``packages``, module docstrings and import data (``__spec__``) go as well. Saves half a megabyte in the
    daemon, 1.4 in the web process. Call it after the imports. ``packages``: how names of modules begin, such
    as ``gateway.``
    """
    for candidate in gc.get_objects():
        kind = type(candidate)
        if kind is FunctionType:
            if (candidate.__module__ or "").startswith(packages):
                del candidate.__annotations__
            _forget_docstring(candidate)
        elif issubclass(kind, type) and str(candidate.__module__).startswith(packages):
            candidate.__doc__ = None
    for name, module in sys.modules.items():
        if name.startswith(packages):
            module.__doc__ = None
            _forget_origin(module)


def _forget_origin(module: ModuleType) -> None:
    """Delete the import data of a module (``__spec__``, ``__loader__``): half a kilobyte.

    A package keeps it, since imports of its modules need it.
    """
    if not hasattr(module, "__path__"):
        module.__spec__ = module.__loader__ = None
        vars(module).pop("__cached__", None)


def _forget_docstring(function: FunctionType) -> None:
    """Delete the docstring of a function, also in its code, where it is the first constant."""
    code = function.__code__
    if function.__doc__ is not None and code.co_consts[:1] == (function.__doc__,):
        function.__code__ = code.replace(co_consts=(None, *code.co_consts[1:]))
    function.__doc__ = None


def disable_core_dumps() -> None:
    """Disable core dumps, and access to this process's memory by other processes of its user.

    The resource limit alone does not stop a program that collects crash dumps.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def run_in_child(work: Callable[[], None]) -> None:
    """Run ``work`` in a forked child process, and wait for its end; its memory is then free.

    ``work`` leaves its results on the disk. Its errors are ignored: the caller finds the work not done,
    does it again and gets the error. Use it during the start only, before there are sockets and queues:
    the child inherits all of them.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        work()
    finally:
        os._exit(0)  # runs no exit handlers of the parent, and flushes none of its buffers again


def limit_arenas() -> None:
    """Make all threads use one malloc arena; call it before any starts. Each arena would keep its peak size.

    Also fixes the size from which a block is returned when freed. Only glibc has these settings.
    """
    set_to = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_to is not None:
        set_to(_ARENA_MAX, 1)
        set_to(_MMAP_THRESHOLD, _LARGE)  # glibc otherwise raises it dynamically


def settle() -> None:
    """Free the memory that the start used: collect all garbage, and exclude what remains from collection.

    Also clears the import caches. Takes longer than `settle_young`.
    """
    # The names of all files in the folders that imports searched, 0.3 MB: a later import reads them again.
    sys.path_importer_cache.clear()
    gc.unfreeze()
    gc.collect()
    settle_young()


def settle_young() -> None:
    """Collect recent garbage, exclude what remains from garbage collection, and return free memory.

    For use after a start or a reload. Only young objects are collected: all of them would take 20 to 60
    ms, in which no packet gets a verdict. Neither a start nor a reload leaves older reference cycles.
    """
    gc.collect(1)
    gc.freeze()
    return_free_memory()


def return_free_memory() -> None:
    """Return freed memory from malloc to the system: 1.8 MB after a change of the nftables table.

    Takes 0.3 ms, or 10 µs if there is none. Does nothing without glibc, whose malloc keeps it.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def drop_read_pages(smaps: Path = Path("/proc/self/smaps")) -> None:
    """Release the memory pages of program and library files that only the start has read: 9 MB of 18.

    Pages that are needed again come back from the kernel's cache without disk access. Call it at the end of
    the start. Without /proc/self/smaps this does nothing.
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
    """Yield (start, end) addresses of the memory areas that are identical to their file, from smaps lines.

    Dropping other areas would lose what the process has written, even if it is swapped out. That includes
    relocations, which are written before an area becomes read-only.
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
