"""`qalqan mqtt` on a real daemon and a real mosquitto."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.mqtt.broker import KEEPALIVE
from gateway.mqtt.commands import COMMAND_EVERY, MOST_AT_ONCE
from tests.core_dumps import NONE, core_limits
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import set_time
from tests.mqtt.broker import Listener, Mosquitto
from tests.mqtt.conftest import NOON, Connect
from tests.mqtt.connection import LABEL

pytestmark = [pytest.mark.lab, pytest.mark.needs("mosquitto", "/usr/sbin/mosquitto")]

AVAILABILITY, HOME = "qalqan/availability", "qalqan/home/state"
DAUGHTER, SON = "qalqan/child/daughter", "qalqan/child/son"
MEMORY = 26 << 20  # bytes, all of it: what is stated in docs/families/home-assistant.md, and 1 MB more
BROKERS_DELAY = 5.0  # seconds; mosquitto looks for silent clients now and then


def configs(retained: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The configuration of each entity by its unique id."""
    found = (json.loads(text) for topic, text in retained.items() if topic.endswith("/config"))
    return {config["unique_id"].removeprefix("qalqan_"): config for config in found}


def asked(daemon: Daemon, **values: object) -> int:
    """The number of a new request of the daughter's."""
    return int(daemon.client.call("request", device=names.TABLET.mac, **values)["request"]["id"])


def test_entities_states_and_quality_of_service(listener: Listener, connect: Connect) -> None:
    connection = connect()
    retained = listener.retained()
    found = configs(retained)
    assert found.keys() == {
        *("home_problem", "home_internet", "home_filter"),
        *(
            f"{child}_{key}"
            for child in ("daughter", "son")
            for key in (
                *("state", "minutes_left", "next_change", "bedtime", "pause", "resume", "extra"),
                *("requests", "request", "allow", "deny"),
            )
        ),
    }
    for config in found.values():
        assert config["qos"] == 1
        assert {"topic": AVAILABILITY} in config["availability"]
        assert config["origin"]["name"] == config["device"]["manufacturer"] == "Qalqan"
        for topic in (config[key] for key in config if key.endswith("_topic") and key != "command_topic"):
            assert topic in retained or config["unique_id"].endswith("_request"), topic
    assert found["daughter_state"]["device"]["name"] == "Daughter"
    assert json.loads(retained[f"{DAUGHTER}/state"])["minutes_left"] == 120
    assert json.loads(retained[f"{DAUGHTER}/state"])["state"] == "open"
    assert json.loads(retained[HOME]) == {
        "filter": "ON", "off_until": None, "internet": "unknown", "problem": "OFF", "problems": [],
        "version": "0.1.0",
    }  # fmt: skip
    assert {message.qos for message in listener.noted} == {1}
    rss = int(Path(f"/proc/{connection.pid}/statm").read_text().split()[1]) * 4096
    assert rss < MEMORY, rss
    assert core_limits(connection.pid) == NONE


def test_commands_reach_the_daemon_and_are_audited_with_the_token(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    connect()
    listener.publish(f"{DAUGHTER}/set", "pause 30")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/state")["state"] == "paused", "not paused")
    assert listener.value(f"{DAUGHTER}/result") == {"command": "pause 30", "ok": True}
    assert listener.value(f"{SON}/state")["state"] == "open"
    listener.publish(f"{DAUGHTER}/set", "resume")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/state")["state"] == "open", "not resumed")
    listener.publish(f"{DAUGHTER}/set", "extra 15")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/state")["minutes_left"] == 135, "no extra time")
    lines = daemon.client.call("audit_log")["lines"]
    assert [(line["what"], line["who"], line["token"]) for line in lines[:3]] == [
        ("grant", "Mum", LABEL), ("resume", "Mum", LABEL), ("pause", "Mum", LABEL),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "words", "code"),
    [
        (f"{DAUGHTER}/set", "pause forever", "invalid"),
        (f"{DAUGHTER}/set", "x" * 70, "invalid"),
        (f"{DAUGHTER}/set", "allow 99", "no_request"),
        ("qalqan/child/mum/set", "pause", "no_child"),
        ("qalqan/home/set", "off", "invalid"),
    ],
)
def test_what_is_no_command_is_refused(
    daemon: Daemon, listener: Listener, connect: Connect, topic: str, words: str, code: str
) -> None:
    connect()
    before = len(daemon.client.call("audit_log")["lines"])
    listener.publish(topic, words)
    place = topic.removesuffix("/set")
    listener.await_(lambda: listener.value(f"{place}/result"), "no result")
    assert listener.value(f"{place}/result") == {"command": words[:64], "ok": False, "code": code}
    assert len(daemon.client.call("audit_log")["lines"]) == before
    assert daemon.client.call("status")["mode"] == "on"


