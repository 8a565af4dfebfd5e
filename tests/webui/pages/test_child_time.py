"""The card 'Time' of the child's page, and what a child does there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, PHONE, TABLET, Household, asked_of
from tests.webui.standin.pages import HOSTILE, text_of

SONS = "192.168.1.22"
DOING = {"request", "landing", "redeem", "grant", "revoke", "answer", "ticket", "withdraw"}


def done(household: Household) -> list[str]:
    return [do for do, _ in household.asked if do in DOING]


def soon(household: Household, minutes: int, who: str = "daughter") -> None:
    household.minutes[who]["left"].update(minutes=minutes, at=NOW + timedelta(minutes=minutes))


def test_the_card_tells_minutes_and_which_device_used_them(tablet: Browser) -> None:
    page = tablet.get("/my").text
    text = text_of(page)
    for expected in (
        "Time 40 min left for Play",
        "Play Phone: 40 min Tablet: 20 min 40 min left of 1 h 30 min",
        "Roblox 15 min of it extra Tablet: 20 min 55 min left of 1 h 15 min",
        "Ask for more time",
        "I have a code",
        "Where my time went",
    ):
        assert expected in text
    assert 'class="ring"' in page
    assert "%" not in text


def test_two_devices_of_the_same_name_are_both_listed(tablet: Browser, household: Household) -> None:
    household.devices["192.168.1.21"]["name"] = "Tablet"
    text = text_of(tablet.get("/my").text)
    assert "Play Tablet: 40 min Tablet: 20 min 40 min left of 1 h 30 min" in text


def test_the_week_is_named_where_it_has_less_left(tablet: Browser, household: Household) -> None:
    play, roblox = household.minutes["daughter"]["used"]
    play["week"] = {"minutes": 570, "limit": 600, "bonus": 0, "owner": "family"}
    roblox.update(limit=None, week={"minutes": 60, "limit": 180, "bonus": 15, "owner": "family"})
    text = text_of(tablet.get("/my").text)
    assert "Time 30 min left for Play this week" in text
    assert "30 min left of 10 h this week" in text
    assert "2 h 15 min left of 3 h 15 min this week" in text
    play["week"]["minutes"] = 100
    text = text_of(tablet.get("/my").text)
    assert "40 min left of 1 h 30 min" in text
    assert "of 10 h this week" not in text


def test_bedtime_is_told_where_it_comes_first(tablet: Browser, household: Household) -> None:
    soon(household, 20)
    assert "Time 20 min until bedtime at 20:00" in text_of(tablet.get("/my").text)


def test_the_end_of_a_service_s_hours_is_announced(tablet: Browser, household: Household) -> None:
    at = NOW + timedelta(minutes=5)
    roblox = {"minutes": 5, "what": "window:service:roblox", "name": "Roblox", "at": at}
    household.closing = [roblox]
    page = tablet.get("/my/now").text
    assert "5 min until Roblox closes at 19:45" in text_of(page)
    assert '<template data-into="said">5 minutes left</template>' in page
    household.closing = [roblox | {"name": HOSTILE}]
    assert "<script>alert" not in tablet.get("/my/now").text


def test_the_page_asks_for_no_ledger(tablet: Browser, household: Household) -> None:
    tablet.get("/my")
    assert asked_of(household, "ledger") == []


def test_a_child_with_one_device_is_not_told_which(tablet: Browser, household: Household) -> None:
    del household.devices["192.168.1.21"]
    assert "Tablet: 20 min" not in text_of(tablet.get("/my").text)


def test_who_has_no_time_that_ends_sees_no_card_of_it(
    app: Flask, daemon: Running, household: Household
) -> None:
    household.devices["192.168.1.23"] = {"mac": "02:00:00:00:00:0d", "profile": "teen", "name": "Phone"}
    page = browser_on(app, "192.168.1.23").get("/my").text
    assert "Ask for more time" not in page
    assert 'class="ring"' not in page


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(16, ""), (15, "15 minutes left"), (12, "15 minutes left"), (5, "5 minutes left"), (1, "1 minute left")],
)
def test_the_end_is_announced(tablet: Browser, household: Household, minutes: int, said: str) -> None:
    soon(household, minutes)
    page = tablet.get("/my/now").text
    at = f"{NOW + timedelta(minutes=minutes):%H:%M}"
    assert ('class="warning' in page) is bool(said)
    assert ("warning-last" in page) is (0 < minutes <= 5)
    assert f'<template data-into="said">{said}</template>' in page
    assert (f"{minutes} min until bedtime at {at}" in text_of(page)) is True


def test_nothing_is_announced_while_all_is_closed(app: Flask, daemon: Running, household: Household) -> None:
    household.devices[SONS].update(state="bedtime", sentence="Bedtime.")
    assert 'class="warning' not in browser_on(app, SONS).get("/my").text


def test_time_is_asked_for_with_a_reason(tablet: Browser, household: Household) -> None:
    form = tablet.get("/my/ask").text
    assert 'value="service:roblox">Roblox' in form
    answer = tablet.post("/my/ask", {"minutes": "30", "reason": "One  more\nround"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/my")
    assert asked_of(household, "request") == [
        {"device": TABLET, "minutes": 30, "reason": "One more round", "origin": "192.168.1.20"}
    ]
    text = text_of(tablet.get("/my").text)
    assert "You asked. Your parents see it, and the answer is here." in text
    assert "30 min more Waiting for an answer Asked just now · Change it" in text
    assert "Ask for more time" not in text
    assert "You asked. Your parents" not in tablet.get("/my").text


def test_time_is_asked_for_one_service(tablet: Browser, household: Household) -> None:
    tablet.post("/my/ask", {"minutes": "15", "service": "service:roblox", "reason": ""})
    assert asked_of(household, "request") == [
        {"device": TABLET, "minutes": 15, "service": "service:roblox", "origin": "192.168.1.20"}
    ]
    assert "15 min more of Roblox" in text_of(tablet.get("/my").text)


def test_asking_again_takes_the_place_of_what_waits(tablet: Browser, household: Household) -> None:
    tablet.post("/my/ask", {"minutes": "15", "reason": "please"})
    form = tablet.get("/my/ask").text
    assert "You asked already. A new request replaces it." in form
    assert 'value="please"' in form
    tablet.post("/my/ask", {"minutes": "60"})
    assert [one["minutes"] for one in household.requests] == [60]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"minutes": ""},
        {"minutes": "20"},
        {"minutes": "9999"},
        {"minutes": "-15"},
        {"minutes": "15.0"},
        {"minutes": "١٥"},
        {"minutes": "15", "service": "service:youtube"},
        {"minutes": "15", "service": "play"},
        {"minutes": "15", "service": "../x"},
    ],
)
def test_what_the_form_does_not_offer_is_refused(
    tablet: Browser, household: Household, values: dict[str, str]
) -> None:
    assert tablet.post("/my/ask", values).status_code == 400
    assert done(household) == []


def test_a_long_reason_is_cut_and_a_hostile_one_harmless(tablet: Browser, household: Household) -> None:
    tablet.post("/my/ask", {"minutes": "15", "reason": HOSTILE + "x" * 300})
    (request,) = asked_of(household, "request")
    assert len(request["reason"]) == 200
    assert request["reason"].isprintable()
    for page in (tablet.get("/my").text, tablet.get("/my/ask").text):
        assert "<script>alert" not in page


def test_a_refusal_is_told_on_the_form(tablet: Browser) -> None:
    sent = {"minutes": "60", "service": "service:roblox", "reason": "too often"}
    answer = tablet.post("/my/ask", sent)
    assert answer.status_code == 409
    assert 'name="minutes" value="60" required checked' in answer.text
    assert '<option value="service:roblox" selected>' in answer.text
    assert 'name="reason" maxlength="200" autocomplete="off" value="too often"' in answer.text
    assert "You asked 20 times today. Ask again tomorrow, or in person." in answer.text


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"answer": "no", "because": "Homework first"}, "Mum said no Homework first"),
        ({"answer": "once", "given": 20}, "Mum gave 20 min"),
        ({"state": "auto", "given": 15, "by": None}, "Given automatically"),
        ({"state": "expired", "by": None}, "No one answered in time"),
    ],
)
def test_the_answer_is_told_with_its_reason_and_who_gave_it(
    tablet: Browser, household: Household, answer: dict[str, Any], told: str
) -> None:
    tablet.post("/my/ask", {"minutes": "15"})
    household.requests[0].update({"state": "answered", "by": "Mum", "answered": NOW, **answer})
    text = text_of(tablet.get("/my").text)
    assert f"15 min more {told}" in text
    assert "Ask for more time" in text


def test_an_old_answer_is_shown_no_more(tablet: Browser, household: Household) -> None:
    tablet.post("/my/ask", {"minutes": "15"})
    household.requests[0].update(state="answered", answer="no", by="Mum", answered=NOW - timedelta(hours=25))
    tablet.get("/my")
    assert "Mum said no" not in tablet.get("/my").text


def test_what_is_granted_by_itself_is_told_so(tablet: Browser, household: Household, daemon: Running) -> None:
    household.auto = True
    tablet.post("/my/ask", {"minutes": "15"})
    assert "You have it. No parent had to be asked." in tablet.get("/my").text


def test_a_game_can_be_finished_once(tablet: Browser, household: Household) -> None:
    assert "Finish my game" not in tablet.get("/my").text
    soon(household, 5)
    assert "Finish my game 10 min, once a day" in text_of(tablet.get("/my").text)
    assert tablet.post("/my/landing").headers["Location"] == "/my"
    assert asked_of(household, "landing") == [{"device": TABLET, "origin": "192.168.1.20"}]
    text = text_of(tablet.get("/my").text)
    assert "You have 10 more minutes, until 19:55." in text
    assert "Finish my game" not in text


def test_a_second_landing_is_told_in_a_sentence(tablet: Browser, household: Household) -> None:
    household.minutes["daughter"]["landing"]["taken"] = True
    tablet.post("/my/landing")
    assert "Aruzhan has already used “Finish my game” today. It works once a day." in tablet.get("/my").text


@pytest.mark.parametrize("typed", ["K7QM-3X12", "k7qm3x12", " k7qm – 3x12 ", "К7QМ 3Х12"])
def test_a_code_is_taken_however_it_is_typed(tablet: Browser, household: Household, typed: str) -> None:
    household.tickets["K7QM-3X12"] = {"batch": "1", "minutes": 30, "who": None, "by": "Mum"}
    answer = tablet.post("/my/code", {"code": typed})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/my")
    assert "You have 30 more minutes, until 21:15." in tablet.get("/my").text
    assert household.tickets == {}


def test_a_wrong_code_is_told_plainly_and_then_when_to_try_again(
    tablet: Browser, household: Household
) -> None:
    for _ in range(5):
        answer = tablet.post("/my/code", {"code": "aaaa-bbbb"})
        assert answer.status_code == 409
        assert "This code is not from this home. Check the paper." in answer.text
        assert 'value="aaaa-bbbb"' in answer.text
    answer = tablet.post("/my/code", {"code": "aaaa-bbbb"})
    assert "This device has tried too many wrong codes. Try again in 8 min." in answer.text


@pytest.mark.parametrize("typed", ["", "   ", "---", "\u202e"])
def test_no_code_at_all_asks_nobody(tablet: Browser, household: Household, typed: str) -> None:
    answer = tablet.post("/my/code", {"code": typed})
    assert answer.status_code == 409
    assert "Type the letters and numbers from the paper." in answer.text
    assert done(household) == []


def test_a_long_or_hostile_code_is_cut(tablet: Browser, household: Household) -> None:
    answer = tablet.post("/my/code", {"code": "<script>" + "A" * 5000})
    assert "<script>A" not in answer.text
    (redeemed,) = asked_of(household, "redeem")
    assert len(redeemed["code"]) <= 41


def test_a_code_of_a_sibling_is_not_taken(tablet: Browser, household: Household) -> None:
    household.tickets["K7QM-3X12"] = {"batch": "1", "minutes": 30, "who": "son", "by": "Mum"}
    answer = tablet.post("/my/code", {"code": "K7QM-3X12"})
    assert "This code is for someone else." in answer.text
    assert "Timur" not in answer.text


def test_a_site_is_asked_for_where_it_was_refused(tablet: Browser, household: Household) -> None:
    page = tablet.get("/refused?host=www.instagram.com").text
    assert 'name="host" value="www.instagram.com">Ask for Instagram' in page
    assert tablet.get("/why").text.count("Ask for ") == 3 + 1
    assert tablet.post("/my/ask/site", {"host": "www.instagram.com"}).headers["Location"] == "/my"
    assert asked_of(household, "request") == [
        {"device": TABLET, "site": "www.instagram.com", "origin": "192.168.1.20"}
    ]
    text = text_of(tablet.get("/my").text)
    assert "You asked for Instagram. Your parents see it, and the answer is here." in text
    assert "Instagram Waiting for an answer" in text
    for path in ("/why", "/refused?host=www.instagram.com"):
        text = text_of(tablet.get(path).text)
        assert "You asked for it. It waits for an answer." in text
        assert "Ask for Instagram" not in text


def test_each_blocked_site_is_listed_once_with_one_request(tablet: Browser, household: Household) -> None:
    first = household.refusals[1]
    for number, host in enumerate(("m.bet.example", "cdn.bet.example", "www.bet.example"), 3):
        at = first["at"] - timedelta(seconds=number)
        household.refusals.append({**first, "host": host, "at": at})
    page = tablet.get("/why").text
    assert page.count("Ask for bet.example") == 1
    assert "bet.example, m.bet.example, cdn.bet.example" in text_of(page)
    assert tablet.post("/my/ask/site", {"host": "bet.example"}).headers["Location"] == "/my"
    assert "Ask for bet.example" not in tablet.get("/why").text


def test_a_wrong_block_is_a_reason_for_what_a_category_blocks(tablet: Browser, household: Household) -> None:
    """The family's own rule is no mistake, and a service is in the catalogue by name."""
    assert tablet.get("/why").text.count('name="wrong"') == 1
    assert 'name="wrong"' in tablet.get("/refused?host=bet.example").text
    assert 'name="wrong"' not in tablet.get("/refused?host=www.tiktok.com").text
    tablet.post("/my/ask/site", {"host": "bet.example", "wrong": "yes"})
    (values,) = asked_of(household, "request")
    assert (values["site"], values["wrong"]) == ("bet.example", True)


