from __future__ import annotations

import pytest
from flask import Flask

from gateway.control.contract.activity import RECENT_BLOCKS
from gateway.control.contract.rules import HELP_LINES
from gateway.core.errors import ControlError
from tests.webui.conftest import Browser
from tests.webui.language.catalogues import reading
from tests.webui.standin.household import Household
from tests.webui.standin.states import here, home, rules
from webui.features.status.own_rules_text import rule_name
from webui.language import words


def test_what_is_missing_gets_a_default() -> None:
    state = home({"id": "son"}, internet=None, mode=None)
    assert state.status.internet == ""
    assert not state.off
    child = state.child("son")
    assert child is not None
    assert (child.name, child.now.open, child.paused, child.online) == ("son", True, False, False)
    assert home().children == ()
    assert RECENT_BLOCKS.decode_response({}).refusals == ()
    assert HELP_LINES.decode_response({}).lines == ()
    assert here(mac=None, profile=None).profile == ""
    assert rules().profile.refused == ()


@pytest.mark.parametrize(
    "values",
    [
        {"now": None}, {"now": 5}, {"now": "yesterday"}, {"now": "2026-11-24T19:40:00"},
        {"profiles": {}}, {"profiles": ["son"]}, {"problems": [3]}, {"new_devices": "3"},
        {"profiles": [{"devices": [[]]}]},
    ],
)  # fmt: skip
def test_another_shape_is_one_clear_error(values: dict[str, object]) -> None:
    with pytest.raises(ControlError, match=r"unexpected .*; restart both after an update"):
        home(**values)


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        ("2026-10-24T23:30:00+02:00", "2026-10-25T07:00:00+01:00"),  # summer time ends in between
        ("2027-03-27T23:30:00+01:00", "2027-03-28T07:00:00+02:00"),
    ],
)
def test_a_time_after_the_next_clock_change_is_that_of_the_home(app: Flask, now: str, morning: str) -> None:
    values: dict[str, object] = {"now": now, "timezone": "Europe/Berlin"}
    pause: dict[str, object] = {
        "state": "paused", "reason": "paused", "rule": "pause", "owner": "guardian:Mum", "until": morning,
    }  # fmt: skip
    state = home({"id": "son", **pause}, **values)
    child, device = state.child("son"), here(mac="x", **pause, **values).now
    assert child is not None
    assert child.status.until is not None
    assert device is not None
    assert words.clock(child.status.until, state.now) == "07:00 tomorrow"
    with reading(app, "ru"):
        assert "07:00" in child.now.sentence
        assert "07:00" in device.sentence


def test_a_name_that_is_missing_comes_from_the_id() -> None:
    refused = rules(refused=[{"target": "category:social_networks"}, {"target": "x.kz"}]).profile.refused
    assert [rule_name(rule) for rule in refused] == ["Social networks", "X.kz"]


def test_refusals_are_grouped_by_who_decided_the_family_first() -> None:
    owners = ["guardian:Mum", "band:6-9", "family", "band:6-9", "product"]
    refused = [{"target": f"{n}.kz", "owner": o} for n, o in enumerate(owners)]
    groups = rules(refused=refused).refused_by_owner()
    assert list(groups) == ["family", "band:6-9", "guardian:Mum", "product"]
    assert [target.target for target in groups["band:6-9"]] == ["1.kz", "3.kz"]


def test_a_daemon_of_another_version_gets_a_page_of_its_own(mum: Browser, household: Household) -> None:
    household.extra["profiles"] = "none"
    answer = mum.get("/parent/")
    assert answer.status_code == 502
    assert "Restart both after an update." in answer.text
