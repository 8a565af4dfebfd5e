"""Rules and states in the words of the control socket."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.daemon.files.rules import RuleBook
from gateway.daemon.verbs.describe import describe_profile, describe_state
from gateway.policy.decide import Judge
from gateway.policy.situation import FOREVER, PLAIN, Situation
from tests.daemon.household_files import DAUGHTER, SON, write

ALMATY = ZoneInfo("Asia/Almaty")
NOON = datetime(2026, 11, 25, 12, tzinfo=ALMATY)


@pytest.fixture
def rules(tmp_path: Path) -> RuleBook:
    return RuleBook(write(tmp_path, {"daughter": DAUGHTER, "son": SON}))


def state(rules: RuleBook, at: datetime, situation: Situation = PLAIN) -> dict[str, Any]:
    judge = Judge(rules.household.profiles["daughter"], rules.world, rules.calendar)
    return describe_state(judge, situation, at, rules)


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
    said: Any = describe_profile(rules.household.profiles["daughter"], rules)["profile"]
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
    assert first == {"target": "service:tiktok", "name": "TikTok", "owner": "family", "verdict": "refuse"}
    gambling = next(row for row in said["refused"] if row["target"] == "category:gambling")
    assert (gambling["owner"], gambling["name"]) == ("band:10-12", "Gambling")
    assert "limits" not in said, "nobody counts minutes yet, so none may be promised"


def test_what_is_refused_whatever_its_kind_is_told_too(tmp_path: Path) -> None:
    strict = RuleBook(write(tmp_path, {"daughter": {**DAUGHTER, "strict": True}}))
    said: Any = describe_profile(strict.household.profiles["daughter"], strict)["profile"]
    owners = {row["target"]: row["owner"] for row in said["refused"]}
    assert owners["strict"] == "family"
    assert owners["safe_search"] == "band:10-12"
    assert owners["protocol"] == "product"
    assert owners["ways:vpn"] == "band:10-12"
    assert "category:csam" not in owners
    plain = RuleBook(write(tmp_path, {"daughter": {**DAUGHTER, "safe_search": "off"}}))
    said = describe_profile(plain.household.profiles["daughter"], plain)["profile"]
    assert {"strict", "safe_search"}.isdisjoint(row["target"] for row in said["refused"])


def test_a_bedtime_of_another_day_is_told_with_the_day(tmp_path: Path) -> None:
    rules = RuleBook(write(tmp_path, {"daughter": {"band": "16-17", "bedtime": {"fri": "20:45-07:00"}}}))
    assert state(rules, NOON)["sentence"] == "Open until bedtime at 20:45 on Thursday."
    assert state(rules, NOON + timedelta(days=1))["sentence"] == "Open until bedtime at 20:45."
