"""What a grant extends, how much time is left, and that grants add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.judge.decide import Judge
from gateway.policy.time.extension import Extension, extend, in_force
from gateway.policy.time.gates import gates_of_service
from gateway.policy.time.time_rules import FOREVER, PLAIN, Left, Remaining, Situation, closes_at, standing
from gateway.policy.values import Reason
from tests.policy.homes import CALENDAR, a_judge, a_profile, almaty, product, used_up

DAUGHTER = a_profile("""
    name: Daughter
    band: 10-12
    bedtime: {school: "20:45-07:00", free: "21:45-08:00"}
    limits: {internet: 2h, play: 90m, "service:youtube": 1h}
    windows: {"service:roblox": {school: ["16:00-18:00"], free: ["10:00-12:00"]}}
    """)
GAMER = """
    band: 10-12
    bedtime: "20:45-07:00"
    limits: {internet: 4h, play: 90m, "service:roblox": 1h, "group:games": 1h, "category:games": 45m}
    windows: {"service:roblox": ["16:00-18:00"]}
    """
QUARTER = timedelta(minutes=15)
TODAY = date(2026, 11, 24)  # a Tuesday
DAY, NIGHT = "2026-11-24T12:00", "2026-11-24T21:30"
ROBLOX = ("device", "bedtime", "internet", "window:service:roblox", "service:roblox", "group:games",
          "category:games", "play")  # fmt: skip

_MINUTE = timedelta(minutes=1)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["use", "grant", "wait"]), st.integers(1, 40)), min_size=1, max_size=25
)


def granted(at: str, service: str | None = None, situation: Situation = PLAIN) -> tuple[Extension, ...]:
    return extend(DAUGHTER, situation, CALENDAR, almaty(at), QUARTER, service)


def given_to(
    judge: Judge, situation: Situation, now: datetime, extra: timedelta, service: str
) -> tuple[Extension, ...]:
    """As a grant does: with all gates of the service's flows."""
    gates = gates_of_service(judge.profile.rules, product().catalogue.services[service])
    return extend(judge.profile, situation, CALENDAR, now, extra, service, gates)


def after(situation: Situation, *extensions: Extension) -> Situation:
    """``situation`` with what has been given on top of what it has."""
    grants, bonus = in_force(extensions)
    added = {gate: bonus.get(gate, 0) + situation.bonus.get(gate, 0) for gate in {*bonus, *situation.bonus}}
    return replace(situation, day=TODAY, grants=(*situation.grants, *grants), bonus=added)


def used(**minutes: int) -> Situation:
    return Situation(day=TODAY, used={gate.replace("__", ":"): count for gate, count in minutes.items()})


def closed(situation: Situation, at: str | datetime) -> set[str]:
    now = almaty(at) if isinstance(at, str) else at
    return set(standing(DAUGHTER, situation, CALENDAR, now).closed)


# For everything.


@pytest.mark.parametrize(
    ("at", "situation", "boundary"),
    [
        ("2026-11-24T20:40", PLAIN, "2026-11-24T20:45"),
        ("2026-11-24T20:45", PLAIN, None),
        ("2026-11-24T17:00", used(play=80), None),  # of use
        (NIGHT, Situation(off_until=almaty("2026-11-24T22:00")), None),  # from the end of `off`
        ("2026-11-24T20:00", Situation(off_until=almaty("2026-11-24T20:30")), "2026-11-24T20:45"),
    ],
)
def test_a_jump_is_told_after_which_boundary_the_minutes_come(
    at: str, situation: Situation, boundary: str | None
) -> None:
    for known in (True, False):
        found = granted(at, situation=replace(situation, clock_known=known))
        if known:
            assert {one.boundary for one in found} == {None if boundary is None else almaty(boundary)}
        assert all(grant.clock_trusted is known for grant in found)