@pytest.mark.parametrize("ip", ["192.168.1.20", "192.168.1.22", "192.168.1.23"])
def test_it_can_be_asked_for_at_every_age(app: Flask, daemon: Running, household: Household, ip: str) -> None:
    """A child of ten, one of six, one of sixteen."""
    household.devices.setdefault(ip, {"profile": "teen", "name": "Phone"})["mac"] = TABLET
    browser = browser_on(app, ip)
    for path in ("/why", "/refused?host=www.tiktok.com"):
        assert 'name="host" value="www.tiktok.com">Ask for TikTok' in browser.get(path).text


def test_a_service_is_asked_for_on_the_rules_page(tablet: Browser, household: Household) -> None:
    household.refusals.clear()
    assert tablet.get("/my").text.count('name="host" value="service:tiktok"') == 1
    assert tablet.post("/my/ask/site", {"host": "service:tiktok"}).headers["Location"] == "/my"
    (values,) = asked_of(household, "request")
    assert values["site"] == "service:tiktok"
    assert 'name="host" value="service:tiktok"' not in tablet.get("/my").text
    assert tablet.post("/my/ask/site", {"host": "category:adult"}).status_code == 409


def test_a_category_is_asked_for_on_the_rules_page(tablet: Browser, household: Household) -> None:
    household.refusals.clear()
    page = tablet.get("/my").text
    assert page.count('name="host" value="category:gambling"') == 1
    assert 'name="host" value="category:adult"' not in page, "the daemon says that no parent can open it"
    assert tablet.post("/my/ask/site", {"host": "category:gambling"}).headers["Location"] == "/my"
    (values,) = asked_of(household, "request")
    assert values["site"] == "category:gambling"
    assert 'name="host" value="category:gambling"' not in tablet.get("/my").text


