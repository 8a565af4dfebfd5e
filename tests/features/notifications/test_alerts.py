"""What guardians are told on a phone, as the daemon keeps it: each one's own, a secret, with the account."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account, PersonRole
from tests.features.conftest import Make
from tests.features.desk import NOON, TABLET, Desk

TOPIC = "https://ntfy.sh/a-secret-topic"
CHOSEN: dict[str, Any] = {
    "address": TOPIC,
    "kinds": ["request", "way"],
    "at_night": ["way", "people"],
    "by": "Mum",
}


def home(make: Make) -> Desk:
    desk = make(NOON)
    desk.store.people.put(Account("Mum", came=True))
    desk.store.people.put(Account("Oma", PersonRole.HELPER, came=True))
    return desk


def kept(desk: Desk) -> list[dict[str, Any]]:
    return [dict(one) for one in desk.ask("alerts")["alerts"]]


def test_a_guardian_s_choice_outlives_a_restart(make: Make) -> None:
    desk = home(make)
    desk.ask("set_alerts", Role.WEB, **CHOSEN)
    desk.restart()
    assert kept(desk) == [{
        "guardian": "Mum", "address": TOPIC, "kinds": ["request", "way"], "at_night": ["way"], "names": False,
        "inside": False, "language": "",
    }]  # fmt: skip
    desk.ask("set_alerts", kinds=["device"], by="Mum")
    assert (kept(desk)[0]["address"], kept(desk)[0]["kinds"]) == (TOPIC, ["device"])
    desk.ask("set_alerts", by="Mum")
    desk.restart()
    assert kept(desk) == []
    assert {"alerts", "set_alerts"} <= WEB_VERBS


def test_neither_audit_nor_event_nor_log_has_the_address(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    desk = home(make)
    with caplog.at_level(logging.DEBUG):
        desk.ask("set_alerts", **CHOSEN)
    lines = [str(one) for one in desk.store.audit_lines(9)]
    assert any("alerts" in one for one in lines)
    assert "secret" not in f"{lines} {desk.events} {caplog.text} {desk.ask('status')}"


@pytest.mark.parametrize("values", [
    {"address": "hello"}, {"address": "file:///etc/passwd"}, {"address": "https://mum:pw@ntfy.sh/x"},
    {"address": "https://ntfy.sh/" + "a" * 200}, {"kinds": ["of_later"]},
    {"by": "Nobody"}, {"by": "daughter"}, {"by": "Oma"},
])  # fmt: skip
def test_what_cannot_be_is_refused(make: Make, values: dict[str, Any]) -> None:
    desk = home(make)
    with pytest.raises(GatewayError) as caught:
        desk.ask("set_alerts", Role.WEB, **CHOSEN | values)
    assert caught.value.code == (Code.BAD_ADDRESS if "address" in values else caught.value.code)
    assert kept(desk) == []


def test_it_goes_with_the_account_and_does_not_come_back_with_the_name(make: Make) -> None:
    desk = home(make)
    desk.ask("set_alerts", **CHOSEN)
    desk.ask("guardian", action="remove", name="Mum")
    desk.ask("guardian", action="add", name="Mum")
    assert kept(desk) == []
    desk.restart()
    assert kept(desk) == []


def test_a_request_says_to_the_pages_whose_it_is(make: Make) -> None:
    desk = make(NOON)
    desk.ask("request", device=TABLET, minutes=30)
    [event] = desk.heard("request")
    assert (event["name"], event["site"]) == (desk.rules.household.profiles["daughter"].name, None)
