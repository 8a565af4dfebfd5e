"""Rules and states in the words of the control socket."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.features.rules.describe import device_state, profile_rules
from gateway.household.rule_book import RuleBook
from gateway.policy.judge.decide import Judge
from gateway.policy.time.time_rules import FOREVER, PLAIN, Situation
from tests.features.desk import plain
from tests.household.household_files import DAUGHTER, SON, write

ALMATY = ZoneInfo("Asia/Almaty")
NOON = datetime(2026, 11, 25, 12, tzinfo=ALMATY)


@pytest.fixture
def rules(tmp_path: Path) -> RuleBook:
    return RuleBook(write(tmp_path, {"daughter": DAUGHTER, "son": SON}))


def state(rules: RuleBook, at: datetime, situation: Situation = PLAIN) -> dict[str, Any]:
    judge = Judge(rules.household.profiles["daughter"], rules.world, rules.calendar)
    found: dict[str, Any] = plain(device_state(judge, situation, at, rules))
    return found


def told(rules: RuleBook, situation: Situation = PLAIN, at: datetime = NOON) -> Any:
    judge = Judge(rules.household.profiles["daughter"], rules.world, rules.calendar)
    return plain(profile_rules(judge, rules, situation, at))


def test_open_until_bedtime(rules: RuleBook) -> None:
    said = state(rules, NOON)
    assert said["state"] == "open"
    assert said["sentence"] == "Open until bedtime at 20:45."
    assert said["next_change"] == {"at": NOON.replace(hour=20, minute=45), "state": "bedtime"}


def test_bedtime_until_morning(rules: RuleBook) -> None:
    said = state(rules, NOON.replace(hour=21))
    morning = (NOON + timedelta(days=1)).replace(hour=7)
    assert (said["state"], said["until"]) == ("bedtime", morning)
    assert said["next_change"] == {"at": morning, "state": "open"}
    assert "until 07:00" in said["sentence"]
    assert (said["rule"], said["owner"]) == ("bedtime: 20:45-07:00", "band:10-12")


def test_a_pause_with_and_without_an_end(rules: RuleBook) -> None:
    end = NOON + timedelta(minutes=30)
    assert state(rules, NOON, Situation(paused_until=end))["until"] == end
    endless = state(rules, NOON, Situation(paused_until=FOREVER, paused_by="guardian:Mum"))
    assert (endless["state"], endless["until"], endless["next_change"]) == ("paused", None, None)
    assert endless["sentence"] == "The internet is paused. Mum set this."
    assert (endless["reason"], endless["owner"]) == ("paused", "guardian:Mum")


def test_a_profile_as_values(rules: RuleBook) -> None:
    said = told(rules)
    assert (said["band"], said["mode"], said["log_level"]) == ("10-12", "block-list", 2)
    assert said["bedtime"] == [
        {"days": "school", "owner": "band:10-12", "from": "20:45", "to": "07:00"},
        {"days": "free", "owner": "band:10-12", "from": "21:45", "to": "08:00"},
    ]
    roblox = [(row["name"], row["days"], row["from"], row["to"]) for row in said["windows"]]
    assert roblox == [
        ("Roblox", "school", "16:00", "18:00"),
        ("Roblox", "free", "10:00", "12:00"),
        ("Roblox", "free", "15:00", "19:00"),
    ]
    first = said["refused"][0]
    assert first == {
        "target": "service:tiktok", "name": "TikTok", "owner": "family", "verdict": "block", "askable": False,
    }  # fmt: skip
    gambling = next(row for row in said["refused"] if row["target"] == "category:gambling")
    assert (gambling["owner"], gambling["name"], gambling["askable"]) == ("band:10-12", "Gambling", True)
    assert [(row["name"], row["days"], row["minutes"], row["owner"]) for row in said["limits"]] == [
        ("Play", "school", 120, "band:10-12"),
        ("Play", "free", 180, "band:10-12"),
    ]
    assert [row["name"] for row in said["counted"]] == ["Video sharing", "Games"]
    assert (said["day_starts"], said["approved"], said["opened"]) == ("04:00", False, [])


def test_a_weekday_of_its_own_is_told_beside_its_kind_of_day(tmp_path: Path) -> None:
    """A holiday on a Tuesday has the hours of free days; one on a Monday has Monday's."""
    hours = {
        "bedtime": {"mon": {}},
        "windows": {"service:roblox": {"school": [], "wed": {}, "free": ["10:00-12:00"]}},
    }
    said = told(RuleBook(write(tmp_path, {"daughter": {**DAUGHTER, **hours}})))
    assert [(row["days"], row["from"]) for row in said["bedtime"]] == [
        ("school", "20:45"), ("free", "21:45"), ("mon", None),
    ]  # fmt: skip
    assert [(row["days"], row["from"], row.get("all_day")) for row in said["windows"]] == [
        ("school", None, "closed"), ("free", "10:00", None), ("wed", None, "open"),
    ]  # fmt: skip


