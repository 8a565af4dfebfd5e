"""Reassembly: any order, any cut, both copies of an overlap, and limits that hold."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.flows.limits import Limits
from gateway.wire.flows.streams import Island, Stream, StreamOverflow

TEXT = b"The quick brown fox jumps over the lazy dog"


def stream(**limits: Any) -> Stream:
    return Stream(Limits(**limits))


def contents(of: Stream) -> set[bytes]:
    return {view.data for view in of.views()}


@pytest.mark.parametrize("base", [0, 1000, (1 << 32) - 10, (1 << 31) - 5])
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_segments_join_in_every_order_and_over_the_wrap(base: int, size: int) -> None:
    pieces = [(i, TEXT[i : i + size]) for i in range(0, len(TEXT), size)]
    for seed in range(5):
        random.Random(seed).shuffle(pieces)
        s = stream()
        for i, piece in pieces:
            assert s.add((base + i) % (1 << 32), piece)
        (reading,) = s.readings
        (island,) = reading
        assert island.data == TEXT
        assert island.start == -pieces[0][0]
        assert s.size == len(TEXT)


def test_a_retransmission_tells_nothing_new() -> None:
    s = stream()
    assert s.add(10, TEXT)
    assert not s.add(10, TEXT)
    assert not s.add(15, TEXT[5:9])
    assert s.add(40, TEXT[30:] + b"!")
    assert contents(s) == {TEXT + b"!"}


def test_a_gap_stays_a_gap_until_it_is_filled() -> None:
    s = stream()
    s.add(0, b"abc")
    s.add(6, b"ghi")
    assert [island.data for island in s.readings[0]] == [b"abc", b"ghi"]
    s.add(3, b"def")
    assert s.readings == ((Island(0, b"abcdefghi"),),)


def test_what_comes_before_the_first_byte_seen_has_a_negative_offset() -> None:
    s = stream()
    s.add(100, b"def")
    s.add(97, b"abc")
    assert s.readings == ((Island(-3, b"abcdef"),),)


@pytest.mark.parametrize("copies", [(b"refused", b"allowed"), (b"allowed", b"refused")])
def test_both_copies_of_an_overlap_are_kept(copies: tuple[bytes, bytes]) -> None:
    s = stream()
    for copy in copies:
        s.add(0, b"host ")
        s.add(5, copy)
    s.add(12, b" end")
    assert contents(s) == {b"host refused end", b"host allowed end"}


def test_every_mix_of_copies_is_kept_at_the_borders_of_segments() -> None:
    """A receiver that has the first fake but not the second reads one of the mixed streams."""
    s = stream()
    s.add(0, b"AAAABBBB")  # a fake over both
    s.add(0, b"aaaa")
    s.add(4, b"bbbb")
    assert contents(s) == {b"AAAABBBB", b"aaaaBBBB", b"AAAAbbbb", b"aaaabbbb"}


def test_one_segment_over_two_may_win_over_one_of_them_only() -> None:
    s = stream()
    s.add(0, b"aaaa")
    s.add(4, b"bbbb")
    s.add(0, b"AAAABBBB")
    assert contents(s) == {b"aaaabbbb", b"AAAAbbbb", b"aaaaBBBB", b"AAAABBBB"}


def test_an_overlap_over_two_islands_fills_the_gap_between() -> None:
    s = stream()
    s.add(0, b"aa")
    s.add(4, b"cc")
    s.add(1, b"aXXc")
    assert contents(s) == {b"aaXXcc"}
    s.add(1, b"!XX!")
    assert contents(s) == {b"aaXXcc", b"a!XXcc", b"aaXX!c", b"a!XX!c"}


def test_identical_fakes_do_not_multiply() -> None:
    s = stream()
    for _ in range(20):
        s.add(0, b"fake")
        s.add(0, b"real")
    assert contents(s) == {b"fake", b"real"}


def test_what_the_receiver_has_already_is_not_read_again() -> None:
    s = stream()
    s.settle(1000)  # the number after a SYN's
    s.add(1000, TEXT)
    s.settle(1000 + len(TEXT))
    assert s.is_past(1000, len(TEXT))
    assert not s.is_past(1000, len(TEXT) + 1)
    assert s.knows(1004, TEXT[4:])
    assert not s.knows(1000, bytes(len(TEXT)))
    assert not s.add(1000, bytes(len(TEXT)))
    assert s.add(1000, TEXT + b"more")
    assert contents(s) == {TEXT + b"more"}


def test_what_was_never_seen_there_is_read_in_both_ways() -> None:
    """By the receiver of this connection not, by that of another on the same ports it is."""
    s = stream()
    s.settle(1000)
    s.add(996, b"junk" + TEXT)
    assert contents(s) == {TEXT, b"junk" + TEXT}


def test_an_older_floor_takes_nothing_back() -> None:
    s = stream()
    s.add(1000, TEXT)
    s.settle(1000 + len(TEXT))
    s.settle(1001)
    assert not s.add(1001, b"?")


@pytest.mark.parametrize("pointer", [8, 7])
def test_an_urgent_byte_is_read_and_left_out(pointer: int) -> None:
    """RFC 6093: the pointer may name the byte or the one after it."""
    s = stream()
    s.urgent(50, pointer)
    s.add(50, b"example.Xcom"[:7] + b"X" + b".com")
    assert b"example.com" in contents(s)
    assert b"exampleX.com" in contents(s)


def test_an_urgent_pointer_may_come_ahead_of_its_byte() -> None:
    s = stream()
    s.add(50, b"exam")
    s.urgent(54, 4)  # on a segment without payload
    s.add(54, b"pleX.com")
    assert b"example.com" in contents(s)


def test_offsets_in_a_view_count_what_was_left_out() -> None:
    s = stream()
    s.urgent(0, 3)
    s.add(0, b"abXcdef")
    (view,) = [view for view in s.views() if view.data == b"abcdef"]
    assert [view.offset(position) for position in (0, 1, 2, 6)] == [0, 1, 3, 7]


def test_bytes_are_bounded() -> None:
    s = stream(stream_bytes=1000)
    s.add(0, bytes(1000))
    with pytest.raises(StreamOverflow):
        s.add(1000, b"x")


def test_readings_are_bounded() -> None:
    s = stream(readings=8)
    for i in range(3):
        s.add(i, bytes([i + 1]))
        s.add(i, bytes([i + 101]))
    s.add(3, b"x")
    with pytest.raises(StreamOverflow):
        s.add(3, b"y")
    assert len(s.readings) <= 8


def test_bytes_of_all_readings_are_bounded() -> None:
    s = stream(readings_bytes=10_000)
    for i in range(3):
        s.add(0, bytes([i]) * 3000)
    with pytest.raises(StreamOverflow):
        s.add(0, b"x" * 3000)


def test_gaps_are_bounded() -> None:
    s = stream(pieces=10)
    for i in range(10):
        s.add(3 * i, b"x")
    with pytest.raises(StreamOverflow):
        s.add(30, b"x")


def test_urgent_pointers_are_bounded() -> None:
    s = stream(urgent_bytes=2)
    s.urgent(0, 5)
    s.urgent(0, 5)
    s.urgent(0, 9)
    with pytest.raises(StreamOverflow):
        s.urgent(0, 12)


segments = st.lists(
    st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=20), st.integers(0, 5)), max_size=12
)


@settings(max_examples=200, deadline=None)
@given(segments)
def test_a_receiver_of_any_subset_by_either_rule_finds_its_bytes_among_the_readings(
    sent: list[tuple[int, bytes, int]],
) -> None:
    """Whatever is lost on the way, and whether first or last wins, nobody reads what we do not."""
    s = Stream(Limits(readings=4096, readings_bytes=1 << 20))
    reads_first: dict[int, int] = {}
    reads_last: dict[int, int] = {}
    for start, data, fate in sent:
        try:
            s.add(start, data)
        except StreamOverflow:
            return
        if fate:  # 0: lost on the way
            for i, byte in enumerate(data, start):
                reads_first.setdefault(i, byte)
                reads_last[i] = byte
    anchor = sent[0][0] if sent else 0
    for bytes_read in (reads_first, reads_last):
        assert any(
            all(_byte_at(reading, i - anchor) == byte for i, byte in bytes_read.items())
            for reading in s.readings
        )


def _byte_at(reading: tuple[Island, ...], offset: int) -> int | None:
    for island in reading:
        if island.start <= offset < island.end:
            return island.data[offset - island.start]
    return None


def test_memory_is_counted_and_cuts_are_held_once() -> None:
    s = stream()
    s.add(0, TEXT)
    held = s.held
    for _ in range(1000):
        s.add(0, TEXT)
    assert s.held == held
    for cut in range(1, len(TEXT)):
        s.add(0, TEXT[:cut])
    assert held < s.held <= held + 50 * len(TEXT)
    assert s.size == len(TEXT)


def test_what_is_let_go_is_read_anew() -> None:
    s = stream()
    for at in range(0, len(TEXT), 4):
        s.add(at, TEXT[at : at + 4])
    s.add(100, b"far")
    s.drop_before(30)
    assert [(island.start, island.data) for island in s.readings[0]] == [(30, TEXT[30:]), (100, b"far")]
    assert s.size == len(TEXT) - 30 + 3
    assert s.end == 103
    s.add(len(TEXT), b"!")
    s.add(0, b"again")
    assert contents(s) == {b"again", TEXT[30:] + b"!", b"far"}
    s.drop_before(200)
    assert s.readings == ((),)
    assert (s.size, s.end) == (0, 0)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=20)), max_size=8),
    st.integers(0, 80),
)
def test_letting_go_loses_nothing_behind_it(parts: list[tuple[int, bytes]], offset: int) -> None:
    s = stream()
    s.add(0, b"\0")
    try:
        for at, data in parts:
            s.add(at, data)
    except StreamOverflow:
        return
    before = {
        tuple(
            Island(max(offset, one.start), one.data[max(0, offset - one.start) :])
            for one in reading
            if one.end > offset
        )
        for reading in s.readings
    }
    s.drop_before(offset)
    assert set(s.readings) == before
