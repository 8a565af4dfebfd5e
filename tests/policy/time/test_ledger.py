"""Which minutes count, and that they count once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.names.services import DEFAULT_THRESHOLD
from gateway.policy.time.ledger import CountReason, Ledger, LedgerEntry, Move

PHONE, TABLET = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
ENOUGH = DEFAULT_THRESHOLD


def test_a_minute_counts_from_the_threshold_on() -> None:
    ledger = Ledger()
    ledger.move(1, PHONE, "play", ENOUGH - 1)
    assert ledger.close(1) == ()
    ledger.move(2, PHONE, "play", ENOUGH - 1)
    ledger.move(2, PHONE, "play", 1)
    assert ledger.close(2) == (LedgerEntry(2, PHONE, "play", ENOUGH, None, CountReason.MOVED),)
    assert ledger.used() == {"play": 1}


def test_a_silent_device_spends_nothing() -> None:
    ledger = Ledger()
    ledger.move(1, PHONE, "internet", 0)
    for minute in range(1, 100):
        assert ledger.close(minute) == ()
    assert ledger.used() == {}


def test_two_devices_share_a_minute() -> None:
    ledger = Ledger()
    for minute, devices in ((1, [PHONE, TABLET]), (2, [PHONE]), (3, [TABLET])):
        for device in devices:
            ledger.move(minute, device, "play", ENOUGH)
        ledger.close(minute)
    assert ledger.used() == {"play": 3}
    assert ledger.used_on(PHONE) == ledger.used_on(TABLET) == {"play": 2}
    assert len(ledger.entries("play")) == 4
    assert ledger.entries("internet") == ()


def test_two_devices_that_move_little_make_no_minute() -> None:
    ledger = Ledger()
    for device in (PHONE, TABLET):
        ledger.move(1, device, "play", ENOUGH // 2)
    assert ledger.close(1) == ()


def test_each_service_has_its_own_threshold() -> None:
    ledger = Ledger(thresholds={"chess": 30_000, "chat": 1_000_000})
    ledger.move(1, PHONE, "play", 30_000, "chess")
    ledger.move(1, PHONE, "service:chess", 30_000)
    ledger.move(1, TABLET, "play", 999_999, "chat")
    assert [(one.device, one.gate) for one in ledger.close(1)] == [(PHONE, "play"), (PHONE, "service:chess")]
    # A third of one's and two thirds of another's are a whole; a byte less is not.
    for minute, less in ((2, 0), (3, 1)):
        ledger.move(minute, PHONE, "play", 10_000, "chess")
        ledger.move(minute, PHONE, "play", 666_667 - less, "chat")
        found = ledger.close(minute)
        assert len(found) == 1 - less
    assert ledger.entries()[-1].service == "chat"


def test_what_lingers_counts_for_a_while() -> None:
    ledger = Ledger(linger=2)
    ledger.move(1, PHONE, "play", ENOUGH, "chess")
    ledger.close(1)
    ledger.move(2, PHONE, "play", 10, "chess")
    assert ledger.close(2) == (LedgerEntry(2, PHONE, "play", 10, "chess", CountReason.LINGER),)
    assert ledger.close(3) == (LedgerEntry(3, PHONE, "play", 0, None, CountReason.LINGER),)
    assert ledger.close(4) == ()
    assert ledger.used() == {"play": 3}


def test_a_blocked_device_does_not_linger() -> None:
    ledger = Ledger(linger=5)
    for device in (PHONE, TABLET):
        ledger.move(1, device, "play", ENOUGH, "chess")
    ledger.move(1, PHONE, "internet", ENOUGH)
    assert len(ledger.close(1, lambda *_: True)) == 3, "what was used before counts"
    found = ledger.close(2, lambda device, gate: (device, gate) == (PHONE, "play"))
    assert {(entry.device, entry.gate) for entry in found} == {(TABLET, "play"), (PHONE, "internet")}


def test_what_comes_late_is_the_next_minutes() -> None:
    ledger = Ledger()
    ledger.close(5)
    ledger.move(5, PHONE, "play", ENOUGH)
    assert ledger.moving() == (Move(6, PHONE, "play", ENOUGH, None),)
    assert ledger.close(5) == ()
    assert len(ledger.close(6)) == 1
    assert ledger.close(6) == ()
    assert ledger.used() == {"play": 1}


def test_a_minute_that_nobody_ended_is_ended_by_a_later_one() -> None:
    ledger = Ledger(linger=30)
    ledger.move(3, PHONE, "play", ENOUGH)
    ledger.move(7, PHONE, "play", ENOUGH)
    assert [one.minute for one in ledger.close(9)] == [3, 7, 9]


def test_the_next_day_begins_with_nothing_and_in_the_same_minute() -> None:
    ledger = Ledger(linger=1)
    ledger.move(1, PHONE, "play", ENOUGH)
    ledger.close(1)
    ledger.move(2, PHONE, "internet", 50)
    new = ledger.turned()
    assert (new.used(), new.entries(), new.moving()) == ({}, (), ledger.moving())
    assert [(one.gate, one.why) for one in new.close(2)] == [("play", CountReason.LINGER)]


def test_a_record_that_is_there_twice_counts_once() -> None:
    entry = LedgerEntry(3, PHONE, "play", ENOUGH, None, CountReason.MOVED)
    ledger = Ledger()
    ledger.restore([entry, entry], [Move(3, PHONE, "play", ENOUGH, None)], None)
    assert (ledger.used(), ledger.closed, ledger.moving()) == ({"play": 1}, 3, ())
    assert ledger.close(3) == ()


# What holds always. A day is a list of minutes, each with what moved in it.

_MOVES = st.lists(
    st.tuples(
        st.sampled_from([PHONE, TABLET, "02:00:00:00:00:0c"]),
        st.sampled_from(["internet", "play", "service:chess"]),
        st.sampled_from([1, 29_999, 60_000, 100_000, ENOUGH - 1, ENOUGH, 5_000_000]),
        st.sampled_from([None, "chess", "chat"]),
    ),
    max_size=6,
)
_DAYS = st.lists(_MOVES, max_size=25)
_THRESHOLDS = {"chess": 30_000, "chat": 1_000_000}


def _run(ledger: Ledger, day: Iterable[tuple[int, list[tuple[str, str, int, str | None]]]]) -> None:
    for minute, moves in day:
        for device, gate, moved, service in moves:
            ledger.move(minute, device, gate, moved, service)
        ledger.close(minute)


def _same(one: Ledger, other: Ledger) -> None:
    assert one.used() == other.used()
    assert one.entries() == other.entries()
    assert one.moving() == other.moving()
    assert one.closed == other.closed


@given(_DAYS, st.integers(0, 5))
def test_minutes_used_never_fall_and_never_exceed_those_that_passed(
    day: list[list[tuple[str, str, int, str | None]]], linger: int
) -> None:
    ledger = Ledger(linger, _THRESHOLDS)
    seen = [ledger.used()]
    for minute, moves in enumerate(day):
        _run(ledger, [(minute, moves)])
        seen.append(ledger.used())
    for before, later in pairwise(seen):
        assert all(before[gate] <= later.get(gate, 0) <= before[gate] + 1 for gate in before)
    devices = {one.device for one in ledger.entries()}
    each = [ledger.used_on(device) for device in devices]
    for gate, minutes in ledger.used().items():
        counts = [one.get(gate, 0) for one in each]
        assert max(counts) <= minutes <= min(len(day), sum(counts))
    minutes_of = [(one.minute, one.device, one.gate) for one in ledger.entries()]
    assert len(set(minutes_of)) == len(minutes_of)


@given(_DAYS, st.integers(0, 5), st.data())
def test_restored_at_any_point_it_goes_on_as_if_nothing_had_happened(
    day: list[list[tuple[str, str, int, str | None]]], linger: int, data: st.DataObject
) -> None:
    """In the middle of a minute too, and as often as it likes."""
    whole, broken = Ledger(linger, _THRESHOLDS), Ledger(linger, _THRESHOLDS)

    def restart(ledger: Ledger) -> Ledger:
        new = Ledger(linger, _THRESHOLDS)
        new.restore(ledger.entries(), ledger.moving(), ledger.closed)
        return new

    for minute, moves in enumerate(day):
        for device, gate, moved, service in moves:
            whole.move(minute, device, gate, moved, service)
            broken.move(minute, device, gate, moved, service)
            if data.draw(st.booleans()):
                broken = restart(broken)
                _same(broken, whole)
        assert broken.close(minute) == whole.close(minute)
        if data.draw(st.booleans()):
            broken = restart(broken)
    _same(broken, whole)


@given(_DAYS, st.permutations(range(6)))
def test_the_order_of_what_moves_in_a_minute_is_all_one(
    day: list[list[tuple[str, str, int, str | None]]], order: list[int]
) -> None:
    one, other = Ledger(0, _THRESHOLDS), Ledger(0, _THRESHOLDS)
    _run(one, enumerate(day))
    _run(other, enumerate([[moves[at] for at in order if at < len(moves)] for moves in day]))
    assert one.used() == other.used()
    assert one.entries() == other.entries()


@pytest.mark.parametrize("linger", [0, 10])
def test_a_minute_is_closed_fast(linger: int) -> None:
    """A person with ten devices and sixty gates: far below a tick's 20 ms."""
    from time import process_time

    ledger = Ledger(linger)
    for device in range(10):
        for gate in range(60):
            ledger.move(1, f"{device}", f"service:{gate}", ENOUGH)
    began = process_time()
    assert len(ledger.close(1)) == 600
    assert process_time() - began < 0.1
