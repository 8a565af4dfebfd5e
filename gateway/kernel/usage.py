"""What each open class of each slot has used: the counters of ``@pass``, by one netlink dump."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.errors import KernelError
from gateway.kernel.marks import MarkLayout
from gateway.kernel.netlink import BE64, NFPROTO_INET, Netlink, attribute, attributes, fields
from gateway.kernel.ruleset import NAME

_GET_ELEMENTS = 0xA0D  # subsystem 10, NFT_MSG_GETSETELEM; linux/netfilter/nf_tables.h
_LIST_TABLE, _LIST_SET, _LIST_ELEMENTS = 1, 2, 3
_ELEMENT_KEY, _ELEMENT_EXPIRATION, _ELEMENT_EXPRESSION, _ELEMENT_EXPRESSIONS = 1, 5, 7, 11
_DATA_VALUE, _EXPRESSION_DATA, _COUNTER_BYTES, _COUNTER_PACKETS = 1, 2, 1, 2
_MARK = struct.Struct("=I")  # a mark is compared as the register holds it, in host order
_EMPTY = memoryview(b"")
_ATTEMPTS = 5  # a dump takes milliseconds, and changes come seconds apart


@dataclass(frozen=True, slots=True)
class Usage:
    """One class since its element was made: both directions, plain HTTP and all else together."""

    packets: int
    bytes: int  # IP packets' lengths, headers included
    expires: float | None  # seconds until the lease ends; None: it has no lease


class PassCounters:
    """Reads ``@pass`` of the loaded table."""

    def __init__(self, layout: MarkLayout) -> None:
        self._layout = layout
        self._netlink = Netlink()

    def close(self) -> None:
        self._netlink.close()

    def read(self) -> dict[tuple[int, int], Usage]:
        """Usage by (slot, class number). Raises KernelError, for instance where the table is gone."""
        for _ in range(_ATTEMPTS):
            try:
                return self._read()
            except InterruptedError:
                continue
            except OSError as error:
                missing = "; the table is not loaded" if error.errno == errno.ENOENT else ""
                msg = f"the counters of the pass map cannot be read: {error.strerror}{missing}"
                raise KernelError(msg) from error
        msg = f"the pass map changed during each of {_ATTEMPTS} readings; something else writes to it"
        raise KernelError(msg)

    def _read(self) -> dict[tuple[int, int], Usage]:
        names = attribute(_LIST_TABLE, NAME.encode() + b"\0") + attribute(_LIST_SET, b"pass\0")
        out: dict[tuple[int, int], Usage] = {}
        for data in self._netlink.dump(_GET_ELEMENTS, NFPROTO_INET, names):
            for key, usage in parse_elements(data):
                slot, class_number, _ = self._layout.decode_pass_key(key)
                other = out.get((slot, class_number))
                out[slot, class_number] = usage if other is None else _together(usage, other)
        return out


def parse_elements(data: memoryview) -> Iterator[tuple[int, Usage]]:
    """Key and usage of each element in one message of the dump."""
    for kind, elements in attributes(data):
        if kind != _LIST_ELEMENTS:
            continue
        for _, element in attributes(elements):
            found = fields(element)
            key = _key(found.get(_ELEMENT_KEY, _EMPTY))
            if key is None:
                continue
            expiration = found.get(_ELEMENT_EXPIRATION, _EMPTY)
            expires = BE64.unpack(expiration)[0] / 1000 if len(expiration) == 8 else None
            counter = found.get(_ELEMENT_EXPRESSION)
            if counter is None:  # in a list, where an element has several
                counter = next((v for _, v in attributes(found.get(_ELEMENT_EXPRESSIONS, _EMPTY))), _EMPTY)
            yield key, Usage(*_counter(counter), expires)


def _key(value: memoryview) -> int | None:
    raw = fields(value).get(_DATA_VALUE)
    return int(_MARK.unpack(raw)[0]) if raw is not None and len(raw) == _MARK.size else None


def _counter(expression: memoryview) -> tuple[int, int]:
    data = fields(expression).get(_EXPRESSION_DATA)
    if data is None:
        return 0, 0
    values = {kind: int(BE64.unpack(value)[0]) for kind, value in fields(data).items() if len(value) == 8}
    return values.get(_COUNTER_PACKETS, 0), values.get(_COUNTER_BYTES, 0)


def _together(one: Usage, other: Usage) -> Usage:
    leases = [lease for lease in (one.expires, other.expires) if lease is not None]
    return Usage(one.packets + other.packets, one.bytes + other.bytes, min(leases, default=None))