def test_a_category_is_asked_for_where_it_blocks_a_site_and_waits_for_all_of_them(
    tablet: Browser, household: Household
) -> None:
    household.refusals.append({**household.refusals[1], "host": "dice.example", "entry": "dice.example"})
    paths = ("/refused?host=bet.example", "/refused?host=dice.example", "/why")
    for path in paths:
        page = tablet.get(path).text
        assert 'name="host" value="category:gambling">Ask for the whole category: Gambling' in page
    tablet.post("/my/ask/site", {"host": "category:gambling"})
    for path in paths:
        page = tablet.get(path).text
        assert "category:gambling" not in page
        assert "Ask for bet.example" not in page
        assert "You asked for it. It waits for an answer." in text_of(page)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("paused", "during a pause"),
        ("law", "A parent turned on a law that blocks it."),
        ("register", "No parent can open one site of this list"),
        ("vpn", "It protects the filter itself"),
    ],
)
def test_what_no_parent_can_open_says_so(
    tablet: Browser, household: Household, reason: str, said: str
) -> None:
    household.refusals[:] = [{**household.refusals[1], "reason": reason, "askable": False}]
    page = tablet.get("/why").text
    assert said in page
    assert "Ask for" not in page
    assert tablet.post("/my/ask/site", {"host": "bet.example"}).status_code == 409


