from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.policy.situation import FOREVER, PLAIN, Grant, Situation
from gateway.policy.standing import closed_gates, closes_at, extend, standing
from gateway.policy.values import Reason
from tests.policy.homes import ALMATY, CALENDAR, a_profile, almaty

DAUGHTER = a_profile("""
    name: Daughter
    band: 10-12
    bedtime: {school: "20:45-07:00", free: "21:45-08:00"}
    limits: {internet: 2h, play: 90m, "service:youtube": 1h}
    windows: {"service:roblox": {school: ["16:00-18:00"], free: ["10:00-12:00"]}}
    """)
QUARTER = timedelta(minutes=15)
DAY = "2026-11-24T12:00"  # a Tuesday
NIGHT = "2026-11-24T21:00"


def closed(at: str, situation: Situation = PLAIN) -> dict[str, Reason]:
    found = closed_gates(DAUGHTER, situation, CALENDAR, almaty(at))
    return {gate: one.reason for gate, one in found.items()}


def test_by_day_and_by_night() -> None:
    assert closed("2026-11-24T17:00") == {}
    assert closed(DAY) == {"window:service:roblox": Reason.WINDOW}
    assert closed(NIGHT) == {"bedtime": Reason.BEDTIME, "window:service:roblox": Reason.WINDOW}


def test_each_closing_names_its_rule_its_owner_and_its_end() -> None:
    found = closed_gates(DAUGHTER, PLAIN, CALENDAR, almaty(NIGHT))
    bedtime, roblox = found["bedtime"], found["window:service:roblox"]
    assert (bedtime.rule, bedtime.owner) == ("bedtime: 20:45-07:00", "family")
    assert bedtime.until == almaty("2026-11-25T07:00")
    assert (roblox.rule, roblox.owner) == ("windows: service:roblox: 16:00-18:00", "family")
    assert roblox.until == almaty("2026-11-25T16:00")


def test_the_band_owns_what_the_family_did_not_set() -> None:
    plain = a_profile("band: 10-12")
    found = closed_gates(plain, PLAIN, CALENDAR, almaty(NIGHT))
    assert found["bedtime"].owner == "band:10-12"


def test_a_pause_closes_the_device_until_it_ends() -> None:
    situation = Situation(paused_until=almaty("2026-11-24T12:30"), paused_by="Mum")
    state = standing(DAUGHTER, situation, CALENDAR, almaty(DAY))
    closing = state.closing({"device"})
    assert closing is not None
    assert (closing.reason, closing.owner) == (Reason.PAUSED, "Mum")
    assert state.until == almaty("2026-11-24T12:30")
    assert "device" not in closed("2026-11-24T12:30", situation)


def test_a_pause_that_somebody_has_to_end_says_no_end() -> None:
    found = closed_gates(DAUGHTER, Situation(paused_until=FOREVER), CALENDAR, almaty(DAY))
    assert (found["device"].reason, found["device"].until) == (Reason.PAUSED, None)


def test_quarantine_has_no_end_of_its_own() -> None:
    found = closed_gates(DAUGHTER, Situation(quarantined=True), CALENDAR, almaty(DAY))
    assert (found["device"].reason, found["device"].until) == (Reason.QUARANTINED, None)


def test_off_stops_time_but_neither_a_pause_nor_quarantine() -> None:
    off = almaty("2026-11-24T22:00")
    assert closed(NIGHT, Situation(off_until=off)) == {}
    assert closed(NIGHT, Situation(off_until=off, paused_until=off)) == {"device": Reason.PAUSED}
    assert closed("2026-11-24T22:00", Situation(off_until=off))["bedtime"] is Reason.BEDTIME


def test_a_used_up_limit_is_closed_until_the_day_turns() -> None:
    turns = almaty("2026-11-25T04:00")
    situation = Situation(used_up=(("service:youtube", turns), ("category:none", turns)))
    found = closed_gates(DAUGHTER, situation, CALENDAR, almaty("2026-11-24T17:00"))
    assert set(found) == {"service:youtube"}
    assert (found["service:youtube"].reason, found["service:youtube"].until) == (Reason.OUT_OF_TIME, turns)
    assert found["service:youtube"].rule == "limits: service:youtube"
    assert "service:youtube" not in closed("2026-11-25T07:00", situation)


@pytest.mark.parametrize(
    ("text", "gates"),
    [("band: 10-12", {"bedtime"}), ("{band: 10-12, clock_unset: open}", set()), ("band: 13-15", set())],
)
def test_while_the_time_is_unknown_the_profile_says_what_happens(text: str, gates: set[str]) -> None:
    situation = Situation(clock_known=False)
    for at in (DAY, NIGHT):
        found = closed_gates(a_profile(text), situation, CALENDAR, almaty(at))
        assert set(found) == gates
        assert all(one.until is None for one in found.values())


def test_a_standing_holds_until_something_changes() -> None:
    state = standing(DAUGHTER, PLAIN, CALENDAR, almaty(DAY))
    assert (state.since, state.until) == (almaty(DAY), almaty("2026-11-24T16:00"))
    never = standing(a_profile("{band: 10-12, bedtime: {}}"), PLAIN, CALENDAR, almaty(DAY))
    assert never.until == almaty(DAY) + timedelta(days=1)


