"""What is told of minutes: the ledger, what is left, what is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import ControlError, GatewayError
from gateway.policy.values import Reason
from tests.features.conftest import Make, at
from tests.features.desk import EVENING, LATE, MUMS, NOON, PHONE, STRANGER, TABLET

MINUTE = timedelta(minutes=1)


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
            "week": False,
            "period": "day",
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
def test_below_level_two_guardians_hear_how_much_alone_without_a_log_nothing(
    make: Make, level: int, told: bool
) -> None:
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
        totals = [{"target": "play", "name": "Play", "minutes": 1}]
        over = day == "2026-11-23"
        assert answer["totals"] == (totals if told or (level and over) else [])
        assert ("YouTube" in str(answer)) is told
        assert answer == desk.ask("ledger", who="daughter", day=day), "the console is no way around"
        assert len(desk.ask("ledger", Role.WEB, device=TABLET, day=day)["minutes"]) == 2


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


@pytest.mark.parametrize("by", ["console", "router", "provider", "Mum"])
def test_why_says_since_when_a_pause_is_on_whoever_set_it(make: Make, by: str) -> None:
    desk = make(NOON)
    desk.ask("pause", who="daughter", minutes=30, **({} if by == "console" else {"by": by}))
    why = desk.ask("why", host="example.org", profile="daughter")
    assert (why["reason"], why["owner"]) == ("paused", "guardian:Mum" if by == "Mum" else "family")
    assert (why["decided"]["since"], why["decided"]["by"]) == ("2026-11-24", by)


def test_why_says_what_is_wrong_with_a_device_s_file(make: Make) -> None:
    desk = make("2026-11-24T16:00")
    assert desk.ask("why", host="example.com", device=TABLET)["problems"] == []
    (desk.folder / "profiles" / "girl.yaml").write_text(f"name: Girl\ndevices: [{STRANGER!r}]\nband: none\n")
    desk.reload()
    (problem,) = desk.ask("why", host="example.com", device=STRANGER)["problems"]
    assert "girl.yaml" in problem
    assert desk.ask("why", host="example.com", profile="daughter")["problems"] == []


@pytest.mark.parametrize("end", ["8999-12-31T23:59:59-23:59", "2026-12-02T12:01:00+05:00"])
def test_a_pause_ends_within_a_week_or_by_hand(make: Make, end: str) -> None:
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
