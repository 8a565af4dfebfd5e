from __future__ import annotations

import pytest

from gateway.control.contract.requests import ANSWER
from gateway.control.contract.time import GRANT, OFF, ON, PAUSE, RESUME
from gateway.control.permissions import VERBS
from gateway.core.errors import ControlError
from gateway.mqtt.commands import (
    COMMAND_EVERY,
    MOST_AT_ONCE,
    CommandLimit,
    HomeCommand,
    child_command,
    home_command,
)
from gateway.policy.config.mqtt import MAX_CHILDREN

WORDS = {
    "pause": HomeCommand(PAUSE, {"who": "son", "till_wake": True}),
    "pause 30": HomeCommand(PAUSE, {"who": "son", "minutes": 30}),
    "Resume\n": HomeCommand(RESUME, {"who": "son"}),
    "extra 15": HomeCommand(GRANT, {"who": "son", "minutes": 15}),
    "allow 7": HomeCommand(ANSWER, {"id": 7, "answer": "once"}, 7),
    "allow 7 20": HomeCommand(ANSWER, {"id": 7, "answer": "once", "minutes": 20}, 7),
    "deny 7": HomeCommand(ANSWER, {"id": 7, "answer": "no"}, 7),
}


@pytest.mark.parametrize("words", WORDS)
def test_commands_for_a_child(words: str) -> None:
    command = child_command(words.encode(), "son")
    assert command == WORDS[words]
    command.verb.decode_request(command.values)  # the daemon can read it


@pytest.mark.parametrize(
    "words",
    [
        "", "stop", "pause 0", "pause 1.5", "pause -1", "pause 99999", "extra", "extra 2000", "allow",
        "allow x", "allow 7 always", "deny", "pause 5 5", "off", "ресурс", "allow ٣",
        "pause " + "0" * 60 + "1",
    ],
)  # fmt: skip
def test_what_is_no_command(words: str) -> None:
    with pytest.raises(ControlError) as error:
        child_command(words.encode(), "son")
    assert error.value.code == "invalid"


def test_commands_for_the_home() -> None:
    assert home_command(b"on", filter_switch=False) == HomeCommand(ON, {})
    assert home_command(b"off", filter_switch=True) == HomeCommand(OFF, {"minutes": 60})
    with pytest.raises(ControlError, match="filter_switch: true"):
        home_command(b"off", filter_switch=False)
    with pytest.raises(ControlError, match="use: on, off"):
        home_command(b"off 600", filter_switch=True)


def test_dangerous_verbs_are_not_available_except_off_and_that_one_only_where_tokens_may_send_it() -> None:
    commands = [*(command.verb for command in WORDS.values()), ON]
    assert not [verb.name for verb in commands if VERBS[verb.name].danger is not None]
    danger = VERBS[OFF.name].danger
    assert danger is not None
    assert danger.by_tokens


def test_a_scene_for_every_child_passes_and_a_flood_does_not() -> None:
    assert MOST_AT_ONCE > MAX_CHILDREN
    limit, at = CommandLimit(), 1000.0
    assert [limit.takes(at) for _ in range(MOST_AT_ONCE + 5)] == [True] * MOST_AT_ONCE + [False] * 5
    passed = sum(limit.takes(at + second / 10) for second in range(1, 601))  # ten a second for a minute
    assert passed == 60 / COMMAND_EVERY
    assert limit.exceeded


def test_the_flood_is_over_once_nothing_is_owed() -> None:
    limit = CommandLimit()
    for _ in range(MOST_AT_ONCE + 1):
        limit.takes(0.0)
    assert limit.exceeded
    assert limit.takes(COMMAND_EVERY)
    assert limit.exceeded, "one line in the log for the whole flood"
    assert limit.takes((MOST_AT_ONCE + 1) * COMMAND_EVERY)
    assert not limit.exceeded


def test_a_person_who_presses_a_button_now_and_then_meets_no_limit() -> None:
    limit = CommandLimit()
    assert all(limit.takes(press * COMMAND_EVERY) for press in range(500))
