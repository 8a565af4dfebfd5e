"""One direction of a TCP connection to port 53, in order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from gateway.replay.engine import MAX_EARLY, Segments
from gateway.wire.dns.message import tcp_frame

MESSAGES = [bytes(12) + bytes([number]) * number for number in (1, 40, 200)]
STREAM = b"".join(map(tcp_frame, MESSAGES))
FIRST = 0xFFFFFFF0  # the numbers wrap within the first message


def segment(start: int, end: int) -> tuple[int, bytes]:
    return (FIRST + start) % (1 << 32), STREAM[start:end]


@given(st.randoms(use_true_random=False), st.integers(1, 60))
def test_any_order_and_any_overlap(chance: random.Random, size: int) -> None:
    parts = [(at, min(at + size + chance.randrange(9), len(STREAM))) for at in range(0, len(STREAM), size)]
    chance.shuffle(parts)
    segments = Segments(FIRST)
    found = [message for part in parts for message in segments.feed(*segment(*part))]
    assert found == MESSAGES


def test_byte_by_byte_and_every_byte_twice() -> None:
    segments = Segments(FIRST)
    found = []
    for at in range(len(STREAM)):
        for _ in range(2):
            found += segments.feed(*segment(at, at + 1))
    assert found == MESSAGES


def test_without_a_syn_the_first_bytes_begin_it() -> None:
    segments = Segments()
    assert segments.feed(*segment(0, 40)) == MESSAGES[:1]
    assert segments.feed(*segment(40, len(STREAM))) == MESSAGES[1:]


def test_after_a_gap_that_is_never_filled_nothing_more_is_given() -> None:
    segments = Segments(FIRST)
    for at in range(0, MAX_EARLY + 2000, 1000):
        assert segments.feed((FIRST + 10 + at) % (1 << 32), bytes(1000)) == []
    assert segments.feed(*segment(0, len(STREAM))) == []


def test_after_bytes_that_are_no_dns_nothing_more_is_given() -> None:
    segments = Segments(FIRST)
    assert segments.feed(FIRST, b"\0\1xyz") == []
    assert segments.feed((FIRST + 5) % (1 << 32), STREAM) == []
