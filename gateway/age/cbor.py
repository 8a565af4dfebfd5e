"""CBOR (RFC 8949) as ISO 18013-5 uses it: definite lengths, shortest form of every number, no floats.

Each value has exactly one encoding, which digests rely on: ``encode(decode(data)) == data`` for all data that
`decode` accepts. Maps keep their order; their keys are texts or integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.age.refusals import AgeProofError, ProofRefusal

MOST_BYTES = 64 << 10  # a licence with 60 digests and three certificates, without a portrait, has 10 KiB
DEPTH = 16  # a DeviceResponse needs nine; each level is up to three frames of Python's stack
EMBEDDED = 24  # the tag of a byte string that contains CBOR
_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)
_SIMPLE: Final[dict[int, bool | None]] = {20: False, 21: True, 22: None}
_LEAST: Final[dict[int, int]] = {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}  # by the length in bytes
_MOST_NUMBER = 1 << 64


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value with a CBOR tag."""

    number: int
    value: Value


Key: TypeAlias = int | str
Value: TypeAlias = "int | bytes | str | bool | list[Value] | dict[Key, Value] | Tagged | None"


class CborError(AgeProofError):
    """Raised for CBOR that is invalid or not supported here. The reason for the refusal is BAD_CBOR."""

    def __init__(self, why: str) -> None:
        super().__init__(ProofRefusal.BAD_CBOR, why)


def decode(data: bytes) -> Value:
    """Return the value that ``data`` encodes in CBOR, in the only form that the module accepts.

    Raises CborError for another form (floats, indefinite lengths, numbers longer than needed), a map key that
    is no text or integer or occurs twice, text that is not UTF-8, data that is incomplete or longer than the
    value, more than DEPTH levels, and more than MOST_BYTES.
    """
    if len(data) > MOST_BYTES:
        msg = f"more than {MOST_BYTES} bytes"
        raise CborError(msg)
    reader = _Reader(data)
    value = reader.value(DEPTH)
    if reader.at != len(data):
        msg = "there is more behind it"
        raise CborError(msg)
    return value


def encode(value: Value) -> bytes:
    """Return the CBOR encoding of a value.

    Raises CborError for a number beyond 64 bits, or for too many levels.
    """
    out = bytearray()
    _write(out, value, DEPTH)
    return bytes(out)


def embed(value: Value) -> Tagged:
    """Return the CBOR encoding of ``value`` as a byte string with the tag for embedded CBOR."""
    return Tagged(EMBEDDED, encode(value))


def embedded(value: Value) -> Value:
    """Return the value that `embed` wrapped. Raises CborError for anything else."""
    if not isinstance(value, Tagged) or value.number != EMBEDDED or not isinstance(value.value, bytes):
        msg = "bytes with CBOR in them were expected"
        raise CborError(msg)
    return decode(value.value)


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int = 0

    def value(self, depth: int) -> Value:
        if not depth:
            msg = f"more than {DEPTH} levels"
            raise CborError(msg)
        kind, info = divmod(self._take(1)[0], 32)
        if kind == 7:
            return self._simple(info)
        number = self._number(info)
        match kind:
            case 0:
                return number
            case 1:
                return -1 - number
            case 2:
                return self._take(number)
            case 3:
                return self._text(number)
            case 4:
                return self._array(number, depth - 1)
            case 5:
                return self._map(number, depth - 1)
            case _:
                return Tagged(number, self.value(depth - 1))

    def _take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.data):
            msg = "it ends too early"
            raise CborError(msg)
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def _number(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            msg = "a length that is not said, or a reserved one"
            raise CborError(msg)
        size = 1 << (info - 24)
        number = int.from_bytes(self._take(size), "big")
        if number < _LEAST[size]:
            msg = "a number that is longer than it has to be"
            raise CborError(msg)
        return number

    def _simple(self, info: int) -> bool | None:
        if info not in _SIMPLE:
            msg = "a fraction, or a simple value without a meaning here"
            raise CborError(msg)
        return _SIMPLE[info]

    def _text(self, size: int) -> str:
        try:
            return self._take(size).decode("utf-8")
        except UnicodeDecodeError:
            msg = "a text that is no UTF-8"
            raise CborError(msg) from None

    def _room(self, least: int) -> None:
        """Raise CborError if fewer than ``least`` bytes follow.

        This checks an untrusted length before memory is allocated: each value has at least one byte.
        """
        if least > len(self.data) - self.at:
            msg = "it says that more follows than there is"
            raise CborError(msg)

    def _array(self, count: int, depth: int) -> list[Value]:
        self._room(count)
        return [self.value(depth) for _ in range(count)]

    def _map(self, count: int, depth: int) -> dict[Key, Value]:
        self._room(2 * count)
        found: dict[Key, Value] = {}
        for _ in range(count):
            key = self.value(depth)
            if isinstance(key, bool) or not isinstance(key, int | str):
                msg = "a key that is neither a text nor a whole number"
                raise CborError(msg)
            if key in found:
                msg = "a key twice"
                raise CborError(msg)
            found[key] = self.value(depth)
        return found


def _head(out: bytearray, kind: int, number: int) -> None:
    if number >= _MOST_NUMBER:
        msg = "a number of more than 64 bits"
        raise CborError(msg)
    if number < 24:
        out.append(kind << 5 | number)
        return
    size = next(size for size in (1, 2, 4, 8) if number < 1 << (8 * size))
    out.append(kind << 5 | (23 + size.bit_length()))
    out += number.to_bytes(size, "big")


def _write(out: bytearray, value: Value, depth: int) -> None:
    if not depth:
        msg = f"more than {DEPTH} levels"
        raise CborError(msg)
    match value:
        case None | bool():
            out.append({False: 0xF4, True: 0xF5, None: 0xF6}[value])
        case int():
            _head(out, _UINT if value >= 0 else _NEGATIVE, value if value >= 0 else -1 - value)
        case bytes():
            _head(out, _BYTES, len(value))
            out += value
        case str():
            data = value.encode("utf-8")
            _head(out, _TEXT, len(data))
            out += data
        case list():
            _head(out, _ARRAY, len(value))
            for element in value:
                _write(out, element, depth - 1)
        case dict():
            _head(out, _MAP, len(value))
            for key, element in value.items():
                _write(out, key, depth - 1)
                _write(out, element, depth - 1)
        case Tagged():
            _head(out, _TAG, value.number)
            _write(out, value.value, depth - 1)
