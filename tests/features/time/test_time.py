"""`grant`, `revoke`, `landing`, `ledger`, and what the pages may ask: the contract's words, in real files."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account
from gateway.policy.values import Reason
from tests.features.conftest import Make, at
from tests.features.desk import EVENING, LATE, MUMS, PHONE, STRANGER, TABLET
from tests.sentences import sentence

MINUTE = timedelta(minutes=1)


def test_a_grant_in_the_evening_is_added_to_what_is_left(make: Make) -> None:
    desk = make(EVENING)
    answer = desk.ask("grant", who="daughter", minutes=15, by="Mum", origin="192.168.1.7")
    assert answer["until"] == at("2026-11-24T21:00")
    assert answer["sentence"] == "Daughter has 15 more minutes, until 21:00."
    desk.go(19 * MINUTE)
    assert desk.reason(TABLET) is Reason.OPEN
    desk.go(MINUTE)
    assert desk.reason(TABLET) is Reason.BEDTIME
    (line,) = desk.store.audit.lines()
    assert (line.who, line.what, line.origin) == ("Mum", "grant", "192.168.1.7")
    assert line.detail == "daughter 15 min: bedtime until 2026-11-24T21:00+0500"
    (event,) = desk.heard("grant")
    assert (event["profile"], event["by"], event["grant"]) == ("daughter", "Mum", answer["grant"])


def test_after_bedtime_it_is_counted_from_the_tap_and_opens_at_once(make: Make) -> None:
    desk = make(LATE)
    assert desk.reason(TABLET) is Reason.BEDTIME
    before = desk.gates.rejudged
    assert desk.ask("grant", who="Daughter", minutes=15)["until"] == at("2026-11-24T21:45")
    assert desk.gates.rejudged == before + 1
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
    assert answer["sentence"] == "Daughter has 15 more minutes today."
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


def test_a_limit_of_a_week(make: Make) -> None:
    """It closes like the day's, says so, and a grant counts for the whole week."""
    desk = make("2026-11-24T16:00", daughter={"limits": {"internet": {"school": "2h", "week": "5h"}}})
    desk.counted.earlier["daughter"] = {"internet": 4 * 60}
    desk.use("daughter", internet=60)
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME
    state = desk.ask("status")["profiles"][0]
    assert state["sentence"] == (
        "The internet is blocked until Monday 07:00: this week's 5 hours are used. Your family set this."
    )
    assert state["left"]["week"] is True
    for who in ({"profile": "daughter"}, {"device": TABLET}):
        why = desk.ask("why", host="www.example.org", **who)
        assert (why["verdict"], why["reason"]) == ("block", "out_of_time")
        assert (why["rule"], why["sentence"]) == ("limits: internet: week: 5h", state["sentence"])
    used = next(one for one in state["used"] if one["target"] == "internet")
    assert (used["minutes"], used["limit"]) == (60, 120)
    assert used["week"] == {"minutes": 300, "limit": 300, "bonus": 0, "owner": "family"}
    desk.counted.earlier["daughter"] = {"internet": 5 * 60}
    past = desk.ask("why", host="www.example.org", profile="daughter", at="2026-11-24T15:59")
    assert (past["reason"], past["rule"]) == ("out_of_time", "limits: internet: week: 5h")
    desk.counted.earlier["daughter"] = {"internet": 4 * 60}
    desk.ask("grant", who="daughter", minutes=30)
    assert desk.reason(TABLET) is Reason.OPEN
    assert desk.ask("profile", id="daughter")["left"]["minutes"] == 30
    desk.restart()
    desk.clock.at = at("2026-11-25T16:00")
    desk.counted.earlier["daughter"] = {"internet": 5 * 60 + 10}
    desk.use("daughter", internet=0)
    used = next(one for one in desk.ask("status")["profiles"][0]["used"] if one["target"] == "internet")
    assert (used["bonus"], used["week"]["bonus"]) == (0, 30)
    assert desk.ask("profile", id="daughter")["left"]["minutes"] == 20
    desk.counted.earlier["daughter"] = {"internet": 5 * 60 + 30}
    desk.use("daughter", internet=0)
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME
    rows = [row for row in desk.ask("profile", id="daughter")["profile"]["limits"] if row["days"] == "week"]
    assert [(row["target"], row["minutes"]) for row in rows] == [("internet", 300)]
    desk.clock.at = at("2026-11-30T16:00")
    desk.counted.earlier.clear()
    desk.use("daughter", internet=0)
    assert desk.reason(TABLET) is Reason.OPEN


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
    assert answer["sentence"] == "WhatsApp is allowed for Daughter until 21:45."
    assert desk.reason(TABLET, "web.whatsapp.com") is not Reason.BEDTIME
    assert desk.reason(TABLET) is Reason.BEDTIME
    with pytest.raises(GatewayError, match=sentence(Code.NO_SERVICE)):
        desk.ask("grant", who="daughter", minutes=15, service="nonsense")


