"""Collects one direction of an undecided TCP flow, in every way that a receiver may read its bytes.

A correct sender never sends two different bytes for one sequence number. Evasion tools do: one copy is for
the filter and is lost on the path (low TTL, old timestamp, ...), the other is for the server. The gateway
cannot see which one the server reads. So both are stored: a stream is a set of *readings*, one for each
combination of copies, and all readings are judged.

The start of the stream is often unknown, since the handshake is not queued. A reading is therefore a set of
*islands*: runs of bytes with gaps between them, at signed offsets from the first byte seen.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.flows.limits import Limits

_new = tuple.__new__  # builds a NamedTuple in half the time
_HALF = 1 << 31
_WHOLE = 1 << 32
_CUT_BYTES = 40  # memory for one more cut: a number and its place in a list
_HANDSHAKE = {0x16}  # the first byte of a TLS record with a hello (RFC 8446 §5.1)
_ISLAND_BYTES = 120  # memory for one more island


class StreamOverflow(WireError):
    """Raised if a stream has more bytes, gaps or contradictions than any correct sender sends."""


class Island(NamedTuple):
    """A run of a stream's bytes without a gap, and its offset."""

    start: int  # offset from the stream's anchor; negative if it arrived later but belongs before it
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


Reading = tuple[Island, ...]  # sorted by start; islands neither overlap nor touch


class StreamView(NamedTuple):
    """A run of bytes as one receiver reads it: with or without the bytes at TCP's urgent pointers."""

    island: Island
    data: bytes
    removed: tuple[int, ...] = ()  # stream offsets of omitted urgent bytes, ascending

    def offset(self, position: int) -> int:
        """Return the stream offset of the byte ``data[position]`` of this view."""
        offset = self.island.start + position
        for hole in self.removed:
            if hole <= offset:
                offset += 1
        return offset

    def position(self, offset: int) -> int:
        """Return the position in ``data`` of the byte at a stream offset."""
        return offset - self.island.start - sum([hole < offset for hole in self.removed])

    def until(self, offset: int) -> bytes:
        """Return the bytes of this view before a stream offset."""
        return self.data[: max(0, self.position(offset))]


