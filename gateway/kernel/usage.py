"""Reads traffic counters from the nftables map ``@pass`` by netlink.

The map has two elements with a counter, for decided flows and for plain HTTP, for each filtered profile
(slot) and combination of time rules (class) that is open now.

Elements in netlink messages are parsed in two ways with equal results. The general parser knows the meaning
of each attribute, in any order. It also determines the offsets of the values. The kernel writes all elements
alike, so the others are read at these offsets.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from struct import Struct
from typing import Any, NamedTuple, TypeVar

from gateway.core.errors import KernelError
from gateway.core.netlink import ATTRIBUTE, TYPE_MASK, attribute, attributes, fields
from gateway.kernel.marks import MarkLayout
from gateway.kernel.netlink import BE64, NFPROTO_INET, Netlink
from gateway.kernel.ruleset.table import NAME

T = TypeVar("T")

_MARK = Struct("=I")  # marks are compared in host byte order
_ATTEMPTS = 5  # a dump takes milliseconds, and changes are seconds apart

SET = b"pass\0"
_GET_ELEMENTS = 0xA0D  # subsystem 10, NFT_MSG_GETSETELEM; linux/netfilter/nf_tables.h, as all below
_LIST_TABLE, _LIST_SET, _LIST_ELEMENTS = 1, 2, 3
_KEY, _TIMEOUT, _EXPIRATION, _EXPRESSION, _EXPRESSIONS = 1, 4, 5, 7, 11
_DATA_VALUE, _EXPRESSION_DATA, _COUNTER_BYTES, _COUNTER_PACKETS = 1, 2, 1, 2
_LIST_ITEM = 1
_KEY_SIZE, _NUMBER_SIZE = 4, 8
_SHAPES = 16  # a kernel has two: elements with and without a timeout
_HEAD = ATTRIBUTE.size
_EMPTY = memoryview(b"")
_length_at = Struct("=H").unpack_from
_new = tuple.__new__

Pair = tuple[int, int]
"""Slot and class number."""


class PassCounters:
    """Reads the traffic counters in map ``@pass`` of the loaded nftables table.

    The map has two elements for each open class (combination of time rules) of a slot (filtered
    device): for decided flows, and for plain HTTP.
    """

    def __init__(self, layout: MarkLayout) -> None:
        self._layout = layout
        self._netlink = Netlink()
        self._shapes = Shapes()
        self.pairs: dict[bytes, tuple[int, int]] = {}  # cache of ``pair``

    def close(self) -> None:
        self._netlink.close()

    def read(self) -> dict[tuple[int, int], ClassTraffic]:
        """Return packets, bytes and remaining lease of each open class, by slot and class number.

        A class is a combination of time rules of a slot (filtered device). Raises KernelError, for
        instance if the table is gone.
        """
        return self._whole(self._usages)

    def keys(self) -> dict[bytes, int]:
        """Return the byte counter of each map element by its key (bytes), which ``pair`` decodes.

        Raises KernelError.
        """
        return self._whole(self._bytes)

    def pair(self, key: bytes) -> tuple[int, int]:
        """Decode a key of the nftables map ``@pass``. Return the slot and the class number; cached.

        Slot: the number of a device, or of several with one profile. Class: a combination of time
        rules.
        """
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

    def _usages(self) -> dict[tuple[int, int], ClassTraffic]:
        out: dict[tuple[int, int], ClassTraffic] = {}
        pairs = self.pairs
        for data in self._dump():
            for key, packets, size, expires in self._shapes.read(data):
                pair = pairs.get(key) or self.pair(key)
                other = out.get(pair)
                usage = _new(ClassTraffic, (packets, size, expires))
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


def _sum(usage: ClassTraffic, other: ClassTraffic) -> ClassTraffic:
    if usage.expires is None or other.expires is None:
        expires = usage.expires if other.expires is None else other.expires
    else:
        expires = min(usage.expires, other.expires)
    return _new(ClassTraffic, (usage.packets + other.packets, usage.bytes + other.bytes, expires))


class Totals:
    """Adds up the bytes of each class (combination of time rules) of each slot, from map ``@pass``.

    Totals begin with the program and never decrease. An element counts from zero, and each renewal
    of a lease replaces it. The kernel reports the count of an element when it is removed, so
    nothing is lost between a reading and a renewal.
    """

    def __init__(self, counters: PassCounters) -> None:
        self._counters = counters
        self._bytes: dict[Pair, int] = {}
        self._last: dict[bytes, int] = {}  # counts of the present elements at the last reading

    def begin(self) -> Mapping[Pair, int]:
        """Read the counters as the start: the totals do not contain what they have counted before.

        Return these bytes, by slot (filtered device) and class (combination of time rules): an
        earlier daemon's elements counted them. Raises KernelError, for instance if no table is
        loaded.
        """
        self._last = self._counters.keys()
        return self.position()

    def ended(self, message: memoryview, whole: bool) -> None:
        """Add the last counts of the removed elements in a netlink ``message`` to the totals.

        ``whole``: the set itself was removed. The kernel then reports no elements, and none are counted.
        """
        if whole:
            if is_pass(message):
                self._last = {}
            return
        for key, _, size, _ in parse_elements(of_set(message)):
            self._add(key, size - self._last.pop(key, 0))

    def read(self) -> Mapping[Pair, int]:
        """Read the counters; return the total bytes by slot and class number since `begin`.

        Without those that never had traffic. Raises KernelError if the map cannot be read; the
        totals of the last reading remain. Later calls change the returned mapping.
        """
        now = self._counters.keys()
        last, pairs, total = self._last, self._counters.pairs, self._bytes
        for key, size in now.items():
            before = last.get(key, 0)
            if size != before:
                pair = pairs.get(key) or self._counters.pair(key)
                # A lower count: another element has replaced it, without a report.
                total[pair] = total.get(pair, 0) + (size - before if size > before else size)
        self._last = now
        return total

    def _add(self, key: bytes, size: int) -> None:
        if size > 0:
            pair = self._counters.pair(key)
            self._bytes[pair] = self._bytes.get(pair, 0) + size

    def position(self) -> Mapping[Pair, int]:
        """Return the bytes that the present map elements had counted at the last reading.

        They are by slot and class number. Earlier elements are not included, so they can decrease.
        """
        found: dict[Pair, int] = {}
        pairs = self._counters.pairs
        for key, size in self._last.items():
            if size:
                pair = pairs.get(key) or self._counters.pair(key)
                found[pair] = found.get(pair, 0) + size
        return found

    @property
    def bytes(self) -> Mapping[Pair, int]:
        """The total bytes by slot and class number as of the last reading.

        A class is a combination of time rules of a slot (filtered device).
        """
        return self._bytes


class ClassTraffic(NamedTuple):
    """The traffic of a class (combination of time rules of a slot) since its map elements were created.

    It has both directions and all flows.
    """

    packets: int
    bytes: int  # IP packets' lengths, headers included
    expires: float | None  # seconds until the lease ends; None: no lease


Element = tuple[bytes, int, int, float | None]
"""Key in the kernel's form, packets, bytes, and seconds until the lease ends (None: no lease)."""


