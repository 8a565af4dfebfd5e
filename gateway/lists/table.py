"""The category table in use: the built table, read from its file, or the seed before the first build."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from functools import cache, partial
from hashlib import blake2s
from pathlib import Path

from gateway.core.errors import ListError
from gateway.core.files import open_nonblocking
from gateway.core.turns import Steps
from gateway.policy.names.domain_table import (
    HEAD,
    LOST,
    SEAL_BYTES,
    DomainTable,
    TableTruncated,
    check_seal,
    pack_table,
)
from profiles import DATA

TABLE_NAME = "categories.table"
SEED_FOLDER = "lists"  # in the package profiles: one file a category
SEED_BUILT = "2026-11-24T00:00:00+00:00"  # when the seed was last written; it has no build time of its own
CHUNK = 1 << 16  # bytes of the file that one step of the check of its seal reads
WhenLost = Callable[[], None]
_SEED_SALT = bytes(16)  # packaged names need no salt against crafted collisions


class StoredTable(DomainTable):
    """A category table that is read from its file with each look-up, without mapping it into memory.

    The file is not mapped: SIGBUS ends a process that touches a mapped page of a file that was cut.
    If a look-up finds the file cut or unreadable, `check` finds it changed or `verify_steps` finds it
    damaged, the table uses the small packaged lists (the seed) from then on and calls ``when_lost`` once.
    """

    __slots__ = ("_fd", "_opened", "_path", "_verified", "_when_lost", "lost")

    def __init__(self, path: Path, fd: int, when_lost: WhenLost) -> None:
        """Read the table from ``fd``, which is open for reading; `close` closes it.

        ``path``: for messages. Raises ListError for a damaged table.
        """
        self._path, self._fd = path, fd
        found = os.fstat(fd)
        self._opened = _stamp(found)
        self._verified = False  # the check of the seal has begun
        self.lost = ""  # one line: why the table continues as the seed
        self._when_lost = when_lost
        _seed()  # read the files of the package now: this may fail once the disk does
        self._open(partial(os.pread, fd), found.st_size)

    def _number(self, name: str) -> int:
        try:
            return super()._number(name)
        except (TableTruncated, OSError):
            self._lose()
            return super()._number(name)

    def check(self) -> None:
        """If the file was changed since it was opened, use the small packaged lists from now on."""
        if not self.lost and _stamp(os.fstat(self._fd)) != self._opened:
            self._lose()

    def is_file(self, path: Path) -> bool:
        """Return whether ``path`` is the open file, unchanged since it was opened."""
        try:
            return _stamp(path.stat()) == self._opened
        except OSError:
            return False

    def verify_steps(self) -> Steps[None]:
        """Return steps (a generator) that check the seal of the file, once: each reads one piece of it.

        If it does not match, the table uses the small packaged lists from then on.
        """
        if self._verified or self.lost:
            return
        self._verified = True
        digest, at = blake2s(digest_size=SEAL_BYTES), HEAD.size
        try:
            while chunk := os.pread(self._fd, CHUNK, at):
                digest.update(chunk)
                at += len(chunk)
                yield
                if self.lost or self._fd < 0:
                    return
            check_seal(os.pread(self._fd, HEAD.size, 0), digest.digest())
        except OSError:
            self._lose()
        except ListError as error:
            self._lose(str(error))

    def _lose(self, problem: str = LOST) -> None:
        self.lost = f"{self._path}: {problem}"
        self._take(_seed())
        self._when_lost()

    def close(self) -> None:
        super().close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    """Return a file's device, inode, size and time of change: one differs if it is changed or replaced."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _nothing() -> None:
    return


def open_table(state: Path, when_lost: WhenLost = _nothing) -> DomainTable:
    """Return the category table in ``state``; the small packaged one (seed) before the first build.

    ``when_lost`` is called if the file is found cut, changed or damaged later (`StoredTable`). Raises
    ListError for damage, or a file that cannot be read.
    """
    path = state / TABLE_NAME
    try:
        return stored_table(path, when_lost)
    except FileNotFoundError:
        return seed_table()
    except OSError as error:
        advice = "check its permissions, or rebuild it: qalqan lists build"
        msg = f"{path}: the category table cannot be read ({error.strerror}); {advice}"
        raise ListError(msg) from error
    except ListError as error:
        msg = f"{path}: {error}"
        raise ListError(msg) from error


def stored_table(path: Path, when_lost: WhenLost = _nothing) -> StoredTable:
    """Return the category table in the file ``path``, open for look-ups.

    Raises OSError, or ListError for damage. ``when_lost``: see `StoredTable`.
    """
    fd = open_nonblocking(str(path), os.O_RDONLY)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is not a file")
        return StoredTable(path, fd, when_lost)
    except (OSError, ListError):
        os.close(fd)
        raise


def seed_names() -> Mapping[str, frozenset[str]]:
    """Return the host names in the packaged lists, each with its categories."""
    found: dict[str, frozenset[str]] = {}
    for file in sorted(DATA.joinpath(SEED_FOLDER).iterdir()):
        category, ending = file.name.rpartition(".")[::2]
        if ending != "txt":
            continue
        for line in file.read_text("ascii").splitlines():
            name = line.split("#", 1)[0].strip()
            if name:
                found[name] = found.get(name, frozenset()) | {category}
    return found


@cache
def _seed() -> bytes:
    """Return the packaged lists as a category table in binary form (30 kB). The result is cached."""
    return pack_table(seed_names(), salt=_SEED_SALT, built=SEED_BUILT)


def seed_table() -> DomainTable:
    return DomainTable(_seed())
