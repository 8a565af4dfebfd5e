"""A provider's log of appeals: five working days for each of two looks, over weekends and public holidays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import PolicyError
from gateway.policy.sealed.appeals import (
    WORKING_DAYS,
    Appeal,
    Review,
    ReviewOutcome,
    due,
    figures,
    overdue,
    parse_appeals,
    working_days,
)
from tests.policy.homes import product

HOLIDAYS = product().holidays("kz")
LOG = """
country: kz
appeals:
  - {id: a, received: 2026-11-20, first: {answered: 2026-11-26, outcome: stays}}
  - id: b
    received: 2026-11-02
    first: {answered: 2026-11-05, outcome: stays}
    asked_again: 2026-11-09
    second: {answered: 2026-11-16, outcome: taken_away}
  - {id: c, received: 2026-12-10}
  - {id: d, received: 2026-12-01, first: {answered: 2026-12-02, outcome: stays}, asked_again: 2026-12-03}
"""


def is_free(day: date) -> bool:
    return day.weekday() >= 5 or day in HOLIDAYS


@pytest.mark.parametrize(
    ("begun", "last"),
    [
        ("2026-11-23", "2026-11-30"),  # Monday to Monday
        ("2026-11-27", "2026-12-04"),  # Friday to Friday
        ("2026-11-28", "2026-12-04"),  # of a Saturday, counted from Monday on
        ("2026-12-14", "2026-12-22"),  # over Independence Day, the 16th
    ],
)
def test_five_working_days_after_the_day_on_which_it_came(begun: str, last: str) -> None:
    assert due(date.fromisoformat(begun), is_free) == date.fromisoformat(last)


@given(st.dates(date(2026, 1, 1), date(2027, 6, 1)))
def test_between_an_appeal_and_its_last_day_lie_as_many_working_days(begun: date) -> None:
    last = due(begun, is_free)
    assert working_days(begun, last, is_free) == WORKING_DAYS
    assert not is_free(last)


def test_what_waits_for_too_long_is_told_the_longest_first() -> None:
    _, appeals = parse_appeals(LOG, "appeals.yaml")
    late = list(overdue(appeals, date(2026, 12, 20), is_free))
    assert [(one.id, str(day)) for one, day in late] == [("d", "2026-12-10"), ("c", "2026-12-18")]
    assert [one.id for one, _ in overdue(appeals, date(2026, 12, 10), is_free)] == []
    assert [one.id for one, _ in overdue(appeals, date(2026, 12, 11), is_free)] == ["d"]


def test_figures_are_those_of_the_last_look() -> None:
    _, appeals = parse_appeals(LOG, "appeals.yaml")
    found = figures(appeals, is_free)
    assert (found.received, found.stays, found.taken_away, found.open) == (4, 1, 1, 2)
    assert (found.days_first, found.days_second) == (3, 5)
    nothing = figures((), is_free)
    assert (nothing.received, nothing.days_first) == (0, None)


def test_what_is_answered_again_is_open_until_then() -> None:
    first = Review(date(2026, 11, 5), ReviewOutcome.STAYS)
    again = Appeal("a", date(2026, 11, 2), first, date(2026, 11, 9))
    assert (again.outcome, again.open_since) == (None, date(2026, 11, 9))


@pytest.mark.parametrize(
    ("appeal", "problem"),
    [
        ("{id: a, received: 2026-11-02, domain: x.invalid}", "domain"),
        ("{id: a}", "received"),
        ("{id: a, received: 2.11.2026}", "is no date"),
        ("{id: a, received: 2026-11-02, asked_again: 2026-11-09}", "without the one before it"),
        ("{id: a, received: 2026-11-02, first: {answered: 2026-11-01, outcome: stays}}", "cannot be"),
        ("{id: a, received: 2026-11-02, first: {answered: 2036-11-03, outcome: stays}}", "cannot be"),
        ("{id: a, received: 2026-11-02, first: {answered: 2026-11-03, outcome: maybe}}", "maybe"),
    ],
)
def test_a_log_with_a_name_in_it_or_a_slip_of_the_pen_is_refused(appeal: str, problem: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_appeals(f"country: kz\nappeals: [{appeal}]", "appeals.yaml")
    assert problem in str(refused.value)


def test_an_id_stands_for_one_appeal() -> None:
    twice = "country: kz\nappeals: [{id: a, received: 2026-11-02}, {id: a, received: 2026-11-03}]"
    with pytest.raises(PolicyError, match="there twice"):
        parse_appeals(twice, "appeals.yaml")


def test_a_day_without_work_never_ends_a_look() -> None:
    friday = date(2026, 11, 27)
    assert due(friday + timedelta(days=1), is_free) == due(friday, is_free)
