"""Frames of the UNIX domain socket binding of USP (TR-369, section 4.6).

A frame is ``_USP``, the length of the rest, and one or more parts. A part is a type, a length and a value.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from gateway.core.errors import GatewayError

SYNC = b"_USP"
FRAME_LIMIT = 64 * 1024  # bytes after the header of a received frame; requests of a broker have a few kB

_HEADER = struct.Struct("!4sI")
_PART = struct.Struct("!BI")


class PartType(IntEnum):
    HANDSHAKE = 1
    ERROR = 2
    RECORD = 3


_TYPES = frozenset(map(int, PartType))


class MalformedFrame(GatewayError):
    """Raised for bytes that are not a valid frame. The connection has to be closed (R-UDS.24)."""


@dataclass(frozen=True, slots=True)
class Part:
    type: PartType
    value: bytes


def frame(kind: PartType, value: bytes) -> bytes:
    """Return a frame (``_USP``, length, content) with one part of type ``kind``."""
    part = _PART.pack(kind, len(value)) + value
    return _HEADER.pack(SYNC, len(part)) + part


class FrameReader:
    """Splits a stream of received bytes into frames. `feed` returns their parts.

    Parts of unknown types are ignored (R-UDS.15).
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[Part]:
        """Add received bytes. Return the parts of all frames that are complete now.

        Raises MalformedFrame for invalid bytes, or a frame longer than FRAME_LIMIT.
        """
        self._waiting += data
        parts: list[Part] = []
        while len(self._waiting) >= _HEADER.size:
            sync, length = _HEADER.unpack_from(self._waiting)
            if sync != SYNC:
                msg = "the frame does not begin with _USP"
                raise MalformedFrame(msg)
            if length > FRAME_LIMIT:
                msg = f"the frame has {length} bytes; the limit is {FRAME_LIMIT}"
                raise MalformedFrame(msg)
            end = _HEADER.size + length
            if len(self._waiting) < end:
                break
            parts += _parts(bytes(self._waiting[_HEADER.size : end]))
            del self._waiting[:end]
        return parts


def _parts(content: bytes) -> list[Part]:
    found: list[Part] = []
    place = 0
    while place < len(content):
        if place + _PART.size > len(content):
            msg = "the frame ends within the header of a part"
            raise MalformedFrame(msg)
        kind, length = _PART.unpack_from(content, place)
        place += _PART.size
        if place + length > len(content):
            msg = "a part is longer than its frame"
            raise MalformedFrame(msg)
        if kind in _TYPES:
            found.append(Part(PartType(kind), content[place : place + length]))
        place += length
    if not content:
        msg = "the frame is empty"
        raise MalformedFrame(msg)
    return found