def test_the_gates_of_one_grant_go_together() -> None:
    early = a_profile(
        """
        band: 10-12
        bedtime: "20:45-07:00"
        windows: {internet: ["08:00-20:40"]}
        """
    )
    found = extend(early, PLAIN, CALENDAR, almaty("2026-11-24T20:30"), QUARTER)
    assert {one.gate: one.minutes for one in found} == {"bedtime": 10, "window:internet": 15}
    assert {one.boundary for one in found} == {almaty("2026-11-24T20:40")}


def test_what_is_added_goes_by_what_the_first_goes_by() -> None:
    first = tuple(replace(grant, clock_trusted=False) for grant in granted("2026-11-24T20:40"))
    (second,) = granted("2026-11-24T20:50", situation=after(PLAIN, *first))
    assert (second.boundary, second.clock_trusted) == (almaty("2026-11-24T20:45"), False)


def test_while_open_it_is_added_to_the_minutes_left() -> None:
    (grant,) = granted("2026-11-24T20:40")
    assert grant == Extension("bedtime", 15, almaty("2026-11-24T21:00"))
    assert "bedtime" not in closed(after(PLAIN, grant), "2026-11-24T20:59")
    assert "bedtime" in closed(after(PLAIN, grant), "2026-11-24T21:00")


def test_at_the_minute_of_bedtime_it_is_shut_and_counts_from_the_tap() -> None:
    assert granted("2026-11-24T20:45") == (Extension("bedtime", 15, almaty("2026-11-24T21:00")),)
    assert granted("2026-11-24T20:46") == (Extension("bedtime", 15, almaty("2026-11-24T21:01")),)


def test_a_second_one_is_added_to_the_first() -> None:
    first = granted("2026-11-24T20:40")
    second = granted("2026-11-24T20:50", situation=after(PLAIN, *first))
    assert second == (Extension("bedtime", 15, almaty("2026-11-24T21:15")),)
    late = granted(NIGHT)
    assert granted("2026-11-24T21:40", situation=after(PLAIN, *late))[0].until == almaty("2026-11-24T22:00")


def test_once_shut_it_counts_from_the_tap_across_midnight_too() -> None:
    assert granted(NIGHT) == (Extension("bedtime", 15, almaty("2026-11-24T21:45")),)
    (late,) = granted("2026-11-24T23:55")
    assert late.until == almaty("2026-11-25T00:10")
    assert "bedtime" not in closed(after(PLAIN, late), "2026-11-25T00:09")
    assert "bedtime" in closed(after(PLAIN, late), "2026-11-25T00:10")


def test_it_makes_the_limit_longer_that_runs_out_first() -> None:
    situation = used(internet=110, play=60)
    assert granted("2026-11-24T17:00", situation=situation) == (Extension("internet", 15, None),)
    # A limit that would last longer than the minutes given is left alone, and so is bedtime.
    assert granted("2026-11-24T17:00") == (Extension("play", 15, None),)


def test_what_closes_before_the_minutes_are_over_is_moved_as_far() -> None:
    """Five minutes to bedtime, seven of the internet: twenty of both."""
    situation = used(internet=113)
    first = granted("2026-11-24T20:40", situation=situation)
    assert first == (Extension("bedtime", 15, almaty("2026-11-24T21:00")), Extension("internet", 13, None))
    second = granted("2026-11-24T20:40", situation=after(situation, *first))
    assert second == (Extension("bedtime", 15, almaty("2026-11-24T21:15")), Extension("internet", 15, None))


def test_what_is_shut_twice_opens_twice() -> None:
    situation = used(internet=120)
    grants = granted(NIGHT, situation=situation)
    assert grants == (Extension("bedtime", 15, almaty("2026-11-24T21:45")), Extension("internet", 15, None))
    assert not {"bedtime", "internet"} & closed(after(situation, *grants), "2026-11-24T21:40")


