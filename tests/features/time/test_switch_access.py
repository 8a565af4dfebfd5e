"""The provider turns filtering off and on: only while a guardian approves it, and never for long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.config.provider_stop import LONGEST_STOP
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk
from tests.sentences import sentence

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(make: Make) -> Desk:
    return make(NOON, usp={"vendor": "isp.example"})


def turn_off(desk: Desk, minutes: int = 10080) -> object:
    return desk.ask("off", minutes=minutes, by="provider")["until"]


@pytest.mark.parametrize("verb", ["off", "on"])
def test_it_is_refused_until_a_guardian_approves(desk: Desk, verb: str) -> None:
    with pytest.raises(ControlError, match=sentence(Code.NOT_APPROVED)) as found:
        desk.ask(verb, by="provider")
    assert found.value.code == Code.NOT_APPROVED
    assert desk.ask("status")["mode"] == "on"


def test_off_ends_with_the_approval(desk: Desk) -> None:
    desk.ask("switch_access", minutes=60, by="Mum")
    assert turn_off(desk) == desk.local_now() + HOUR
    status = desk.ask("status")
    assert (status["mode"], status["stopped_by_provider"]) == ("off", True)
    desk.go(timedelta(minutes=61))
    assert desk.ask("status")["mode"] == "on"
    with pytest.raises(ControlError):
        turn_off(desk)


def test_off_ends_after_a_day(desk: Desk) -> None:
    desk.ask("switch_access", minutes=7 * 24 * 60, by="Mum")
    assert turn_off(desk) == desk.local_now() + LONGEST_STOP
    desk.ask("on", by="provider")
    assert desk.ask("status")["mode"] == "on"


def test_a_parent_ends_the_approval_and_what_it_turned_off(desk: Desk) -> None:
    desk.ask("switch_access", minutes=60, by="Mum")
    turn_off(desk)
    desk.ask("switch_access", by="Mum")
    assert desk.ask("status")["mode"] == "on"
    with pytest.raises(ControlError):
        turn_off(desk)


def test_what_a_parent_turned_off_stays_off_after_the_approval(desk: Desk) -> None:
    desk.ask("switch_access", minutes=60, by="Mum")
    desk.ask("off", minutes=30, by="Mum")
    desk.ask("switch_access", by="Mum")
    status = desk.ask("status")
    assert (status["mode"], status["stopped_by_provider"]) == ("off", False)


def test_the_approval_is_in_the_status_and_survives_a_restart(desk: Desk) -> None:
    assert desk.ask("status")["provider"] == {"support": None, "switch": None}
    desk.ask("switch_access", minutes=60, by="Mum")
    until = desk.local_now() + HOUR
    desk.restart()
    assert desk.ask("status")["provider"] == {"support": None, "switch": until}


def test_without_a_connection_to_the_provider_the_status_has_none(make: Make) -> None:
    assert make(NOON).ask("status")["provider"] is None


def test_each_step_is_in_the_list_of_changes_and_reported(desk: Desk) -> None:
    desk.ask("switch_access", minutes=60, by="Mum", origin="192.168.1.7")
    turn_off(desk)
    desk.ask("on", by="provider")
    desk.ask("switch_access", by="Mum")
    found = [(line.who, line.what) for line in desk.store.audit.lines()]
    assert found == [("Mum", "remote end"), ("provider", "on"), ("provider", "off"), ("Mum", "remote")]
    assert [(event["what"], event["by"]) for event in desk.heard("status")] == [
        ("stop", "provider"),
        ("on", "provider"),
    ]