class Stream:
    """Stores the bytes of one direction of a TCP flow, in every way that a receiver may read them.

    There are several (``readings``) if different bytes were sent for one sequence number. Raises only
    StreamOverflow, at its limits.
    """

    __slots__ = ("_anchor", "_cuts", "_floor", "_limits", "_urgent", "readings", "size", "work")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._anchor: int | None = None
        self._floor: int | None = None
        # Where segments began and ended, ascending: a receiver accepts or ignores what is between.
        self._cuts: list[int] = []
        self._urgent: list[tuple[int, ...]] = []
        self.readings: tuple[Reading, ...] = ((),)
        self.size = 0  # bytes in all readings together
        self.work = 0  # steps so far (Effort); a segment that follows the others costs none

    @property
    def held(self) -> int:
        """The approximate memory of the stored bytes, in bytes."""
        islands = len(self.readings) * len(self.readings[0])
        return self.size + _CUT_BYTES * len(self._cuts) + _ISLAND_BYTES * islands

    def offset(self, seq: int) -> int:
        """Return the stream offset of a sequence number: its signed distance from the first one seen.

        Distances are modulo 2**32 (RFC 9293 §3.4).
        """
        if self._anchor is None:
            self._anchor = seq
        return (seq - self._anchor + _HALF) % _WHOLE - _HALF

    def number(self, offset: int) -> int:
        """Return the sequence number at a stream offset."""
        return ((self._anchor or 0) + offset) % _WHOLE

    def settle(self, seq: int) -> None:
        """Record that the receiver has every byte before sequence number ``seq``.

        That is its ACK, or the first number of a SYN. The receiver ignores bytes that arrive for these
        numbers later.
        """
        floor = self.offset(seq)
        if self._floor is None or floor > self._floor:
            self._floor = floor

    def is_past(self, seq: int, length: int) -> bool:
        """Return whether the receiver already has all of the ``length`` bytes from number ``seq`` on."""
        return self._floor is not None and self.offset(seq) + length <= self._floor

    def knows(self, seq: int, data: bytes) -> bool:
        """Return whether the part of ``data`` that the receiver already has was read here unchanged.

        True if it has none of it yet. ``seq``: the sequence number of the first byte.
        """
        start = self.offset(seq)
        if self._floor is None or start >= self._floor:
            return True
        self.work += sum(map(len, self.readings)) >> 3
        old = data[: self._floor - start]
        return any(
            island.start <= start
            and start + len(old) <= island.end
            and island.data.startswith(old, start - island.start)
            for reading in self.readings
            for island in reading
        )

    def urgent(self, seq: int, pointer: int) -> None:
        """Record a TCP urgent pointer in the segment at sequence number ``seq``.

        Receivers read the urgent byte apart from the stream. They disagree whether it is the byte before or
        at the pointer (RFC 6093 §2), so each is omitted in one view. Raises StreamOverflow.
        """
        place = self.offset(seq) + pointer
        choice = (place - 1, place) if pointer else (place,)
        if choice in self._urgent:
            return
        if len(self._urgent) >= self._limits.urgent_bytes:
            msg = f"more than {self._limits.urgent_bytes} urgent pointers"
            raise StreamOverflow(msg)
        self._urgent.append(choice)

    def add(self, seq: int, data: bytes) -> bool:
        """Add a segment's payload at sequence number ``seq``; return whether the stored bytes changed.

        Bytes that differ from earlier ones for the same numbers are stored as another reading. Raises
        StreamOverflow.
        """
        start = self.offset(seq)
        floor = self._floor
        ways = [(start, data)]
        if floor is not None and start < floor:
            known = self.knows(seq, data)
            data = data[floor - start :]
            if not data:
                return False
            # The server of a new connection on the same ports may still read bytes that were never read here.
            ways = [(floor, data)] if known else [(floor, data), *ways]
            start = floor
        before = self.readings
        if len(ways) == 1 and len(before) == 1 and (not before[0] or before[0][-1].end <= start):
            self.readings = (_append(before[0], start, data),)
            self.size += len(data)
        else:
            self.work += sum(map(len, before)) >> 3
            # A dict keeps the order and drops equal readings.
            children = dict.fromkeys(
                child for reading in before for way in ways for child in self._place(reading, *way)
            )
            if len(children) > self._limits.readings:
                raise self._contradiction()
            self.readings = tuple(children)
            self.size = sum(map(_size, self.readings))
        end = start + len(data)
        cuts = self._cuts
        if len(ways) == 1 and (not cuts or start >= cuts[-1]):
            cuts += (start, end) if not cuts or start > cuts[-1] else (end,)
        else:
            for cut in (ways[-1][0], start, end):
                self._cut(cut)
        if self.readings == before:
            return False
        self._check()
        return True

    def _place(self, reading: Reading, start: int, data: bytes) -> Iterator[Reading]:
        """Yield ``reading`` with ``data`` added at offset ``start``, once for each way to combine them.

        Where old and new bytes differ, a receiver may have either. Raises StreamOverflow for too many ways.
        """
        end = start + len(data)
        left = [island for island in reading if island.end < start]
        right = [island for island in reading if island.start > end]
        touched = reading[len(left) : len(reading) - len(right)]
        runs = [data]
        for island in touched:
            first, last = max(start, island.start), min(end, island.end)
            shared = island.data[first - island.start : last - island.start]
            if shared == data[first - start : last - start]:
                continue
            for low, high in self._segments(first, last):
                kept = island.data[low - island.start : high - island.start]
                if kept != data[low - start : high - start]:
                    runs += [run[: low - start] + kept + run[high - start :] for run in runs]
                    if len(runs) > self._limits.readings:
                        raise self._contradiction()
        head = tail = b""
        if touched:
            head = touched[0].data[: max(0, start - touched[0].start)]
            tail = touched[-1].data[max(0, end - touched[-1].start) :]
        for run in runs:
            yield (*left, Island(start - len(head), head + run + tail), *right)

    def _cut(self, offset: int) -> None:
        place = bisect_left(self._cuts, offset)
        if place == len(self._cuts) or self._cuts[place] != offset:
            self._cuts.insert(place, offset)

    def _segments(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Yield start and end of the parts in which the bytes from offset ``low`` to ``high`` arrived."""
        inner = self._cuts[bisect_right(self._cuts, low) : bisect_left(self._cuts, high)]
        self.work += len(inner) >> 3
        for cut in inner:
            yield low, cut
            low = cut
        if low < high:
            yield low, high

    def _check(self) -> None:
        limits, size = self._limits, self.size
        if size > min(limits.stream_bytes, limits.readings_bytes) and self._is_too_long():
            msg = f"{size} bytes of one direction without a decision"
            raise StreamOverflow(msg)
        if len(self._cuts) > limits.pieces and max(map(len, self.readings)) > limits.pieces:
            msg = f"more than {limits.pieces} gaps"
            raise StreamOverflow(msg)

    def _is_too_long(self) -> bool:
        limits, readings = self._limits, self.readings
        begins = {reading[0].data[0] for reading in readings}
        most = limits.hello_bytes if begins == _HANDSHAKE else limits.stream_bytes
        several = len(readings) > 1 and self.size > limits.readings_bytes
        return several or max(map(_size, readings)) > most

    def _contradiction(self) -> StreamOverflow:
        return StreamOverflow(f"more than {self._limits.readings} ways to read overlapping segments")

    def clear(self) -> None:
        """Free all stored bytes; sequence numbers keep their stream offsets."""
        self._cuts.clear()
        self.readings, self.size = ((),), 0

    def drop_before(self, offset: int) -> None:
        """Drop the bytes before stream offset ``offset``: if they are resent, they are read as new."""
        self.readings = tuple(
            dict.fromkeys(
                tuple(
                    island if island.start >= offset else Island(offset, island.data[offset - island.start :])
                    for island in reading
                    if island.end > offset
                )
                for reading in self.readings
            )
        )
        self.size = sum(map(_size, self.readings))
        del self._cuts[: bisect_left(self._cuts, offset)]

    @property
    def end(self) -> int:
        """The stream offset after the last stored byte; 0 if there are none."""
        return max([reading[-1].end for reading in self.readings if reading], default=0)

    def cuts_of(self, island: Island, since: int) -> list[int]:
        """Return the offsets in ``island``, from ``since`` on, at which segments began or ended.

        An island is a run of bytes without a gap. Offsets are those of the stream.
        """
        low = bisect_left(self._cuts, max(since, island.start))
        return self._cuts[low : bisect_left(self._cuts, island.end)]

    def views(self) -> list[StreamView]:
        """Return every run of stored bytes, in every way that a receiver may read it.

        Different bytes for one number, and bytes at urgent pointers, give several ways.
        """
        views = []
        for reading in self.readings:
            for island in reading:
                views.append(_new(StreamView, (island, island.data, ())))
                if self._urgent:
                    views += self._without_urgent(island)
        return views

    def _without_urgent(self, island: Island) -> Iterator[StreamView]:
        seen: set[tuple[int, ...]] = {()}
        for choice in product(*((None, *places) for places in self._urgent)):
            holes = tuple(
                sorted({hole for hole in choice if hole is not None and island.start <= hole < island.end})
            )
            if holes not in seen:
                seen.add(holes)
                yield StreamView(island, _omit(island, holes), holes)


def _append(reading: Reading, start: int, data: bytes) -> Reading:
    """Return ``reading`` with ``data`` added at offset ``start``, which is at or after its end."""
    if reading and reading[-1].end == start:
        last = reading[-1]
        return (*reading[:-1], _new(Island, (last.start, last.data + data)))
    return (*reading, _new(Island, (start, data)))


def _size(reading: Reading) -> int:
    return sum([len(island.data) for island in reading])


def _omit(island: Island, holes: Iterable[int]) -> bytes:
    data = bytearray(island.data)
    for hole in sorted(holes, reverse=True):
        del data[hole - island.start]
    return bytes(data)
