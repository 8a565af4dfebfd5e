"""The browsers that get messages: whose they are, what is refused, and when they are forgotten."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.policy.alerts.notifications import DEFAULT_AT_NIGHT, DEFAULT_KINDS
from gateway.policy.alerts.push_subscriptions import MOST_OF_A_PERSON
from tests.features.conftest import Make
from tests.features.desk import TABLET, Desk
from tests.features.notifications.conftest import BROWSER, home


def push(desk: Desk) -> list[dict[str, Any]]:
    return [dict(one) for one in desk.ask("alerts")["push"]]


def test_a_guardian_s_browser_outlives_a_restart_and_gets_the_usual_kinds(make: Make) -> None:
    desk = home(make)
    desk.ask("push_on", Role.WEB, **BROWSER, by="Mum")
    desk.restart()
    assert push(desk) == [{**BROWSER, "guardian": "Mum", "profile": ""}]
    [alerts] = desk.ask("alerts")["alerts"]
    assert alerts["channels"] == []
    assert set(alerts["kinds"]) == DEFAULT_KINDS
    assert set(alerts["at_night"]) == DEFAULT_AT_NIGHT
    desk.ask("set_alerts", Role.WEB, kinds=["way"], by="Mum")
    assert desk.ask("alerts")["alerts"][0]["kinds"] == ["way"]
    desk.ask("set_alerts", Role.WEB, by="Mum")
    assert push(desk) == []


def test_a_child_s_browser_is_of_its_device_and_of_no_other_child(make: Make) -> None:
    desk = home(make)
    desk.ask("push_on", Role.WEB, **BROWSER, device=TABLET)
    assert push(desk) == [{**BROWSER, "guardian": "", "profile": "daughter"}]
    desk.restart()
    assert len(push(desk)) == 1
    desk.ask("assign", mac=TABLET, profile="son", by="Mum")
    assert push(desk) == []


def test_it_ends_by_its_endpoint_and_with_the_account(make: Make) -> None:
    desk = home(make)
    desk.ask("push_on", **BROWSER, by="Mum")
    desk.ask("push_off", Role.WEB, endpoint=BROWSER["endpoint"] + "x")
    assert len(push(desk)) == 1
    desk.ask("push_off", Role.WEB, endpoint=BROWSER["endpoint"])
    assert push(desk) == []
    desk.ask("push_on", **BROWSER, by="Mum")
    desk.ask("guardian", action="remove", name="Mum")
    assert push(desk) == []
    desk.restart()
    assert push(desk) == []


def test_the_oldest_browser_of_a_person_makes_room(make: Make) -> None:
    desk = home(make)
    for number in range(MOST_OF_A_PERSON + 2):
        desk.ask("push_on", **{**BROWSER, "endpoint": f"https://push.example.net/{number}"}, by="Mum")
    desk.restart()
    found = [one["endpoint"].rpartition("/")[2] for one in push(desk)]
    assert found == [str(number) for number in range(2, MOST_OF_A_PERSON + 2)]


@pytest.mark.parametrize("values", [
    {"endpoint": "http://push.example.net/x"}, {"endpoint": "https://192.168.1.1/x"},
    {"endpoint": "https://[fd00::1]/x"}, {"endpoint": "https://router/x"},
    {"endpoint": "https://push.example.net:8443/x"}, {"endpoint": "https://mum:pw@push.example.net/x"},
    {"endpoint": "https://push.example.net/" + "a" * 1000}, {"p256dh": "A" * 87}, {"auth": "A" * 23},
    {"by": "Oma"}, {"by": "daughter"}, {"by": None, "device": "02:00:00:00:00:99"},
])  # fmt: skip
def test_what_cannot_be_is_refused(make: Make, values: dict[str, Any]) -> None:
    desk = home(make)
    with pytest.raises(GatewayError) as caught:
        desk.ask("push_on", Role.WEB, **{**BROWSER, "by": "Mum", **values})
    if "by" not in values:
        assert caught.value.code in (Code.BAD_ADDRESS, Code.INVALID)
    assert push(desk) == []


def test_neither_audit_nor_event_nor_log_has_the_endpoint(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    desk = home(make)
    with caplog.at_level(logging.DEBUG):
        desk.ask("push_on", **BROWSER, by="Mum")
        desk.ask("push_on", **{**BROWSER, "endpoint": "https://push.example.net/secret"}, device=TABLET)
    lines = [str(line) for line in desk.store.audit.lines(9)]
    assert any("channel on" in one and "Web Push" in one for one in lines)
    assert "secret" not in f"{lines} {desk.events} {caplog.text} {desk.ask('status')}"
    assert desk.heard("alerts")[-1]["by"] == ""