def test_a_used_up_limit_gets_minutes_of_use_that_are_spent_once() -> None:
    situation = after(used(internet=120), *granted("2026-11-24T17:00", situation=used(internet=120)))
    # Nobody was there for an hour: the minutes are still there.
    assert "internet" not in closed(situation, "2026-11-24T18:00")
    assert "internet" not in closed(replace(situation, used={"internet": 134}), "2026-11-24T18:00")
    assert "internet" in closed(replace(situation, used={"internet": 135}), "2026-11-24T18:00")
    assert "internet" not in closed(situation, "2026-11-25T12:00")  # a new day, with its own two hours
    again = replace(situation, day=date(2026, 11, 25), bonus={}, used={"internet": 120})
    assert "internet" in closed(again, "2026-11-25T12:00")


def test_minutes_that_ran_past_a_limit_by_the_clock_are_not_taken_from_a_grant() -> None:
    assert granted("2026-11-24T17:00", situation=used(internet=130)) == (Extension("internet", 25, None),)


def test_play_that_is_used_up_opens_before_bedtime_is_moved() -> None:
    assert granted("2026-11-24T17:00", situation=used(play=90)) == (Extension("play", 15, None),)


def test_shut_groups_and_categories_open_where_nothing_shuts_the_device() -> None:
    gamer = a_profile(GAMER)
    situation = used(group__games=60, category__games=45)
    given_ = extend(gamer, situation, CALENDAR, almaty("2026-11-24T17:00"), QUARTER)
    assert given_ == (Extension("group:games", 15, None), Extension("category:games", 15, None))
    night = extend(gamer, situation, CALENDAR, almaty(NIGHT), QUARTER)
    assert [one.gate for one in night] == ["bedtime"]


def test_a_limit_of_nothing_opens_for_the_minutes_given() -> None:
    strict = a_profile('{band: 13-15, bedtime: {}, limits: {"group:games": 0m}}')
    given_ = extend(strict, PLAIN, CALENDAR, almaty(DAY), QUARTER)
    assert given_ == (Extension("group:games", 15, None),)
    gates = ("device", "group:games")
    assert Remaining(strict, after(PLAIN, *given_), CALENDAR, almaty(DAY)).of(gates) == Left(
        15, "group:games", None
    )


def test_it_never_lifts_a_pause_and_what_it_moves_beneath_is_kept() -> None:
    pause = Situation(paused_until=almaty("2026-11-24T22:00"))
    evening = granted("2026-11-24T20:40", situation=pause)
    assert evening == (Extension("bedtime", 15, almaty("2026-11-24T21:00")),)
    night = granted("2026-11-24T21:00", situation=pause)
    assert night == (Extension("bedtime", 15, almaty("2026-11-24T21:15")),)
    assert "device" in closed(after(pause, *night), "2026-11-24T21:10")
    forged = Extension("device", 15, almaty("2026-11-24T22:00"))
    assert "device" in closed(after(pause, forged), "2026-11-24T21:00")


def test_across_the_turn_of_the_day_a_limit_is_moved_by_the_clock() -> None:
    """On Wednesdays there is no internet: no minutes of Tuesday's reach past 04:00."""
    rules = a_profile("{band: 13-15, bedtime: {}, limits: {internet: {tue: 2h, wed: 0m}}}")
    (grant,) = extend(rules, PLAIN, CALENDAR, almaty("2026-11-25T03:55"), QUARTER)
    assert grant == Extension("internet", 15, almaty("2026-11-25T04:15"))
    state = standing(rules, after(PLAIN, grant), CALENDAR, almaty("2026-11-25T04:14"))
    assert "internet" not in state.closed
    assert state.until == almaty("2026-11-25T04:15")
    everyday = a_profile("{band: 13-15, bedtime: {}, limits: {internet: 2h}}")
    (more,) = extend(everyday, used(internet=115), CALENDAR, almaty("2026-11-25T03:50"), QUARTER)
    assert more == Extension("internet", 15, None)


