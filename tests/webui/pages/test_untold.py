"""Where something of a child is not told by its age, pages say so in one calm line and show nothing else."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.webui.conftest import Browser
from tests.webui.standin.household import NOW, TABLET, Household
from tests.webui.standin.pages import text_of

AGES = [("10-12", 2), ("13-15", 1), ("16-17", 0), ("10-12", 0)]
WHY = {
    ("13-15", 1): "Online status is private from age 13.",
    ("16-17", 0): "Online status and use of time are private from age 16.",
    ("10-12", 0): "With this setting, online status and use of time are private.",
}
HOMES = ("/parent/", "/parent/cards", "/parent/activity/daughter", f"/parent/device/{TABLET}")
OVER: dict[str, Any] = {
    "id": 7, "profile": "daughter", "name": "Aruzhan", "device": TABLET, "topic": "site",
    "thing": "m4rksite.test", "since": None, "thing_name": "m4rksite.test", "minutes": None,
    "reason": "m4rkwhy", "at": NOW - timedelta(hours=2), "expires": None, "state": "answered", "answer": "no",
    "given": None, "because": "m4rkword", "by": "Mum", "answered": NOW - timedelta(minutes=7), "grant": None,
}  # fmt: skip
SOON = re.compile(r"online|minutes? ago|just now|\d\d:\d\d")


def aged(household: Household, band: str, level: int) -> None:
    household.edited["daughter"] = {"band": band, "log_level": level}


@pytest.mark.parametrize(("band", "level"), AGES)
def test_a_line_says_why_it_is_not_told_whether_a_device_is_here(
    mum: Browser, household: Household, band: str, level: int
) -> None:
    aged(household, band, level)
    for path in HOMES:
        read = text_of(mum.get(path).text)
        assert [one for one in WHY.values() if one in read] == ([WHY[band, level]] if level < 2 else []), path


@pytest.mark.parametrize(("band", "level"), AGES)
def test_the_devices_page_tells_the_moment_the_day_or_nothing(
    mum: Browser, household: Household, band: str, level: int
) -> None:
    aged(household, band, level)
    (row,) = re.findall(
        rf'<li id="device-{TABLET}">(.*?)</summary>', mum.get("/parent/devices/").text, re.DOTALL
    )
    read = text_of(row)
    assert ("online now" in read) == (level == 2)
    assert ("last seen today" in read) == (level == 1)
    assert ("presence hidden" in read) == (level == 0)
    assert bool(SOON.search(read)) == (level == 2)


@pytest.mark.parametrize(("band", "level"), AGES)
def test_a_request_that_is_over_is_shown_by_the_log_level(
    mum: Browser, household: Household, band: str, level: int
) -> None:
    aged(household, band, level)
    household.requests = [dict(OVER)]
    read = text_of(mum.get("/parent/requests").text)
    assert ("m4rk" in read) == (level == 2)
    assert ("Aruzhan: a site Mum said no today" in read) == (level == 1)
    assert ("said no" in read) == bool(level)
    assert "For ages 13 to 15 we show only the type and day of past requests." in read
    digest = text_of(mum.get("/parent/digest/").text)
    told = digest.count("Requests of this child are shown while they wait.")
    assert told == (1 if level else 2), "of the teenager of the family too"


def test_one_that_waits_is_shown_whole(mum: Browser, household: Household) -> None:
    aged(household, "16-17", 0)
    household.requests = [
        OVER | {"state": "pending", "answer": None, "answered": None, "by": None, "because": ""}
    ]
    read = text_of(mum.get("/parent/requests").text)
    assert "m4rksite.test" in read
    assert "m4rkwhy" in read


@pytest.mark.parametrize(
    ("band", "level", "said"),
    [
        ("10-12", 2, "Your parents read what you ask for, when, and why."),
        ("13-15", 1, "After that they see only its type and the day."),
        ("16-17", 0, "After that they see only what they gave."),
    ],
)
def test_a_child_reads_who_sees_a_request_before_it_is_sent(
    tablet: Browser, household: Household, band: str, level: int, said: str
) -> None:
    aged(household, band, level)
    assert said in text_of(tablet.get("/my/ask").text)
    assert said in text_of(tablet.get("/why").text), "where a site is asked for"


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (2, "Your parents can see when your devices are on the Wi-Fi."),
        (1, "Your parents can see on which day your devices were on the Wi-Fi last, not when."),
        (0, "Your parents cannot see when your devices are on the Wi-Fi."),
    ],
)
def test_my_rules_tells_the_child_who_sees_its_devices(
    tablet: Browser, household: Household, level: int, said: str
) -> None:
    aged(household, "10-12", level)
    assert said in text_of(tablet.get("/my").text)
