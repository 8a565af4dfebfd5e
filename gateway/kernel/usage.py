"""The traffic of each open class of each slot: the counters of ``@pass``, by one netlink dump."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Iterator
from typing import TypeVar

from gateway.core.errors import KernelError
from gateway.core.netlink import attribute
from gateway.kernel.elements import SET, Shapes, Usage, of_set
from gateway.kernel.marks import MarkLayout
from gateway.kernel.netlink import NFPROTO_INET, Netlink
from gateway.kernel.ruleset.table import NAME

T = TypeVar("T")

_GET_ELEMENTS = 0xA0D  # subsystem 10, NFT_MSG_GETSETELEM; linux/netfilter/nf_tables.h
_LIST_TABLE, _LIST_SET = 1, 2
_MARK = struct.Struct("=I")  # marks are compared in host byte order
_ATTEMPTS = 5  # a dump takes milliseconds, and changes are seconds apart
_new = tuple.__new__


class PassCounters:
    """Reads ``@pass`` of the loaded table."""

    def __init__(self, layout: MarkLayout) -> None:
        self._layout = layout
        self._netlink = Netlink()
        self._shapes = Shapes()
        self.pairs: dict[bytes, tuple[int, int]] = {}  # cache of ``pair``

    def close(self) -> None:
        self._netlink.close()

    def read(self) -> dict[tuple[int, int], Usage]:
        """Return usage by (slot, class number). Raises KernelError, for instance if the table is gone."""
        return self._whole(self._usages)

    def keys(self) -> dict[bytes, int]:
        """Return bytes by key of the map; see ``pair``. Raises KernelError."""
        return self._whole(self._bytes)

    def pair(self, key: bytes) -> tuple[int, int]:
        """Return slot and class number of a key of the map."""
        known = self.pairs.get(key)
        if known is None:
            slot, number, _ = self._layout.decode_pass_key(_MARK.unpack(key)[0])
            known = self.pairs[key] = slot, number
        return known

    def _whole(self, read: Callable[[], T]) -> T:
        for _ in range(_ATTEMPTS):
            try:
                return read()
            except InterruptedError:
                continue
            except OSError as error:
                missing = "; the table is not loaded" if error.errno == errno.ENOENT else ""
                msg = f"the counters of the pass map cannot be read: {error.strerror}{missing}"
                raise KernelError(msg) from error
        msg = f"the pass map changed during each of {_ATTEMPTS} readings; another program writes to it"
        raise KernelError(msg)

    def _usages(self) -> dict[tuple[int, int], Usage]:
        out: dict[tuple[int, int], Usage] = {}
        pairs = self.pairs
        for data in self._dump():
            for key, packets, size, expires in self._shapes.read(data):
                pair = pairs.get(key) or self.pair(key)
                other = out.get(pair)
                usage = _new(Usage, (packets, size, expires))
                out[pair] = usage if other is None else _sum(usage, other)
        return out

    def _bytes(self) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for data in self._dump():
            self._shapes.count(data, found)
        return found

    def _dump(self) -> Iterator[memoryview]:
        names = attribute(_LIST_TABLE, NAME.encode() + b"\0") + attribute(_LIST_SET, SET)
        return (of_set(data) for data in self._netlink.dump(_GET_ELEMENTS, NFPROTO_INET, names))


def _sum(usage: Usage, other: Usage) -> Usage:
    if usage.expires is None or other.expires is None:
        expires = usage.expires if other.expires is None else other.expires
    else:
        expires = min(usage.expires, other.expires)
    return _new(Usage, (usage.packets + other.packets, usage.bytes + other.bytes, expires))
