"""*My rules*, as a page and by the API, tells all that the daemon tells of any rules, at each reading level.

That what the daemon tells is what decides is held by tests/features/rules/test_my_rules.py.
"""

from __future__ import annotations

import html
import json
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway.control.protocol import encode
from gateway.core.errors import PolicyError
from gateway.features.rules.describe import profile_rules
from gateway.household.rule_book import RuleBook
from gateway.policy.judge.decide import Judge
from gateway.policy.time.time_rules import Situation
from tests.features.rules.anyrules import MOMENTS, RULES
from tests.household.household_files import DAUGHTER, write
from tests.webui.conftest import Browser
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of
from webui.language.words import duration

SOME_RULES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
OPENED = st.sampled_from([(), ("service:tiktok",), ("site.example", "service:roblox")])


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    return RuleBook(write(tmp_path_factory.mktemp("home"), {"daughter": DAUGHTER}))


def told_by_the_daemon(
    book: RuleBook, said: dict[str, Any], opened: tuple[str, ...], now: datetime
) -> dict[str, Any]:
    try:
        profile = book.profile_of(yaml.safe_dump(said).encode(), Path("daughter.yaml"))
    except PolicyError:
        assume(False)
    until = now.replace(hour=23, minute=59)
    situation = Situation(allowed=tuple((entry, until) for entry in opened if now < until))
    answer = profile_rules(Judge(profile, book.world, book.calendar), book, situation, now)
    told: dict[str, Any] = json.loads(encode(cast("Any", answer)))
    return told | {"id": "daughter"}


@SOME_RULES
@given(said=RULES, opened=OPENED, now=MOMENTS)
def test_the_page_and_the_api_leave_nothing_out(
    book: RuleBook,
    tablet: Browser,
    household: Household,
    said: dict[str, Any],
    opened: tuple[str, ...],
    now: datetime,
) -> None:
    told = told_by_the_daemon(book, said, opened, now)
    household.edited["daughter"] = told
    assert tablet.get("/api/v1/my/rules").get_json() == told
    page = html.unescape(text_of(tablet.get("/my").text))
    for row in (*told["refused"], *told["allowed"], *told["opened"]):
        assert row["name"] in page
    for row in (*told["bedtime"], *told["windows"]):
        assert _hours(row) in page
        assert row.get("name", "") in page
    for row in told["limits"]:
        assert row["name"] in page
        assert (duration(row["minutes"]) if row["minutes"] is not None else "no limit") in page
    play_is_ruled = any(row["target"] == "play" for row in (*told["windows"], *told["limits"]))
    for row in told["counted"] if play_is_ruled else ():
        assert row["name"] in page.partition("Daily time is used by: ")[2].partition(".")[0]
    for row in told["uncounted"]:
        assert row["name"] in page.partition("These do not use up the internet’s time: ")[2].partition(".")[0]
    assert ("Sites that were chosen for your age are open too." in page) is told["approved"]
    if told["band"] in ("0-5", "6-9") and told["mode"] == "block-list":
        kinds = [row for row in told["refused"] if row["target"].startswith("category:")]
        assert ("Sites for older people" in page) is any(row["owner"] != "product" for row in kinds)
    for day in told["days"]:
        assert {"free": "a free day", "school": "a school day"}[day["counts_as"]] in page
        if day["bedtime"] is not None:
            assert (f"bedtime {_hours(day['bedtime'])}" if day["bedtime"]["from"] else "no bedtime") in page


def _hours(row: dict[str, Any]) -> str:
    if row["from"] is not None:
        return f"{row['from']}–{row['to']}"
    return {"open": "all day", "closed": "not at all"}.get(row.get("all_day", ""), "none")
