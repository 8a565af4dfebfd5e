from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.time.limit_periods import LimitPeriod
from gateway.policy.time.schedule import Calendar
from gateway.policy.time.time_rules import FOREVER, PLAIN, GateOpening, Situation, Standing, standing
from gateway.policy.values import TEMPORARY_REASONS, Reason
from tests.policy.homes import ALMATY, CALENDAR, a_judge, a_profile, almaty, asks, used_up

DAUGHTER = a_profile("""
    name: Daughter
    band: 10-12
    bedtime: {school: "20:45-07:00", free: "21:45-08:00"}
    limits: {internet: 2h, play: 90m, "service:youtube": 1h}
    windows: {"service:roblox": {school: ["16:00-18:00"], free: ["10:00-12:00"]}}
    """)
DAY = "2026-11-24T12:00"  # a Tuesday
NIGHT = "2026-11-24T21:00"


def closed(at: str, situation: Situation = PLAIN) -> dict[str, Reason]:
    found = standing(DAUGHTER, situation, CALENDAR, almaty(at)).closed
    return {gate: one.reason for gate, one in found.items()}


def test_by_day_and_by_night() -> None:
    assert closed("2026-11-24T17:00") == {}
    assert closed(DAY) == {"window:service:roblox": Reason.WINDOW}
    assert closed(NIGHT) == {"bedtime": Reason.BEDTIME, "window:service:roblox": Reason.WINDOW}


def test_each_reason_of_a_closing_is_temporary() -> None:
    later = almaty(NIGHT) + timedelta(hours=1)
    states = PLAIN, Situation(paused_until=later), Situation(quarantined=True), used_up("play")
    reasons = {reason for state in states for reason in closed(NIGHT, state).values()}
    assert reasons == TEMPORARY_REASONS


def test_each_closing_names_its_rule_its_owner_and_its_end() -> None:
    found = standing(DAUGHTER, PLAIN, CALENDAR, almaty(NIGHT)).closed
    bedtime, roblox = found["bedtime"], found["window:service:roblox"]
    assert (bedtime.rule, bedtime.owner) == ("bedtime: 20:45-07:00", "family")
    assert bedtime.until == almaty("2026-11-25T07:00")
    assert (roblox.rule, roblox.owner) == ("windows: service:roblox: 16:00-18:00", "family")
    assert roblox.until == almaty("2026-11-25T16:00")


def test_the_band_owns_what_the_family_did_not_set() -> None:
    plain = a_profile("band: 10-12")
    found = standing(plain, PLAIN, CALENDAR, almaty(NIGHT)).closed
    assert found["bedtime"].owner == "band:10-12"


def test_no_grant_lifts_a_pause() -> None:
    later = almaty("2026-11-24T12:30")
    grants = (GateOpening("device", later), GateOpening("bedtime", later))
    situation = Situation(paused_until=later, paused_by="Mum", grants=grants)
    assert closed(DAY, situation)["device"] is Reason.PAUSED


def test_a_pause_closes_the_device_until_it_ends() -> None:
    situation = Situation(paused_until=almaty("2026-11-24T12:30"), paused_by="Mum")
    state = standing(DAUGHTER, situation, CALENDAR, almaty(DAY))
    closing = state.closing({"device"})
    assert closing is not None
    assert (closing.reason, closing.owner) == (Reason.PAUSED, "Mum")
    assert state.until == almaty("2026-11-24T12:30")
    assert "device" not in closed("2026-11-24T12:30", situation)


def test_a_pause_that_somebody_has_to_end_says_no_end() -> None:
    found = standing(DAUGHTER, Situation(paused_until=FOREVER), CALENDAR, almaty(DAY)).closed
    assert (found["device"].reason, found["device"].until) == (Reason.PAUSED, None)


def test_quarantine_has_no_end_of_its_own() -> None:
    found = standing(DAUGHTER, Situation(quarantined=True), CALENDAR, almaty(DAY)).closed
    assert (found["device"].reason, found["device"].until) == (Reason.QUARANTINED, None)


def test_off_stops_time_but_neither_a_pause_nor_quarantine() -> None:
    off = almaty("2026-11-24T22:00")
    assert closed(NIGHT, Situation(off_until=off)) == {}
    assert closed(NIGHT, Situation(off_until=off, paused_until=off)) == {"device": Reason.PAUSED}
    assert closed("2026-11-24T22:00", Situation(off_until=off))["bedtime"] is Reason.BEDTIME


