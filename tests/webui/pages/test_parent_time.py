"""Extra time by one tap, its undo, and what the parents' card tells of minutes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.control.contract.time import PersonGrant
from gateway.policy.language import ENGLISH
from gateway.policy.time.moments import unknown_time
from tests.webui.conftest import Browser
from tests.webui.standin.household import NOW, Household, asked_of
from tests.webui.standin.pages import HOSTILE, text_of
from tests.webui.standin.ruled import RULES
from webui.features.time.grant_text import to_child, to_parent

UNTIL = NOW + timedelta(minutes=80)


def test_each_card_tells_what_is_left_today(mum: Browser) -> None:
    page = mum.get("/parent/").text
    text = text_of(page)
    assert "Play 40 min left of 1 h 30 min Roblox 15 min of it extra 55 min left of 1 h 15 min" in text
    assert "Play 53 min left of 1 h Took 10 min today to finish a game" in text
    assert 'href="/parent/activity/daughter"' in page
    assert 'aria-label="More time for Dana"' not in page


def test_each_card_names_the_week_where_it_has_less_left(mum: Browser, household: Household) -> None:
    play, roblox = household.minutes["daughter"]["used"]
    play["week"] = {"minutes": 570, "limit": 600, "bonus": 0, "owner": "family"}
    roblox["week"] = {"minutes": 60, "limit": 180, "bonus": 15, "owner": "family"}
    text = text_of(mum.get("/parent/").text)
    assert "Play 30 min left of 10 h this week Roblox 15 min of it extra 55 min left of 1 h 15 min" in text
    assert "30 min left for Play this week" in text


@pytest.mark.parametrize("minutes", [15, 30, 60])
def test_one_tap_gives_minutes_and_says_until_when(mum: Browser, household: Household, minutes: int) -> None:
    answer = mum.post("/parent/grant", {"who": "daughter", "minutes": str(minutes)})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/parent/")
    assert asked_of(household, "grant") == [
        {"who": "daughter", "minutes": minutes, "by": "Mum", "origin": "192.168.1.7"}
    ]
    until = NOW + timedelta(minutes=65 + minutes)
    page = mum.get("/parent/").text
    assert f"Aruzhan has {minutes} more minutes, until {until:%H:%M}." in page
    assert 'name="grant" value="1">Undo</button>' in page


def test_it_can_be_undone_on_home_until_the_next_change(mum: Browser, household: Household) -> None:
    mum.post("/parent/grant", {"who": "daughter", "minutes": "15"})
    for path in ("/parent/", "/parent/"):
        assert ">Undo<" in mum.get(path).text
    for path in ("/parent/requests", "/parent/codes/"):
        assert ">Undo<" not in mum.get(path).text
    assert mum.post("/parent/undo", {"grant": "1"}).headers["Location"] == "/parent/"
    assert household.given == {}
    assert asked_of(household, "revoke") == [{"grant": 1, "by": "Mum", "origin": "192.168.1.7"}]
    page = mum.get("/parent/").text
    assert "The change is undone." in page
    assert ">Undo</button>" not in page


def test_the_next_change_takes_the_undo_s_place(mum: Browser) -> None:
    mum.post("/parent/grant", {"who": "daughter", "minutes": "15"})
    mum.post("/parent/pause", {"who": "son", "minutes": "30"})
    page = mum.get("/parent/").text
    assert "Timur is paused until 20:10." in page
    assert 'name="grant"' not in page


def test_an_undo_of_what_has_ended_is_not_offered(mum: Browser, household: Household) -> None:
    mum.post("/parent/grant", {"who": "daughter", "minutes": "15"})
    household.extra["now"] = NOW + timedelta(hours=3)
    assert ">Undo<" not in mum.get("/parent/").text


def test_what_somebody_else_took_back_is_told(mum: Browser, household: Household) -> None:
    mum.post("/parent/grant", {"who": "daughter", "minutes": "15"})
    household.given.clear()
    mum.post("/parent/undo", {"grant": "1"})
    assert "This time is over already. There is nothing to take back." in mum.get("/parent/").text


def test_a_pause_goes_on(mum: Browser) -> None:
    mum.post("/parent/pause", {"who": "daughter", "minutes": "60"})
    mum.post("/parent/grant", {"who": "daughter", "minutes": "15"})
    assert "until 21:00. The pause goes on." in mum.get("/parent/").text


def test_what_the_daemon_refuses_is_told(mum: Browser) -> None:
    mum.post("/parent/grant", {"who": "teen", "minutes": "15"})
    text = mum.get("/parent/").text
    assert "Dana has no time limit now. There is nothing to extend." in text
    assert ">Undo<" not in text


@pytest.mark.parametrize(
    "values",
    [
        {"who": "daughter"},
        {"who": "daughter", "minutes": "16"},
        {"who": "daughter", "minutes": "99999"},
        {"who": "daughter", "minutes": "-15"},
        {"who": "all", "minutes": "15"},
        {"who": "", "minutes": "15"},
        {"who": "nobody", "minutes": "15"},
        {"who": "02:00:00:00:00:0a", "minutes": "15"},
    ],
)
def test_what_the_card_does_not_offer_gives_nothing(
    mum: Browser, household: Household, values: dict[str, str]
) -> None:
    assert mum.post("/parent/grant", values).status_code == 400
    assert household.given == {}


@pytest.mark.parametrize("number", ["", "0", "-1", "x", "1.0", "9" * 30, "١"])
def test_an_undo_needs_a_number(mum: Browser, household: Household, number: str) -> None:
    assert mum.post("/parent/undo", {"grant": number}).status_code == 400
    assert asked_of(household, "revoke") == []


def test_no_other_site_gives_time(mum: Browser, household: Household) -> None:
    values = {"who": "daughter", "minutes": "15"}
    assert mum.post("/parent/grant", values, Origin="http://evil.example").status_code == 403
    assert (
        mum.client.post("/parent/grant", base_url="http://192.168.1.1:8080", data=values).status_code == 403
    )
    assert household.given == {}


def test_a_hostile_child_s_name_is_harmless_in_the_notice(
    mum: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RULES["daughter"], "name", HOSTILE)
    mum.post("/parent/grant", {"who": "daughter", "minutes": "15"})
    page = mum.get("/parent/").text
    assert "<script>alert" not in page
    assert "more minutes, until" in page


@pytest.mark.parametrize(
    ("given", "parent", "child"),
    [
        (
            PersonGrant("daughter", 15, UNTIL, ("bedtime",), None, None, False, ""),
            "Aruzhan has 15 more minutes, until 21:00.",
            "You have 15 more minutes, until 21:00.",
        ),
        (
            PersonGrant("daughter", 1, UNTIL, ("window:internet",), None, None, False, ""),
            "Aruzhan has 1 more minute, until 21:00.",
            "You have 1 more minute, until 21:00.",
        ),
        (
            PersonGrant("daughter", 30, None, ("play",), "play", "Play", False, ""),
            "Aruzhan has 30 more minutes of play today.",
            "You have 30 more minutes of play today.",
        ),
        (
            PersonGrant("daughter", 30, None, ("internet",), None, None, False, ""),
            "Aruzhan has 30 more minutes today.",
            "You have 30 more minutes today.",
        ),
        (
            PersonGrant("daughter", 30, None, ("service:x",), "service:x", "X", False, ""),
            "Aruzhan has 30 more minutes of X today.",
            "You have 30 more minutes of X today.",
        ),
        (
            PersonGrant("daughter", 1, None, ("category:x",), "category:x", "X", False, ""),
            "Aruzhan has 1 more minute of X today.",
            "You have 1 more minute of X today.",
        ),
        (
            PersonGrant("daughter", 15, UNTIL, ("bedtime",), "service:x", "X", False, ""),
            "X is allowed for Aruzhan until 21:00.",
            "X is allowed until 21:00.",
        ),
    ],
)
def test_what_was_given_in_words(given: PersonGrant, parent: str, child: str) -> None:
    assert to_parent(given, "Aruzhan", NOW) == parent
    assert to_child(given, NOW) == child


def test_the_time_that_is_not_known_is_said_as_the_daemon_does(mum: Browser, household: Household) -> None:
    household.extra["clock"] = {"known": False, "sentence": unknown_time(ENGLISH)}
    for path in ("/parent/", "/parent/more"):
        assert unknown_time(ENGLISH) in mum.get(path).text


@pytest.mark.parametrize(("waiting", "line"), [(0, ""), (1, "1 request waits"), (2, "2 requests wait")])
def test_requests_that_wait_are_on_top_and_in_the_tabs(
    mum: Browser, household: Household, waiting: int, line: str
) -> None:
    household.extra["requests"] = waiting
    for path in ("/parent/", "/parent/requests", "/parent/more", "/parent/codes/"):
        page = mum.get(path).text
        assert (f">{waiting}</b>" in page) is bool(waiting)
        assert page.count("aria-current=page") == 1
    page = mum.get("/parent/cards").text
    assert line in page
    assert ("for an answer" in page) is bool(line)


def test_sign_out_and_codes_are_under_more(mum: Browser) -> None:
    page = mum.get("/parent/more").text
    assert 'action="/signout"' in page
    assert 'href="/parent/codes/"' in page
    assert "Qalqan 0.1.0" in page