def of_set(data: memoryview) -> memoryview:
    """Return the list of elements in a netlink message about ``@pass``; empty if it is about another set."""
    return fields(data).get(_LIST_ELEMENTS, _EMPTY) if is_pass(data) else _EMPTY


def is_pass(data: memoryview) -> bool:
    """Return whether a netlink message about a set or its elements is about map ``@pass``."""
    return fields(data).get(_LIST_SET, _EMPTY) == SET  # the attribute has the same number in both messages


def parse_elements(listed: memoryview) -> Iterator[Element]:
    """Yield each element of a netlink list of elements of ``@pass``; skip those with a wrong key.

    This is the general parser, which accepts attributes in any order.
    """
    for _, element in attributes(listed):
        parsed = _parse(element)
        if parsed is not None:
            yield parsed


def _parse(element: memoryview) -> Element | None:
    found = fields(element)
    key = fields(found.get(_KEY, _EMPTY)).get(_DATA_VALUE, _EMPTY)
    if len(key) != _KEY_SIZE:
        return None
    expression = found.get(_EXPRESSION)
    if expression is None:  # a list, for elements with several expressions
        expression = next((v for _, v in attributes(found.get(_EXPRESSIONS, _EMPTY))), _EMPTY)
    counter = fields(fields(expression).get(_EXPRESSION_DATA, _EMPTY))
    expiration = found.get(_EXPIRATION, _EMPTY)
    expires = _number(expiration) / 1000 if len(expiration) == _NUMBER_SIZE else None
    packets, size = _number(counter.get(_COUNTER_PACKETS)), _number(counter.get(_COUNTER_BYTES))
    return bytes(key), packets, size, expires


def _number(value: memoryview | None) -> int:
    return int(BE64.unpack(value)[0]) if value is not None and len(value) == _NUMBER_SIZE else 0


class _Shape(NamedTuple):
    """The layout of a set element of one length in bytes: constant bytes and values alternate."""

    unpack: Callable[[memoryview, int], tuple[Any, ...]]
    constant: tuple[bytes, ...]  # the bytes between the values, equal in every element of this shape
    pick: Callable[[tuple[Any, ...]], tuple[Any, ...]]  # key, packets, bytes, and the rest of a lease
    leased: bool
    each: Callable[[memoryview], Iterator[tuple[Any, ...]]]  # for consecutive elements
    size: int
    key: int  # index among the values
    bytes: int