def test_a_limit_closes_when_its_minutes_are_used_and_opens_with_the_new_day() -> None:
    at = "2026-11-24T17:00"
    assert closed(at, used_up("service:youtube", minutes=59)) == {}
    used = used_up("service:youtube", "category:none", minutes=60)
    found = standing(DAUGHTER, used, CALENDAR, almaty(at)).closed
    assert set(found) == {"service:youtube"}
    closing = found["service:youtube"]
    assert (closing.reason, closing.owner) == (Reason.OUT_OF_TIME, "family")
    assert closing.rule == "limits: service:youtube: 1h"
    assert closing.until == almaty("2026-11-25T07:00")  # its day turns at 04:00, and then it is bedtime
    state = standing(DAUGHTER, used, CALENDAR, almaty("2026-11-25T03:59"))
    assert "service:youtube" in state.closed
    assert state.until == almaty("2026-11-25T04:00")
    assert "service:youtube" not in closed("2026-11-25T04:00", used)


def test_minutes_given_beyond_a_limit_make_it_longer_for_its_day() -> None:
    at, used = "2026-11-24T17:00", used_up("play", minutes=100)
    more = replace(used, bonus={"play": 15})
    assert "play" in closed(at, used)
    assert "play" not in closed(at, more)
    over = standing(DAUGHTER, replace(more, used={"play": 105}), CALENDAR, almaty(at)).closed
    assert over["play"].rule == "limits: play: 90m + 15m"
    state = standing(DAUGHTER, more, CALENDAR, almaty(at))
    assert state.budgets["play"] == (100, 90, 15, "family", LimitPeriod.DAY)
    assert standing(DAUGHTER, more, CALENDAR, almaty("2026-11-25T12:00")).budgets["play"].left == 90


@pytest.mark.parametrize(
    ("at", "until"),
    [("2026-11-24T17:00", "2026-11-28T08:00"), ("2026-11-29T17:00", "2026-12-05T08:00")],
)
def test_a_limit_of_nothing_is_used_up_at_once(at: str, until: str) -> None:
    """Saturday is the next free day; Sunday's is used up."""
    son = a_profile('{band: 10-12, limits: {"group:games": {school: 0m, free: 1h}}}')
    used = Situation(day=date(2026, 11, 29), used={"group:games": 60})
    found = standing(son, used, CALENDAR, almaty(at)).closed
    assert found["group:games"].until == almaty(until)


def test_one_of_nothing_every_day_has_no_end() -> None:
    son = a_profile('{band: 10-12, limits: {"group:games": 0m}}')
    closing = standing(son, PLAIN, CALENDAR, almaty(DAY)).closed["group:games"]
    assert (closing.until, closing.rule) == (None, "limits: group:games: 0m")


def test_the_family_says_when_its_day_turns() -> None:
    early = replace(CALENDAR, day_starts=0)
    used = used_up("internet")
    assert "internet" in standing(DAUGHTER, used, early, almaty("2026-11-24T23:59")).closed
    assert "internet" not in standing(DAUGHTER, used, early, almaty("2026-11-25T00:00")).closed


def test_while_the_time_is_unknown_what_is_used_stays_used() -> None:
    """A router that starts in 1970 gives no second hour."""
    lost = replace(used_up("service:youtube"), clock_known=False)
    closing = standing(DAUGHTER, lost, CALENDAR, almaty("1970-01-01T12:00")).closed["service:youtube"]
    assert (closing.reason, closing.until) == (Reason.OUT_OF_TIME, None)


def test_what_a_guardian_opened_is_open_until_then() -> None:
    end = almaty("2026-11-24T15:30")
    opened = Situation(allowed=(("example.com", end), ("service:tiktok", end + timedelta(hours=1))))
    state = standing(DAUGHTER, opened, CALENDAR, almaty(DAY))
    assert state.until == end
    assert state.opening("www.example.com", ()) == ("example.com", end)
    assert state.opening("example.org", ["tiktok"]) == ("service:tiktok", end + timedelta(hours=1))
    assert state.opening("badexample.com", ["youtube"]) is None
    assert standing(DAUGHTER, opened, CALENDAR, end).allowed == opened.allowed[1:]


def test_a_date_has_rules_of_its_own() -> None:
    dated = a_profile("""
        band: 10-12
        limits: {internet: 1h}
        dates: {2026-11-24: {bedtime: {}, limits: {internet: 3h}}}
        """)
    used = used_up("internet", minutes=120)
    assert standing(dated, used, CALENDAR, almaty("2026-11-24T22:00")).closed == {}


@pytest.mark.parametrize(
    ("text", "gates"),
    [("band: 10-12", {"bedtime"}), ("{band: 10-12, clock_unset: open}", set()), ("band: 13-15", set())],
)
def test_while_the_time_is_unknown_the_profile_says_what_happens(text: str, gates: set[str]) -> None:
    situation = Situation(clock_known=False)
    for at in (DAY, NIGHT):
        found = standing(a_profile(text), situation, CALENDAR, almaty(at)).closed
        assert set(found) == gates
        assert all(one.until is None for one in found.values())


