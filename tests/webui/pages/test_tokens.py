"""Tokens for programs on a guardian's account page."""

from __future__ import annotations

import re

from flask import Flask

from gateway.policy.accounts.people import Account, PersonRole
from gateway.policy.accounts.tokens import TOKENS_LIMIT
from tests.control.running import Running
from tests.webui.accounts.signing import signed_in
from tests.webui.conftest import Browser
from tests.webui.standin.household import Household


def test_a_token_is_made_shown_and_ended(mum: Browser, household: Household) -> None:
    assert "New token" in mum.get("/account/").text
    made = mum.post("/account/tokens/", {"label": "Hall <b>", "role": "helper", "days": "30"})
    page = mum.get(made.headers["Location"]).text
    (token,) = re.findall(r"<code>(qalqan_[\w-]+)</code>", page)
    assert "<code>http://192.168.1.1:8080/api/v1</code>" in page, "where the program asks"
    listed = mum.get("/account/").text
    assert token not in listed, "it is shown once"
    assert "Hall &lt;b&gt;" in listed
    assert "not used yet" in listed
    (one,) = household.stamps.tokens.all()
    assert (one.name, one.role) == ("Mum", "helper")
    mum.post("/account/tokens/end", {"id": one.id})
    assert household.stamps.tokens.all() == ()
    assert "The token is ended" in mum.get("/account/").text


def test_what_is_no_token_is_refused_in_words(mum: Browser, household: Household) -> None:
    mum.post("/account/tokens/", {"label": " ", "role": "helper", "days": "30"})
    assert "Give the token a name" in mum.get("/account/").text
    assert mum.post("/account/tokens/", {"label": "x", "role": "owner", "days": "30"}).status_code == 400
    assert mum.post("/account/tokens/", {"label": "x", "role": "helper", "days": "31"}).status_code == 400
    for number in range(TOKENS_LIMIT + 1):
        mum.post("/account/tokens/", {"label": f"Script {number}", "role": "helper", "days": "0"})
    assert f"There are {TOKENS_LIMIT} tokens already" in mum.get("/account/").text


def test_a_helper_makes_none(app: Flask, daemon: Running, household: Household) -> None:
    oma = signed_in(app, household, Account("Oma", PersonRole.HELPER, "a hash", 30))
    assert "New token" not in oma.get("/account/").text
    assert oma.post("/account/tokens/", {"label": "x", "role": "helper", "days": "30"}).status_code == 403
    assert household.stamps.tokens.all() == ()


def test_a_sheet_that_is_gone_says_what_to_do(mum: Browser) -> None:
    answer = mum.get("/account/tokens/nothing")
    assert answer.status_code == 410
    assert "no longer shown" in answer.text
