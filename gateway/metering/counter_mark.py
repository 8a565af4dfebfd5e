"""Stores how far the kernel's counters were read, for the next daemon if this one is killed.

The table of a killed daemon continues to count. With this mark the next daemon knows which of its bytes are
new. The file is in memory (the runtime directory), like the kernel's counters.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from struct import Struct, iter_unpack
from zlib import crc32

from gateway.core.files import write_atomically
from gateway.kernel.usage import Pair

FILE = "metered"
_ONE = Struct("<BBQ")  # slot, class, bytes
_CHECK = Struct("<I")

_log = logging.getLogger(__name__)


class Mark:
    """A small file, replaced as a whole. Errors are not raised: they cost ten seconds of counting at most."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, read: Mapping[Pair, int]) -> None:
        """Store ``read``: the counters of the present elements at the last look."""
        body = b"".join(_ONE.pack(*pair, size) for pair, size in read.items())
        try:
            write_atomically(self._path, _CHECK.pack(crc32(body)) + body)
        except OSError as error:
            _log.debug("%s: %s", self._path, error)

    def missed(self, found: Mapping[Pair, int]) -> Mapping[Pair, int]:
        """Return what the table ``found`` has counted since the mark; nothing if there is no mark."""
        read = self._read()
        if read is None:
            return {}
        missed: dict[Pair, int] = {}
        for pair, size in found.items():
            before = read.get(pair, 0)
            missed[pair] = size - before if size >= before else size  # smaller: the element was created again
        return {pair: size for pair, size in missed.items() if size}

    def _read(self) -> Mapping[Pair, int] | None:
        try:
            data = self._path.read_bytes()
        except OSError:
            return None
        body = data[_CHECK.size :]
        if len(data) < _CHECK.size or len(body) % _ONE.size or _CHECK.unpack_from(data)[0] != crc32(body):
            return None
        return {(slot, number): size for slot, number, size in iter_unpack(_ONE.format, body)}

    def remove(self) -> None:
        """Remove the mark: a clean stop leaves no table."""
        self._path.unlink(missing_ok=True)
