"""The connection to a home automation system: `mqtt:` in qalqan.yaml → MqttSettings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

PORT, TLS_PORT = 1883, 8883  # registered with IANA
MAX_CHILDREN = 32
_KEYS = (
    "address", "port", "tls", "ca", "user", "password_file", "token_file", "prefix", "topic", "children",
    "names", "filter_switch",
)  # fmt: skip
ADDRESS = re.compile(r"[A-Za-z0-9_.:-]{1,253}", re.ASCII)
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,40}(/[A-Za-z0-9_-]{1,40}){0,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The connection to the household's MQTT broker, and what is sent to it."""

    address: str  # a name or an IP address
    token_file: str  # the API token of a parent: the permission, and its rights
    port: int = PORT
    tls: bool = False
    ca: str = ""  # file with the certificate of the broker's authority; empty: those of the system
    user: str = ""
    password_file: str = ""
    prefix: str = "homeassistant"  # of the topics for discovery
    topic: str = "qalqan"  # first part of all other topics
    children: tuple[str, ...] = ()  # ids of profiles; empty: all children
    names: bool = False  # requests name the site or service, and contain the child's words
    filter_switch: bool = False  # commands may switch the filter off

    def same_topics(self, other: MqttSettings) -> bool:
        """Return True if both settings use the same topics on the same broker."""
        own = (self.address, self.port, self.prefix, self.topic)
        return own == (other.address, other.port, other.prefix, other.topic)


def read_mqtt(node: Node) -> MqttSettings:
    """Return the MQTT settings in the YAML node of ``mqtt:``. Raises PolicyError for invalid settings."""
    part = fields.Fields(fields.mapping(node), _KEYS)
    tls = part.read("tls", fields.flag, default=False)
    ca = part.read("ca", fields.full_path, "")
    if ca and not tls:
        node.place.refuse("has 'ca' without TLS", "add 'tls: true', or take 'ca' out")
    user, password = part.read("user", fields.text, ""), part.read("password_file", fields.full_path, "")
    if password and not user:
        node.place.refuse("has 'password_file' without a user", "add 'user: NAME'")
    return MqttSettings(
        address=_matching(part.need("address"), ADDRESS, "address", "write it like 192.168.1.5"),
        token_file=fields.full_path(part.need("token_file")),
        port=part.read("port", lambda value: fields.integer(value, 1, 0xFFFF), TLS_PORT if tls else PORT),
        tls=tls,
        ca=ca,
        user=user,
        password_file=password,
        prefix=part.read(
            "prefix", lambda value: _matching(value, _PREFIX, "prefix", _TOPIC_FIX), "homeassistant"
        ),
        topic=part.read("topic", lambda value: _matching(value, _TOPIC, "topic", _TOPIC_FIX), "qalqan"),
        children=part.read("children", _children, ()),
        names=part.read("names", fields.flag, default=False),
        filter_switch=part.read("filter_switch", fields.flag, default=False),
    )


_TOPIC_FIX = "use letters, digits, - and _"


def _matching(node: Node, pattern: re.Pattern[str], what: str, fix: str) -> str:
    word = fields.text(node)
    if pattern.fullmatch(word) is None:
        node.place.refuse(f"{shown(word)} is no {what}", fix)
    return word


def _children(node: Node) -> tuple[str, ...]:
    return tuple(map(fields.text, fields.entries(node, MAX_CHILDREN)))
