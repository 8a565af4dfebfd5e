"""Grants add up and are never spent twice, whatever the numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.time.extension import extend, in_force
from gateway.policy.time.standing import PLAIN, Left, Situation, closes_at, left, standing
from gateway.policy.values import Reason
from tests.policy.extended import DAUGHTER, GAMER, NIGHT, ROBLOX, TODAY, after, closed, granted, used
from tests.policy.homes import CALENDAR, a_judge, a_profile, almaty


def test_a_grant_for_a_service_counts_for_the_flows_of_that_service() -> None:
    state = after(PLAIN, *granted(NIGHT, "youtube"))
    gates = ("device", "bedtime", "internet")
    now, until = almaty("2026-11-24T21:40"), almaty("2026-11-24T21:45")
    assert closes_at(DAUGHTER, state, CALENDAR, now, gates, ("youtube",)) == until
    assert left(DAUGHTER, state, CALENDAR, now, (*gates, "service:youtube")) == Left(5, "bedtime", until)
    assert left(DAUGHTER, state, CALENDAR, now, gates) == Left(0, "bedtime", now)


# What holds always.

_MINUTE = timedelta(minutes=1)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["use", "grant", "wait"]), st.integers(1, 40)), min_size=1, max_size=25
)


@given(st.integers(0, 23 * 60), _STEPS)
def test_a_grant_is_never_spent_twice(start: int, steps: Iterable[tuple[str, int]]) -> None:
    """However a child uses what it has: never more minutes than the limit and what was given."""
    rules = a_profile("{band: 13-15, bedtime: {}, limits: {internet: 60m}}")
    now = almaty("2026-11-24T04:00") + start * _MINUTE
    turns = almaty("2026-11-25T04:00")
    situation = Situation(day=TODAY)
    given_ = spent = 0
    for what, minutes in steps:
        if what == "grant":
            given_ += minutes
            situation = after(situation, *extend(rules, situation, CALENDAR, now, minutes * _MINUTE))
        for _ in range(minutes if what != "grant" else 0):
            if now >= turns:
                return
            if what == "use" and "internet" not in standing(rules, situation, CALENDAR, now).closed:
                spent += 1
                situation = replace(situation, used={"internet": spent})
            now += _MINUTE
        assert spent <= 60 + given_


@given(
    st.integers(0, 24 * 60 - 1),
    st.integers(0, 130),
    st.integers(0, 100),
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
)
def test_grants_given_at_once_add_up(minute: int, internet: int, play: int, grants: list[int]) -> None:
    """Two grants of ten minutes are one of twenty, whatever is shut."""
    now = almaty("2026-11-24T04:00") + minute * _MINUTE
    start = used(internet=internet, play=play)
    gates = ("device", "bedtime", "internet")
    each = start
    for one in grants:
        each = after(each, *extend(DAUGHTER, each, CALENDAR, now, one * _MINUTE))
    whole = after(start, *extend(DAUGHTER, start, CALENDAR, now, sum(grants) * _MINUTE))
    if {"bedtime", "internet"} & closed(start, now):
        found = left(DAUGHTER, each, CALENDAR, now, gates)
        once = left(DAUGHTER, whole, CALENDAR, now, gates)
        assert found is not None
        assert once is not None
        # More only where the first ones reach the morning, so that the last one makes the limit longer.
        assert found == once or (found.minutes > once.minutes and minute + sum(grants) >= 3 * 60)
        assert once.minutes >= sum(grants)
    for situation in (each, whole):
        assert not {"bedtime", "internet"} & closed(situation, now)


@given(st.integers(0, 24 * 60 - 1), st.integers(1, 60), st.sampled_from(["youtube", "roblox"]))
def test_one_for_a_service_gives_exactly_that_service_more(minute: int, extra: int, service: str) -> None:
    judge = a_judge(GAMER)
    now = almaty("2026-11-24T04:00") + minute * _MINUTE
    gates = ROBLOX if service == "roblox" else ("device", "bedtime", "internet", "play")
    before = judge.left(gates, PLAIN, now)
    given_ = after(PLAIN, *judge.extend(PLAIN, now, extra * _MINUTE, service))
    found = left(judge.profile, given_, CALENDAR, now, (*gates, f"service:{service}"))
    assert before is not None
    assert found is not None
    assert found.minutes >= before.minutes + extra
    others = ("device", "bedtime", "internet")
    assert judge.standing(given_, now).closed.keys() == judge.standing(PLAIN, now).closed.keys() - {
        "service:roblox"
    }
    assert judge.left(others, given_, now) == judge.left(others, PLAIN, now)


@given(st.integers(0, 7 * 24 * 60 - 1), st.integers(0, 130), st.integers(0, 100), st.integers(0, 60))
def test_what_is_left_is_what_there_is(minute: int, internet: int, play: int, extra: int) -> None:
    """A child that uses all of it from now on is cut at that minute and not before."""
    now = almaty("2026-11-24T04:00") + minute * _MINUTE
    situation = Situation(day=CALENDAR.family_day(now), used={"internet": internet, "play": play})
    grants, bonus = in_force(extend(DAUGHTER, situation, CALENDAR, now, extra * _MINUTE))
    situation = replace(situation, grants=grants, bonus=bonus)
    gates = ("device", "bedtime", "internet", "play")
    found = left(DAUGHTER, situation, CALENDAR, now, gates)
    assert found is not None
    turns = CALENDAR.day_end(now)
    for passed in range(max(0, found.minutes - 2), found.minutes + 1):
        then = now + passed * _MINUTE
        today = (then - turns) // _MINUTE if then >= turns else passed
        base = {} if then >= turns else situation.used
        used_then = {gate: base.get(gate, 0) + today for gate in ("internet", "play")}
        later = replace(situation, day=CALENDAR.family_day(then), used=used_then,
                        bonus={} if then >= turns else situation.bonus)  # fmt: skip
        open_then = standing(DAUGHTER, later, CALENDAR, then).closing(gates) is None
        assert open_then is (passed < found.minutes)


def test_reasons_of_what_is_closed_stay_their_own() -> None:
    state = standing(DAUGHTER, used(internet=120), CALENDAR, almaty(NIGHT))
    assert {gate: one.reason for gate, one in state.closed.items() if not gate.startswith("window")} == {
        "bedtime": Reason.BEDTIME,
        "internet": Reason.OUT_OF_TIME,
    }