def test_an_app_without_a_host_is_asked_for_by_its_service(tablet: Browser, household: Household) -> None:
    household.refusals[2] |= {"host": "", "name": "Telegram", "entry": "service:telegram", "sign": "address"}
    assert 'name="host" value="service:telegram">Ask for Telegram' in tablet.get("/why").text
    assert tablet.post("/my/ask/site", {"host": ""}).status_code == 409
    assert tablet.post("/my/ask/site", {"host": "service:telegram"}).headers["Location"] == "/my"
    (asked,) = asked_of(household, "request")
    assert asked["site"] == "service:telegram"


def test_an_app_that_may_be_one_of_several_is_not_asked_for(tablet: Browser, household: Household) -> None:
    household.refusals[2] |= {"host": "", "name": "Riot Games, Valorant", "entry": "", "sign": "address"}
    page = tablet.get("/why").text
    assert page.count("Ask for ") == 2 + 1, "for the others, and the category of one"
    assert "We do not know which app this was." in page


@pytest.mark.parametrize("reason", ["bedtime", "window", "out_of_time"])
def test_what_the_time_has_closed_is_no_site_to_ask_for(
    tablet: Browser, household: Household, reason: str
) -> None:
    household.refusals[2]["reason"] = reason
    for path in ("/why", "/refused?host=www.instagram.com"):
        page = tablet.get(path).text
        assert 'href="/my/ask">Ask for more time' in page
        assert "Ask for Instagram" not in page
    assert tablet.post("/my/ask/site", {"host": "www.instagram.com"}).status_code == 409
    assert done(household) == []


