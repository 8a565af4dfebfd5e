from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.metering.meter import APART, MINUTE, SLIP, TICK, MinuteClock

BOOT, OTHER = b"boot-1", b"boot-2"
WALL = 29_000_000 * 60.0  # a whole minute


def test_minutes_turn_with_the_walls() -> None:
    clock = MinuteClock(1000.0, WALL + 20.0, BOOT)
    assert (clock.number, clock.ends) == (29_000_000, 1040.0)
    assert not clock.turn(1039.9, WALL + 59.9)
    assert clock.turn(1040.0, WALL + 60.0)
    assert (clock.number, clock.started, clock.ends) == (29_000_001, 1040.0, 1100.0)


def test_looks_come_every_ten_seconds_of_the_wall() -> None:
    clock = MinuteClock(1000.0, WALL + 13.0, BOOT)
    found, now = [], 1000.0
    while now < clock.ends:
        now = clock.next_tick(now)
        found.append(WALL + 13.0 + now - 1000.0 - WALL)
    assert found == [20.0, 30.0, 40.0, 50.0, 60.0]


def test_a_sleep_of_the_machine_is_passed_at_once() -> None:
    clock = MinuteClock(1000.0, WALL, BOOT)
    assert clock.turn(1000.0 + 3 * 3600 + 30, WALL + 3 * 3600 + 30)
    assert clock.number == 29_000_000 + 180
    assert clock.ends == 1000.0 + 181 * 60


def test_after_a_jump_one_minute_is_longer() -> None:
    for jump, length in ((-3600.0, 60.0), (7.0, 113.0), (-7.0, 67.0), (0.25, 59.75), (29.0, 91.0)):
        clock = MinuteClock(1000.0, WALL, BOOT)
        clock.turn(1060.0, WALL + 60.0 + jump)
        assert clock.number == 29_000_001
        assert clock.ends - clock.started == length
        assert (WALL + clock.ends - 1000.0 + jump) % MINUTE == 0


def test_who_sets_the_clock_again_and_again_gets_no_time() -> None:
    """A second ahead of each of its minutes: each would last two."""
    clock = MinuteClock(1000.0, WALL, BOOT)
    first, jumped, now = clock.number, 0.0, 1000.0
    while now < 1000.0 + 7200.0:
        now = clock.ends
        jumped += -(WALL + now - 1000.0 + jumped) % MINUTE + 1.0
        clock.turn(now, WALL + now - 1000.0 + jumped)
    assert clock.number - first >= (now - 1000.0) / MINUTE - 1.0


def test_a_day_after_a_jump_another_one_is_made_up_for() -> None:
    clock = MinuteClock(1000.0, WALL, BOOT)
    clock.turn(1060.0, WALL + 60.0 + 7.0)
    clock.turn(clock.ends, WALL + clock.ends - 1000.0 + 7.0 + 10.0)
    now = clock.started
    while now < 1060.0 + APART:
        assert clock.ends - clock.started == MINUTE
        now = clock.ends
        clock.turn(now, WALL + now - 1000.0 + 17.0)
    assert (WALL + clock.ends - 1000.0 + 17.0) % MINUTE == 0


def test_a_restart_within_a_minute_goes_on_with_it() -> None:
    first = MinuteClock(1000.0, WALL + 20.0, BOOT)
    again = MinuteClock(1030.0, WALL + 50.0, BOOT, first.record)
    assert (again.number, again.started, again.ends) == (first.number, first.started, first.ends)
    later = MinuteClock(1050.0, WALL + 70.0, BOOT, first.record)
    assert (later.number, later.ends) == (first.number + 1, 1100.0)


def test_a_restart_after_a_jump_back_counts_on() -> None:
    first = MinuteClock(1000.0, WALL + 20.0, BOOT)
    assert MinuteClock(1200.0, WALL - 7200 + 220.0, BOOT, first.record).number == first.number + 3


def test_after_a_new_start_of_the_machine_the_wall_tells_whether_it_is_the_same_minute() -> None:
    last = MinuteClock(1000.0, WALL + 20.0, BOOT).record
    assert MinuteClock(5.0, WALL + 40.0, OTHER, last).number == last.minute
    assert MinuteClock(5.0, WALL - 9999.0, OTHER, last).number == last.minute + 1
    assert MinuteClock(5.0, WALL + 9999.0, OTHER, last).number == last.minute + 166


steps = st.lists(
    st.tuples(st.floats(0.01, 400.0), st.floats(-100_000.0, 100_000.0) | st.just(0.0)), max_size=40
)


@given(steps, st.floats(0, 59.99))
def test_however_the_wall_jumps_numbers_rise_and_no_minute_is_short(
    steps: list[tuple[float, float]], phase: float
) -> None:
    now, wall = 1000.0, WALL + phase
    clock = MinuteClock(now, wall, BOOT)
    first, begun = clock.number, clock.started
    for wait, jump in steps:
        wall += jump
        due = min(now + wait, max(now, clock.next_tick(now)))
        wall, now = wall + due - now, due
        before = clock.number, clock.started
        if clock.turn(now, wall):
            assert clock.number > before[0]
            assert clock.started - before[1] >= MINUTE - SLIP - 1e-6
        assert clock.ends > now
        assert clock.next_tick(now) - now <= TICK + SLIP + 1e-6
        assert clock.ends - clock.started >= MINUTE - SLIP - 1e-6 or clock.number == first
        assert clock.number - first <= (now - begun) / (MINUTE - SLIP)
