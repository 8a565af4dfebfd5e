"""The configurations by which Home Assistant finds the entities (MQTT discovery). Pure.

Each entity has a message of its own, not one message for a device: openHAB reads only these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gateway.mqtt.states import OFF, ON, ChildState
from gateway.mqtt.topics import MqttMessage, Topics

ONLINE, OFFLINE = "online", "offline"
EXTRA_MINUTES = 15
STATES = ("open", "paused", "bedtime", "window", "out_of_time", "quarantined")
EVENT_TYPES = ("requested", "reminder", "answered", "expired", "over")
QOS = 1
_MAKER = "Qalqan"

Config = Mapping[str, object]


class _Entity(NamedTuple):
    component: str  # of Home Assistant
    key: str  # part of the unique id: it never changes
    name: str
    config: Config


def home_entities(topics: Topics, version: str, *, filter_switch: bool) -> Iterator[MqttMessage]:
    """Yield the Home Assistant discovery messages for the home: problems, internet and the filter.

    ``filter_switch``: the filter is a switch, not only a sensor. ``version``: of Qalqan.
    """
    state = f"{topics.home}/state"
    device = {
        "identifiers": [f"{topics.base}_home"],
        "name": _MAKER,
        "manufacturer": _MAKER,
        "sw_version": version,
    }
    filtering: Config = {"state_topic": state, "value_template": "{{ value_json.filter }}"}
    entities = [
        _Entity(
            "binary_sensor", "problem", "Problem",
            {
                "state_topic": state,
                "value_template": "{{ value_json.problem }}",
                "device_class": "problem",
                "json_attributes_topic": state,
                "json_attributes_template": "{{ {'problems': value_json.problems} | tojson }}",
            },
        ),
        _Entity(
            "binary_sensor", "internet", "Internet",
            {
                "state_topic": state,
                # For an unknown state the template gives None, which Home Assistant shows as unknown.
                "value_template": f"{{{{ {{'works': '{ON}', 'down': '{OFF}'}}.get(value_json.internet) }}}}",
                "device_class": "connectivity",
            },
        ),
    ]  # fmt: skip
    if filter_switch:
        commands = {"command_topic": f"{topics.home}/set", "payload_on": "on", "payload_off": "off"}
        states = {"state_on": ON, "state_off": OFF, "icon": "mdi:shield-account"}
        entities.append(_Entity("switch", "filter", "Filter", {**filtering, **commands, **states}))
    else:
        entities.append(
            _Entity("binary_sensor", "filter", "Filter", {**filtering, "device_class": "running"})
        )
    for entity in entities:
        yield _message(topics, "home", device, entity)


def child_entities(topics: Topics, child: ChildState, *, answers: bool) -> Iterator[MqttMessage]:
    """Yield the Home Assistant discovery messages for a child: sensors, and buttons for pause and extra time.

    ``answers``: also the child's requests, and buttons that answer the oldest one.
    """
    device = {
        "identifiers": [f"{topics.base}_{child.id}"],
        "name": child.name,
        "manufacturer": _MAKER,
    }
    place = topics.child(child.id)
    entities = [*_sensors(f"{place}/state"), *_buttons(f"{place}/set")]
    if answers:
        entities += _requests(topics, place)
    for entity in entities:
        yield _message(topics, child.id, device, entity)


def _sensors(state: str) -> Iterator[_Entity]:
    yield _Entity(
        "sensor", "state", "State",
        {
            "state_topic": state,
            "value_template": "{{ value_json.state }}",
            "device_class": "enum",
            "options": list(STATES),
            "json_attributes_topic": state,
            "icon": "mdi:account-clock",
        },
    )  # fmt: skip
    yield _Entity(
        "sensor", "minutes_left", "Time left",
        {
            "state_topic": state,
            "value_template": "{{ value_json.minutes_left }}",  # None: unknown, as no rule ends the time
            "device_class": "duration",
            "unit_of_measurement": "min",
        },
    )  # fmt: skip
    yield _Entity(
        "sensor", "next_change", "Next change",
        {
            "state_topic": state,
            "value_template": "{{ value_json.next_change }}",
            "device_class": "timestamp",
        },
    )  # fmt: skip
    yield _Entity(
        "binary_sensor", "bedtime", "Bedtime",
        {"state_topic": state, "value_template": "{{ value_json.bedtime }}", "icon": "mdi:bed"},
    )  # fmt: skip


def _buttons(commands: str) -> Iterator[_Entity]:
    for key, name, press, icon in (
        ("pause", "Pause internet", "pause", "mdi:pause"),
        ("resume", "Resume internet", "resume", "mdi:play"),
        ("extra", f"{EXTRA_MINUTES} minutes more", f"extra {EXTRA_MINUTES}", "mdi:timer-plus"),
    ):
        yield _Entity("button", key, name, {"command_topic": commands, "payload_press": press, "icon": icon})


def _requests(topics: Topics, place: str) -> Iterator[_Entity]:
    waiting = f"{place}/requests"
    yield _Entity(
        "sensor", "requests", "Open requests",
        {
            "state_topic": waiting,
            "value_template": "{{ value_json.count }}",
            "json_attributes_topic": waiting,
            "icon": "mdi:chat-question",
        },
    )  # fmt: skip
    yield _Entity(
        "event", "request", "Request",
        {"state_topic": f"{place}/request", "event_types": list(EVENT_TYPES), "icon": "mdi:chat-question"},
    )  # fmt: skip
    open_one = "{{ 'online' if value_json.count else 'offline' }}"
    available = [_online(topics), {"topic": waiting, "value_template": open_one}]
    for verb, name, icon in (
        ("allow", "Allow the oldest request", "mdi:check"),
        ("deny", "Decline the oldest request", "mdi:close"),
    ):
        yield _Entity(
            "button", verb, name,
            {
                "command_topic": f"{place}/set",
                # With the number that the button shows: a second press cannot answer another request.
                "command_template": f"{verb} {{{{ this.attributes.oldest }}}}",
                "json_attributes_topic": waiting,
                "availability": available,
                "availability_mode": "all",
                "icon": icon,
            },
        )  # fmt: skip


def _online(topics: Topics) -> Config:
    return {"topic": topics.availability}


def _message(topics: Topics, owner: str, device: Config, entity: _Entity) -> MqttMessage:
    config = {
        "name": entity.name,
        "unique_id": f"{topics.base}_{owner}_{entity.key}",
        "availability": [_online(topics)],
        "qos": QOS,
        "device": device,
        "origin": {"name": _MAKER},
        **entity.config,
    }
    payload = json.dumps(config, ensure_ascii=False, separators=(",", ":"))
    return MqttMessage(topics.discovery(entity.component, f"{owner}_{entity.key}"), payload)