def test_days_that_are_not_as_their_weekday_are_told(tmp_path: Path) -> None:
    dates = {"2026-12-19": "school", "2026-12-15": {"bedtime": {}, "limits": {"play": {}}}}
    rules = RuleBook(write(tmp_path, {"daughter": {**DAUGHTER, "dates": dates}}))
    days = told(rules, at=datetime(2026, 12, 14, 12, tzinfo=ALMATY))["days"]
    assert [(day["date"], day["counts_as"], day["because"]) for day in days] == [
        ("2026-12-15", "school", None),
        ("2026-12-16", "free", "holiday"),
        ("2026-12-19", "school", "exception"),
    ]
    assert days[0]["bedtime"] == {"owner": "", "from": None, "to": None}
    assert [(row["target"], row["minutes"]) for row in days[0]["limits"]] == [("play", None)]


def test_what_a_guardian_opened_is_told_with_its_end(rules: RuleBook) -> None:
    opened = Situation(allowed=(("service:tiktok", NOON + timedelta(hours=1)), ("old.example", NOON)))
    assert told(rules, opened)["opened"] == [
        {"target": "service:tiktok", "name": "TikTok", "until": NOON + timedelta(hours=1)}
    ]


@pytest.mark.parametrize("band", ["6-9", "0-5"])
def test_sites_that_nobody_knows_are_told_where_they_ask_first(tmp_path: Path, band: str) -> None:
    said = told(RuleBook(write(tmp_path, {"daughter": {**DAUGHTER, "band": band}})))
    found = [row for row in said["refused"] if row["target"] == "unknown"]
    assert [(row["verdict"], row["owner"]) for row in found] == (
        [("ask", "band:6-9")] if band == "6-9" else []
    )
    assert said["approved"]


def test_the_same_thing_is_not_called_open_and_refused(tmp_path: Path) -> None:
    """Whichever holds is told: a kind that an entry opens, one that is blocked as well, what a law closes."""
    rules = {
        "allow": ["category:gambling", "category:dating", "service:tiktok", "service:instagram"],
        "block": ["category:dating"],
        "laws": {"au-under-16-social": "Mum"},
    }
    said = told(RuleBook(write(tmp_path, {"daughter": {**DAUGHTER, **rules}})))
    refused = [row["target"] for row in said["refused"]]
    assert "category:gambling" not in refused
    assert refused.count("category:dating") == 1
    assert [row["target"] for row in said["allowed"]] == ["category:gambling"]


def test_what_is_refused_whatever_its_kind_is_told_too(tmp_path: Path) -> None:
    strict = RuleBook(write(tmp_path, {"daughter": {**DAUGHTER, "strict": True}}))
    said = told(strict)
    owners = {row["target"]: row["owner"] for row in said["refused"]}
    assert owners["strict"] == "family"
    assert owners["safe_search"] == "band:10-12"
    assert owners["protocol"] == "product"
    assert owners["ways:vpn"] == "band:10-12"
    assert "category:csam" not in owners
    plain = RuleBook(write(tmp_path, {"daughter": {**DAUGHTER, "safe_search": "off"}}))
    said = told(plain)
    assert {"strict", "safe_search"}.isdisjoint(row["target"] for row in said["refused"])


def test_a_bedtime_of_another_day_is_told_with_the_day(tmp_path: Path) -> None:
    rules = RuleBook(write(tmp_path, {"daughter": {"band": "16-17", "bedtime": {"fri": "20:45-07:00"}}}))
    assert state(rules, NOON)["sentence"] == "Open until bedtime at 20:45 tomorrow."
    assert state(rules, NOON + timedelta(days=1))["sentence"] == "Open until bedtime at 20:45."


def test_a_service_that_the_child_must_ask_for_is_in_the_list(tmp_path: Path) -> None:
    daughter = {**DAUGHTER, "categories": {"service:roblox": "ask", "service:minecraft": "count"}}
    said = told(RuleBook(write(tmp_path, {"daughter": daughter, "son": SON})))
    roblox = {"target": "service:roblox", "name": "Roblox", "owner": "family"}
    assert {**roblox, "verdict": "ask", "askable": False} in said["refused"]
    assert {"target": "service:minecraft", "name": "Minecraft", "owner": "family"} in said["counted"]
