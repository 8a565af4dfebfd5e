from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.store.minutes_file import (
    SIZE,
    ClockRecord,
    MinuteFlag,
    MinuteRecord,
    Record,
    TextNumbers,
    UseRecord,
    gap,
    last_clock,
    pack,
    unpack,
)

words = st.text(min_size=1, max_size=30).filter(lambda text: not text.endswith("\0") and text.isprintable())
numbers = st.integers(0, 2**32 - 1)
minutes = st.builds(
    MinuteRecord,
    numbers,
    words,
    words,
    words,
    numbers,
    st.none() | words,
    st.sampled_from([MinuteFlag.COUNTED, MinuteFlag.OPEN, MinuteFlag.COUNTED | MinuteFlag.LINGER]),
)
clocks = st.builds(
    ClockRecord, numbers, st.integers(0, 10**9).map(float), numbers, st.binary(min_size=6, max_size=6)
)
uses = st.builds(UseRecord, numbers, words, words)
CLOCK = ClockRecord(0, 0.0, 0, bytes(6))
records = st.lists(minutes | clocks | uses, max_size=12)


def packed(values: list[Record], words: TextNumbers) -> list[bytes]:
    return [pack(one, words) for one in values]


def test_a_minute_takes_28_bytes_once_its_words_are_known() -> None:
    known = TextNumbers()
    record = MinuteRecord(
        29_000_000, "daughter", "02:00:00:00:00:0a", "service:youtube", 1_000_000, "youtube"
    )
    pack(record, known)
    assert len(pack(record, known)) == SIZE <= 32


@given(records)
def test_read_back(values: list[Record]) -> None:
    assert list(unpack(b"".join(packed(values, TextNumbers())), TextNumbers())) == values


@given(records, st.binary(max_size=SIZE - 1))
def test_the_last_clock_is_found_from_the_end(values: list[Record], torn: bytes) -> None:
    data = b"".join(packed(values, TextNumbers())) + torn
    clocks = [one for one in values if isinstance(one, ClockRecord)]
    assert last_clock(data) == (clocks[-1] if clocks else None)


@given(records, st.data())
def test_a_torn_tail_takes_nothing_else_along(values: list[Record], data: st.DataObject) -> None:
    parts = packed(values, TextNumbers())
    whole = b"".join(parts)
    cut = data.draw(st.integers(0, len(whole)))
    complete = 0
    while sum(map(len, parts[: complete + 1])) <= cut and complete < len(parts):
        complete += 1
    assert list(unpack(whole[:cut], TextNumbers())) == values[:complete]


@given(records, records, st.binary(max_size=70))
def test_unknown_bytes_between_are_skipped(one: list[Record], other: list[Record], between: bytes) -> None:
    known = TextNumbers()
    first = b"".join(packed(one, known))
    found = list(unpack(first + between + b"".join(packed(other, known)), TextNumbers()))
    assert found == one + other


@example(
    [CLOCK, ClockRecord(2108, 2108.0, 54836, b"\x13\x83\xa6\xefEc")], [CLOCK], 55
)  # the first byte of the next record is the one that is missing
@given(records, records, st.integers(0, 1000))
def test_who_goes_on_after_a_torn_tail_is_read_too(one: list[Record], other: list[Record], cut: int) -> None:
    torn = b"".join(packed(one, TextNumbers()))[:cut]
    again = TextNumbers()
    before = list(unpack(torn, again))
    assert list(unpack(torn + gap(torn) + b"".join(packed(other, again)), TextNumbers())) == before + other


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    list(unpack(data, TextNumbers()))


def test_numbers_run_out_and_the_record_is_lost_alone() -> None:
    known = TextNumbers()
    assert known.number("x" * 200) == (0, b"")
    long = MinuteRecord(1, "x" * 200, "device", "internet", 1)
    short = MinuteRecord(2, "son", "device", "internet", 1)
    assert list(unpack(pack(long, known) + pack(short, known), TextNumbers())) == [short]