def test_while_filtering_is_off_it_is_added_to_what_comes_after() -> None:
    off = Situation(off_until=almaty("2026-11-24T22:00"))
    assert granted(NIGHT, situation=off) == (Extension("bedtime", 15, almaty("2026-11-24T22:15")),)
    assert granted(NIGHT, situation=Situation(off_until=FOREVER)) == ()


def test_where_nothing_ever_closes_there_is_nothing_to_extend() -> None:
    free = a_profile("{band: 13-15, bedtime: {}}")
    assert extend(free, PLAIN, CALENDAR, almaty(DAY), QUARTER) == ()
    assert extend(free, PLAIN, CALENDAR, almaty(DAY), QUARTER, "youtube") == ()


# For one service.


def test_one_for_a_service_opens_nothing_else() -> None:
    grants = granted(NIGHT, service="youtube")
    assert grants == (Extension("bedtime", 15, almaty("2026-11-24T21:45"), "youtube"),)
    state = standing(DAUGHTER, after(PLAIN, *grants), CALENDAR, almaty("2026-11-24T21:40"))
    assert state.closing({"device", "bedtime", "internet"}) is not None
    assert state.closing({"device", "bedtime", "internet", "service:youtube"}) is None
    later = standing(DAUGHTER, after(PLAIN, *grants), CALENDAR, almaty("2026-11-24T21:45"))
    assert later.closing({"device", "bedtime", "service:youtube"}) is not None


def test_its_own_limit_gets_minutes_of_use() -> None:
    grants = granted("2026-11-24T17:00", "youtube", used(service__youtube=60))
    assert grants == (Extension("service:youtube", 15, None, "youtube"),)


def test_every_shut_gate_of_its_flows_opens() -> None:
    judge = a_judge(GAMER)
    situation = Situation(
        day=TODAY,
        used={"internet": 240, "play": 90, "service:roblox": 60, "group:games": 60, "category:games": 45},
    )
    now, until = almaty(NIGHT), almaty("2026-11-24T21:45")
    grants = given_to(judge, situation, now, QUARTER, "roblox")
    assert set(grants) == {
        Extension("bedtime", 15, until, "roblox"),
        Extension("internet", 15, until, "roblox"),
        Extension("window:service:roblox", 15, until, "roblox"),
        Extension("service:roblox", 15, None, "roblox"),
        Extension("group:games", 15, until, "roblox"),
        Extension("category:games", 15, until, "roblox"),
        Extension("play", 15, until, "roblox"),
    }
    given_ = after(situation, *grants)
    state = judge.standing(given_, now)
    assert state.closing(ROBLOX) is None
    assert state.closing({"device", "bedtime"}) is not None
    assert state.closing({"device", "play"}) is not None
    assert judge.left(ROBLOX, given_, now) == Left(15, "bedtime", until)
    # Twice is thirty minutes.
    again = after(given_, *given_to(judge, given_, now, QUARTER, "roblox"))
    assert judge.left(ROBLOX, again, now) == Left(30, "bedtime", until + QUARTER)


def test_a_limit_that_it_shares_is_moved_by_the_clock_while_open() -> None:
    grants = granted("2026-11-24T17:00", "youtube", used(play=80))
    assert grants == (Extension("play", 15, almaty("2026-11-24T17:25"), "youtube"),)


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
    found = Remaining(DAUGHTER, PLAIN, CALENDAR, almaty(at)).of(gates)
    assert found is not None
    assert found[:2] == expected
    assert found.at == almaty(at) + timedelta(minutes=expected[0])


def test_what_use_leaves_has_no_hour() -> None:
    gates = ("device", "bedtime", "internet", "service:youtube", "play")
    found = Remaining(DAUGHTER, used(service__youtube=20), CALENDAR, almaty("2026-11-24T17:00")).of(gates)
    assert found == Left(40, "service:youtube", None)
    late = Remaining(DAUGHTER, used(service__youtube=20), CALENDAR, almaty("2026-11-24T20:25")).of(gates)
    assert late == Left(20, "bedtime", almaty("2026-11-24T20:45"))


