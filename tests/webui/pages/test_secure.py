"""The page that turns HTTPS on: its form, what it sends, and what it says of each problem."""

from __future__ import annotations

from html import unescape

import pytest
from flask import Flask

from gateway.control.proofs import PROOF_LIFE
from gateway.web.acme import AcmeProblem
from tests.webui.conftest import Browser
from tests.webui.standin.household import Household
from webui.front import KEY, Trusted

PAGE = "/parent/settings/secure/"
TOKEN = "a7c4d0ad-114e-40ef"
FORM = {
    "provider": "duckdns", "name": "family-4821.duckdns.org", "token": TOKEN, "email": "mum@example.net"
}  # fmt: skip


def test_the_form_starts_it_and_the_page_says_how_it_ended(
    app: Flask, mum: Browser, household: Household
) -> None:
    assert f'href="{PAGE}"' in mum.get("/parent/settings/").text
    assert "Name at the provider" in mum.get(PAGE).text
    assert mum.post(PAGE, FORM).location == PAGE
    asked = next(values for verb, values in household.asked if values.get("action") == "get")
    assert {key: asked[key] for key in FORM} == FORM
    assert asked["by"] == "Mum"
    assert "on its way" in mum.get(PAGE).text
    household.secure.state |= {"running": False, "configured": FORM["name"]}
    assert "encrypted within a minute" in mum.get(PAGE).text
    app.extensions[KEY].now = Trusted(FORM["name"], good=True)
    page = mum.get(PAGE).text
    assert f"https://{FORM['name']}" in page
    assert TOKEN not in page
    mum.post(f"{PAGE}stop")
    assert household.secure.state["name"] == ""


def test_only_providers_that_work_with_the_installed_client_are_offered(
    mum: Browser, household: Household
) -> None:
    assert '<option value="dynu"' in mum.get(PAGE).text
    household.secure.state["providers"] = ["duckdns", "desec", "cloudflare"]
    page = mum.get(PAGE).text
    assert '<option value="duckdns"' in page
    assert '<option value="dynu"' not in page


@pytest.mark.parametrize("problem", list(AcmeProblem))
def test_each_problem_is_one_sentence(mum: Browser, household: Household, problem: AcmeProblem) -> None:
    household.secure.state |= {"name": FORM["name"], "problem": problem.value}
    page = mum.get(PAGE).text
    alert = page.partition('role="alert">')[2].partition("<")[0]
    assert alert.endswith(".")
    assert f'value="{FORM["name"]}"' in page


@pytest.mark.parametrize(
    "change",
    [{"token": ""}, {"name": ""}, {"email": "mum"}, {"token": "Слово"}, {"name": "family.example.com"}],
)
def test_a_wrong_field_keeps_the_others_and_never_shows_the_token(
    mum: Browser, household: Household, change: dict[str, str]
) -> None:
    answer = mum.post(PAGE, {**FORM, **change})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert TOKEN not in answer.text
    assert unescape(answer.text).count("mum") >= 1
    assert household.secure.state["name"] == ""


def test_it_needs_a_parent_a_known_provider_and_the_password(
    mum: Browser, tablet: Browser, household: Household
) -> None:
    assert tablet.get(PAGE).location == "/signin"
    assert tablet.post(PAGE, FORM).location == "/signin"
    assert mum.post(PAGE, {**FORM, "provider": "exec"}).status_code == 400
    household.accounts.scene.now += PROOF_LIFE
    assert "Is it you?" in mum.post(PAGE, FORM).text
