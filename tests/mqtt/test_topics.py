from __future__ import annotations

import json

import pytest

from gateway.control.contract.status import HomeProblem
from gateway.mqtt.entities import EVENT_TYPES, child_entities, home_entities
from gateway.mqtt.states import ChildState, GatewayState, answer_event, child_state, home_state
from gateway.mqtt.topics import Topics

TOPICS = Topics("homeassistant", "qalqan")
CHILD = ChildState("son", "Son", "bedtime", None, None, None)


def test_only_commands_have_a_receiver() -> None:
    assert TOPICS.commanded("qalqan/home/set") == ""
    assert TOPICS.commanded("qalqan/child/son/set") == "son"
    for other in ("qalqan/child/son/state", "qalqan/child/son", "flat/child/son/set", "qalqan/set"):
        assert TOPICS.commanded(other) is None, other


def test_an_empty_child_id_is_no_command_for_the_home() -> None:
    """A wildcard for children's topics in a broker's ACL allows this topic too."""
    assert TOPICS.commanded("qalqan/child//set") is None


def test_retained_topics_are_recognised_and_no_others() -> None:
    entities = [*home_entities(TOPICS, "1", filter_switch=True), *child_entities(TOPICS, CHILD, answers=True)]
    for message in entities:
        assert TOPICS.is_retained(message.topic), message.topic
    for topic in ("qalqan/child/son/state", "qalqan/home/state", "qalqan/availability"):
        assert TOPICS.is_retained(topic), topic
    for topic in (
        "qalqan/child/son/set",
        "homeassistant/sensor/other/x/config",
        "homeassistant/status",
        "qalqan",
    ):
        assert not TOPICS.is_retained(topic), topic


def test_two_gateways_on_one_broker_share_no_topic_and_no_id() -> None:
    own, other = (
        {message.topic for message in child_entities(topics, CHILD, answers=True)}
        | {
            json.loads(message.payload)["unique_id"]
            for message in child_entities(topics, CHILD, answers=True)
        }
        for topics in (TOPICS, Topics("homeassistant", "flat"))
    )
    assert not own & other


def test_problems_of_the_home_are_codes_without_their_texts() -> None:
    home = GatewayState("1", "on", None, "down", (HomeProblem("file", "daughter.yaml:4 is wrong"),), ())
    assert json.loads(home_state(home))["problems"] == ["file"]
    assert "daughter" not in home_state(home)


def test_bedtime_of_a_child() -> None:
    assert json.loads(child_state(CHILD))["bedtime"] == "ON"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"state": "answered", "answer": "once"}, "answered"),
        ({"state": "expired"}, "expired"),
        ({"state": "over"}, "over"),  # of a child without a log: answered or expired
    ],
)
def test_the_end_of_a_request(event: dict[str, object], kind: str) -> None:
    assert json.loads(answer_event({"id": 7, **event})) == {
        "event_type": kind, "id": 7, "answer": event.get("answer"),
    }  # fmt: skip
    assert kind in EVENT_TYPES