def test_whom_it_means(make: Make) -> None:
    desk = make(LATE)
    desk.ask("grant", who=TABLET, minutes=15)
    assert desk.reason("02:00:00:00:00:1a") is Reason.OPEN  # a child's device is its child
    assert desk.reason(PHONE) is Reason.BEDTIME  # her brother
    desk.go(30 * MINUTE)
    answer = desk.ask("grant", who="all", minutes=15)
    assert {one["who"] for one in answer["given"]} == {"daughter", "son"}
    for who, said in (
        ("mum", "not a child"),
        (MUMS, sentence(Code.NOT_FILTERED)),
        ("nobody", "no such profile"),
    ):
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
    desk.gates.sync()
    desk.ask("revoke", who="daughter")
    assert desk.reason(TABLET) is Reason.BEDTIME
    for values, said in (
        ({"who": "daughter"}, sentence(Code.NO_EXTRA_TIME)),
        ({"grant": first}, sentence(Code.NOT_IN_FORCE)),
    ):
        with pytest.raises(GatewayError, match=said):
            desk.ask("revoke", **values)
    assert [line.what for line in desk.store.audit.lines(2)] == ["revoke", "revoke"]


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
    assert desk.store.audit.lines()[0].who == "Daughter"
    for device in (TABLET, "02:00:00:00:00:1a"):
        with pytest.raises(GatewayError, match="Finish my game"):
            desk.ask("landing", device=device)
    desk.restart()
    desk.go(5 * MINUTE)
    assert desk.reason(TABLET) is Reason.BEDTIME
    desk.ask("grant", who="daughter", minutes=1)
    with pytest.raises(GatewayError, match="Finish my game"):
        desk.ask("landing", device=TABLET)
    told = next(one for one in desk.ask("status")["profiles"] if one["id"] == "daughter")
    assert told["landing"] == {"minutes": 10, "taken": True, "due": False}
    desk.clock.at = at("2026-11-25T20:45")
    desk.gates.sync()
    assert desk.ask("landing", device=TABLET)["until"] == at("2026-11-25T20:55")


def test_a_landing_that_is_taken_back_stays_taken(make: Make) -> None:
    desk = make("2026-11-24T20:45")
    desk.ask("revoke", grant=desk.ask("landing", device=TABLET)["grant"])
    assert desk.reason(TABLET) is Reason.BEDTIME
    with pytest.raises(GatewayError, match="Finish my game"):
        desk.ask("landing", device=TABLET)


def test_after_extra_time_too(make: Make) -> None:
    desk = make("2026-11-24T20:40")
    desk.ask("grant", who="daughter", minutes=90)
    desk.clock.at = at("2026-11-24T22:16")
    desk.gates.sync()
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
    with pytest.raises(GatewayError, match=sentence(Code.LANDING_IN_PAUSE, name="Daughter")):
        desk.ask("landing", device=TABLET)
    with pytest.raises(GatewayError, match=sentence(Code.NO_LANDING, name="Son")):
        desk.ask("landing", device=PHONE)
    with pytest.raises(GatewayError, match="from 1 to 10"):
        desk.ask("landing", device=TABLET, minutes=11)


# ---------------------------------------------------------------- who may ask


@pytest.mark.parametrize("device", [STRANGER, MUMS, "nonsense", "02:00:00:00:00:77"])
@pytest.mark.parametrize("do", ["landing", "redeem", "request", "requests", "ledger"])
def test_a_device_that_is_no_childs_asks_for_nothing(make: Make, do: str, device: str) -> None:
    desk = make(LATE)
    with pytest.raises(GatewayError, match=sentence(Code.NO_DEVICE_OF_A_CHILD)):
        desk.ask(do, Role.WEB, device=device, code="K7QM-3XPR", minutes=5)


@pytest.mark.parametrize(
    "do", ["grant", "revoke", "ticket", "withdraw", "answer", "pause", "resume", "off", "on"]
)
def test_the_pages_pass_names_of_guardians_alone(make: Make, do: str) -> None:
    desk = make(LATE)
    desk.store.people.put(Account("Mum", secret="stamp"))
    values = {"who": "daughter", "minutes": 15, "id": 1, "answer": "no", "batch": "1f"}
    with pytest.raises(GatewayError, match='"by"'):
        desk.ask(do, Role.WEB, **values)
    for by in ("Aruzhan", "mum", "console"):
        with pytest.raises(GatewayError, match=sentence(Code.NO_GUARDIAN)):
            desk.ask(do, Role.WEB, **values, by=by)
    if do in ("grant", "pause", "off", "on", "resume", "ticket"):
        desk.ask(do, Role.WEB, **values, by="Mum", session=desk.session("Mum"))
    assert do in WEB_VERBS