@pytest.mark.parametrize("host", ["", "example.com", HOSTILE, "x" * 5000])
def test_only_what_was_refused_here_and_may_be_asked_for_can_be(
    tablet: Browser, household: Household, host: str
) -> None:
    answer = tablet.post("/my/ask/site", {"host": host})
    assert answer.status_code == 409
    assert "Open the site again, and then ask." in answer.text
    assert done(household) == []


def test_who_is_no_child_can_ask_for_nothing(app: Flask, daemon: Running, household: Household) -> None:
    for ip in ("192.168.1.30", "192.168.1.31", "192.168.1.99"):
        browser = browser_on(app, ip)
        assert "Ask for" not in browser.get("/why").text
        for path in ("/my/ask", "/my/ask/site", "/my/landing", "/my/code"):
            answer = browser.post(path, {"minutes": "15", "host": "www.instagram.com", "code": "K7QM-3X12"})
            assert answer.headers["Location"] == "/"
        for path in ("/my/ask", "/my/code"):
            assert browser.get(path).headers["Location"] == "/"
    assert done(household) == []


@pytest.mark.parametrize("path", ["/my/ask", "/my/ask/site", "/my/landing", "/my/code"])
def test_no_other_site_can_ask_for_a_child(tablet: Browser, household: Household, path: str) -> None:
    for origin in ("http://evil.example", "null"):
        values = {"minutes": "15", "host": "www.instagram.com", "code": "K7QM-3X12"}
        assert tablet.post(path, values, Origin=origin).status_code == 403
    assert done(household) == []


def test_nothing_in_a_form_names_another_device_or_child(tablet: Browser, household: Household) -> None:
    sons = household.devices[SONS]["mac"]
    other = {"device": sons, "who": "son", "profile": "son", "mac": sons, "by": "Mum"}
    household.tickets["K7QM-3X12"] = {"batch": "1", "minutes": 30, "who": None, "by": "Mum"}
    soon(household, 5)
    tablet.post("/my/ask?device=" + sons, {"minutes": "15", **other})
    tablet.post("/my/landing", other)
    tablet.post("/my/code", {"code": "K7QM-3X12", **other})
    tablet.get("/my/time?device=" + sons)
    told = [values for do, values in household.asked if do in DOING | {"ledger", "requests"}]
    assert {values["device"] for values in told} == {TABLET}
    assert household.minutes["son"]["landing"]["taken"]


def test_a_sibling_s_requests_and_minutes_are_never_shown(
    app: Flask, daemon: Running, tablet: Browser, household: Household
) -> None:
    brother = browser_on(app, SONS)
    brother.post("/my/ask", {"minutes": "60", "reason": "my secret"})
    for path in ("/my", "/my/now", "/my/ask", "/my/time", "/my/code", "/why"):
        page = tablet.get(path).text
        for other in ("Timur", "my secret", "Laptop", "53 min"):
            assert other not in page
    assert "Ask for more time" in tablet.get("/my").text


