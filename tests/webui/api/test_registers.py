"""A state's register over the API: read, turned on and off, taken back."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.webui.conftest import GATEWAY, Browser
from tests.webui.standin.household import Household

API = "/api/v1"


def ask(browser: Browser, method: str, path: str, body: object = None) -> TestResponse:
    """By a script of our own pages."""
    return browser.client.open(
        f"{API}{path}",
        method=method,
        base_url=GATEWAY,
        json=body,
        headers={"Origin": GATEWAY},
        environ_overrides={"REMOTE_ADDR": browser.ip},
    )


def told(browser: Browser, method: str, path: str, body: object = None) -> Any:
    return ask(browser, method, path, body).json


@pytest.fixture
def named(household: Household) -> Household:
    household.editing.settings["registers"] = {"kz": {"file": "/srv/kz.txt"}}
    return household


def test_it_is_read_switched_and_taken_back(mum: Browser, named: Household) -> None:
    (one,) = told(mum, "GET", "/registers")["registers"]
    assert (one["id"], one["country"], one["on"], one["by"], one["since"]) == (
        "law:kz",
        "kz",
        False,
        "",
        None,
    )
    done = told(mum, "POST", "/registers/kz", {"on": "yes"})
    (one,) = told(mum, "GET", "/registers")["registers"]
    assert (one["on"], one["by"], one["since"]) == (True, "Mum", "2026-11-24")
    back = {"revision": done["undo"], "found": done["revision"]}
    assert ask(mum, "POST", "/family/undo", back).status_code == 200
    assert not told(mum, "GET", "/registers")["registers"][0]["on"]


def test_what_is_wrong_is_told(mum: Browser, tablet: Browser, named: Household) -> None:
    unknown = ask(mum, "POST", "/registers/ru", {"on": "yes"})
    assert unknown.status_code == 404
    assert ask(mum, "POST", "/registers/kz", {"on": "perhaps"}).status_code in (400, 422)
    assert ask(tablet, "POST", "/registers/kz", {"on": "yes"}).status_code in (401, 403)
    assert not named.editing.rules.household.config.registers[0].on
