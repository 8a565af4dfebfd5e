"""CBOR byte by byte, and against cbor2 for values and bytes of any kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.age.cbor import (
    DEPTH,
    MOST_BYTES,
    CborError,
    Tagged,
    Value,
    decode,
    embed,
    embedded,
    encode,
)
from gateway.age.refusals import ProofRefusal

# RFC 8949, appendix A, what of it is a value here.
RFC = [
    ("00", 0),
    ("17", 23),
    ("1818", 24),
    ("18ff", 255),
    ("190100", 256),
    ("1a000f4240", 1000000),
    ("1bffffffffffffffff", (1 << 64) - 1),
    ("20", -1),
    ("3863", -100),
    ("3bffffffffffffffff", -(1 << 64)),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("40", b""),
    ("4401020304", b"\x01\x02\x03\x04"),
    ("60", ""),
    ("62c3bc", "ü"),
    ("64f0908591", "\U00010151"),
    ("80", []),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("a0", {}),
    ("a201020304", {1: 2, 3: 4}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("d818456449455446", Tagged(24, b"dIETF")),
    ("c074323031332d30332d32315432303a30343a30305a", Tagged(0, "2013-03-21T20:04:00Z")),
]

REFUSED = [
    ("", "ends too early"),
    ("18", "ends too early"),
    ("43aabb", "ends too early"),
    ("1817", "longer than it has to be"),
    ("1900ff", "longer than it has to be"),
    ("1a0000ffff", "longer than it has to be"),
    ("1b00000000ffffffff", "longer than it has to be"),
    ("580161", "longer than it has to be"),
    ("1c", "reserved"),
    ("1f", "length that is not said"),
    ("5f4100ff", "length that is not said"),
    ("7f6161ff", "length that is not said"),
    ("9f01ff", "length that is not said"),
    ("bf616101ff", "length that is not said"),
    ("ff", "without a meaning"),
    ("f7", "without a meaning"),
    ("f0", "without a meaning"),
    ("f814", "without a meaning"),
    ("f93c00", "fraction"),
    ("fa47c35000", "fraction"),
    ("fb3ff199999999999a", "fraction"),
    ("62c328", "no UTF-8"),
    ("63eda080", "no UTF-8"),
    ("9bffffffffffffffff", "more follows than there is"),
    ("9a00010000", "more follows than there is"),
    ("bb7fffffffffffffff", "more follows than there is"),
    ("a101", "more follows than there is"),
    ("5bffffffffffffffff", "ends too early"),
    ("a2616101616102", "a key twice"),
    ("a201020103", "a key twice"),
    ("a1f501", "neither a text nor a whole number"),
    ("a1410001", "neither a text nor a whole number"),
    ("a18001", "neither a text nor a whole number"),
    ("a1f601", "neither a text nor a whole number"),
    ("0000", "more behind it"),
    ("c1", "ends too early"),
]

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=300)
    | st.text(max_size=80),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.integers(-300, 300) | st.text(max_size=8), inner, max_size=5)
        | st.builds(Tagged, st.integers(1000, 1 << 40), inner)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(("data", "value"), RFC)
def test_the_examples_of_the_rfc(data: str, value: Value) -> None:
    decoded = decode(bytes.fromhex(data))
    assert decoded == value
    assert type(decoded) is type(value)
    assert encode(value) == bytes.fromhex(data)


@pytest.mark.parametrize(("data", "why"), REFUSED)
def test_what_is_refused(data: str, why: str) -> None:
    with pytest.raises(CborError, match=why) as refused:
        decode(bytes.fromhex(data))
    assert refused.value.refusal is ProofRefusal.BAD_CBOR


def test_levels_are_bounded() -> None:
    assert decode(b"\x81" * (DEPTH - 1) + b"\x00") is not None
    for step in (b"\x81", b"\xc1", b"\xa1\x00", b"\xd8\x18"):
        with pytest.raises(CborError, match="levels"):
            decode(step * 10_000 + b"\x00")
    nested: Value = 0
    for _ in range(DEPTH):
        nested = [nested]
    with pytest.raises(CborError, match="levels"):
        encode(nested)


def test_size_is_bounded() -> None:
    most = b"\x59" + (MOST_BYTES - 3).to_bytes(2, "big") + bytes(MOST_BYTES - 3)
    assert decode(most) == bytes(MOST_BYTES - 3)
    with pytest.raises(CborError, match="more than 65536 bytes"):
        decode(most + b"\x00")


def test_a_number_beyond_64_bits_is_not_written() -> None:
    for number in (1 << 64, -(1 << 64) - 1):
        with pytest.raises(CborError, match="64 bits"):
            encode(number)


def test_embedded_values() -> None:
    assert embedded(embed({"a": 1})) == {"a": 1}
    wrong: tuple[Value, ...] = (b"\x01", Tagged(23, b"\x01"), Tagged(24, 1), None)
    for value in wrong:
        with pytest.raises(CborError, match="were expected"):
            embedded(value)
    with pytest.raises(CborError):
        embedded(Tagged(24, b"\x01\x02"))


def to_oracle(value: Any) -> Any:
    match value:
        case Tagged():
            return cbor2.CBORTag(value.number, to_oracle(value.value))
        case list():
            return [to_oracle(item) for item in value]
        case dict():
            return {key: to_oracle(one) for key, one in value.items()}
        case _:
            return value


def from_oracle(value: Any) -> Any:
    """Inside of a tag it makes tuples of arrays, and mappings of its own of maps."""
    match value:
        case cbor2.CBORTag():
            return Tagged(value.tag, from_oracle(value.value))
        case list() | tuple():
            return [from_oracle(item) for item in value]
        case Mapping():
            return {key: from_oracle(one) for key, one in value.items()}
        case _:
            return value


@given(VALUES)
def test_any_value_is_what_cbor2_makes_of_it(value: Value) -> None:
    data = encode(value)
    assert data == cbor2.dumps(to_oracle(value))
    again = decode(data)
    assert again == value
    assert encode(again) == data


def damaged(change: Callable[[bytearray, int], None]) -> Callable[[bytes, int], bytes]:
    def apply(data: bytes, at: int) -> bytes:
        changed = bytearray(data)
        change(changed, at % max(1, len(changed)))
        return bytes(changed)

    return apply


CHANGES = [
    damaged(lambda data, at: data.__setitem__(slice(at, at + 1), b"")),
    damaged(lambda data, at: data.__setitem__(slice(at, at), b"\x9f")),
    damaged(lambda data, at: data.__setitem__(slice(at, at + 1), bytes([data[at] ^ 0x20] if data else []))),
    lambda data, at: data[: at % max(1, len(data))],
]


@settings(max_examples=400)
@given(
    st.binary(max_size=60)
    | st.builds(lambda v, c, n: c(encode(v), n), VALUES, st.sampled_from(CHANGES), st.integers(0, 10_000))
)
def test_any_bytes_are_refused_or_are_what_cbor2_reads(data: bytes) -> None:
    """And are written again as they came, so that a digest over them is one over what was read."""
    try:
        value = decode(data)
    except CborError:
        return
    assert encode(value) == data
    if not _has_known_tag(value):
        assert from_oracle(cbor2.loads(data)) == value


def _has_known_tag(value: Any) -> bool:
    """cbor2 makes dates, numbers and more of small tags, and refuses what is none."""
    match value:
        case Tagged():
            return value.number < 1000 or value.number in (1004, 43000, 55799) or _has_known_tag(value.value)
        case list():
            return any(map(_has_known_tag, value))
        case dict():
            return any(map(_has_known_tag, value.values()))
        case _:
            return False
