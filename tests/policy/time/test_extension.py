"""What +15 does, and how much is left."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gateway.policy.time.extension import Extension, extend
from gateway.policy.time.standing import FOREVER, PLAIN, Left, Situation, left, standing
from tests.policy.extended import (
    DAUGHTER,
    DAY,
    GAMER,
    NIGHT,
    QUARTER,
    ROBLOX,
    TODAY,
    after,
    closed,
    granted,
    used,
)
from tests.policy.homes import CALENDAR, a_judge, a_profile, almaty

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
        assert all(one.sure is known for one in found)


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
    first = tuple(replace(one, sure=False) for one in granted("2026-11-24T20:40"))
    (second,) = granted("2026-11-24T20:50", situation=after(PLAIN, *first))
    assert (second.boundary, second.sure) == (almaty("2026-11-24T20:45"), False)


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
    assert left(strict, after(PLAIN, *given_), CALENDAR, almaty(DAY), gates) == Left(15, "group:games", None)


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
    grants = judge.extend(situation, now, QUARTER, "roblox")
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
    again = after(given_, *judge.extend(given_, now, QUARTER, "roblox"))
    assert judge.left(ROBLOX, again, now) == Left(30, "bedtime", until + QUARTER)


def test_a_limit_that_it_shares_is_moved_by_the_clock_while_open() -> None:
    grants = granted("2026-11-24T17:00", "youtube", used(play=80))
    assert grants == (Extension("play", 15, almaty("2026-11-24T17:25"), "youtube"),)


def test_a_service_that_is_not_known_is_no_service() -> None:
    with pytest.raises(KeyError):
        a_judge(GAMER).extend(PLAIN, almaty(DAY), QUARTER, "no-such-thing")
