"""The page that connects home automation: its form, what it sends, and what it says of each state."""

from __future__ import annotations

import re

import pytest

from gateway.control.contract.home_automation import SECRET_LIMIT, ConnectionState
from gateway.control.proofs import PROOF_LIFE
from tests.webui.conftest import Browser
from tests.webui.standin.household import Household

PAGE = "/parent/automation/"
PASSWORD = "a quiet word"
FORM = {"address": "192.168.1.5", "user": "qalqan", "password": PASSWORD, "rights": "helper"}
ON = {"on": True, "address": "192.168.1.5", "port": 1883, "user": "qalqan", "rights": "helper"}
STATES: tuple[str, ...] = (*ConnectionState.__args__, "")  # type: ignore[attr-defined]


def sent(household: Household) -> dict[str, object]:
    return next(
        values
        for verb, values in reversed(household.asked)
        if verb == "home_automation" and values.get("action") == "set"
    )


def field(page: str, name: str) -> str:
    found = re.search(rf'<input id="{name}"[^>]*>', page)
    assert found is not None
    return found[0]


def test_a_parent_finds_it_turns_it_on_and_off(mum: Browser, household: Household) -> None:
    assert f'href="{PAGE}"' in mum.get("/parent/more").text
    assert 'id="connection"' not in mum.get(PAGE).text
    assert mum.post(PAGE, FORM).location == PAGE
    values = sent(household)
    assert {key: values[key] for key in FORM} == FORM
    assert (values["by"], values["tls"], values["label"]) == ("Mum", False, "Home automation")
    assert "port" not in values
    household.automating.state["state"] = "connected"
    page = mum.get(PAGE).text
    assert 'data-state="connected"' in page
    assert "192.168.1.5:1883" in page
    assert PASSWORD not in page
    assert 'value="qalqan"' in field(page, "user")
    assert "value" not in field(page, "password").replace('value=""', "")
    mum.post(f"{PAGE}off")
    assert household.automating.state["on"] is False
    assert 'id="connection"' not in mum.get(PAGE).text


def test_settings_are_changed_without_typing_the_password_again(mum: Browser, household: Household) -> None:
    mum.post(PAGE, FORM)
    changed = {**FORM, "password": "", "port": "8885", "tls": "yes", "rights": "guardian"}
    assert mum.post(PAGE, changed).location == PAGE
    values = sent(household)
    assert "password" not in values
    assert (values["port"], values["tls"], values["rights"]) == (8885, True, "guardian")
    assert household.automating.state["has_password"] is True
    page = mum.get(PAGE).text
    assert 'value="8885"' in field(page, "port")
    assert re.search(r'name="tls" value="yes" checked', page)
    assert re.search(r'name="rights" value="guardian" checked', page)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("tls", [False, True])
def test_each_state_says_what_it_is(mum: Browser, household: Household, state: str, tls: bool) -> None:
    household.automating.state |= {**ON, "state": state, "tls": tls}
    page = mum.get(PAGE).text
    text = page.partition('id="connection"')[2].partition(">")[2].partition("<")[0]
    assert text.endswith(".")
    warned = re.search(r'class="([^"]*)" id="connection"', page)
    assert warned is not None
    assert ("status-warn" in warned[1]) == (state not in ("connected", ""))
    assert ("Look again" in page) == (state != "connected")


def test_without_a_valid_permission_it_says_so_whatever_was_reported(
    mum: Browser, household: Household
) -> None:
    household.automating.state |= {**ON, "rights": "", "state": "connected"}
    assert "The permission has ended" in mum.get(PAGE).text


def test_without_the_package_there_is_no_form_and_it_can_still_be_turned_off(
    mum: Browser, household: Household
) -> None:
    household.automating.state |= {**ON, "installed": False}
    page = mum.get(PAGE).text
    assert 'id="uninstalled"' in page
    assert 'name="address"' not in page
    assert f'action="{PAGE}off"' in page


@pytest.mark.parametrize(
    "change",
    [
        {"address": ""}, {"address": "a b"}, {"address": "mqtt://192.168.1.5"}, {"port": "0"},
        {"port": "65536"}, {"port": "mqtt"}, {"port": "١"}, {"user": ""}, {"password": "a\nb"},
        {"password": "x" * (SECRET_LIMIT + 1)}, {"address": "192.168.1.99"},
    ],
)  # fmt: skip
def test_a_wrong_field_keeps_the_others_and_never_shows_the_password(
    mum: Browser, household: Household, change: dict[str, str]
) -> None:
    answer = mum.post(PAGE, {**FORM, **change})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert PASSWORD not in answer.text
    for key in ("address", "user"):
        if key not in change:
            assert f'value="{FORM[key]}"' in field(answer.text, key)
    assert household.automating.state["on"] is False


def test_it_needs_a_parent_known_rights_and_the_password(
    mum: Browser, tablet: Browser, household: Household
) -> None:
    assert tablet.get(PAGE).location == "/signin"
    assert tablet.post(PAGE, FORM).location == "/signin"
    assert mum.post(PAGE, {**FORM, "rights": "support"}).status_code == 400
    household.accounts.scene.now += PROOF_LIFE
    assert "Is it you?" in mum.post(PAGE, FORM).text
    assert household.automating.state["on"] is False
