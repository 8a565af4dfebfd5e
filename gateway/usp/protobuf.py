"""Encodes and decodes the part of Protocol Buffers (proto3) that the messages of USP use.

A message is a class with `@wire_message`. Each of its fields is declared with `text`, `whole`, `message` or
another function of this module, which states the field's number. Decoding ignores unknown fields: they
belong to a later version of the protocol.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVar, dataclass_transform

from gateway.core.errors import GatewayError

ITEMS_LIMIT = 256  # values of a repeated field or map; the broker sends a few dozen
VARINT_BYTES = 10  # of the longest varint, a 64-bit number

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}

MessageT = TypeVar("MessageT")


class MalformedMessage(GatewayError):
    """Raised for bytes that cannot be decoded as a Protocol Buffers message of the expected type."""


@dataclass_transform(frozen_default=True)
def wire_message(cls: type[MessageT]) -> type[MessageT]:
    """Class decorator: make a class whose fields are declared by this module a frozen dataclass."""
    return dataclass(frozen=True, slots=True)(cls)


class _Kind(Enum):
    TEXT = auto()
    BINARY = auto()
    MAP = auto()
    NUMBER = auto()
    FLAG = auto()
    FIXED32 = auto()


_WIRE = {_Kind.NUMBER: _VARINT, _Kind.FLAG: _VARINT, _Kind.FIXED32: _FIXED32}  # the others: _BYTES


@dataclass(frozen=True, slots=True)
class _Entry:
    """The declaration of a message's field: its number, its type, and whether it may occur several times."""

    name: str
    number: int
    kind: _Kind | type
    repeated: bool

    @property
    def wire(self) -> int:
        return _WIRE.get(self.kind, _BYTES) if isinstance(self.kind, _Kind) else _BYTES


def _field(number: int, kind: _Kind | type, default: Any, *, repeated: bool = False) -> Any:
    return dataclasses.field(default=default, metadata={"usp": (number, kind, repeated)})


def text(number: int) -> str:
    field: str = _field(number, _Kind.TEXT, "")
    return field


def texts(number: int) -> tuple[str, ...]:
    field: tuple[str, ...] = _field(number, _Kind.TEXT, (), repeated=True)
    return field


def binary(number: int) -> bytes:
    field: bytes = _field(number, _Kind.BINARY, b"")
    return field


def whole(number: int) -> int:
    """Declare a message field: an enumeration or an integer, encoded as a varint.

    ``number``: the field's number.
    """
    field: int = _field(number, _Kind.NUMBER, 0)
    return field


def fixed32(number: int) -> int:
    field: int = _field(number, _Kind.FIXED32, 0)
    return field


def flag(number: int) -> bool:
    field: bool = _field(number, _Kind.FLAG, False)
    return field


def text_map(number: int) -> Mapping[str, str]:
    field: Mapping[str, str] = dataclasses.field(
        default_factory=dict, metadata={"usp": (number, _Kind.MAP, True)}
    )
    return field


def message(number: int, kind: type[MessageT]) -> MessageT | None:
    field: MessageT | None = _field(number, kind, None)
    return field


def messages(number: int, kind: type[MessageT]) -> tuple[MessageT, ...]:
    field: tuple[MessageT, ...] = _field(number, kind, (), repeated=True)
    return field


_layouts: dict[type, Mapping[int, _Entry]] = {}  # of the classes used so far


def _layout(kind: Any) -> Mapping[int, _Entry]:
    found = _layouts.get(kind)
    if found is None:
        entries = (_Entry(field.name, *field.metadata["usp"]) for field in dataclasses.fields(kind))
        found = _layouts[kind] = {entry.number: entry for entry in entries}
    return found


def chosen(value: object) -> list[str]:
    """Return the names of a message's fields that are not None.

    For a message that is a choice (``oneof``), where one field has to be set.
    """
    return [entry.name for entry in _layout(type(value)).values() if getattr(value, entry.name) is not None]


