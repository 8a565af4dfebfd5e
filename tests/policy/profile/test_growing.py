"""The step into the next age band, over whole years and in any time zone, and its month in a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.age.bands import AgeBand
from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code
from gateway.policy.profile import age_transitions
from gateway.policy.profile.age_transitions import (
    LastTransition,
    TransitionStage,
    TransitionState,
    check_step,
    due_day,
    later_months,
    makes_sense,
    month_after,
    month_of,
    month_text,
    next_band,
    read_month,
)
from gateway.policy.time.clock_changes import Jump
from tests.policy.homes import a_profile

DAY = timedelta(days=1)
ZONES = st.sampled_from(
    [
        ZoneInfo(one)
        for one in (
            "Asia/Almaty",
            "Pacific/Kiritimati",
            "Pacific/Pago_Pago",
            "Europe/Berlin",
            "America/St_Johns",
        )
    ]
)
CHILDREN = st.sampled_from([band for band in AgeBand if band.is_child])
MONTHS = st.dates(date(2021, 1, 1), date(2060, 12, 1)).map(lambda day: f"{day:%Y-%m}")


def at(text: str, zone: str = "Asia/Almaty") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def jump(size: timedelta) -> Jump:
    return Jump(at("2027-05-03T12:00"), at("2027-05-03T12:00") + size, was_known=True, known=True)


def proposed(
    band: AgeBand = AgeBand.AGE_10_12, month: str = "2027-05", when: str = "2027-05-01T00:00"
) -> LastTransition:
    found = check_step("aru", "Aru", band, month, None, at(when)).kept
    assert found is not None
    return found


@given(CHILDREN, MONTHS, ZONES, st.integers(0, 365 * 3), st.integers(0, 24 * 60 - 1))
def test_whoever_looks_first_a_step_is_proposed_from_its_month_on_and_never_before(
    band: AgeBand, month: str, zone: ZoneInfo, days: int, minutes: int
) -> None:
    start = datetime.combine(month_of(month), datetime.min.time(), zone)
    before = (start.astimezone(UTC) - timedelta(minutes=minutes + 1)).astimezone(zone)
    assert check_step("aru", "Aru", band, month, None, before).kept is None
    now = (start.astimezone(UTC) + days * DAY + timedelta(minutes=minutes)).astimezone(zone)
    found = check_step("aru", "Aru", band, month, None, now)
    assert found.kept is not None
    assert not found.due, "nobody could have read it yet"
    assert age_transitions.stage(found.kept, now) is TransitionStage.PROPOSED


@given(CHILDREN, MONTHS, ZONES, st.integers(0, 400))
def test_day_by_day_a_step_without_an_answer_happens_once_and_on_its_day(
    band: AgeBand, month: str, zone: ZoneInfo, late: int
) -> None:
    """A gateway that was switched on ``late`` days after the month had come."""
    now = datetime.combine(month_of(month), datetime.min.time(), zone).replace(hour=5) + late * DAY
    waits = max(3, 30 - late) if band is AgeBand.AGE_16_17 else 30
    first, kept, taken = now.date(), None, list[date]()
    for _ in range(70):
        found = check_step("aru", "Aru", band, month, kept, now)
        kept = found.kept
        if found.due:
            assert kept is not None
            taken.append(now.date())
            kept = replace(kept, state=TransitionState.TAKEN, taken=now)
            band, month = kept.then, month_after(kept.then, month) or month
            if band is AgeBand.ADULT:
                break
        now += DAY
    assert taken == [first + waits * DAY]


@given(CHILDREN, MONTHS, ZONES)
def test_the_months_after_a_step_follow_from_the_ages_alone(
    band: AgeBand, month: str, zone: ZoneInfo
) -> None:
    begun, years = month_of(month), 0
    while band is not AgeBand.ADULT:
        first, last = band.ages
        assert last is not None
        years += last + 1 - first
        after = month_after(band, month)
        assert after == f"{begun.year + years:04}-{begun.month:02}"
        assert after is not None
        band, month = next_band(band) or AgeBand.ADULT, after
    assert month_after(band, month) is None


def test_six_to_nine_lasts_four_years() -> None:
    assert month_after(AgeBand.AGE_6_9, "2027-05") == "2031-05"
    assert month_after(AgeBand.AGE_16_17, "2027-05") == "2029-05"


def test_a_month_without_a_step() -> None:
    now = at("2030-01-01T00:00")
    assert check_step("mum", "Mum", AgeBand.ADULT, "2020-01", None, now).kept is None
    assert check_step("aru", "Aru", AgeBand.AGE_6_9, None, None, now).kept is None
    assert check_step("aru", "Aru", AgeBand.AGE_6_9, None, proposed(AgeBand.AGE_6_9), now).kept is None


def test_a_proposal_of_another_band_or_month_is_forgotten() -> None:
    now = at("2027-05-02T12:00")
    assert check_step("aru", "Aru", AgeBand.AGE_13_15, None, proposed(), now).kept is None
    other = check_step("aru", "Aru", AgeBand.AGE_10_12, "2027-04", proposed(), now).kept
    assert other is not None
    assert (other.month, other.since) == ("2027-04", now)


@given(st.integers(1, 6), st.integers(0, 200))
def test_a_step_is_put_off_once_by_six_months_at_most_and_then_happens(months: int, days: int) -> None:
    step, now = proposed(), at("2027-05-01T12:00") + days * DAY
    until = f"{age_transitions.months_on(date(2027, 5, 1), months):%Y-%m}"
    if month_of(until) <= now.date():
        with pytest.raises(ControlError):
            age_transitions.postponed(step, until, "School first.", "Mum", now)
        return
    after = age_transitions.postponed(step, until, " School first. ", "Mum", now)
    assert (after.reason, after.put_off_by, after.until) == ("School first.", "Mum", until)
    assert age_transitions.stage(after, now) is TransitionStage.POSTPONED
    assert later_months(after, now.date()) == ()
    last = datetime.combine(month_of(until), datetime.min.time(), now.tzinfo)
    assert not check_step("aru", "Aru", AgeBand.AGE_10_12, "2027-05", after, last - timedelta(minutes=1)).due
    assert check_step("aru", "Aru", AgeBand.AGE_10_12, "2027-05", after, last).due


@pytest.mark.parametrize("until", ["2027-05", "2027-04", "2027-12", "soon", ""])
def test_to_no_other_month(until: str) -> None:
    with pytest.raises(ControlError) as caught:
        age_transitions.postponed(proposed(), until, "School first.", "Mum", at("2027-05-03T12:00"))
    assert caught.value.code == Code.NOT_LATER


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_the_child_is_owed_a_reason(reason: str) -> None:
    with pytest.raises(ControlError) as caught:
        age_transitions.postponed(proposed(), "2027-09", reason, "Mum", at("2027-05-03T12:00"))
    assert caught.value.code == Code.NO_REASON


def test_adulthood_cannot_be_put_off() -> None:
    step = proposed(AgeBand.AGE_16_17)
    assert later_months(step, date(2027, 5, 1)) == ()
    with pytest.raises(ControlError) as caught:
        age_transitions.postponed(step, "2027-09", "Not yet.", "Mum", at("2027-05-03T12:00"))
    assert caught.value.code == Code.ADULT_NEXT


@given(st.integers(0, 300))
def test_at_18_nobody_waits_longer_because_the_gateway_was_off_but_for_three_days(late: int) -> None:
    begun = date(2027, 5, 1) + late * DAY
    due = due_day(proposed(AgeBand.AGE_16_17), begun)
    assert due == max(date(2027, 5, 31), begun + 3 * DAY)


def test_days_without_a_gateway_are_none_of_the_thirty() -> None:
    step = proposed()
    assert age_transitions.resumed(step, step.seen + timedelta(hours=40)) == step
    later = age_transitions.resumed(step, step.seen + 60 * DAY)
    assert (later.since, later.seen) == (step.since + 60 * DAY, step.seen + 60 * DAY)
    taken = replace(step, state=TransitionState.TAKEN, taken=step.seen)
    assert age_transitions.resumed(taken, step.seen + 60 * DAY) == taken


def test_a_clock_that_was_set_leaves_as_many_days_as_there_were() -> None:
    step = age_transitions.after_jump(proposed(), jump(20 * DAY))
    assert due_day(step, step.since.date()) == date(2027, 6, 20)
    assert age_transitions.after_jump(step, jump(-20 * DAY)) == proposed()


@pytest.mark.parametrize("days", [5, 100, 200, -5, -200])
def test_a_clock_that_was_set_moves_no_month_to_which_a_step_was_put_off(days: int) -> None:
    """Six months at most, whatever the clock was: its month was the answer."""
    put_off = age_transitions.postponed(proposed(), "2027-11", "School first.", "Mum", at("2027-05-03T12:00"))
    step = age_transitions.after_jump(put_off, jump(days * DAY))
    for now, due in (("2027-10-31T23:59", False), ("2027-11-01T00:00", True)):
        found = check_step("aru", "Aru", AgeBand.AGE_10_12, "2027-05", step, at(now))
        assert found.due is due


def test_a_slip_of_the_clock_ends_no_childhood_within_a_day_whoever_starts_anew() -> None:
    """The calendar would say that the month is long over."""
    teen = proposed(AgeBand.AGE_16_17, "2027-05")
    before, after = at("2027-05-11T12:00"), at("2027-08-11T12:00")
    step = age_transitions.after_jump(
        replace(teen, seen=before), Jump(before, after, was_known=True, known=True)
    )
    assert not check_step("aru", "Aru", AgeBand.AGE_16_17, "2027-05", step, after).due
    assert not check_step("aru", "Aru", AgeBand.AGE_16_17, "2027-05", step, at("2027-08-11T23:59")).due
    assert check_step("aru", "Aru", AgeBand.AGE_16_17, "2027-05", step, at("2027-08-12T12:00")).due


@pytest.mark.parametrize(("band", "waits"), [(AgeBand.AGE_10_12, 30), (AgeBand.AGE_16_17, 3)])
def test_a_clock_that_was_put_back_while_nothing_ran_makes_nobody_wait_longer(
    band: AgeBand, waits: int
) -> None:
    """Proposed by a clock a year ahead: the days count from now, and not from next year."""
    ahead = proposed(band, "2027-05", "2028-07-01T12:00")
    now = at("2027-07-01T12:00")
    found = check_step("aru", "Aru", band, "2027-05", ahead, now)
    assert found.kept is not None
    assert due_day(found.kept, found.kept.since.date()) == now.date() + waits * DAY


def test_a_clock_that_was_ahead_takes_the_proposal_back_and_keeps_what_was_put_off() -> None:
    early = at("2027-03-01T12:00")
    assert check_step("aru", "Aru", AgeBand.AGE_10_12, "2027-05", proposed(), early).kept is None
    put_off = age_transitions.postponed(proposed(), "2027-09", "School first.", "Mum", at("2027-05-03T12:00"))
    assert check_step("aru", "Aru", AgeBand.AGE_10_12, "2027-05", put_off, early).kept == put_off


def test_a_file_that_went_back_is_proposed_anew_with_a_full_month() -> None:
    taken = replace(proposed(), state=TransitionState.TAKEN, taken=at("2027-05-31T05:00"), by="qalqan")
    now = at("2027-06-02T12:00")
    assert check_step(
        "aru", "Aru", AgeBand.AGE_13_15, "2030-05", taken, now
    ) == age_transitions.TransitionCheck(taken)
    again = check_step("aru", "Aru", AgeBand.AGE_10_12, "2027-05", taken, now)
    assert again.kept is not None
    assert (again.kept.state, again.kept.since, again.due) == (TransitionState.OPEN, now, False)


def test_back_from_a_month_to_which_it_was_put_off_there_are_thirty_days_again() -> None:
    put_off = age_transitions.postponed(proposed(), "2027-09", "School first.", "Mum", at("2027-05-03T12:00"))
    taken = replace(put_off, state=TransitionState.TAKEN, taken=at("2027-09-01T00:00"), by="qalqan")
    now = at("2027-09-05T12:00")
    again = check_step("aru", "Aru", AgeBand.AGE_10_12, "2027-05", taken, now)
    assert again.kept is not None
    assert not again.due
    assert due_day(again.kept, now.date()) == date(2027, 10, 5)
    assert later_months(again.kept, now.date()) == ()


def test_a_gateway_that_was_off_meanwhile_moves_no_month_to_which_it_was_put_off() -> None:
    put_off = age_transitions.postponed(proposed(), "2027-09", "School first.", "Mum", at("2027-05-03T12:00"))
    now = at("2027-10-20T12:00")
    later = age_transitions.resumed(put_off, now)
    assert check_step("aru", "Aru", AgeBand.AGE_10_12, "2027-05", later, now).due


def test_of_an_adult_nothing_is_told_after_a_month() -> None:
    taken = replace(proposed(AgeBand.AGE_16_17), state=TransitionState.TAKEN, taken=at("2027-05-31T05:00"))
    assert check_step("aru", "Aru", AgeBand.ADULT, None, taken, at("2027-06-30T05:00")).kept == taken
    assert check_step("aru", "Aru", AgeBand.ADULT, None, taken, at("2027-06-30T05:01")).kept is None


def test_what_a_step_writes() -> None:
    said = {"name": "Aru", "band": "10-12", "devices": ["x"], "block": ["a.test"], "next_step": "2027-05"}
    assert age_transitions.changes(proposed(), said) == {"band": "13-15", "next_step": "2030-05"}
    final = proposed(AgeBand.AGE_16_17)
    assert age_transitions.changes(final, {**said, "band": "16-17"}) == {
        "block": None, "next_step": None, "band": "adult",
    }  # fmt: skip
    assert age_transitions.has_happened(final, {"name": "Aru", "band": "adult"})
    assert not age_transitions.has_happened(final, {"name": "Aru", "band": "adult", "block": ["a.test"]})


TODAY = date(2026, 11, 30)


@pytest.mark.parametrize("text", ["2027-5", "2027-13", "2027-00", "1999-05", "2027-05-01", "٢٠٢٧-05", ""])
def test_what_is_no_month(text: str) -> None:
    assert read_month(text) is None
    with pytest.raises(PolicyError, match="next_step: "):
        a_profile(f"band: 10-12\nnext_step: '{text}'\n")


def test_a_month_is_kept_as_it_is_written_also_one_that_is_past() -> None:
    assert a_profile("band: 10-12\nnext_step: 2027-05\n").next_step == "2027-05"
    assert a_profile("band: 10-12\nnext_step: 2020-01\n").next_step == "2020-01"
    assert a_profile("band: 10-12\n").next_step is None


@pytest.mark.parametrize(
    ("month", "sense"), [("2026-10", False), ("2026-11", True), ("2044-11", True), ("2044-12", False)]
)
def test_a_step_is_still_to_come_and_within_a_childhood(month: str, sense: bool) -> None:
    found = read_month(month)
    assert found is not None
    assert makes_sense(found, TODAY) is sense
    assert month_text(found) == month


def test_each_band_is_followed_by_the_next() -> None:
    assert [next_band(band) for band in AgeBand] == [*list(AgeBand)[1:], None]
