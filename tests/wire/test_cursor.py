"""The cursor reads what is there, and says WireError for anything past the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.cursor import Cursor

READS: dict[str, Callable[[Cursor], object]] = {
    "u8": Cursor.u8,
    "u16": Cursor.u16,
    "u24": Cursor.u24,
    "u32": Cursor.u32,
    "varint": Cursor.varint,
    "rest": Cursor.rest,
    "counted8": Cursor.counted8,
    "counted16": Cursor.counted16,
    "block": lambda cursor: cursor.block(2),
    "take": lambda cursor: cursor.take(3),
    "skip": lambda cursor: cursor.skip(3),
}


def test_integers_are_big_endian() -> None:
    cursor = Cursor(bytes(range(1, 11)))
    assert cursor.u8() == 0x01
    assert cursor.u16() == 0x0203
    assert cursor.u24() == 0x040506
    assert cursor.u32() == 0x0708090A
    assert cursor.at_end


@pytest.mark.parametrize(
    ("wire", "value"),
    [  # RFC 9000 A.1
        ("c2197c5eff14e88c", 151_288_809_941_952_652),
        ("9d7f3e7d", 494_878_333),
        ("7bbd", 15_293),
        ("25", 37),
        ("4025", 37),
    ],
)
def test_varint_of_rfc_9000(wire: str, value: int) -> None:
    raw = bytes.fromhex(wire)
    cursor = Cursor(raw)
    assert cursor.varint() == value
    assert cursor.at_end
    for cut in range(len(raw)):
        with pytest.raises(WireError):
            Cursor(raw[:cut]).varint()


@pytest.mark.parametrize("data", [b"\x00\x02ab!", memoryview(b"\x00\x02ab!")])
def test_counted_runs_are_bytes_of_their_own(data: bytes | memoryview) -> None:
    cursor = Cursor(data)
    assert cursor.counted16() == b"ab"
    assert type(cursor.rest()) is bytes
    assert Cursor(b"\x01a!").counted8() == b"a"


def test_a_block_keeps_the_offsets_of_its_data() -> None:
    outer = Cursor(b"\xff\x02ab!", 1)
    inner = outer.block(outer.u8())
    assert (inner.pos, inner.end, outer.pos) == (2, 4, 4)
    assert inner.rest() == b"ab"
    assert outer.u8() == ord("!")


def test_nothing_past_the_end_of_a_block_is_read() -> None:
    inner = Cursor(b"abcd").block(2)
    assert inner.take(2) == b"ab"
    with pytest.raises(WireError):
        inner.u8()
    with pytest.raises(WireError):
        Cursor(b"abcd").block(5)


def test_expect_end() -> None:
    Cursor(b"").expect_end()
    with pytest.raises(WireError, match="2 bytes too many at offset 1"):
        Cursor(b"abc", 1).expect_end()


def test_has_and_remaining() -> None:
    cursor = Cursor(b"abcd", 1, 3)
    assert cursor.remaining == 2
    assert cursor.has(2)
    assert not cursor.has(3)
    assert not cursor.at_end


@pytest.mark.parametrize(("start", "end"), [(3, None), (-1, None), (0, 3), (2, 1)])
def test_a_range_outside_of_the_data_is_refused(start: int, end: int | None) -> None:
    with pytest.raises(WireError):
        Cursor(b"ab", start, end)


@pytest.mark.parametrize("count", [-1, 5])
def test_a_refused_read_does_not_move(count: int) -> None:
    cursor = Cursor(b"abcd")
    with pytest.raises(WireError):
        cursor.take(count)
    assert cursor.pos == 0


@given(st.binary(max_size=40), st.lists(st.sampled_from(sorted(READS)), max_size=12))
def test_any_reads_of_any_bytes_raise_only_wire_errors_and_stay_inside(data: bytes, reads: list[str]) -> None:
    cursor = Cursor(data)
    for read in reads:
        try:
            READS[read](cursor)
        except WireError:
            pass
        assert 0 <= cursor.pos <= cursor.end == len(data)
