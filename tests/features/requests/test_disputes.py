"""`request` about minutes of the ledger: the child thinks that they are wrong, a guardian gives them back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.policy.values import Reason
from tests.features.conftest import Make, at
from tests.features.desk import PHONE, TABLET, Desk
from tests.sentences import sentence

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
AFTERNOON = "2026-11-24T16:00"
LIMITS = {"limits": {"internet": "1h", "play": "1h", "service:roblox": "30m"}, "bedtime": {}}


@dataclass(frozen=True)
class Entry:
    at: datetime
    gate: str
    device: str = TABLET
    bytes: int = 900_000
    service: str | None = None
    why: str = "moved"


def counted(desk: Desk, start: str, minutes: int, *gates: str) -> None:
    first = at(start).astimezone(UTC)
    desk.counted.rows += tuple(Entry(first + n * MINUTE, gate) for n in range(minutes) for gate in gates)


@pytest.fixture
def desk(make: Make) -> Desk:
    """An hour of play, the second half of which was Roblox; nothing is left of either."""
    desk = make(AFTERNOON, daughter=LIMITS)
    counted(desk, "2026-11-24T14:00", 30, "internet", "play")
    counted(desk, "2026-11-24T14:30", 30, "internet", "play", "service:roblox")
    desk.use("daughter", internet=60, play=60, **{"service:roblox": 30})
    return desk


def test_what_is_meant_is_looked_up_and_waits_for_a_guardian(desk: Desk) -> None:
    answer = desk.ask(
        "request", device=TABLET, since=at("2026-11-24T14:20").isoformat(), minutes=20,
        limits="internet play", reason="I was at lunch",
    )  # fmt: skip
    assert answer["sentence"] == "Daughter thinks that 20 minutes of The internet, Play are wrong."
    one = answer["request"]
    assert (one["topic"], one["state"], one["minutes"]) == ("ledger", "pending", 20)
    assert (one["thing"], one["since"]) == ("internet play", at("2026-11-24T14:20"))
    assert (one["reason"], one["expires"]) == ("I was at lunch", at(AFTERNOON) + 7 * DAY)
    (event,) = desk.heard("request")
    assert event["topic"] == "ledger"
    desk.restart()
    assert desk.ask("requests", device=TABLET)["requests"] == [one]


def test_without_limits_all_that_counted_are_meant_and_none_that_did_not(desk: Desk) -> None:
    one = desk.ask("request", device=TABLET, since=at("2026-11-24T14:50").isoformat(), minutes=60)["request"]
    assert (one["thing"], one["minutes"]) == ("internet service:roblox play", 10)


def test_the_minutes_come_back_to_those_limits_today(desk: Desk) -> None:
    number = desk.ask(
        "request", device=TABLET, since=at("2026-11-24T14:00").isoformat(), minutes=20, limits="internet play"
    )["request"]["id"]
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME
    answer = desk.ask("answer", id=number, answer="once", by="Mum", because="You are right")
    assert answer["until"] is None
    assert desk.reason(TABLET) is not Reason.OUT_OF_TIME
    used = {one["target"]: one["bonus"] for one in desk.ask("ledger", device=TABLET)["used"]}
    assert used == {"internet": 20, "play": 20, "service:roblox": 0}
    told = desk.ask("requests", device=TABLET)["requests"][0]
    assert (told["state"], told["given"], told["because"], told["by"]) == (
        "answered",
        20,
        "You are right",
        "Mum",
    )
    desk.ask("revoke", grant=answer["grant"], by="Mum")
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME
    desk.go(DAY)
    assert desk.ask("ledger", device=TABLET)["used"][0]["bonus"] == 0


def test_no_says_no_and_gives_nothing(desk: Desk) -> None:
    number = desk.ask("request", device=TABLET, since=at("2026-11-24T14:00").isoformat(), minutes=5)[
        "request"
    ]["id"]
    assert (
        desk.ask("answer", id=number, answer="no", by="Mum")["sentence"]
        == "The request of Daughter is declined."
    )
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME


def test_each_span_is_a_request_of_its_own_and_asked_again_has_the_new_words(desk: Desk) -> None:
    first = desk.ask("request", device=TABLET, since=at("2026-11-24T14:00").isoformat(), minutes=5)["request"]
    second = desk.ask("request", device=TABLET, since=at("2026-11-24T14:30").isoformat(), minutes=5)[
        "request"
    ]
    again = desk.ask(
        "request", device=TABLET, since=at("2026-11-24T14:00").isoformat(), minutes=5, reason="really"
    )["request"]
    assert (again["id"], again["reason"]) == (first["id"], "really")
    assert second["id"] != first["id"]


def test_no_other_child_s_minutes_nor_ones_that_did_not_count(desk: Desk) -> None:
    for values, said in (
        ({"device": TABLET, "since": at("2026-11-24T15:30"), "minutes": 5}, sentence(Code.NO_SUCH_MINUTES)),
        (
            {"device": TABLET, "since": at("2026-11-24T14:00"), "minutes": 5, "limits": "bedtime"},
            sentence(Code.NO_SUCH_MINUTES),
        ),
        ({"device": TABLET, "since": at("2026-11-24T14:00"), "minutes": 0}, "whole number"),
        ({"device": TABLET, "since": "yesterday", "minutes": 5}, "must be a time"),
        ({"device": TABLET, "since": "0001-01-01T00:00:00+05:00", "minutes": 5}, "must be a time"),
        ({"device": TABLET, "since": "9999-12-31T23:59:59-05:00", "minutes": 5}, "must be a time"),
        (
            {"device": "02:00:00:00:00:99", "since": at("2026-11-24T14:00"), "minutes": 5},
            sentence(Code.NO_DEVICE_OF_A_CHILD),
        ),
    ):
        with pytest.raises(GatewayError, match=said):
            desk.ask("request", **_as_sent(values))
    assert desk.ask("requests")["requests"] == []
    desk.counted.rows = ()  # the brother has none
    with pytest.raises(GatewayError, match=sentence(Code.NO_SUCH_MINUTES)):
        desk.ask("request", device=PHONE, since=at("2026-11-24T14:00").isoformat(), minutes=5)


@pytest.mark.parametrize("answer", ["today", "always"])
def test_minutes_are_given_once(desk: Desk, answer: str) -> None:
    number = desk.ask("request", device=TABLET, since=at("2026-11-24T14:00").isoformat(), minutes=5)[
        "request"
    ]["id"]
    with pytest.raises(GatewayError, match=sentence(Code.NOT_FOR_TIME)):
        desk.ask("answer", id=number, answer=answer, by="Mum")


def test_a_limit_that_is_gone_takes_nothing_back(make: Make) -> None:
    desk = make(AFTERNOON, daughter={"bedtime": {}, "limits": {"play": "1h"}})
    counted(desk, "2026-11-24T14:00", 10, "service:roblox")
    number = desk.ask("request", device=TABLET, since=at("2026-11-24T14:00").isoformat(), minutes=5)[
        "request"
    ]["id"]
    with pytest.raises(GatewayError, match=sentence(Code.NOTHING_TO_EXTEND, name="Daughter")):
        desk.ask("answer", id=number, answer="once", by="Mum")
    assert desk.ask("requests", pending=True)["requests"], "it waits still"


def _as_sent(values: dict[str, object]) -> dict[str, object]:
    return {key: one.isoformat() if isinstance(one, datetime) else one for key, one in values.items()}