def test_her_other_device_sees_what_she_asked(app: Flask, daemon: Running, tablet: Browser) -> None:
    tablet.post("/my/ask", {"minutes": "60"})
    assert "1 h more Waiting" in text_of(browser_on(app, "192.168.1.21").get("/my").text)


def test_a_child_never_reaches_a_parent_s_tap(tablet: Browser, household: Household) -> None:
    for path, values in (
        ("/parent/grant", {"who": "daughter", "minutes": "60"}),
        ("/parent/undo", {"grant": "1"}),
        ("/parent/requests", {"id": "1", "answer": "once", "minutes": "60"}),
        ("/parent/codes/", {"who": "all", "minutes": "30", "count": "5"}),
        ("/parent/codes/withdraw", {"batch": "1"}),
        ("/parent/codes/sheet/x", {}),
    ):
        assert tablet.post(path, values).headers["Location"] == "/signin"
    for path in (
        "/parent/requests",
        "/parent/requests/now",
        "/parent/codes/",
        "/parent/codes/sheet/x",
        "/parent/more",
    ):
        assert tablet.get(path).headers["Location"] == "/signin"
    assert done(household) == []


def test_the_time_that_is_not_known_is_said_in_a_child_s_words(tablet: Browser, household: Household) -> None:
    household.extra["clock"] = {"known": False, "sentence": "as each profile's clock_unset says"}
    text = tablet.get("/my").text
    assert "The time is not known yet" in text
    assert "clock_unset" not in text
    household.extra["clock"] = {"known": True, "sentence": None}
    assert "The time is not known yet" not in tablet.get("/my").text


def test_what_is_written_of_minutes_is_said(tablet: Browser) -> None:
    assert "Which minutes counted for a limit, for 7 days." in tablet.get("/my").text


def test_the_phone_s_name_is_hostile_input(tablet: Browser, household: Household) -> None:
    for device in household.devices.values():
        if device["mac"] == PHONE:
            device["name"] = HOSTILE
    for path in ("/my", "/my/time"):
        assert "<script>alert" not in tablet.get(path).text


# ------------------------------------------------------------------------------------ deleting one's own


@pytest.fixture
def with_pin(tablet: Browser, household: Household) -> Browser:
    """The daughter's tablet, on which she has entered her PIN."""
    household.lending.needs_pins = True
    household.lending.pins["daughter"] = ("4821", "")
    tablet.post("/my/pin", {"pin": "4821"})
    return tablet


def test_a_child_deletes_what_was_written_down_by_its_pin(with_pin: Browser, household: Household) -> None:
    assert 'href="/my/time/delete"' in with_pin.get("/my/time").text
    page = with_pin.get("/my/time/delete").text
    assert "Daily totals by category stay for 30 days." in text_of(page)
    assert household.erased == {}, "it asks first"
    answer = with_pin.post("/my/time/delete", {"pin": "1111"})
    assert answer.status_code == 409
    assert "This is not Aruzhan" in text_of(answer.text)
    assert household.erased == {}
    assert with_pin.post("/my/time/delete", {"pin": "4821"}).status_code == 303
    assert household.erased == {"daughter": "names"}
    assert "It is deleted. Totals by category stay" in text_of(with_pin.get("/my").text)


def test_without_the_pin_the_page_is_not_even_shown(tablet: Browser, household: Household) -> None:
    household.lending.needs_pins = True
    household.lending.pins["daughter"] = ("4821", "")
    assert tablet.get("/my/time/delete").headers["Location"] == "/my/pin"
    assert tablet.post("/my/time/delete", {"pin": "4821"}).headers["Location"] == "/my/pin"
    assert household.erased == {}


def test_below_ten_a_guardian_deletes_on_the_child_s_device(
    app: Flask, daemon: Running, household: Household
) -> None:
    household.lending.needs_pins = True
    sons = browser_on(app, SONS)
    assert sons.post("/my/time/delete").headers["Location"] == "/my/pin"
    sons.post("/signin", {"code": household.guardians.link("Mum")})
    assert 'name="pin"' not in sons.get("/my/time/delete").text
    assert sons.post("/my/time/delete").status_code == 303
    (values,) = asked_of(household, "erase")
    assert (values["by"], "pin" in values) == ("Mum", False)
    assert household.erased == {"son": "names"}
