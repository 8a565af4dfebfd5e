"""The page of live traffic: its filter, pause and table, and the notice on a young child's page."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, Household, asked_of
from tests.webui.standin.pages import HOSTILE, text_of

TV, SONS = "02:00:00:00:00:40", "02:00:00:00:00:22"
SONS_IP = "192.168.1.22"
PATHS = ("/parent/traffic/", "/parent/traffic/now", "/parent/traffic/lines.csv")


def line(
    number: int, host: str, verdict: str = "allow", reason: str = "open", mac: str = TV
) -> dict[str, object]:
    return {
        "number": number, "at": NOW + timedelta(seconds=number), "mac": TV, "proto": "dns", "host": host,
        "address": "192.168.1.1", "port": 0, "verdict": verdict, "reason": reason, "rule": f"rule {number}",
    }  # fmt: skip


@pytest.fixture
def lines(household: Household) -> Household:
    base = {"owner": "", "child": False, "by": "", "until": None, "shown": True}
    household.seen_devices = {
        TV: {**base, "mac": TV, "name": "TV"},
        SONS: {
            **base,
            "mac": SONS,
            "name": "Tablet 2",
            "owner": "Timur",
            "child": True,
            "shown": False,
        },
    }
    household.traffic = [
        line(1, "one.example"),
        line(2, "two.example", "block", "category"),
        line(3, "three.example"),
    ]
    return household


@pytest.mark.parametrize("path", PATHS)
def test_nobody_but_guardians_sees_it(tablet: Browser, lines: Household, path: str) -> None:
    assert tablet.get(path).headers["Location"] == "/signin"
    assert tablet.post("/parent/traffic/watch", {"mac": SONS, "action": "start"}).status_code == 303
    assert asked_of(lines, "traffic") == asked_of(lines, "traffic_watch") == []


def test_the_newest_line_comes_first(mum: Browser, lines: Household) -> None:
    text = text_of(mum.get("/parent/traffic/").text)
    assert text.index("three.example") < text.index("two.example") < text.index("one.example")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("verdict=block", {"two"}),
        ("reason=open", {"one", "three"}),
        ("text=THREE", {"three"}),
        ("text=rule+2", {"two"}),
        (f"device={TV}&text=one", {"one"}),
        ("device=02:00:00:00:00:99", set()),
        ("paused=2", {"one", "two"}),
        ("verdict=nonsense&paused=x", {"one", "two", "three"}),
    ],
)
def test_it_is_filtered(mum: Browser, lines: Household, query: str, found: set[str]) -> None:
    for path in PATHS:
        page = mum.get(f"{path}?{query}").text
        assert set(re.findall(r"\b(one|two|three)\.example", page)) == found


def test_a_paused_page_is_not_live_and_records_nothing(mum: Browser, lines: Household) -> None:
    page = mum.get("/parent/traffic/").text
    assert 'data-live="/parent/traffic/now"' in page
    assert 'href="/parent/traffic/?paused=3"' in page
    assert asked_of(lines, "traffic")[-1]["paused"] is False
    page = mum.get("/parent/traffic/?paused=3").text
    assert 'data-live="/parent/traffic/now' not in page
    assert "Continue" in page
    assert asked_of(lines, "traffic")[-1]["paused"] is True


def test_the_table_has_the_same_lines(mum: Browser, lines: Household) -> None:
    answer = mum.get("/parent/traffic/lines.csv?verdict=block")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert [row[2] for row in rows[1:]] == ["two.example"]
    assert rows[1][6:] == ["block", "category", "rule 2"]


def test_each_request_says_who_reads_and_from_where(mum: Browser, lines: Household) -> None:
    mum.get("/parent/traffic/")
    (values,) = asked_of(lines, "traffic")
    assert values["by"] == "Mum"
    assert values["origin"]


def test_a_young_child_s_page_says_it_while_it_runs(
    mum: Browser, app: Flask, daemon: Running, lines: Household
) -> None:
    sons = browser_on(app, SONS_IP)
    assert 'id="watched"' not in sons.get("/my").text
    assert "Look for 15 minutes" in mum.get("/parent/traffic/").text
    mum.post("/parent/traffic/watch", {"mac": SONS, "action": "start"})
    page = sons.get("/my").text
    assert 'id="watched"' in page
    assert "Mum looks at what Tablet 2 does" in text_of(page)
    assert 'id="watched"' in sons.get("/my/now").text
    assert lines.watched
    lines.watched["by"] = "qalqan"
    assert "The gateway looks at what Tablet 2 does" in text_of(sons.get("/my").text)
    mum.post("/parent/traffic/watch", {"mac": SONS, "action": "end"})
    assert 'id="watched"' not in sons.get("/my").text


def test_a_private_device_is_not_started(mum: Browser, lines: Household) -> None:
    mum.post("/parent/traffic/watch", {"mac": TV, "action": "start"})
    assert "The traffic of this device is private." in text_of(mum.get("/parent/traffic/").text)


def test_hostile_names_come_to_nothing(mum: Browser, lines: Household) -> None:
    lines.traffic = [line(1, HOSTILE)]
    lines.seen_devices[TV]["name"] = HOSTILE
    for path in PATHS[:2]:
        assert "<script>alert" not in mum.get(path).text
