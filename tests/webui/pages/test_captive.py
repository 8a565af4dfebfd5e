"""The captive-portal API: which devices learn of a block (RFC 8908)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.control.running import Running
from tests.webui.conftest import GATEWAY, browser_on
from tests.webui.standin.household import Household
from tests.webui.standin.places import NOW
from webui import Settings, create_app
from webui.front import KEY, Trusted
from webui.settings import FrontSettings

NAME = "family-4821.dedyn.io"
ORIGIN = f"https://{NAME}"
CHILD, STRANGER = "192.168.1.20", "192.168.1.99"


@pytest.fixture
def ask(tmp_path: Path, daemon: Running, household: Household) -> Any:
    """Ask the API from an address, and return status, type and answer. ``marked``: what the daemon says."""
    app = create_app(Settings(tmp_path / "control.sock", https=FrontSettings(NAME, "", "", 443)))
    app.extensions[KEY].now = Trusted(NAME, good=True)

    def asked(ip: str = CHILD, origin: str = ORIGIN, **marked: Any) -> tuple[int, str, Any]:
        household.devices.setdefault(ip, {"mac": "02:00:00:00:00:99", "profile": "guest"}).update(marked)
        answer = browser_on(app, ip).client.get(
            "/captive", base_url=origin, environ_overrides={"REMOTE_ADDR": ip}
        )
        kind = answer.mimetype or ""
        return answer.status_code, kind, json.loads(answer.text) if kind.endswith("json") else None

    return asked


@pytest.mark.parametrize("state", ["paused", "bedtime", "quarantined"])
@pytest.mark.parametrize("ip", [CHILD, STRANGER])
def test_a_marked_device_that_is_blocked_as_a_whole_is_captive(ask: Any, state: str, ip: str) -> None:
    found = ask(ip, state=state, no_mobile_data=True)
    assert found == (200, "application/captive+json", {"captive": True, "user-portal-url": f"{ORIGIN}/"})


@pytest.mark.parametrize("state", ["paused", "bedtime", "quarantined", "open"])
def test_any_other_device_is_not_and_reads_nothing_else(ask: Any, state: str) -> None:
    assert ask(state=state)[2] == {"captive": False}
    assert ask(STRANGER, state=state)[2] == {"captive": False}


@pytest.mark.parametrize("state", ["window", "out_of_time"])
def test_a_limit_does_not_make_it_captive(ask: Any, state: str) -> None:
    assert ask(state=state, no_mobile_data=True)[2]["captive"] is False


def test_an_open_device_reads_how_long_it_is_open(ask: Any) -> None:
    change = {"at": NOW + timedelta(minutes=30), "state": "bedtime"}
    _, _, found = ask(state="open", no_mobile_data=True, next_change=change)
    assert found == {
        "captive": False, "user-portal-url": f"{ORIGIN}/", "seconds-remaining": 1800,
        "can-extend-session": True,
    }  # fmt: skip
    _, _, guest = ask(STRANGER, state="open", no_mobile_data=True, next_change=change)
    assert guest["can-extend-session"] is False
    assert "seconds-remaining" not in ask(state="open", next_change=None)[2]


def test_over_plain_http_there_is_no_api(ask: Any) -> None:
    assert ask(origin=GATEWAY, state="bedtime", no_mobile_data=True)[0] == 404