def test_a_stored_command_is_not_obeyed_with_each_new_connection(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    listener.publish(f"{DAUGHTER}/set", "pause 30", retain=True)
    connection = connect()
    connection.await_logged("commands must not be retained")
    assert daemon.client.call("status")["profiles"][0]["state"] == "open"


def test_a_flood_of_commands_is_bounded_and_one_line_of_the_log(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    connection = connect()
    before = len(_audited(daemon))
    began = time.monotonic()
    for number in range(10 * MOST_AT_ONCE):
        listener.send(f"{DAUGHTER}/set", "pause 30" if number % 2 else "resume")
    listener.await_(
        lambda: listener.value(f"{DAUGHTER}/result") == {"command": "resume", "ok": False, "code": "busy"},
        "not refused",
        6.0,
    )
    connection.await_logged("Ignoring what is faster")
    sent = [message for message in listener.noted if message.topic == f"{DAUGHTER}/result"]
    later = (time.monotonic() - began) / COMMAND_EVERY + 1
    assert MOST_AT_ONCE < len(sent) <= MOST_AT_ONCE + 1 + later
    assert len(_audited(daemon)) - before <= MOST_AT_ONCE + later
    assert connection.log.read_text().count("Ignoring what is faster") == 1
    assert daemon.client.call("status")["mode"] == "on"


def test_the_filter_is_switched_off_for_an_hour_where_the_settings_allow_it(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    connect(filter_switch=True)
    switch = configs(listener.retained())["home_filter"]
    assert listener.last("homeassistant/switch/qalqan/home_filter/config")
    listener.publish(switch["command_topic"], switch["payload_off"])
    listener.await_(lambda: listener.value(HOME)["filter"] == "OFF", "not off")
    assert listener.value(HOME)["off_until"] is not None
    listener.publish(switch["command_topic"], switch["payload_on"])
    listener.await_(lambda: listener.value(HOME)["filter"] == "ON", "not on")
    assert [line["token"] for line in daemon.client.call("audit_log")["lines"][:2]] == [LABEL, LABEL]


def test_requests_are_events_and_are_answered_by_their_number(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    connect()
    number = asked(daemon, minutes=20, reason="the maths video")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/request"), "no event")
    event = listener.value(f"{DAUGHTER}/request")
    assert (event["event_type"], event["id"], event["topic"], event["minutes"]) == (
        "requested",
        number,
        "time",
        20,
    )
    assert "reason" not in event
    listener.await_(lambda: listener.value(f"{DAUGHTER}/requests")["oldest"] == number, "not listed")
    listener.publish(f"{SON}/set", f"allow {number}")  # it is not his
    listener.await_(lambda: listener.value(f"{SON}/result"), "no result")
    assert listener.value(f"{SON}/result")["code"] == "no_request"
    listener.publish(f"{DAUGHTER}/set", f"allow {number} 10")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/requests")["count"] == 0, "not answered")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/request")["event_type"] == "answered", "no event")
    assert listener.value(f"{DAUGHTER}/state")["minutes_left"] == 130
    listener.publish(f"{DAUGHTER}/set", f"allow {number}")  # pressed twice
    listener.await_(lambda: listener.value(f"{DAUGHTER}/result")["ok"] is False, "answered twice")
    assert listener.value(f"{DAUGHTER}/state")["minutes_left"] == 130
    declined = asked(daemon, minutes=20)
    listener.await_(lambda: listener.value(f"{DAUGHTER}/requests")["oldest"] == declined, "not listed")
    listener.publish(f"{DAUGHTER}/set", f"deny {declined}")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/requests")["count"] == 0, "not declined")
    assert daemon.client.call("requests")["requests"][0]["answer"] == "no"


def test_a_request_without_an_answer_reminds_after_a_day_and_expires(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    set_time(daemon, NOON)
    try:
        connect()
        number = asked(daemon, site="www.tiktok.com", reason="everybody has it")
        place = f"{DAUGHTER}/request"
        listener.await_(lambda: listener.value(place) is not None, "no event")
        set_time(daemon, "2026-11-26T13:00:00")
        listener.await_(lambda: listener.value(place)["event_type"] == "reminder", "no reminder")
        reminder = listener.value(place)
        assert (reminder["id"], reminder["topic"]) == (number, "site")
        assert reminder.keys() <= {"event_type", "id", "topic", "minutes", "at"}
        listener.await_(lambda: listener.value(f"{DAUGHTER}/requests")["oldest"] == number, "not listed")
        set_time(daemon, "2026-12-02T13:00:00")
        listener.await_(lambda: listener.value(place)["event_type"] == "expired", "not expired")
        assert listener.value(place) == {"event_type": "expired", "id": number, "answer": None}
        listener.await_(lambda: listener.value(f"{DAUGHTER}/requests")["count"] == 0, "still listed")
    finally:
        set_time(daemon, NOON)


def test_a_helpers_token_has_neither_requests_nor_the_home(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    connect(role="helper", filter_switch=True)
    retained = listener.retained()
    assert {key.partition("_")[0] for key in configs(retained)} == {"daughter", "son"}
    assert not [topic for topic in retained if "request" in topic or "/home" in topic]
    number = asked(daemon, minutes=20)
    for topic, words in ((f"{DAUGHTER}/set", f"allow {number}"), ("qalqan/home/set", "off")):
        listener.publish(topic, words)
    listener.await_(lambda: listener.value("qalqan/home/result"), "no result")
    assert listener.value("qalqan/home/result")["ok"] is listener.value(f"{DAUGHTER}/result")["ok"] is False
    assert daemon.client.call("status")["mode"] == "on"
    listener.publish(f"{DAUGHTER}/set", "pause")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/state")["state"] == "paused", "not paused")


@pytest.mark.parametrize("level", [0, 1, 2])
def test_nothing_beyond_the_level_and_no_device_site_or_word_of_the_child(
    daemon: Daemon, listener: Listener, connect: Connect, level: int
) -> None:
    """At level 0 and 1 minutes of use are private; what a child asks for is sent only where names are on."""
    daemon.write_profile("daughter", _with_level(daemon, level))
    daemon.reload()
    connect()
    asked(daemon, site="www.tiktok.com", reason="everybody has it")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/requests")["count"] == 1, "not listed")
    assert listener.value(f"{DAUGHTER}/state")["minutes_left"] == (120 if level == 2 else None)
    sent = " ".join(f"{message.topic} {message.text}" for message in listener.noted).lower()
    for secret in ("tiktok", "everybody", names.TABLET.mac, names.TABLET.ipv4, "tablet", "blocked.example"):
        assert secret.lower() not in sent, secret


def test_names_are_sent_where_the_settings_ask_for_them(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    connect(names=True)
    asked(daemon, site="www.tiktok.com", reason="everybody has it")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/requests")["count"] == 1, "not listed")
    (request,) = listener.value(f"{DAUGHTER}/requests")["requests"]
    assert (request["thing"], request["reason"]) == ("TikTok", "everybody has it")


def test_only_the_children_that_the_settings_name(listener: Listener, connect: Connect) -> None:
    connection = connect(children=["son", "nobody"])
    assert not [topic for topic in listener.retained() if "daughter" in topic]
    connection.await_logged("mqtt.children: nobody: no child has this id")
    listener.publish(f"{DAUGHTER}/set", "pause")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/result"), "no result")
    assert listener.value(f"{DAUGHTER}/result")["code"] == "no_child"


def test_the_last_will_and_the_end_say_offline(listener: Listener, connect: Connect) -> None:
    connection = connect()
    connection.kill()
    listener.await_last(AVAILABILITY, "offline")
    connection.start()
    listener.await_last(AVAILABILITY, "online")
    assert connection.stop() == 0
    listener.await_last(AVAILABILITY, "offline")
    assert f"{DAUGHTER}/state" in listener.retained()


@pytest.mark.slow
def test_a_process_that_hangs_is_offline_by_the_last_will(listener: Listener, connect: Connect) -> None:
    """Its connection stays open: the broker ends it after one and a half times the keep-alive."""
    connection = connect()
    os.kill(connection.pid, signal.SIGSTOP)
    try:
        time.sleep(KEEPALIVE)
        assert listener.last(AVAILABILITY) == "online"
        listener.await_last(AVAILABILITY, "offline", KEEPALIVE / 2 + BROKERS_DELAY)
    finally:
        os.kill(connection.pid, signal.SIGCONT)
    listener.await_last(AVAILABILITY, "online", 10.0)


def test_switching_it_off_removes_everything_and_on_brings_it_back(
    daemon: Daemon, listener: Listener, connect: Connect
) -> None:
    connection = connect()
    before = set(listener.retained())
    connection.write(None, backup={"folder": "relative"})  # another problem of the file is no reason to go on
    listener.await_(lambda: not listener.retained(), "kept", 8.0)
    connection.write({**connection.settings, "address": ["wrong"]})
    connection.await_logged("mqtt.address: is a list, not a text", 8.0)
    connection.write(connection.settings)
    listener.await_(lambda: set(listener.retained()) == before, "not back", 10.0)
    connection.write({**connection.settings, "topic": "flat"})
    listener.await_last("flat/availability", "online", 10.0)
    assert not [topic for topic in listener.retained() if "qalqan" in topic.split("/")]
    assert daemon.client.call("status")["mode"] == "on"


def test_wrong_settings_switch_nothing_off(listener: Listener, connect: Connect) -> None:
    connection = connect()
    connection.write({**connection.settings, "port": 0})
    connection.await_logged("mqtt.port: '0' is not a number from 1 to 65535", 8.0)
    time.sleep(1.0)
    assert listener.last(AVAILABILITY) == "online"


def test_a_broker_that_restarts_and_has_forgotten_everything_gets_it_again(
    broker: Mosquitto, listener: Listener, connect: Connect, folder: Path
) -> None:
    connect()
    before = listener.retained()
    broker.stop()
    (folder / "mosquitto.db").unlink(missing_ok=True)
    listener.noted.clear()
    broker.start()
    listener.await_last(AVAILABILITY, "online", 10.0)
    assert listener.retained() == before
    listener.publish(f"{DAUGHTER}/set", "pause 5")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/state")["state"] == "paused", "not paused")


def test_a_start_of_home_assistant_brings_everything_again(listener: Listener, connect: Connect) -> None:
    connect()
    before = listener.retained()
    listener.noted.clear()
    listener.publish("homeassistant/status", "online")
    listener.await_(lambda: {message.topic for message in listener.noted} >= set(before), "not all again")


def test_a_wrong_password_is_one_line_and_tried_again(
    listener: Listener, connect: Connect, folder: Path
) -> None:
    connection = connect()
    connection.stop()
    (folder / "password").write_text("wrong\n")
    connection.start()
    connection.await_logged("refuses the connection (")  # paho words the rest
    time.sleep(2.5)
    assert connection.log.read_text().count("refuses the connection") == 1


def test_an_encrypted_connection_needs_the_authority_of_the_broker(
    broker: Mosquitto, listener: Listener, connect: Connect
) -> None:
    connection = connect(port=broker.tls_port, tls=True, ca=str(broker.ca))
    listener.publish(f"{DAUGHTER}/set", "pause 5")
    listener.await_(lambda: listener.value(f"{DAUGHTER}/state")["state"] == "paused", "not paused")
    connection.write({**connection.settings, "ca": "/etc/hostname"})
    connection.await_logged("mqtt.ca: /etc/hostname: ", 10.0)
    del connection.settings["ca"]  # the authorities of the system do not know the broker's
    connection.stop()
    connection.write(connection.settings)
    connection.start()
    connection.await_logged("cannot be reached, or has a wrong certificate", 10.0)


def _audited(daemon: Daemon) -> list[dict[str, Any]]:
    """Lines of commands; those of the same kind within a minute are one line, with their number."""
    lines = daemon.client.call("audit_log")["lines"]
    return [line for line in lines for _ in range(line["count"]) if line["token"] == LABEL]


def _with_level(daemon: Daemon, level: int) -> str:
    text = (daemon.profiles / "daughter.yaml").read_text()
    return text.replace("log_level: 2", f"log_level: {level}")
