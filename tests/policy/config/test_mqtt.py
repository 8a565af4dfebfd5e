from __future__ import annotations

import pytest

from gateway.core.errors import PolicyError
from gateway.policy.config.config import config_of, parse_config
from gateway.policy.config.mqtt import MqttSettings
from gateway.policy.yaml.documents import parse_document

LEAST = "address: 192.168.1.5, token_file: /etc/qalqan/token"


def read(text: str) -> MqttSettings | None:
    return parse_config(f"mqtt: {{{text}}}\n", "qalqan.yaml", lambda _: False).mqtt


def test_off_by_default() -> None:
    assert parse_config("lan: [eth1]\n", "qalqan.yaml", lambda _: False).mqtt is None


def test_the_least_that_is_needed() -> None:
    assert read(LEAST) == MqttSettings("192.168.1.5", "/etc/qalqan/token")


def test_everything() -> None:
    more = (
        "port: 8884, tls: true, ca: /etc/ssl/ca.pem, user: gate, password_file: /etc/qalqan/password, "
        "prefix: home/discovery, topic: flat, children: [daughter, son], names: yes, filter_switch: yes"
    )
    assert read(f"{LEAST}, {more}") == MqttSettings(
        "192.168.1.5", "/etc/qalqan/token", 8884, True, "/etc/ssl/ca.pem", "gate", "/etc/qalqan/password",
        "home/discovery", "flat", ("daughter", "son"), True, True,
    )  # fmt: skip


def test_the_port_follows_tls() -> None:
    found = read(f"{LEAST}, tls: true")
    assert found is not None
    assert found.port == 8883


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("token_file: /a", "mqtt: has no 'address'"),
        ("address: broker", "mqtt: has no 'token_file'"),
        ("address: 'a b', token_file: /a", "mqtt.address: 'a b' is no address"),
        ("address: broker, token_file: token", "mqtt.token_file: 'token' is not a full path"),
        (f"{LEAST}, port: 0", "mqtt.port: '0' is not a number from 1 to 65535"),
        (f"{LEAST}, ca: /ca.pem", "mqtt: has 'ca' without TLS"),
        (f"{LEAST}, password_file: /p", "mqtt: has 'password_file' without a user"),
        (f"{LEAST}, topic: a/b", "mqtt.topic: 'a/b' is no topic"),
        (f"{LEAST}, prefix: '#'", "mqtt.prefix: '#' is no prefix"),
        (f"{LEAST}, names: sometimes", "mqtt.names: 'sometimes' is neither true nor false"),
        (f"{LEAST}, passwort: x", "mqtt.passwort: is not a known key"),
    ],
)
def test_wrong_settings_are_one_clear_line(text: str, problem: str) -> None:
    with pytest.raises(PolicyError, match=r"qalqan\.yaml:1: ") as error:
        read(text)
    assert problem in str(error.value)


def test_the_filter_starts_with_wrong_ones() -> None:
    problems: list[str] = []
    document = parse_document("mqtt: {address: broker}\n", "qalqan.yaml")
    assert config_of(document, lambda _: False, problems).mqtt is None
    (problem,) = problems
    assert "mqtt: has no 'token_file'" in problem


def test_same_topics() -> None:
    one = MqttSettings("broker", "/token")
    assert one.same_topics(MqttSettings("broker", "/other", names=True))
    assert not one.same_topics(MqttSettings("broker", "/token", topic="flat"))
