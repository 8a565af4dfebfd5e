"""Elements of ``@pass`` in netlink's messages, read in two ways that tell the same.

The general parser knows what each attribute means, whatever their order. It also tells where the values of an
element stand, and as the kernel writes all elements alike, the others are read at these places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import itemgetter
from struct import Struct
from typing import Any, NamedTuple

from gateway.core.netlink import ATTRIBUTE, TYPE_MASK, attributes, fields
from gateway.kernel.netlink import BE64

SET = b"pass\0"
_LIST_SET, _LIST_ELEMENTS = 2, 3  # linux/netfilter/nf_tables.h, as all below
_KEY, _TIMEOUT, _EXPIRATION, _EXPRESSION, _EXPRESSIONS = 1, 4, 5, 7, 11
_DATA_VALUE, _EXPRESSION_DATA, _COUNTER_BYTES, _COUNTER_PACKETS = 1, 2, 1, 2
_LIST_ITEM = 1
_KEY_SIZE, _NUMBER_SIZE = 4, 8
_SHAPES = 16  # a kernel has two: elements with a lease, and without
_HEAD = ATTRIBUTE.size
_EMPTY = memoryview(b"")
_length_at = Struct("=H").unpack_from


class Usage(NamedTuple):
    """One class since its element was made: both directions, plain HTTP and all else together."""

    packets: int
    bytes: int  # IP packets' lengths, headers included
    expires: float | None  # seconds until the lease ends; None: it has no lease


Element = tuple[bytes, int, int, float | None]
"""Key as the kernel has it, packets, bytes, and seconds until the lease ends."""


def of_set(data: memoryview) -> memoryview:
    """The list of elements in a message of a dump or of a change; empty where it is about another set."""
    return fields(data).get(_LIST_ELEMENTS, _EMPTY) if is_pass(data) else _EMPTY


def is_pass(data: memoryview) -> bool:
    """Whether a message about a set or about elements means ours."""
    return fields(data).get(_LIST_SET, _EMPTY) == SET  # the same number in both kinds of messages


def parse_elements(listed: memoryview) -> Iterator[Element]:
    """By the general parser."""
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
    if expression is None:  # in a list, where an element has several
        expression = next((v for _, v in attributes(found.get(_EXPRESSIONS, _EMPTY))), _EMPTY)
    counter = fields(fields(expression).get(_EXPRESSION_DATA, _EMPTY))
    expiration = found.get(_EXPIRATION, _EMPTY)
    expires = _number(expiration) / 1000 if len(expiration) == _NUMBER_SIZE else None
    packets, size = _number(counter.get(_COUNTER_PACKETS)), _number(counter.get(_COUNTER_BYTES))
    return bytes(key), packets, size, expires


def _number(value: memoryview | None) -> int:
    return int(BE64.unpack(value)[0]) if value is not None and len(value) == _NUMBER_SIZE else 0


class _Shape(NamedTuple):
    """How to take an element of one length apart: constant bytes and values in turn."""

    unpack: Callable[[memoryview, int], tuple[Any, ...]]
    constant: tuple[bytes, ...]  # what stands between the values in every element of this shape
    pick: Callable[[tuple[Any, ...]], tuple[Any, ...]]  # key, packets, bytes, and what is left of a lease
    leased: bool
    each: Callable[[memoryview], Iterator[tuple[Any, ...]]]  # where they stand one after another
    size: int
    key: int  # which of the values it is
    bytes: int


class Shapes:
    """Reads elements by the places that the first one of each length had them in.

    Whatever differs from it, in anything but the values, goes to the general parser.
    """

    def __init__(self) -> None:
        self._known: dict[int, _Shape | None] = {}

    def read(self, listed: memoryview) -> list[Element]:
        """As ``parse_elements``, in a sixth of the time."""
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
        """Bytes by key, which is all that is asked for most often, in half the time of ``read``."""
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
                into.update((one[0], one[2]) for one in self._one(listed[at : at + length]))
            at += length + 3 & ~3

    def _count_alike(self, listed: memoryview, shape: _Shape, into: dict[bytes, int]) -> bool:
        """The same where all have one shape, as where all profiles fail alike; False where they have not."""
        if shape.size % 4 or len(listed) % shape.size:
            return False
        constant, key, size = shape.constant, shape.key, shape.bytes
        for values in shape.each(listed):
            if values[::2] != constant:
                return False  # what was counted so far is counted again
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
    """None where a value is not where it is looked for."""
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
    """Where the value of a nested attribute begins and ends; the first kind is inside of ``data``'s own."""
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