def test_a_flow_passes_when_none_of_its_gates_is_closed() -> None:
    state = standing(DAUGHTER, PLAIN, CALENDAR, almaty(DAY))
    assert state.closing({"device", "bedtime", "internet"}) is None
    closing = state.closing({"device", "bedtime", "window:service:roblox"})
    assert closing is not None
    assert closing.reason is Reason.WINDOW


# What +15 does: the contract's grant.


def granted(at: str, service: str | None = None, situation: Situation = PLAIN) -> tuple[Grant, ...]:
    return extend(DAUGHTER, situation, CALENDAR, almaty(at), QUARTER, service)


def test_while_open_it_is_added_to_the_minutes_left() -> None:
    (grant,) = granted("2026-11-24T20:40")
    assert grant == Grant("bedtime", almaty("2026-11-24T21:00"))
    situation = Situation(grants=(grant,))
    assert "bedtime" not in closed("2026-11-24T20:59", situation)
    assert "bedtime" in closed("2026-11-24T21:00", situation)


def test_a_second_one_is_added_to_the_first() -> None:
    first = granted("2026-11-24T20:40")
    (second,) = granted("2026-11-24T20:50", situation=Situation(grants=first))
    assert second == Grant("bedtime", almaty("2026-11-24T21:15"))


def test_once_shut_it_counts_from_the_tap() -> None:
    (grant,) = granted("2026-11-24T21:30")
    assert grant == Grant("bedtime", almaty("2026-11-24T21:45"))
    (late,) = granted("2026-11-24T23:55")
    assert late.until == almaty("2026-11-25T00:10")
    assert "bedtime" not in closed("2026-11-25T00:09", Situation(grants=(late,)))


def test_what_is_shut_twice_opens_twice() -> None:
    turns = almaty("2026-11-25T04:00")
    situation = Situation(used_up=(("internet", turns),))
    grants = granted("2026-11-24T21:30", situation=situation)
    assert {grant.gate for grant in grants} == {"bedtime", "internet"}
    after = Situation(used_up=situation.used_up, grants=grants)
    assert not {"bedtime", "internet"} & set(closed("2026-11-24T21:40", after))


def test_play_that_is_used_up_opens_before_bedtime_is_moved() -> None:
    situation = Situation(used_up=(("play", almaty("2026-11-25T04:00")),))
    assert granted("2026-11-24T17:00", situation=situation) == (Grant("play", almaty("2026-11-24T17:15")),)


def test_it_never_lifts_a_pause() -> None:
    pause = Situation(paused_until=almaty("2026-11-24T22:00"))
    grants = granted(NIGHT, situation=pause)
    assert "device" not in {grant.gate for grant in grants}
    forged = Grant("device", almaty("2026-11-24T22:00"))
    assert "device" in closed(NIGHT, Situation(paused_until=pause.paused_until, grants=(*grants, forged)))


def test_one_for_a_service_opens_nothing_else() -> None:
    grants = granted("2026-11-24T21:30", service="youtube")
    assert grants == (Grant("bedtime", almaty("2026-11-24T21:45"), "youtube"),)
    state = standing(DAUGHTER, Situation(grants=grants), CALENDAR, almaty("2026-11-24T21:40"))
    assert state.closing({"device", "bedtime", "internet"}) is not None
    assert state.closing({"device", "bedtime", "internet", "service:youtube"}) is None
    later = standing(DAUGHTER, Situation(grants=grants), CALENDAR, almaty("2026-11-24T21:45"))
    assert later.closing({"device", "bedtime", "service:youtube"}) is not None


def test_one_for_a_service_opens_the_services_window() -> None:
    (grant,) = granted(DAY, service="roblox")
    assert (grant.gate, grant.until) == ("window:service:roblox", almaty("2026-11-24T12:15"))
    state = standing(DAUGHTER, Situation(grants=(grant,)), CALENDAR, almaty(DAY))
    assert state.closing({"device", "window:service:roblox", "service:roblox"}) is None


def test_where_nothing_ever_closes_there_is_nothing_to_extend() -> None:
    free = a_profile("{band: 13-15, bedtime: {}}")
    assert extend(free, PLAIN, CALENDAR, almaty(DAY), QUARTER) == ()


def test_when_something_open_closes() -> None:
    gates = ("device", "bedtime", "window:service:roblox")
    at = "2026-11-24T17:00"
    assert closes_at(DAUGHTER, PLAIN, CALENDAR, almaty(at), gates) == almaty("2026-11-24T18:00")
    assert closes_at(DAUGHTER, PLAIN, CALENDAR, almaty(at), ("device", "bedtime")) == almaty(
        "2026-11-24T20:45"
    )
    assert closes_at(DAUGHTER, PLAIN, CALENDAR, almaty(at), ("device",)) is None


def test_a_now_in_the_homes_zone_is_the_same_instant() -> None:
    local = datetime(2026, 11, 24, 21, 0, tzinfo=ALMATY)
    assert set(closed_gates(DAUGHTER, PLAIN, CALENDAR, local)) == set(closed(NIGHT))