def encode(value: object) -> bytes:
    """Return a message encoded as Protocol Buffers. Fields with their default value are left out."""
    parts = bytearray()
    for entry in _layout(type(value)).values():
        found = getattr(value, entry.name)
        if entry.kind is _Kind.MAP:
            for key, item in found.items():
                pair = _written(1, _BYTES, key.encode()) + _written(2, _BYTES, item.encode())
                parts += _written(entry.number, _BYTES, pair)
        elif entry.repeated:
            for item in found:
                parts += _written(entry.number, entry.wire, _plain(item))
        elif found is not None and found not in ("", b"", 0, False):
            parts += _written(entry.number, entry.wire, _plain(found))
    return bytes(parts)


def _plain(value: Any) -> bytes | int:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, int)):
        return value
    return encode(value)


def _written(number: int, wire: int, value: bytes | int) -> bytes:
    head = _varint_bytes(number << 3 | wire)
    if isinstance(value, bytes):
        return head + _varint_bytes(len(value)) + value
    if wire == _FIXED32:
        return head + value.to_bytes(4, "little")
    return head + _varint_bytes(value)


def _varint_bytes(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def decode(kind: type[MessageT], data: bytes) -> MessageT:
    """Return the message of class ``kind`` decoded from Protocol Buffers data. Ignores unknown fields.

    Raises MalformedMessage for invalid data, or for more than ITEMS_LIMIT values of a field. The types are
    not recursive, so their declarations limit the depth.
    """
    layout = _layout(kind)
    found: dict[str, Any] = {}
    place = 0
    while place < len(data):
        number, wire, value, place = _next(data, place)
        entry = layout.get(number)
        if entry is None:
            continue
        if wire != entry.wire:
            msg = f"field {number} of {kind.__name__} has wire type {wire}"
            raise MalformedMessage(msg)
        _add(found, entry, value)
    return kind(**{name: tuple(item) if isinstance(item, list) else item for name, item in found.items()})


def _add(found: dict[str, Any], entry: _Entry, value: bytes | int) -> None:
    if not entry.repeated:
        found[entry.name] = _read(entry, value)
        return
    items = found.setdefault(entry.name, {} if entry.kind is _Kind.MAP else [])
    if len(items) >= ITEMS_LIMIT:
        msg = f"{entry.name} has more than {ITEMS_LIMIT} values"
        raise MalformedMessage(msg)
    if entry.kind is _Kind.MAP:
        pair = decode(_Pair, bytes(value))
        items[pair.key] = pair.value
    else:
        items.append(_read(entry, value))


def _read(entry: _Entry, value: bytes | int) -> Any:
    if isinstance(value, int):
        return bool(value) if entry.kind is _Kind.FLAG else value
    if entry.kind is _Kind.BINARY:
        return value
    if entry.kind is _Kind.TEXT:
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            msg = f"{entry.name} is not UTF-8"
            raise MalformedMessage(msg) from error
    assert isinstance(entry.kind, type)
    return decode(entry.kind, value)


def _next(data: bytes, place: int) -> tuple[int, int, bytes | int, int]:
    """Return number, wire type and value of the field at the offset ``place``, and the offset after it.

    Raises MalformedMessage.
    """
    key, place = _varint(data, place)
    number, wire = key >> 3, key & 7
    if not number:
        msg = "the number of a field is 0"
        raise MalformedMessage(msg)
    if wire == _VARINT:
        value, place = _varint(data, place)
        return number, wire, value, place
    if wire == _BYTES:
        length, place = _varint(data, place)
    elif wire in _FIXED_BYTES:
        length = _FIXED_BYTES[wire]
    else:
        msg = f"wire type {wire} is not used by proto3"
        raise MalformedMessage(msg)
    end = place + length
    if end > len(data):
        msg = f"field {number} is longer than its message"
        raise MalformedMessage(msg)
    part = data[place:end]
    return number, wire, part if wire == _BYTES else int.from_bytes(part, "little"), end


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for index in range(VARINT_BYTES):
        if place + index >= len(data):
            break
        byte = data[place + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place + index + 1
    msg = "a number does not end"
    raise MalformedMessage(msg)


@wire_message
class _Pair:
    """A key and a value: one entry of a Protocol Buffers map field."""

    key: str = text(1)
    value: str = text(2)