def test_a_begun_minute_is_told_as_one() -> None:
    found = Remaining(DAUGHTER, PLAIN, CALENDAR, almaty("2026-11-24T20:44:30")).of(("device", "bedtime"))
    assert found is not None
    assert found.minutes == 1


def test_what_spends_nothing_is_left_what_the_clock_leaves() -> None:
    gates = ("device", "bedtime", "internet", "uncounted")
    found = Remaining(DAUGHTER, used(internet=119), CALENDAR, almaty("2026-11-24T17:00")).of(gates)
    assert found == Left(225, "bedtime", almaty("2026-11-24T20:45"))
    shut = Remaining(DAUGHTER, used_up("internet"), CALENDAR, almaty("2026-11-24T17:00")).of(gates)
    assert shut == Left(0, "internet", almaty("2026-11-24T17:00"))


def test_nothing_is_left_of_what_nothing_closes() -> None:
    assert Remaining(DAUGHTER, PLAIN, CALENDAR, almaty(DAY)).of(("device",)) is None
    paused = Situation(paused_until=FOREVER)
    assert Remaining(DAUGHTER, paused, CALENDAR, almaty(DAY)).of(("device",)) == Left(
        0, "device", almaty(DAY)
    )


def test_a_limit_that_is_not_reached_before_the_day_turns_is_tomorrow_s() -> None:
    rules = a_profile("{band: 13-15, bedtime: {}, limits: {internet: 2h}}")
    found = Remaining(rules, PLAIN, CALENDAR, almaty("2026-11-25T03:30")).of(("device", "internet"))
    assert found == Left(150, "internet", None)


def test_while_the_time_is_unknown_only_use_leaves_something() -> None:
    lost = replace(used(internet=100), clock_known=False)
    assert Remaining(DAUGHTER, lost, CALENDAR, almaty(DAY)).of(("device", "internet")) == Left(
        20, "internet", None
    )
    shut = Remaining(DAUGHTER, lost, CALENDAR, almaty(DAY)).of(("device", "bedtime"))
    assert shut == Left(0, "bedtime", almaty(DAY))


def test_when_something_open_is_closed_by_the_clock() -> None:
    gates = ("device", "bedtime", "window:service:roblox")
    at = almaty("2026-11-24T17:00")
    assert closes_at(DAUGHTER, PLAIN, CALENDAR, at, gates) == almaty("2026-11-24T18:00")
    assert closes_at(DAUGHTER, PLAIN, CALENDAR, at, ("device", "bedtime")) == almaty("2026-11-24T20:45")
    assert closes_at(DAUGHTER, PLAIN, CALENDAR, at, ("device", "internet")) is None


def test_a_grant_for_a_service_counts_for_the_flows_of_that_service() -> None:
    state = after(PLAIN, *granted(NIGHT, "youtube"))
    gates = ("device", "bedtime", "internet")
    now, until = almaty("2026-11-24T21:40"), almaty("2026-11-24T21:45")
    assert closes_at(DAUGHTER, state, CALENDAR, now, gates, ("youtube",)) == until
    assert Remaining(DAUGHTER, state, CALENDAR, now).of((*gates, "service:youtube")) == Left(
        5, "bedtime", until
    )
    assert Remaining(DAUGHTER, state, CALENDAR, now).of(gates) == Left(0, "bedtime", now)


# What holds always.


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
        found = Remaining(DAUGHTER, each, CALENDAR, now).of(gates)
        once = Remaining(DAUGHTER, whole, CALENDAR, now).of(gates)
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
    given_ = after(PLAIN, *given_to(judge, PLAIN, now, extra * _MINUTE, service))
    found = Remaining(judge.profile, given_, CALENDAR, now).of((*gates, f"service:{service}"))
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
    found = Remaining(DAUGHTER, situation, CALENDAR, now).of(gates)
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
