"""A jump of the clock moves what is kept, in memory and on the disk alike; what has ended stays ended."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from gateway.policy.requests.tickets import Ticket
from gateway.policy.time.clock_changes import Jump, MomentKind
from gateway.store.database import Statement
from gateway.store.store import Store
from gateway.store.tables.grants import GrantKind, GrantRow, SiteOpening
from tests.store.helpers import HOUR, look

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)
MINUTE = timedelta(minutes=1)
HALF = 30 * MINUTE
NOTHING = timedelta()


def jump(by: timedelta, *, at: datetime = NOW, was_known: bool = True, known: bool = True) -> Jump:
    return Jump(at, at + by, was_known, known)


def grant(
    length: timedelta, *, boundary: datetime | None = None, clock_trusted: bool = True, number: int = 1
) -> GrantRow:
    minutes, until = int(length / MINUTE), (boundary or NOW) + length
    return GrantRow(
        number,
        "son",
        TODAY,
        "bedtime",
        minutes,
        until,
        None,
        NOW,
        "Mum",
        GrantKind.GRANT,
        False,
        boundary,
        clock_trusted,
    )


def opening(
    length: timedelta, span: MomentKind = MomentKind.LASTING, *, clock_trusted: bool = True
) -> SiteOpening:
    return SiteOpening(2, "son", "example.com", NOW + length, NOW, "Mum", span, clock_trusted)


def fill(store: Store, length: timedelta, *, clock_trusted: bool = True) -> None:
    """One of each that was counted from a tap."""
    store.pauses.pause("son", until=NOW + length, by="Mum", at=NOW, clock_trusted=clock_trusted)
    store.pauses.off(until=NOW + length, by="Mum", at=NOW, clock_trusted=clock_trusted)
    store.grants.give([grant(length, clock_trusted=clock_trusted)], audit_text="")
    store.grants.open(opening(length, clock_trusted=clock_trusted))


def ends(store: Store, now: datetime) -> list[datetime | None]:
    force = store.state(now, TODAY)
    off = () if force.off is None else (force.off,)
    return [one.until for one in (*force.pauses, *off, *force.given, *force.openings)]


@pytest.mark.parametrize("by", [HOUR, -HOUR, timedelta(days=-400)])
def test_what_was_counted_from_a_tap_moves_with_the_clock(path: Path, store: Store, by: timedelta) -> None:
    fill(store, HALF)
    store.shift(jump(by))
    again = Store(path)
    for one in (store, again):
        assert ends(one, NOW + by) == [NOW + by + HALF] * 4
        force = one.state(NOW + by, TODAY)
        assert force.off is not None
        assert {force.pauses[0].since, force.off.since, force.given[0].at} == {NOW + by}
        assert force.openings[0].at == NOW + by
    assert store.state(NOW + by, TODAY) == again.state(NOW + by, TODAY)
    again.close()


@pytest.mark.parametrize("by", [HOUR, -HOUR, timedelta(days=-400)])
def test_a_stop_of_the_provider_keeps_its_time_but_never_outlasts_its_setting(
    path: Path, store: Store, by: timedelta
) -> None:
    store.pauses.stop(since=NOW, until=NOW + HALF, asked=NOW + 2 * HOUR, by="provider", at=NOW)
    store.pauses.approve("support", until=NOW + HALF, by="Mum", at=NOW)
    store.shift(jump(by))
    again = Store(path)
    for one in (store, again):
        off = one.state(NOW + by, TODAY).off
        assert off is not None
        assert off.ends == min(NOW + by + HALF, NOW + 2 * HOUR)
        assert one.pauses.last_stop is not None
        assert one.pauses.last_stop.asked == NOW + 2 * HOUR
        support = one.pauses.switch("support", NOW + by)
        assert support is not None
        assert support.ends == NOW + by + HALF
    again.close()


@pytest.mark.parametrize("removed", [False, True])
def test_a_stop_that_has_ended_is_known_after_the_clock_is_set_back(store: Store, removed: bool) -> None:
    store.pauses.stop(since=NOW, until=NOW + HALF, asked=NOW + 2 * HOUR, by="provider", at=NOW)
    if removed:
        store.pauses.end_stop(by="provider", at=NOW + MINUTE)
    else:
        store.pauses.on(by="Mum", at=NOW + MINUTE)
    store.shift(jump(-2 * HOUR, at=NOW + HOUR))
    assert store.state(NOW - HOUR, TODAY).off is None
    last = store.pauses.last_stop
    assert last is not None
    assert (last.ends, last.asked) == (NOW - HOUR, None if removed else NOW + 2 * HOUR)


def test_times_of_day_stay(store: Store) -> None:
    store.pauses.pause("son", until=NOW + 9 * HOUR, by="Mum", at=NOW, span=MomentKind.OF_DAY)
    store.grants.open(opening(9 * HOUR, MomentKind.OF_DAY))
    of_today = replace(grant(HALF), until=None)
    store.grants.give([of_today], audit_text="")
    before = store.state(NOW, TODAY)
    store.shift(jump(HOUR))
    assert store.state(NOW + HOUR, TODAY) == before


def test_a_pause_until_it_is_resumed_has_no_end_after_a_jump(path: Path, store: Store) -> None:
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    store.shift(jump(-HOUR))
    assert store.state(NOW - HOUR).pauses[0].until is None
    assert look(path, "SELECT since, until FROM pauses") == [(int((NOW - HOUR).timestamp()), None)]


def test_of_minutes_beyond_a_boundary_those_that_are_left_are_left(store: Store) -> None:
    bedtime = NOW + HALF
    store.grants.give([grant(HALF, boundary=bedtime)], audit_text="")
    store.shift(jump(10 * MINUTE))
    assert ends(store, NOW) == [bedtime + HALF]  # the boundary is still to come
    store.shift(jump(3 * HOUR))
    assert ends(store, NOW) == [NOW + 3 * HOUR + HALF]
    late = NOW + 3 * HOUR + 10 * MINUTE  # ten of them are used
    store.shift(jump(-3 * HOUR, at=late))
    assert ends(store, NOW) == [bedtime + HALF - 10 * MINUTE]


@pytest.mark.parametrize("length", [HALF, 15 * MINUTE])
def test_what_has_ended_does_not_hold_again(path: Path, store: Store, length: timedelta) -> None:
    fill(store, length)
    store.grants.give([grant(length / 2, boundary=NOW + length / 2, number=3)], audit_text="")
    store.pauses.pause("daughter", until=NOW + length, by="Mum", at=NOW, span=MomentKind.OF_DAY)
    store.shift(jump(-HOUR, at=NOW + length))
    again = Store(path)
    for one in (store, again):
        assert ends(one, NOW + length - HOUR) == []
        assert all(row.ended for row in one.grants.given())  # a landing stays taken
    again.close()


def test_what_was_set_by_a_right_clock_waits_for_it(store: Store) -> None:
    """A power cut, and a start whose clock is four days behind, or ahead."""
    fill(store, HALF)
    days = timedelta(days=4)
    store.shift(jump(days, at=NOW - days, was_known=False))
    assert ends(store, NOW) == [NOW + HALF] * 4
    store.shift(jump(-days, at=NOW + days, was_known=False))
    assert ends(store, NOW) == [NOW + HALF] * 4


def test_what_was_set_by_an_unknown_clock_keeps_its_length_once(path: Path, store: Store) -> None:
    fill(store, HALF, clock_trusted=False)
    days = timedelta(days=4)
    store.shift(jump(days, was_known=False))
    assert ends(store, NOW + days) == [NOW + days + HALF] * 4
    store.shift(jump(days, at=NOW, was_known=False))  # of another start: it is right by now
    again = Store(path)
    assert ends(again, NOW + days) == [NOW + days + HALF] * 4
    again.close()


def test_a_clock_that_is_believed_as_it_is_makes_sure(path: Path, store: Store) -> None:
    fill(store, HALF, clock_trusted=False)
    store.pauses.pause(
        "daughter", until=NOW + HALF, by="Mum", at=NOW, span=MomentKind.OF_DAY, clock_trusted=False
    )
    store.shift(jump(NOTHING, was_known=False))
    assert ends(store, NOW) == [NOW + HALF] * 5
    for table in ("pauses", "switches", "extensions", "openings"):
        assert {sure for (sure,) in look(path, f"SELECT sure FROM {table}")} == {1}


def test_codes_are_good_for_as_long_as_they_were(path: Path, store: Store) -> None:
    """Made before the clock was known, which was years behind."""
    days = timedelta(days=2000)
    code = Ticket("00", "aa", 30, None, NOW, "Mum", NOW + timedelta(days=90), clock_trusted=False)
    store.tickets.add([code])
    store.shift(jump(days, was_known=False))
    again = Store(path)
    (kept,) = again.tickets.all()
    assert kept == replace(code, made=NOW + days, until=code.until + days, clock_trusted=True)
    again.close()
    store.shift(jump(-days, at=kept.until))
    assert store.tickets.all() == ()


def test_a_jump_is_written_as_one(path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, HALF)
    written: list[int] = []
    write = store._database.write

    def noted(statements: Iterable[Statement], *, durable: bool) -> None:
        written.append(1)
        write(statements, durable=durable)

    monkeypatch.setattr(store._database, "write", noted)
    store.shift(jump(HOUR))
    assert len(written) == 1
    store.shift(jump(NOTHING))
    assert len(written) == 1


def test_what_was_added_to_a_grant_is_still_shorter_when_that_is_taken_back(store: Store) -> None:
    store.grants.give([grant(HALF, boundary=NOW + HALF)], audit_text="")
    added = replace(grant(2 * HALF, boundary=NOW + HALF, number=2), at=NOW + MINUTE)
    store.grants.give([added], audit_text="")
    store.shift(jump(-HOUR, at=NOW + HALF + MINUTE))
    store.grants.take_back(1, by="Mum", at=NOW)
    (one,) = store.state(NOW - HALF, TODAY).given
    assert one.until == NOW + HALF + 29 * MINUTE


class Wait(NamedTuple):
    minutes: int


class Set(NamedTuple):
    minutes: int


class Restart(NamedTuple):
    pass


steps = st.lists(
    st.one_of(
        st.builds(Wait, st.integers(1, 40)),
        st.builds(Set, st.integers(-3000, 3000)),
        st.builds(Restart),
    ),
    max_size=12,
)


@pytest.mark.system  # a property test with many examples
@settings(max_examples=40, deadline=None)
@drawn(length=st.integers(1, 90), steps=steps, set_before=st.booleans())
def test_over_any_jumps_and_waits_it_lasts_for_what_was_given(
    length: int, steps: list[Wait | Set | Restart], set_before: bool
) -> None:
    """Elapsed minutes are counted by the seconds since boot, and the clock may be unknown at first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "qalqan.db"
        store, clock, elapsed, known = Store(path), NOW, 0, set_before
        fill(store, length * MINUTE, clock_trusted=known)
        for step in [*steps, Wait(100)]:
            if isinstance(step, Set):
                store.shift(Jump(clock, clock + step.minutes * MINUTE, known, True))
                clock, known = clock + step.minutes * MINUTE, True
            elif isinstance(step, Restart):
                store.close()
                store = Store(path)
            else:
                clock, elapsed = clock + step.minutes * MINUTE, elapsed + step.minutes
            left = max(0, length - elapsed)
            assert ends(store, clock) == [clock + left * MINUTE] * (4 if left else 0)
        store.close()


@pytest.mark.system  # a property test with many examples
@settings(max_examples=40, deadline=None)
@drawn(length=st.integers(1, 90), steps=steps)
def test_beyond_a_boundary_it_lasts_for_what_was_given(
    length: int, steps: list[Wait | Set | Restart]
) -> None:
    boundary, used = NOW + HALF, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "qalqan.db"
        store, clock = Store(path), NOW
        store.grants.give([grant(length * MINUTE, boundary=boundary)], audit_text="")
        for step in [*steps, Set(0), Wait(10_000), Wait(100)]:
            if isinstance(step, Set):
                store.shift(Jump(clock, clock + step.minutes * MINUTE, True, True))
                clock += step.minutes * MINUTE
            elif isinstance(step, Restart):
                store.close()
                store = Store(path)
            else:
                before, clock = clock, clock + step.minutes * MINUTE
                used += max(0, int((clock - max(before, boundary)) / MINUTE))
            left = max(0, length - used)
            assert ends(store, clock) == [max(clock, boundary) + left * MINUTE] * (left > 0)
        store.close()
