"""When a message goes: together, once a minute, not at night, again when it failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.webui.standin.household import NOW
from webui.messages.outbox import MOST, PACE, RETRIES, Letter, Outbox, is_quiet, is_week_over
from webui.messages.recipients import Recipient

MUM = Recipient("Mum", "https://ntfy.sh/a", ("request", "device"), ("device",))
DAD = Recipient("Dad", "https://ntfy.sh/b", ("request",))
BOTH = {MUM.key: MUM, DAD.key: DAD}
NOON, NIGHT = NOW.replace(hour=12), NOW.replace(hour=23)


def noted(outbox: Outbox, kind: str, *times: float) -> None:
    for now in times:
        outbox.note(BOTH.values(), kind, "", f"at {now}", now)


def told(letters: list[Letter]) -> list[tuple[str, str, int]]:
    return sorted((one.to.guardian, one.kind, one.count) for one in letters)


def test_what_comes_together_is_told_together_to_each_who_wants_it() -> None:
    outbox = Outbox()
    noted(outbox, "request", 0, 1, 2)
    noted(outbox, "device", 2)
    assert outbox.due(BOTH, 2.5, NOON) == []
    assert told(outbox.due(BOTH, 5, NOON)) == [
        ("Dad", "request", 3),
        ("Mum", "device", 1),
        ("Mum", "request", 3),
    ]


def test_of_a_kind_there_is_one_message_a_minute_and_the_rest_is_in_the_next() -> None:
    outbox = Outbox()
    noted(outbox, "request", 0)
    for letter in outbox.due(BOTH, 3, NOON):
        outbox.sent(letter, 3)
    noted(outbox, "request", 4, 20, 40)
    assert outbox.due(BOTH, 62, NOON) == []
    assert told(outbox.due(BOTH, 3 + PACE, NOON)) == [("Dad", "request", 3), ("Mum", "request", 3)]


def test_what_comes_while_one_is_on_its_way_waits_for_the_next() -> None:
    outbox = Outbox()
    noted(outbox, "device", 0)
    [letter] = outbox.due(BOTH, 3, NOON)
    noted(outbox, "device", 4)
    assert outbox.due(BOTH, 10, NOON) == []  # one at a time
    outbox.sent(letter, 10)
    assert outbox.due(BOTH, 10 + PACE - 1, NOON) == []
    assert told(outbox.due(BOTH, 10 + PACE, NOON)) == [("Mum", "device", 1)]


def test_at_night_only_what_is_wanted_then_and_the_rest_once_in_the_morning() -> None:
    outbox = Outbox()
    noted(outbox, "request", 0, 10)
    noted(outbox, "device", 0)
    assert told(outbox.due(BOTH, 20, NIGHT)) == [("Mum", "device", 1)]
    assert told(outbox.due(BOTH, 36_000, NOON)) == [("Dad", "request", 2), ("Mum", "request", 2)]


@pytest.mark.parametrize(
    ("hours", "at", "quiet"),
    [
        *(("22:00-07:00", at, quiet) for at, quiet in (("21:59", False), ("22:00", True), ("03:00", True))),
        *(("22:00-07:00", at, quiet) for at, quiet in (("06:59", True), ("07:00", False))),
        *(("13:00-15:30", at, quiet) for at, quiet in (("12:59", False), ("13:00", True), ("15:30", False))),
    ],
)
def test_quiet_hours_may_cross_midnight(hours: str, at: str, *, quiet: bool) -> None:
    assert is_quiet(hours, datetime.fromisoformat(f"2026-11-24T{at}")) == quiet


def test_each_guardian_has_quiet_hours_of_their_own() -> None:
    outbox, early = Outbox(), replace(DAD, quiet="11:00-13:00")
    noted(outbox, "request", 0)
    both = {MUM.key: MUM, early.key: early}
    assert told(outbox.due(both, 20, NOON)) == [("Mum", "request", 1)]
    assert told(outbox.due(both, 40, NIGHT)) == [("Dad", "request", 1)]


def test_what_fails_is_tried_again_later_each_time_and_given_up() -> None:
    outbox, now = Outbox(), 3.0
    noted(outbox, "device", 0)
    for wait in RETRIES:
        [letter] = outbox.due(BOTH, now, NOON)
        outbox.failed(letter, now, final=False)
        assert outbox.due(BOTH, now + wait - 1, NOON) == []
        now += wait
    [letter] = outbox.due(BOTH, now, NOON)
    outbox.failed(letter, now, final=False)
    assert outbox.due(BOTH, now + 1e6, NOON) == []


def test_what_no_other_try_changes_is_not_tried_again() -> None:
    outbox = Outbox()
    noted(outbox, "device", 0)
    [letter] = outbox.due(BOTH, 3, NOON)
    outbox.failed(letter, 3, final=True)
    assert outbox.due(BOTH, 1e6, NOON) == []


@pytest.mark.parametrize("final", [True, False], ids=["final", "last retry"])
def test_what_comes_while_the_last_try_fails_waits_for_a_message_of_its_own(*, final: bool) -> None:
    outbox, now = Outbox(), 3.0
    noted(outbox, "device", 0)
    for wait in () if final else RETRIES:
        [letter] = outbox.due(BOTH, now, NOON)
        outbox.failed(letter, now, final=False)
        now += wait
    [letter] = outbox.due(BOTH, now, NOON)
    noted(outbox, "device", now + 1, now + 2)
    outbox.failed(letter, now + 5, final=final)
    assert outbox.due(BOTH, now + 5 + PACE - 1, NOON) == []
    [letter] = outbox.due(BOTH, now + 5 + PACE, NOON)
    assert told([letter]) == [("Mum", "device", 2)]
    outbox.failed(letter, now + 5 + PACE, final=False)
    again = now + 5 + PACE + RETRIES[0]
    assert told(outbox.due(BOTH, again, NOON)) == [("Mum", "device", 2)], "its tries are counted anew"


def test_a_flood_is_one_number_and_who_left_gets_nothing() -> None:
    outbox = Outbox()
    noted(outbox, "request", *range(5000))
    assert outbox.due({MUM.key: MUM}, 6000, NOON)[0].count == MOST
    assert outbox.due(BOTH, 1e6, NOON) == []  # Dad's was dropped, Mum's is on its way


def test_the_weekly_message_comes_on_sunday_evening_once() -> None:
    sunday = NOW.replace(day=29, hour=18, minute=0, second=0, microsecond=0)
    assert sunday.weekday() == 6
    second = timedelta(seconds=1)
    assert is_week_over(sunday - second, sunday)
    assert not is_week_over(sunday, sunday + second)
    assert not is_week_over(sunday - 2 * second, sunday - second)
    assert not is_week_over(sunday - timedelta(days=3), sunday + second), "the clock was set"
    assert not is_week_over(sunday - timedelta(days=1, seconds=1), sunday - timedelta(days=1))