def test_a_standing_holds_until_something_changes() -> None:
    state = standing(DAUGHTER, PLAIN, CALENDAR, almaty(DAY))
    assert (state.since, state.until) == (almaty(DAY), almaty("2026-11-24T16:00"))
    never = standing(a_profile("{band: 13-15, bedtime: {}, limits: {}}"), PLAIN, CALENDAR, almaty(DAY))
    assert never.until == almaty(DAY) + timedelta(days=1)
    turns = standing(a_profile("{band: 10-12, bedtime: {}}"), PLAIN, CALENDAR, almaty(DAY))
    assert turns.until == almaty("2026-11-25T04:00")


def test_a_flow_passes_when_none_of_its_gates_is_closed() -> None:
    state = standing(DAUGHTER, PLAIN, CALENDAR, almaty(DAY))
    assert state.closing({"device", "bedtime", "internet"}) is None
    closing = state.closing({"device", "bedtime", "window:service:roblox"})
    assert closing is not None
    assert closing.reason is Reason.WINDOW


def test_more_minutes_used_change_nothing_until_a_limit_is_reached() -> None:
    def at_noon(situation: Situation) -> Standing:
        return standing(DAUGHTER, situation, CALENDAR, almaty(DAY))

    some, more, all_ = (at_noon(used_up("play", minutes=count)) for count in (10, 11, 90))
    assert some.agrees(more)
    assert not more.agrees(all_)
    assert not some.agrees(at_noon(replace(used_up("play", minutes=10), off_until=almaty(NIGHT))))
    assert not some.agrees(at_noon(Situation(allowed=(("example.com", almaty(NIGHT)),))))


BERLIN = Calendar(ZoneInfo("Europe/Berlin"))
HALF_HOUR = timedelta(minutes=30)
INSTANTS = st.integers(0, 2 * 366 * 24).map(
    lambda count: datetime(2026, 10, 20, tzinfo=UTC) + count * HALF_HOUR
)


@given(INSTANTS, st.integers(0, 130), st.integers(0, 48), st.integers(1, 59))
def test_nothing_changes_while_a_standing_holds(at: datetime, used: int, later: int, minutes: int) -> None:
    """Of a day with a pause, a grant, an opening and minutes used; clocks that are changed included."""
    end = at + later * HALF_HOUR
    situation = Situation(
        paused_until=end - HALF_HOUR * 3,
        grants=(GateOpening("bedtime", end), GateOpening("internet", end + HALF_HOUR, "youtube")),
        day=BERLIN.family_day(at),
        used={"internet": used, "service:youtube": used},
        bonus={"internet": 5},
        allowed=(("example.com", end + 2 * HALF_HOUR),),
    )
    state = standing(DAUGHTER, situation, BERLIN, at)
    assert at < state.until <= at + timedelta(days=1)
    for instant in (at + timedelta(minutes=minutes), state.until - timedelta(seconds=1)):
        if instant < state.until:
            assert state.agrees(standing(DAUGHTER, situation, BERLIN, instant))


def test_a_now_in_the_homes_zone_is_the_same_instant() -> None:
    local = datetime(2026, 11, 24, 21, 0, tzinfo=ALMATY)
    assert set(standing(DAUGHTER, PLAIN, CALENDAR, local).closed) == set(closed(NIGHT))


def test_the_rule_that_is_said_is_the_day_s_own() -> None:
    """Shut over midnight without a gap, on Saturday by another rule than on Friday."""
    judge = a_judge('{band: 16-17, windows: {internet: {fri: [], sat: "10:00-12:00"}}}')
    said = [
        judge.decide(asks("www.example.org"), PLAIN, almaty(when)).rule
        for when in ("2026-11-27T23:59", "2026-11-28T00:00")
    ]
    assert said == ["windows: internet: never", "windows: internet: 10:00-12:00"]
    closing = judge.standing(PLAIN, almaty("2026-11-27T23:00")).closed["window:internet"]
    assert closing.until == almaty("2026-11-28T10:00")


@pytest.mark.parametrize("clock_known", [True, False])
def test_where_time_is_set_aside_a_pause_alone_closes(clock_known: bool) -> None:
    situation = Situation(
        timeless=True, clock_known=clock_known, used={"internet": 500}, allowed=(("example.org", FOREVER),)
    )
    for at in (DAY, NIGHT):
        state = standing(DAUGHTER, situation, CALENDAR, almaty(at))
        assert (state.closed, state.off, state.budgets) == ({}, False, {})
        assert state.allowed == situation.allowed
    assert closed(NIGHT, replace(situation, paused_until=FOREVER)) == {"device": Reason.PAUSED}
