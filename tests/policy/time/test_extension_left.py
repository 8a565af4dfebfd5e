"""How much time is left, and of what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.policy.time.standing import FOREVER, PLAIN, Left, Situation, closes_at, left
from tests.policy.extended import DAUGHTER, DAY, used
from tests.policy.homes import CALENDAR, a_profile, almaty, used_up

# What is left.


@pytest.mark.parametrize(
    ("at", "gates", "expected"),
    [
        ("2026-11-24T17:00", ("device", "bedtime", "window:service:roblox"), (60, "window:service:roblox")),
        ("2026-11-24T17:00", ("device", "bedtime"), (225, "bedtime")),
        ("2026-11-24T20:44", ("device", "bedtime"), (1, "bedtime")),
        ("2026-11-24T12:00", ("device", "bedtime", "window:service:roblox"), (0, "window:service:roblox")),
    ],
)
def test_what_the_clock_leaves(at: str, gates: tuple[str, ...], expected: tuple[int, str]) -> None:
    found = left(DAUGHTER, PLAIN, CALENDAR, almaty(at), gates)
    assert found is not None
    assert found[:2] == expected
    assert found.at == almaty(at) + timedelta(minutes=expected[0])


def test_what_use_leaves_has_no_hour() -> None:
    gates = ("device", "bedtime", "internet", "service:youtube", "play")
    found = left(DAUGHTER, used(service__youtube=20), CALENDAR, almaty("2026-11-24T17:00"), gates)
    assert found == Left(40, "service:youtube", None)
    late = left(DAUGHTER, used(service__youtube=20), CALENDAR, almaty("2026-11-24T20:25"), gates)
    assert late == Left(20, "bedtime", almaty("2026-11-24T20:45"))


def test_a_begun_minute_is_told_as_one() -> None:
    found = left(DAUGHTER, PLAIN, CALENDAR, almaty("2026-11-24T20:44:30"), ("device", "bedtime"))
    assert found is not None
    assert found.minutes == 1


def test_what_spends_nothing_is_left_what_the_clock_leaves() -> None:
    gates = ("device", "bedtime", "internet", "uncounted")
    found = left(DAUGHTER, used(internet=119), CALENDAR, almaty("2026-11-24T17:00"), gates)
    assert found == Left(225, "bedtime", almaty("2026-11-24T20:45"))
    shut = left(DAUGHTER, used_up("internet"), CALENDAR, almaty("2026-11-24T17:00"), gates)
    assert shut == Left(0, "internet", almaty("2026-11-24T17:00"))


def test_nothing_is_left_of_what_nothing_closes() -> None:
    assert left(DAUGHTER, PLAIN, CALENDAR, almaty(DAY), ("device",)) is None
    paused = Situation(paused_until=FOREVER)
    assert left(DAUGHTER, paused, CALENDAR, almaty(DAY), ("device",)) == Left(0, "device", almaty(DAY))


def test_a_limit_that_is_not_reached_before_the_day_turns_is_tomorrow_s() -> None:
    rules = a_profile("{band: 13-15, bedtime: {}, limits: {internet: 2h}}")
    found = left(rules, PLAIN, CALENDAR, almaty("2026-11-25T03:30"), ("device", "internet"))
    assert found == Left(150, "internet", None)


def test_while_the_time_is_unknown_only_use_leaves_something() -> None:
    lost = replace(used(internet=100), clock_known=False)
    assert left(DAUGHTER, lost, CALENDAR, almaty(DAY), ("device", "internet")) == Left(20, "internet", None)
    shut = left(DAUGHTER, lost, CALENDAR, almaty(DAY), ("device", "bedtime"))
    assert shut == Left(0, "bedtime", almaty(DAY))


def test_when_something_open_is_closed_by_the_clock() -> None:
    gates = ("device", "bedtime", "window:service:roblox")
    at = almaty("2026-11-24T17:00")
    assert closes_at(DAUGHTER, PLAIN, CALENDAR, at, gates) == almaty("2026-11-24T18:00")
    assert closes_at(DAUGHTER, PLAIN, CALENDAR, at, ("device", "bedtime")) == almaty("2026-11-24T20:45")
    assert closes_at(DAUGHTER, PLAIN, CALENDAR, at, ("device", "internet")) is None
