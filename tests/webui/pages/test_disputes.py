"""``I think this is wrong``: from a row of the child's ledger to the guardian's answer."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlencode

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, PHONE, TABLET, TODAY, Household
from tests.webui.standin.pages import text_of
from tests.webui.standin.spending import counted

START = NOW.replace(hour=17, minute=30)
GAME = {"at": START.isoformat(), "device": TABLET, "service": "Roblox"}


def page_of(values: dict[str, str]) -> str:
    return f"/my/wrong?{urlencode(values)}"


def test_each_row_of_the_child_s_own_ledger_can_be_doubted(tablet: Browser, mum: Browser) -> None:
    page = unescape(tablet.get("/my/time").text)
    assert page.count(">I think this is wrong</a>") == 2
    links = [parse_qs(one) for one in re.findall(r'href="/my/wrong\?([^"]+)"', page)]
    assert {key: [value] for key, value in GAME.items()} in links
    assert "/my/wrong" not in mum.get("/parent/time/daughter").text


def test_the_form_says_what_is_meant(tablet: Browser) -> None:
    text = text_of(tablet.get(page_of(GAME)).text)
    for expected in ("When Today, 17:30–17:50", "What Roblox", "Counted for Play, Roblox", "On Tablet"):
        assert expected in text
    assert "20 min" in text
    assert "30 min" not in text


def test_the_parents_see_it_and_give_the_minutes_back(
    tablet: Browser, mum: Browser, household: Household
) -> None:
    answer = tablet.post("/my/wrong", {**GAME, "minutes": "15", "reason": "It only loaded an update"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/my")
    do, sent = household.asked[-1]
    assert (do, sent["since"], sent["minutes"], sent["limits"]) == (
        "request", START.isoformat(), 15, "play service:roblox",
    )  # fmt: skip
    assert sent["device"] == TABLET
    mine = text_of(tablet.get("/my").text)
    assert "Your parents see what you wrote. The answer will be here." in mine
    assert "15 min of Play, Roblox are wrong today at 17:30 Waiting for an answer" in mine
    page = text_of(mum.get("/parent/requests").text)
    assert "Aruzhan: 15 min of Play, Roblox are wrong today at 17:30" in page
    assert "It only loaded an update" in page
    assert "Give back No" in page
    assert "Always" not in page
    number = str(household.requests[0]["id"])
    assert mum.post("/parent/requests", {"id": number, "answer": "today"}).status_code == 400
    mum.post("/parent/requests", {"id": number, "answer": "once", "minutes": "15", "because": "Right"})
    assert "Mum gave 15 min back Right" in text_of(tablet.get("/my").text)


def test_minutes_of_yesterday_are_found_too(tablet: Browser, household: Household) -> None:
    household.counted = counted(TODAY - timedelta(days=1))
    start = START - timedelta(days=1)
    answer = tablet.post("/my/wrong", {**GAME, "at": start.isoformat(), "minutes": "20"})
    assert answer.status_code == 303
    assert household.requests[0]["since"] == start


@pytest.mark.parametrize(
    "values",
    [
        {**GAME, "at": (START + timedelta(minutes=1)).isoformat()},
        {**GAME, "device": PHONE},
        {**GAME, "service": "TikTok"},
        {**GAME, "at": (START - timedelta(days=30)).isoformat()},
    ],
)
def test_what_is_no_row_of_one_s_own_is_not_told_to_anybody(
    tablet: Browser, household: Household, values: dict[str, str]
) -> None:
    assert tablet.get(page_of(values)).headers["Location"] == "/my/time"
    assert tablet.post("/my/wrong", {**values, "minutes": "5"}).status_code == 303
    assert household.requests == []


@pytest.mark.parametrize("at", ["", "yesterday", "2026-11-24T17:30:00"])
def test_what_is_no_time_is_refused(tablet: Browser, at: str) -> None:
    assert tablet.get(page_of({**GAME, "at": at})).status_code == 400


@pytest.mark.parametrize("minutes", ["0", "21", "-5", "x", ""])
def test_no_more_minutes_than_there_were(tablet: Browser, household: Household, minutes: str) -> None:
    assert tablet.post("/my/wrong", {**GAME, "minutes": minutes}).status_code == 400
    assert household.requests == []


def test_a_sibling_s_minutes_are_not_there(app: Flask, daemon: Running, household: Household) -> None:
    laptop = browser_on(app, "192.168.1.22")
    assert laptop.get(page_of(GAME)).headers["Location"] == "/my/time"


def test_what_the_daemon_refuses_is_said_beside_the_form(tablet: Browser) -> None:
    answer = tablet.post("/my/wrong", {**GAME, "minutes": "5", "reason": "too often"})
    assert answer.status_code == 409
    assert "You asked 20 times today. Ask again tomorrow, or in person." in text_of(answer.text)
    assert '<option value="5" selected>' in answer.text
    assert 'value="too often"' in answer.text
