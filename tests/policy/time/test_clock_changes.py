"""A jump of the clock neither gives nor takes a minute of what guardians have set."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.time.clock_changes import KEPT, Jump, Moment, MomentKind, is_over, moved

EVENING = datetime(2026, 11, 25, 20, 30, tzinfo=UTC)
BEDTIME = EVENING + timedelta(minutes=15)
NOTHING = timedelta()
DAY = timedelta(days=1)

minutes = st.integers(-3000, 3000).map(lambda number: timedelta(minutes=number))
some_minutes = st.integers(1, 600).map(lambda number: timedelta(minutes=number))


def jump(by: timedelta, *, at: datetime = EVENING, was_known: bool = True, known: bool = True) -> Jump:
    return Jump(at, at + by, was_known, known)


def one(moment: Moment, by: Jump) -> Moment:
    """Of what was set just now; what has ended and would begin again stays as it was."""
    found = moved(moment, EVENING, by)
    return moment if found is None else found[0]


def lasting(length: timedelta, *, clock_trusted: bool = True) -> Moment:
    return Moment(EVENING + length, MomentKind.LASTING, clock_trusted=clock_trusted)


@given(length=some_minutes, by=minutes)
def test_what_was_left_of_a_pause_is_left(length: timedelta, by: timedelta) -> None:
    after = one(lasting(length), jump(by))
    assert after.left(EVENING + by) == length
    assert one(after, jump(-by, at=EVENING + by)) == lasting(length)


@given(ago=some_minutes, by=minutes)
def test_what_has_ended_does_not_begin_again(ago: timedelta, by: timedelta) -> None:
    ended = moved(lasting(-ago), EVENING - 2 * ago, jump(by))
    assert ended is None or ended[0].until <= EVENING + by
    late = EVENING + timedelta(minutes=15) + ago
    beyond = Moment(BEDTIME, MomentKind.BEYOND, boundary=EVENING)
    past = moved(beyond, EVENING - ago, jump(by, at=late))
    assert past is None or past[0].left(late + by) == NOTHING


@given(extra=some_minutes, spent=st.integers(-600, 600), by=minutes)
def test_of_minutes_beyond_bedtime_those_that_were_left_are_left(
    extra: timedelta, spent: int, by: timedelta
) -> None:
    now = BEDTIME + timedelta(minutes=spent)
    moment = Moment(BEDTIME + extra, MomentKind.BEYOND, boundary=BEDTIME)
    if not moment.left(now):
        return  # ended
    after = one(moment, jump(by, at=now))
    assert after.left(now + by) == moment.left(now)
    assert after.boundary == BEDTIME


def test_a_boundary_that_the_jump_does_not_reach_stays() -> None:
    moment = Moment(BEDTIME + timedelta(minutes=15), MomentKind.BEYOND, boundary=BEDTIME)
    assert one(moment, jump(timedelta(minutes=10))) == moment
    assert one(moment, jump(timedelta(hours=-5))) == moment


@given(by=minutes, known=st.booleans())
def test_times_of_day_do_not_move_within_a_day(by: timedelta, known: bool) -> None:
    morning = Moment(EVENING + timedelta(hours=10), MomentKind.OF_DAY)
    assert not known or abs(by) >= DAY or one(morning, jump(by)) == morning
    assert one(morning, jump(by, was_known=False)) == morning


@given(by=minutes, ahead=st.integers(1, 4000))
def test_a_time_of_day_holds_again_when_a_wrong_clock_is_put_right(by: timedelta, ahead: int) -> None:
    """Whatever the wrong clock made of it, and however long it is looked at."""
    moment = Moment(EVENING + timedelta(minutes=ahead), MomentKind.OF_DAY)
    wrong = moved(moment, EVENING - timedelta(minutes=5), jump(by))
    assert wrong is not None
    ended = wrong[0].until <= EVENING + by
    assert not ended or not is_over(wrong[0].until, wrong[1], EVENING + by + timedelta(hours=3))
    again = moved(*wrong, jump(-by, at=EVENING + by))
    assert again is not None
    assert again[0] == moment
    assert again[1] <= EVENING


@pytest.mark.parametrize("by", [timedelta(days=400, hours=5), -timedelta(days=400, hours=5)])
def test_where_the_date_was_wrong_a_time_of_day_is_of_the_right_one(by: timedelta) -> None:
    morning = Moment(EVENING + timedelta(hours=10, minutes=30), MomentKind.OF_DAY)  # 07:00
    for was_known in (True, False):
        found = one(replace(morning, clock_trusted=was_known), jump(by, was_known=was_known))
        assert found.until.time() == morning.until.time()
        assert timedelta() < found.until - (EVENING + by) <= DAY
        assert found.clock_trusted


def test_until_the_day_after_tomorrow_stays_two_days() -> None:
    far = Moment(EVENING + timedelta(days=2, hours=3), MomentKind.OF_DAY, clock_trusted=False)
    assert one(far, jump(timedelta(days=7, hours=1), was_known=False)).until == far.until + timedelta(days=7)


def test_what_a_jump_ended_is_forgotten_after_a_while() -> None:
    morning = EVENING + timedelta(hours=10)
    found = moved(Moment(morning, MomentKind.OF_DAY), EVENING, jump(timedelta(hours=12)))
    assert found is not None
    assert not is_over(found[0].until, found[1], morning + timedelta(days=29))
    assert is_over(found[0].until, found[1], morning + KEPT)
    assert is_over(morning, EVENING, morning)


def test_what_was_set_while_the_time_was_known_is_right_when_it_is_known_again() -> None:
    """A pause until 21:00 true time, a power cut, and a start whose clock is four days behind."""
    moment = lasting(timedelta(minutes=30))
    found = one(moment, jump(timedelta(days=4), at=EVENING - timedelta(days=4), was_known=False))
    assert found == moment


def test_what_was_set_while_it_was_not_known_keeps_its_length() -> None:
    moment = lasting(timedelta(minutes=30), clock_trusted=False)
    found = one(moment, jump(timedelta(days=4), was_known=False))
    assert found == Moment(EVENING + timedelta(days=4, minutes=30), MomentKind.LASTING, clock_trusted=True)


def test_a_clock_that_is_believed_as_it_is_moves_nothing() -> None:
    moments = (lasting(timedelta(minutes=30), clock_trusted=False), lasting(timedelta(minutes=5)))
    found = [one(moment, jump(NOTHING, was_known=False)) for moment in moments]
    assert [moment.until for moment in found] == [moment.until for moment in moments]
    assert all(moment.clock_trusted for moment in found)


def test_the_size_of_a_jump_has_its_direction() -> None:
    assert jump(timedelta(hours=-1)).size == timedelta(hours=-1)


def test_when_something_was_set_moves_with_what_was_set() -> None:
    hour = timedelta(hours=1)
    assert moved(lasting(hour), EVENING, jump(-hour)) == (lasting(NOTHING), EVENING - hour)
    of_day = Moment(EVENING + hour, MomentKind.OF_DAY)
    assert moved(of_day, EVENING, jump(-hour)) == (of_day, EVENING)
    assert moved(lasting(hour), EVENING, jump(-hour, was_known=False)) == (lasting(hour), EVENING)


def test_what_would_hold_again_is_told() -> None:
    hour = timedelta(hours=1)
    for kind in MomentKind:
        ended = Moment(EVENING, kind, boundary=EVENING - hour if kind is MomentKind.BEYOND else None)
        assert moved(ended, EVENING - hour, jump(-hour)) is None
        assert moved(ended, EVENING - hour, jump(hour)) == (ended, EVENING - hour)
        # A clock that nobody vouches for ends nothing that a right one set.
        assert moved(ended, EVENING - hour, jump(-hour, was_known=False)) == (ended, EVENING - hour)


def test_a_time_of_day_is_sure_too_when_the_clock_is_known() -> None:
    morning = Moment(EVENING + timedelta(hours=10), MomentKind.OF_DAY, clock_trusted=False)
    assert one(morning, jump(NOTHING, was_known=False)).clock_trusted


@pytest.mark.parametrize("was_known", [True, False])
def test_a_time_of_day_is_the_home_s_on_both_sides_of_summer(was_known: bool) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    winter, summer = datetime(2026, 1, 10, 18, tzinfo=berlin), datetime(2026, 7, 10, 22, tzinfo=berlin)
    by = Jump(winter, summer, was_known, known=True)
    at_seven = datetime(2026, 1, 11, 6, tzinfo=UTC)  # in Berlin
    morning = Moment(at_seven, MomentKind.OF_DAY, clock_trusted=was_known)
    found = moved(morning, winter.astimezone(UTC), by)
    assert found is not None
    assert found[0].until == datetime(2026, 7, 11, 7, tzinfo=berlin)
