"""`grant`, `revoke`, `landing`, `ledger`, and what the pages may ask: the contract's words, in real files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from gateway.control.protocol import WEB_VERBS, Role
from gateway.errors import ControlError, GatewayError
from gateway.policy.values import Reason
from tests.daemon.conftest import Make, at
from tests.daemon.desk import MUMS, PHONE, STRANGER, TABLET

MINUTE = timedelta(minutes=1)
EVENING, LATE = "2026-11-24T20:40", "2026-11-24T21:30"  # bedtime is at 20:45


def test_a_grant_in_the_evening_is_added_to_what_is_left(make: Make) -> None:
    desk = make(EVENING)
    answer = desk.ask("grant", who="daughter", minutes=15, by="Mum", origin="192.168.1.7")
    assert answer["until"] == at("2026-11-24T21:00")
    assert answer["sentence"] == "The internet is open for Daughter until 21:00."
    desk.go(19 * MINUTE)
    assert desk.reason(TABLET) is Reason.OPEN
    desk.go(MINUTE)
    assert desk.reason(TABLET) is Reason.BEDTIME
    (line,) = desk.store.audit_lines()
    assert (line.who, line.what, line.origin) == ("Mum", "grant", "192.168.1.7")
    assert line.detail == "daughter 15 min: bedtime until 2026-11-24T21:00+0500"
    (event,) = desk.heard("grant")
    assert (event["profile"], event["by"], event["grant"]) == ("daughter", "Mum", answer["grant"])


def test_after_bedtime_it_is_counted_from_the_tap_and_opens_at_once(make: Make) -> None:
    desk = make(LATE)
    assert desk.reason(TABLET) is Reason.BEDTIME
    before = desk.enforcer.rejudged
    assert desk.ask("grant", who="Daughter", minutes=15)["until"] == at("2026-11-24T21:45")
    assert desk.enforcer.rejudged == before + 1
    assert desk.reason(TABLET) is Reason.OPEN
    assert desk.reason("02:00:00:00:00:1a") is Reason.OPEN  # her other device


def test_across_midnight_and_the_turn_of_the_day(make: Make) -> None:
    desk = make("2026-11-24T23:55")
    desk.ask("grant", who="daughter", minutes=15)
    desk.go(14 * MINUTE)
    assert desk.reason(TABLET) is Reason.OPEN
    desk.go(MINUTE)
    assert desk.reason(TABLET) is Reason.BEDTIME
    desk.clock.at = at("2026-11-25T03:55")
    desk.ask("grant", who="daughter", minutes=15)
    desk.go(14 * MINUTE)
    assert desk.reason(TABLET) is Reason.OPEN  # by the clock, whatever the day
    desk.go(MINUTE)
    assert desk.reason(TABLET) is Reason.BEDTIME


def test_minutes_beyond_a_limit_are_of_today(make: Make) -> None:
    desk = make("2026-11-24T16:00", daughter={"limits": {"internet": "1h"}})
    desk.use("daughter", internet=50)
    answer = desk.ask("grant", who="daughter", minutes=15)
    assert answer["until"] is None
    assert answer["sentence"] == "Daughter has 15 minutes of the internet more today."
    desk.use("daughter", internet=74)
    assert desk.reason(TABLET) is Reason.OPEN
    desk.use("daughter", internet=75)
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME
    told = next(one for one in desk.ask("status")["profiles"] if one["id"] == "daughter")
    internet = next(one for one in told["used"] if one["target"] == "internet")
    assert (internet["minutes"], internet["limit"], internet["bonus"]) == (75, 60, 15)
    desk.clock.at = at("2026-11-25T08:00")
    desk.use("daughter", internet=60)
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME  # yesterday's grant is gone


def test_a_grant_is_never_spent_twice(make: Make) -> None:
    desk = make("2026-11-24T16:00", daughter={"limits": {"internet": "1h"}})
    desk.use("daughter", internet=60)
    desk.ask("grant", who="daughter", minutes=15)
    for _ in range(3):
        desk.restart()
        desk.use("daughter", internet=74)
        assert desk.reason(TABLET) is Reason.OPEN
    desk.use("daughter", internet=75)
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME


def test_it_lifts_no_pause(make: Make) -> None:
    desk = make(LATE)
    desk.ask("pause", who="daughter", minutes=30, by="Dad")
    answer = desk.ask("grant", who="daughter", minutes=60)
    assert answer["sentence"].endswith("The pause goes on.")
    assert desk.reason(TABLET) is Reason.PAUSED
    desk.ask("resume", who="daughter")
    assert desk.reason(TABLET) is Reason.OPEN


def test_for_one_service_alone(make: Make) -> None:
    desk = make(LATE)
    answer = desk.ask("grant", who="daughter", minutes=15, service="whatsapp")
    assert answer["sentence"] == "WhatsApp is open for Daughter until 21:45."
    assert desk.reason(TABLET, "web.whatsapp.com") is not Reason.BEDTIME
    assert desk.reason(TABLET) is Reason.BEDTIME
    with pytest.raises(GatewayError, match="names no service: nonsense"):
        desk.ask("grant", who="daughter", minutes=15, service="nonsense")


def test_whom_it_means(make: Make) -> None:
    desk = make(LATE)
    desk.ask("grant", who=TABLET, minutes=15)
    assert desk.reason("02:00:00:00:00:1a") is Reason.OPEN  # a child's device is its child
    assert desk.reason(PHONE) is Reason.BEDTIME  # her brother
    desk.go(30 * MINUTE)
    answer = desk.ask("grant", who="all", minutes=15)
    assert {one["who"] for one in answer["given"]} == {"daughter", "son"}
    for who, said in (("mum", "no child"), (MUMS, "not filtered"), ("nobody", "no such profile")):
        with pytest.raises(GatewayError, match=said):
            desk.ask("grant", who=who, minutes=15)


def test_a_guests_device_alone(make: Make) -> None:
    desk = make("2026-11-24T23:30")
    other = "02:00:00:00:00:98"
    assert desk.reason(STRANGER) is Reason.BEDTIME
    desk.ask("grant", who=STRANGER, minutes=15)
    assert desk.reason(STRANGER) is Reason.OPEN
    assert desk.reason(other) is Reason.BEDTIME
    desk.ask("revoke", who=STRANGER, by="console")
    assert desk.reason(STRANGER) is Reason.BEDTIME


def test_where_nothing_closes_there_is_nothing_to_give(make: Make) -> None:
    desk = make(LATE, son={"bedtime": {}, "limits": {}, "windows": {}})
    with pytest.raises(GatewayError, match="nothing to extend"):
        desk.ask("grant", who="son", minutes=15)
    assert [one["who"] for one in desk.ask("grant", who="all", minutes=15)["given"]] == ["daughter"]


def test_it_is_taken_back(make: Make) -> None:
    desk = make(LATE)
    first = desk.ask("grant", who="daughter", minutes=15)["grant"]
    second = desk.ask("grant", who="daughter", minutes=15)
    assert second["until"] == at("2026-11-24T22:00")
    assert desk.ask("revoke", grant=first, by="Dad") == {"grant": first, "who": ["daughter"]}
    desk.go(14 * MINUTE)
    assert desk.reason(TABLET) is Reason.OPEN
    desk.go(MINUTE)
    assert desk.reason(TABLET) is Reason.BEDTIME  # what was added is there, what was taken is not
    desk.clock.at = at("2026-11-24T21:40")
    desk.enforcer.sync()
    desk.ask("revoke", who="daughter")
    assert desk.reason(TABLET) is Reason.BEDTIME
    for values in ({"who": "daughter"}, {"grant": first}):
        with pytest.raises(GatewayError, match=r"no extra time|still in force"):
            desk.ask("revoke", **values)
    assert [line.what for line in desk.store.audit_lines(2)] == ["revoke", "revoke"]


# ---------------------------------------------------------------- landing


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("2026-11-24T20:29", "more than 15 minutes"),
        ("2026-11-24T20:30", None),
        ("2026-11-24T20:44", None),
        ("2026-11-24T20:45", None),
        ("2026-11-24T21:44", None),
        ("2026-11-24T21:46", "more than an hour"),
        ("2026-11-25T04:05", "more than an hour"),
    ],
)
def test_a_landing_is_for_the_end(make: Make, when: str, said: str | None) -> None:
    desk = make(when)
    if said is not None:
        with pytest.raises(GatewayError, match=said):
            desk.ask("landing", device=TABLET)
        return
    until = max(at("2026-11-24T20:45"), at(when)) + 10 * MINUTE
    assert desk.ask("landing", device=TABLET)["until"] == until
    (event,) = desk.heard("landing")
    assert event["profile"] == "daughter"


def test_there_is_one_landing_a_day_and_then_the_cut_is_hard(make: Make) -> None:
    desk = make("2026-11-24T20:45")
    landed = desk.ask("landing", device=TABLET, minutes=5)
    assert landed["until"] == at("2026-11-24T20:50")
    assert desk.store.audit_lines()[0].who == "Daughter"
    for device in (TABLET, "02:00:00:00:00:1a"):
        with pytest.raises(GatewayError, match="landed today already"):
            desk.ask("landing", device=device)
    desk.restart()
    desk.go(5 * MINUTE)
    assert desk.reason(TABLET) is Reason.BEDTIME
    desk.ask("grant", who="daughter", minutes=1)
    with pytest.raises(GatewayError, match="landed today already"):
        desk.ask("landing", device=TABLET)
    told = next(one for one in desk.ask("status")["profiles"] if one["id"] == "daughter")
    assert told["landing"] == {"minutes": 10, "taken": True, "due": False}
    desk.clock.at = at("2026-11-25T20:45")
    desk.enforcer.sync()
    assert desk.ask("landing", device=TABLET)["until"] == at("2026-11-25T20:55")


def test_a_landing_that_is_taken_back_stays_taken(make: Make) -> None:
    desk = make("2026-11-24T20:45")
    desk.ask("revoke", grant=desk.ask("landing", device=TABLET)["grant"])
    assert desk.reason(TABLET) is Reason.BEDTIME
    with pytest.raises(GatewayError, match="landed today already"):
        desk.ask("landing", device=TABLET)


def test_after_extra_time_too(make: Make) -> None:
    desk = make("2026-11-24T20:40")
    desk.ask("grant", who="daughter", minutes=90)
    desk.clock.at = at("2026-11-24T22:16")
    desk.enforcer.sync()
    assert desk.ask("landing", device=TABLET)["until"] == at("2026-11-24T22:26")


def test_when_a_limit_is_used_up(make: Make) -> None:
    desk = make("2026-11-24T16:00", daughter={"limits": {"internet": "1h"}})
    desk.use("daughter", internet=60)
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME
    desk.ask("landing", device=TABLET)
    assert desk.reason(TABLET) is Reason.OPEN
    desk.use("daughter", internet=70)
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME


def test_no_landing_in_a_pause_nor_where_the_parents_say_none(make: Make) -> None:
    desk = make("2026-11-24T20:45", son={"landing": "0m"})
    desk.ask("pause", who="daughter", minutes=30)
    with pytest.raises(GatewayError, match="is paused"):
        desk.ask("landing", device=TABLET)
    with pytest.raises(GatewayError, match="no landing"):
        desk.ask("landing", device=PHONE)
    with pytest.raises(GatewayError, match="from 1 to 10"):
        desk.ask("landing", device=TABLET, minutes=11)


# ---------------------------------------------------------------- who may ask


@pytest.mark.parametrize("device", [STRANGER, MUMS, "nonsense", "02:00:00:00:00:77"])
@pytest.mark.parametrize("do", ["landing", "redeem", "request", "requests", "ledger"])
def test_a_device_that_is_no_childs_asks_for_nothing(make: Make, do: str, device: str) -> None:
    desk = make(LATE)
    with pytest.raises(GatewayError, match="no device of a child"):
        desk.ask(do, Role.WEB, device=device, code="K7QM-3XPR", minutes=5)


@pytest.mark.parametrize(
    "do", ["grant", "revoke", "ticket", "withdraw", "answer", "pause", "resume", "off", "on"]
)
def test_the_pages_pass_names_of_guardians_alone(make: Make, do: str) -> None:
    desk = make(LATE)
    desk.store.keep_guardian("Mum", "stamp")
    values = {"who": "daughter", "minutes": 15, "id": 1, "answer": "no", "batch": "1f"}
    for by in ({}, {"by": "Aruzhan"}, {"by": "mum"}, {"by": "console"}):
        with pytest.raises(GatewayError, match='"by"'):
            desk.ask(do, Role.WEB, **values, **by)
    if do in ("grant", "pause", "off", "on", "resume", "ticket"):
        desk.ask(do, Role.WEB, **values, by="Mum")
    assert do in WEB_VERBS


# ---------------------------------------------------------------- what is told


@dataclass(frozen=True)
class Row:
    at: datetime
    device: str
    gate: str
    bytes: int
    service: str | None
    why: str


def test_the_ledger_is_told_to_the_child_and_to_guardians(make: Make) -> None:
    desk = make("2026-11-24T16:00")
    desk.use("daughter", play=2)
    row = Row(at("2026-11-24T15:58"), TABLET, "play", 900_000, "youtube", "moved")
    desk.counted.rows = (row,)
    for values in ({"device": TABLET}, {"who": "daughter"}, {"who": TABLET, "day": "2026-11-24"}):
        answer = desk.ask("ledger", **values)
        assert (answer["profile"], answer["day"], answer["left_off"]) == ("daughter", "2026-11-24", 0)
        (minute,) = answer["minutes"]
        assert (minute["name"], minute["service"], minute["why"]) == ("Play", "YouTube", "moved")
        play = next(one for one in answer["used"] if one["target"] == "play")
        assert play["minutes"] == 2
    assert desk.ask("ledger", who="daughter", day="2026-11-23")["used"] == []
    for bad, said in (
        ({"who": "all"}, "name one child"),
        ({"who": "son", "day": "monday"}, "must be a date"),
    ):
        with pytest.raises(GatewayError, match=said):
            desk.ask("ledger", **bad)


def test_what_is_left_is_told(make: Make) -> None:
    desk = make("2026-11-24T20:00")
    for told in (
        desk.ask("status")["profiles"][0],
        desk.ask("profile", id="daughter"),
        desk.ask("device", mac=TABLET),
    ):
        assert told["left"] == {
            "minutes": 45,
            "gate": "bedtime",
            "name": "The internet",
            "at": at("2026-11-24T20:45"),
        }
        assert told["landing"] == {"minutes": 10, "taken": False, "due": False}
    assert "left" not in desk.ask("device", mac=MUMS)
    assert "left" not in desk.ask("profile", id="mum")


def test_which_day_it_is_is_told(make: Make) -> None:
    desk = make("2026-11-25T03:30")
    assert desk.ask("status")["day"] == "2026-11-24"
    desk.go(30 * MINUTE)
    assert desk.ask("status")["day"] == "2026-11-25"


def test_which_device_used_how_much_is_told(make: Make) -> None:
    desk = make("2026-11-24T16:00")
    desk.use("daughter", play=30)
    other = "02:00:00:00:00:1a"
    desk.counted.devices["daughter"] = {
        TABLET: {"play": 20},
        other: {"play": 15, "internet": 3},
        "slot 4": {"play": 1},
        PHONE: {"internet": 1},
    }
    for told in (
        desk.ask("status")["profiles"][0],
        desk.ask("device", mac=TABLET),
        desk.ask("ledger", device=TABLET),
    ):
        play = next(one for one in told["used"] if one["target"] == "play")
        assert play["devices"] == [{"mac": TABLET, "minutes": 20}, {"mac": other, "minutes": 15}]


@pytest.mark.parametrize(("level", "told"), [(0, False), (1, False), (2, True)])
def test_below_level_two_the_pages_hear_how_much_alone(make: Make, level: int, told: bool) -> None:
    desk = make("2026-11-24T16:00", daughter={"log_level": level})
    desk.use("daughter", play=1)
    when = at("2026-11-23T15:58")
    desk.counted.rows = tuple(
        Row(when, device, "play", 900_000, "youtube", "moved") for device in (TABLET, "02:00:00:00:00:1a")
    )
    for day in ("2026-11-24", "2026-11-23"):
        answer = desk.ask("ledger", Role.WEB, who="daughter", day=day)
        assert bool(answer["minutes"]) is told
        assert answer["left_off"] == 0
        assert answer["totals"] == [{"target": "play", "name": "Play", "minutes": 1}]
        assert ("YouTube" in str(answer)) is told
        for role, values in ((Role.WEB, {"device": TABLET}), (Role.OWNER, {"who": "daughter"})):
            assert len(desk.ask("ledger", role, day=day, **values)["minutes"]) == 2


@pytest.mark.parametrize(
    ("when", "due"),
    [("2026-11-24T20:29", False), (EVENING, True), (LATE, True), ("2026-11-24T22:00", False)],
)
def test_whether_a_landing_is_due_is_told_as_it_is_then_taken(make: Make, when: str, due: bool) -> None:
    desk = make(when)
    for told in (desk.ask("status")["profiles"][0], desk.ask("device", mac=TABLET)):
        assert told["landing"]["due"] is due
    if due:
        desk.ask("landing", device=TABLET)
        assert desk.ask("device", mac=TABLET)["landing"] == {"minutes": 10, "taken": True, "due": False}
    else:
        with pytest.raises(GatewayError):
            desk.ask("landing", device=TABLET)


def test_no_landing_is_due_in_a_pause_nor_where_there_is_none(make: Make) -> None:
    desk = make(EVENING, son={"landing": "0m", "bedtime": "20:45-07:00"})
    assert desk.ask("device", mac=PHONE)["landing"]["due"] is False
    desk.ask("pause", who="daughter", minutes=10)
    assert desk.ask("device", mac=TABLET)["landing"]["due"] is False


def test_why_says_what_is_wrong_with_a_device_s_file(make: Make) -> None:
    desk = make("2026-11-24T16:00")
    assert desk.ask("why", host="example.com", device=TABLET)["problems"] == []
    (desk.folder / "profiles" / "girl.yaml").write_text(f"name: Girl\ndevices: [{STRANGER!r}]\nband: none\n")
    desk.reload()
    (problem,) = desk.ask("why", host="example.com", device=STRANGER)["problems"]
    assert "girl.yaml" in problem
    assert desk.ask("why", host="example.com", profile="daughter")["problems"] == []


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59-23:59", "2026-12-02T12:01:00+05:00"])
def test_a_pause_ends_within_a_week_or_by_hand(make: Make, end: str) -> None:
    """The disk holds no year 10000: with one the daemon would never start again."""
    desk = make("2026-11-24T12:00")
    with pytest.raises(ControlError, match="more than seven days"):
        desk.ask("pause", who="daughter", until=end)
    desk.ask("pause", who="daughter", until="2026-12-01T12:00:00+05:00")
    desk.restart()
    assert desk.reason(TABLET) is Reason.PAUSED


def test_why_of_a_moment_that_is_over_says_what_held_then(make: Make) -> None:
    desk = make(LATE, daughter={"limits": {"internet": "1h"}})
    begin = at("2026-11-24T17:30")
    desk.counted.rows = tuple(
        Row(begin + count * MINUTE, TABLET, "internet", 10**6, None, "moved") for count in range(60)
    )
    desk.use("daughter", internet=60)
    desk.ask("grant", who="daughter", minutes=90)
    desk.ask("pause", who="daughter", minutes=30)
    for when, reason in (
        ("2026-11-23T22:00", "bedtime"),
        ("2026-11-24T18:00", "open"),
        ("2026-11-24T19:00", "out_of_time"),
        ("2026-11-24T21:00", "bedtime"),
        ("2026-11-24T21:45", "paused"),
        ("2026-11-24T22:30", "open"),
        ("2026-11-24T23:30", "bedtime"),
    ):
        for whose in ({"profile": "daughter"}, {"device": TABLET}):
            assert desk.ask("why", host="www.example.org", at=when, **whose)["reason"] == reason, when