class Shapes:
    """Reads set elements in netlink form quickly: at the offsets of the first element of the same length.

    An element that differs in anything but its values goes to the general parser.
    """

    def __init__(self) -> None:
        self._known: dict[int, _Shape | None] = {}

    def read(self, listed: memoryview) -> list[Element]:
        """Return each element of a netlink list, as ``parse_elements`` does, in a sixth of the time."""
        found: list[Element] = []
        add, known = found.append, self._known
        at, end = 0, len(listed)
        while end - at >= _HEAD:
            (length,) = _length_at(listed, at)
            if not _HEAD <= length <= end - at:
                break
            shape = known.get(length)
            if shape is not None and (values := shape.unpack(listed, at))[::2] == shape.constant:
                if shape.leased:
                    key, packets, size, left = shape.pick(values)
                    add((key, packets, size, left / 1000))
                else:
                    key, packets, size = shape.pick(values)
                    add((key, packets, size, None))
            else:
                found.extend(self._one(listed[at : at + length]))
            at += length + 3 & ~3
        return found

    def count(self, listed: memoryview, into: dict[bytes, int]) -> None:
        """Store the byte counter of each listed element in ``into`` by its key.

        Takes half the time of ``read``.
        """
        known = self._known
        at, end = 0, len(listed)
        first = known.get(_length_at(listed)[0]) if end >= _HEAD else None
        if first is not None and self._count_alike(listed, first, into):
            return
        while end - at >= _HEAD:
            (length,) = _length_at(listed, at)
            if not _HEAD <= length <= end - at:
                break
            shape = known.get(length)
            if shape is not None and (values := shape.unpack(listed, at))[::2] == shape.constant:
                into[values[shape.key]] = values[shape.bytes]
            else:
                into.update((key, size) for key, _, size, _ in self._one(listed[at : at + length]))
            at += length + 3 & ~3

    def _count_alike(self, listed: memoryview, shape: _Shape, into: dict[bytes, int]) -> bool:
        """Store the byte counters in ``into`` if all elements have this shape; return whether they do.

        If not, some may have been stored already.
        """
        if shape.size % 4 or len(listed) % shape.size:
            return False
        constant, key, size = shape.constant, shape.key, shape.bytes
        for values in shape.each(listed):
            if values[::2] != constant:
                return False  # the caller counts all elements again
            into[values[key]] = values[size]
        return True

    def _one(self, whole: memoryview) -> list[Element]:
        parsed = _parse(whole[_HEAD:])
        if parsed is None:
            return []
        if len(whole) not in self._known and len(self._known) < _SHAPES:
            self._known[len(whole)] = _shape(whole)
        return [parsed]


def _shape(element: memoryview) -> _Shape | None:
    """Return the layout of a set element in netlink form; None if a value is missing or has a wrong size."""
    counter: tuple[int, ...] = (_EXPRESSION, _EXPRESSION_DATA)
    if _place(element, _EXPRESSION) is None:
        counter = (_EXPRESSIONS, _LIST_ITEM, _EXPRESSION_DATA)
    wanted = [
        _place(element, _KEY, _DATA_VALUE),
        _place(element, *counter, _COUNTER_PACKETS),
        _place(element, *counter, _COUNTER_BYTES),
    ]
    leased = _place(element, _EXPIRATION) is not None
    if leased:
        wanted.append(_place(element, _EXPIRATION))
    values = [place for place in wanted if place is not None]
    timeout = _place(element, _TIMEOUT)
    sizes = [end - start for start, end in values]
    if sizes != [_KEY_SIZE, *[_NUMBER_SIZE] * (len(wanted) - 1)]:
        return None
    places = sorted([*values, *([timeout] if timeout is not None else [])])
    form, constant, at = ">", [], 0
    for start, end in places:
        size = end - start
        kind = "Q" if size == _NUMBER_SIZE else f"{size}s"
        form += f"{start - at}s{kind}"
        constant.append(bytes(element[at:start]))
        at = end
    form += f"{len(element) - at}s"
    constant.append(bytes(element[at:]))
    order = [2 * places.index(place) + 1 for place in values]
    one, pick = Struct(form), itemgetter(*order)
    return _Shape(
        one.unpack_from, tuple(constant), pick, leased, one.iter_unpack, one.size, order[0], order[2]
    )


def _place(data: memoryview, *kinds: int) -> tuple[int, int] | None:
    """Return start and end of a nested netlink attribute's value in ``data``; None if it is missing.

    ``kinds``: the attribute's type, after those of the attributes around it, the outermost first.
    """
    start, end = _HEAD, len(data)
    for wanted in kinds:
        while end - start >= _HEAD:
            length, kind = ATTRIBUTE.unpack_from(data, start)
            if not _HEAD <= length <= end - start:
                return None
            if kind & TYPE_MASK == wanted:
                start, end = start + _HEAD, start + length
                break
            start += length + 3 & ~3
        else:
            return None
    return start, end
