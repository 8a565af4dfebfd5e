"""Who gives way: whoever floods, whatever addresses it has, and never what runs or has just come."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.web.eviction import BROWSER, SILENT, pick_eviction

NOW = 1000.0
COMING = 4


@dataclass(frozen=True)
class One:
    who: str
    answered: bool = False
    begun: float = NOW
    last: float = NOW


STREAM = One("phone", answered=True, begun=NOW - 3600, last=NOW - 9)
NEW = One("laptop")


def crowd(count: int, **values: object) -> list[One]:
    """Of as many addresses: one device of IPv6 may have them all."""
    return [One(f"2001:db8::{number:x}", **values) for number in range(count)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "others",
    [
        crowd(62, begun=NOW - 0.2, last=NOW - 0.2),  # hands shaken or not, and not a word
        crowd(62, begun=NOW - 25, last=NOW - 0.1),  # a request of which a letter comes now and then
        crowd(62, begun=NOW - 25, last=NOW - SILENT - 0.1),  # one of which nothing comes any more
        crowd(2, begun=NOW - 25, last=NOW - SILENT - 0.1),
        crowd(62, answered=True, begun=NOW - 25, last=NOW - 20),
    ],
)
def test_neither_a_stream_nor_a_newcomer_gives_way_to_a_crowd_of_many_addresses(others: list[One]) -> None:
    assert pick_eviction([STREAM, *others, NEW], NOW, COMING) in others


def test_what_never_said_anything_goes_before_a_running_stream_of_a_device_with_many() -> None:
    many = [One("phone", answered=True, begun=NOW - 60, last=NOW - 9) for _ in range(3 * BROWSER)]
    silent = One("television", begun=NOW - SILENT - 1, last=NOW - SILENT - 1)
    assert pick_eviction([STREAM, *many, silent], NOW, COMING) is silent


def test_who_has_just_come_has_time_while_one_that_was_answered_is_idle() -> None:
    idle = One("tablet", answered=True, begun=NOW - 300, last=NOW - 25)
    assert pick_eviction([STREAM, NEW, idle], NOW, COMING) is idle
    assert pick_eviction([STREAM, NEW, idle], NOW, 0) is NEW, "where nobody is to be let be"


def test_of_many_newcomers_the_oldest_goes() -> None:
    news = [One(f"a{number}", begun=NOW - 3 + number / 10) for number in range(COMING + 1)]
    assert pick_eviction([STREAM, *news], NOW, COMING) is news[0]


def test_an_address_with_more_than_a_browser_needs_goes_first_and_a_browser_is_no_crowd() -> None:
    browser = [One("laptop", answered=True, last=NOW - 30) for _ in range(BROWSER)]
    rotated = crowd(20, answered=True, last=NOW - 40)
    assert pick_eviction([*browser, *rotated], NOW, COMING) in rotated, "one each, and silent for longer"
    hoard = [One("192.0.2.66", answered=True, last=NOW - 1) for _ in range(BROWSER + 1)]
    assert pick_eviction([*browser, *rotated, *hoard], NOW, COMING) in hoard
