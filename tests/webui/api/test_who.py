"""Who may ask what of the API: tokens, sessions, roles, and nobody from another site."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from gateway.policy.accounts.people import PersonRole
from tests.control.running import Running
from tests.webui.api.clients import Program, program, token
from tests.webui.conftest import GATEWAY, Browser
from tests.webui.standin.household import Household
from webui.accounts.limiter import TRIES
from webui.api.answering import OPERATIONS
from webui.api.operations import ANYONE, Operation

IDS = [one.name for one in OPERATIONS]


def path(one: Operation) -> str:
    parts = {"mac": "02:00:00:00:00:0a", "number": "1", "way": "vpn", "session": "abc", "host": "a.example"}
    return re.sub(r"{(\w+)}", lambda found: parts.get(found[1], "daughter"), one.path)


@pytest.mark.parametrize("one", OPERATIONS, ids=IDS)
def test_who_says_nothing_gets_nothing_but_what_is_anyone_s(outsider: Program, one: Operation) -> None:
    answer = outsider.ask(one.method, path(one), Origin=GATEWAY)
    if ANYONE in one.roles:
        assert answer.status_code != 401
        return
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("role", [PersonRole.HELPER, PersonRole.SUPPORT])
def test_a_token_may_what_its_role_may_and_no_more(
    app: Flask, daemon: Running, household: Household, role: PersonRole
) -> None:
    it = program(app, household, role)
    for one in OPERATIONS:
        if role not in one.roles and ANYONE not in one.roles:
            assert it.ask(one.method, path(one)).status_code == 403, one.name
    assert {do for do, _ in household.asked} <= {"guardian", "handed", "device"}


def test_a_wrong_token_waits_as_a_wrong_password_does(
    app: Flask, daemon: Running, household: Household
) -> None:
    right, wrong = program(app, household), Program(app, {"Authorization": "Bearer qalqan_wrong"})
    assert right.get("/account").get_json()["name"] == "Mum"
    for _ in range(TRIES):
        assert wrong.get("/account").status_code == 401
    slowed = wrong.get("/account")
    assert slowed.status_code == 429
    assert int(slowed.headers["Retry-After"]) > 30
    assert right.get("/account").status_code == 200, "a token that was right here before is no guess"
    fresh = Program(app, {"Authorization": f"Bearer {token(household, label='New')}"})
    assert fresh.get("/account").status_code == 429, "one that comes for the first time may be one"
    assert Program(app, fresh.headers, "192.168.1.8").get("/account").status_code == 200


@pytest.mark.parametrize("header", ["", "Basic bXVt", "Bearer", "Bearer ", f"Bearer {'x' * 200}"])
def test_what_is_no_token_is_none(outsider: Program, header: str) -> None:
    assert outsider.get("/account", Authorization=header).status_code == 401


def test_with_a_token_no_cookie_is_looked_at(mum: Browser, household: Household) -> None:
    assert mum.get("/api/v1/account").get_json() == {
        "name": "Mum", "role": "guardian", "minutes": 0, "token": False,
    }  # fmt: skip
    wrong = mum.get("/api/v1/account", Authorization="Bearer qalqan_wrong")
    assert wrong.status_code == 401
    mum.client.set_cookie("qalqan-language", "ru", domain="192.168.1.1")
    asked = {"Authorization": f"Bearer {token(household)}"}
    assert "Sign in" not in mum.get("/api/v1/children/nobody", **asked).text
    assert mum.get("/api/v1/children/nobody", **asked).get_json()["title"] == "Not found here"


def test_a_session_changes_from_our_own_pages_alone(mum: Browser, household: Household) -> None:
    url, client = "/api/v1/children/daughter/pause", mum.client
    for headers in ({}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = client.post(url, base_url=GATEWAY, json={}, headers=headers)
        assert answer.status_code == 403
        assert answer.mimetype == "application/problem+json"
    assert household.paused == {}
    assert client.post(url, base_url=GATEWAY, json={}, headers={"Origin": GATEWAY}).status_code == 200
    assert household.paused == {"daughter": None}


def test_no_other_site_is_given_leave(hall: Program) -> None:
    asked = {"Origin": "http://evil.example", "Access_Control_Request_Headers": "authorization"}
    answer = hall.ask("OPTIONS", "/children", **asked)
    assert answer.status_code == 204
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


def test_a_change_names_the_token(hall: Program, household: Household) -> None:
    assert hall.post("/children/daughter/pause", {"minutes": 15}).status_code == 200
    pauses = [values for do, values in household.asked if do == "pause"]
    one = household.stamps.tokens.all()[0]
    assert pauses == [{"who": "daughter", "minutes": 15, "by": "Mum", "origin": "192.168.1.7", "via": one.id}]


def test_a_token_reaches_nothing_of_the_account(hall: Program) -> None:
    for one in OPERATIONS:
        if one.by_session:
            answer = hall.ask(one.method, path(one))
            assert (answer.status_code, answer.get_json()["code"]) == (403, "session_only")


def test_on_a_device_that_is_handed_over_no_token_is_good(hall: Program, household: Household) -> None:
    household.devices["192.168.1.7"] = {"mac": "02:00:00:00:00:1c", "profile": "adult", "name": "Phone"}
    assert hall.get("/account").status_code == 200
    handed = hall.post("/sharing/02:00:00:00:00:1c/hand-over", {"child": "son"})
    assert handed.status_code == 200, handed.text
    assert hall.get("/account").status_code == 401


def test_a_helper_s_token_sees_how_a_child_stands_and_no_more(button: Program, household: Household) -> None:
    household.in_use = [{"target": "service:tiktok", "name": "TikTok"}]
    text = button.get("/children").text
    assert "Aruzhan" in text
    assert "TikTok" not in text
    assert "Tablet" not in text
