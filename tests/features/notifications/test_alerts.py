"""What guardians are told on a phone, as the daemon keeps it: each one's own, a secret, with the account."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account
from gateway.policy.alerts.channels import MOST_CHANNELS, channel_id
from gateway.policy.alerts.notifications import DEFAULT_AT_NIGHT, DEFAULT_KINDS
from tests.features.conftest import Make
from tests.features.desk import NOON, TABLET, Desk
from tests.features.notifications.conftest import BROWSER, home

TOPIC = "https://ntfy.sh/a-secret-topic"
BOT = "tgram://123456789:AAH-secret/12345/"
CHOSEN: dict[str, Any] = {"kinds": ["request", "way"], "at_night": ["way", "people"], "by": "Mum"}


def kept(desk: Desk) -> list[dict[str, Any]]:
    return [dict(one) for one in desk.ask("alerts")["alerts"]]


def test_a_guardian_s_choice_outlives_a_restart(make: Make) -> None:
    desk = home(make)
    desk.ask("channel_on", Role.WEB, address=TOPIC, inside=True, by="Mum", session=desk.session("Mum"))
    [usual] = kept(desk)
    assert set(usual["kinds"]) == DEFAULT_KINDS
    assert set(usual["at_night"]) == DEFAULT_AT_NIGHT
    desk.ask("set_alerts", Role.WEB, **CHOSEN)
    desk.restart()
    assert kept(desk) == [{
        "guardian": "Mum", "kinds": ["request", "way"], "at_night": ["way"], "names": False, "language": "",
        "channels": [{"address": TOPIC, "inside": True}], "quiet": "22:00-07:00",
    }]  # fmt: skip
    desk.ask("set_alerts", kinds=["device"], quiet="21:30-06:00", by="Mum")
    desk.ask("set_alerts", kinds=["device"], by="Mum")
    assert kept(desk)[0]["quiet"] == "21:30-06:00"
    assert kept(desk)[0]["channels"][0]["address"] == TOPIC
    assert kept(desk)[0]["kinds"] == ["device"]
    desk.ask("set_alerts", by="Mum")
    desk.restart()
    assert kept(desk) == []
    assert {"alerts", "set_alerts", "channel_on", "channel_off"} <= WEB_VERBS


def test_each_channel_ends_alone(make: Make) -> None:
    desk = home(make)
    for address in (TOPIC, BOT, TOPIC):
        desk.ask("channel_on", Role.WEB, address=address, by="Mum", session=desk.session("Mum"))
    assert addresses(desk) == [BOT, TOPIC], "each once"
    desk.ask("push_on", Role.WEB, **BROWSER, by="Mum")
    desk.ask("channel_off", Role.WEB, channel=channel_id(TOPIC), by="Mum")
    assert addresses(desk) == [BOT]
    desk.ask("push_off", Role.WEB, endpoint=BROWSER["endpoint"])
    assert desk.ask("alerts")["push"] == []
    assert addresses(desk) == [BOT], "messages in a browser and by a service end apart"
    desk.ask("push_on", Role.WEB, **BROWSER, by="Mum")
    desk.store.people.put(Account("Dad", came=True))
    desk.ask("channel_off", Role.WEB, channel=channel_id(BOT), by="Dad")
    desk.ask("channel_off", Role.WEB, channel=channel_id(BROWSER["endpoint"]), by="Dad")
    assert addresses(desk) == [BOT], "those of others stay"
    desk.ask("channel_off", Role.WEB, channel=channel_id(BROWSER["endpoint"]), by="Mum")
    assert desk.ask("alerts")["push"] == []
    desk.ask(
        "channel_on", Role.WEB, address=TOPIC, replaces=channel_id(BOT), by="Mum", session=desk.session("Mum")
    )
    desk.restart()
    assert addresses(desk) == [TOPIC]


def addresses(desk: Desk) -> list[str]:
    return [channel["address"] for channel in kept(desk)[0]["channels"]]


def test_there_are_so_many_channels_and_no_more(make: Make) -> None:
    desk = home(make)
    for number in range(MOST_CHANNELS):
        desk.ask("channel_on", Role.WEB, address=f"{TOPIC}-{number}", by="Mum", session=desk.session("Mum"))
    with pytest.raises(GatewayError) as caught:
        desk.ask("channel_on", Role.WEB, address=TOPIC, by="Mum", session=desk.session("Mum"))
    assert caught.value.code == Code.NO_ROOM


def test_neither_audit_nor_event_nor_log_has_the_address(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    desk = home(make)
    with caplog.at_level(logging.DEBUG):
        for address in (TOPIC, BOT):
            desk.ask("channel_on", address=address, by="Mum")
        desk.ask("channel_off", channel=channel_id(BOT), by="Mum")
    lines = [str(line) for line in desk.store.audit.lines(9)]
    assert any("channel on" in one and "Telegram" in one for one in lines)
    assert "secret" not in f"{lines} {desk.events} {caplog.text} {desk.ask('status')}"


@pytest.mark.parametrize(("verb", "values", "code"), [
    ("channel_on", {"address": "hello"}, Code.BAD_CHANNEL),
    ("channel_on", {"address": "file:///etc/passwd"}, Code.BAD_CHANNEL),
    ("channel_on", {"address": "syslog://"}, Code.BAD_CHANNEL),
    ("channel_on", {"address": "dbus://"}, Code.BAD_CHANNEL),
    ("channel_on", {"address": "https://mum:pw@ntfy.sh/x"}, Code.BAD_ADDRESS),
    ("channel_on", {"address": "https://ntfy.sh/" + "a" * 600}, Code.INVALID),
    ("channel_on", {"address": "tgram://a b"}, Code.INVALID),
    ("channel_on", {"address": TOPIC, "by": "Nobody"}, Code.NO_GUARDIAN),
    ("channel_on", {"address": TOPIC, "by": "Oma"}, Code.GUARDIANS_ONLY),
    ("set_alerts", {"kinds": ["of_later"]}, Code.INVALID),
    ("set_alerts", {"kinds": ["request"], "quiet": "dusk"}, Code.INVALID),
    ("set_alerts", {**CHOSEN, "by": "Nobody"}, Code.NO_GUARDIAN),
    ("set_alerts", {**CHOSEN, "by": "daughter"}, Code.NO_GUARDIAN),
    ("set_alerts", {**CHOSEN, "by": "Oma"}, Code.GUARDIANS_ONLY),
])  # fmt: skip
def test_what_cannot_be_is_refused(make: Make, verb: str, values: dict[str, Any], code: Code) -> None:
    desk = home(make)
    with pytest.raises(GatewayError) as caught:
        desk.ask(verb, Role.WEB, **{"by": "Mum", "session": desk.session("Mum"), **values})
    assert caught.value.code == code
    assert kept(desk) == []


def test_it_goes_with_the_account_and_does_not_come_back_with_the_name(make: Make) -> None:
    desk = home(make)
    desk.ask("channel_on", address=TOPIC, by="Mum")
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
