"""Commands of home automation: maps the words of a message to a verb of the control socket. Pure.

Verbs that are dangerous changes are not available, except `off`, if the settings allow it. An answer to a
request has no permanent effect: the answer *always* is available on the pages only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from gateway.control.contract.requests import ANSWER, MAX_ID
from gateway.control.contract.time import GRANT, MAX_GRANT, MAX_SWITCH, OFF, OFF_MINUTES, ON, PAUSE, RESUME
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.requests.requests import MAX_MINUTES, Answer

MAX_BYTES = 64  # of a command; the longest valid one has 20
# The daemon stores each command and updates the kernel, in milliseconds that packets wait. A scene sends one
# command to each of 32 children at once; no person presses buttons faster than the rate for long.
MOST_AT_ONCE = 40
COMMAND_EVERY = 2.0  # seconds; each later command
FOR_CHILDREN = "use: pause [MINUTES], resume, extra MINUTES, allow REQUEST [MINUTES], deny REQUEST"
FOR_THE_HOME = "use: on, off"


@dataclass(frozen=True, slots=True)
class HomeCommand:
    """A request to the daemon: a verb of the control socket, with its values.

    ``request``: the number of the child's request that it answers; None for other commands.
    """

    verb: Verb[Any, Any]
    values: Mapping[str, object]
    request: int | None = None


class CommandLimit:
    """Rate limit for all commands together: MOST_AT_ONCE, then one in COMMAND_EVERY seconds.

    ``exceeded``: a command was refused, and the limit has not recovered completely since.
    """

    __slots__ = ("_paid_at", "exceeded")

    def __init__(self) -> None:
        self._paid_at = 0.0  # when the limit has recovered completely: COMMAND_EVERY for each command so far
        self.exceeded = False

    def takes(self, now: float) -> bool:
        """Return whether a command is within the rate limit now, and count it if so.

        ``now``: seconds of a monotonic clock.
        """
        owed = max(0.0, self._paid_at - now)
        if not owed:
            self.exceeded = False
        if owed > (MOST_AT_ONCE - 1) * COMMAND_EVERY:
            self.exceeded = True
            return False
        self._paid_at = now + owed + COMMAND_EVERY
        return True


def child_command(payload: bytes, profile: str) -> HomeCommand:
    """Return the daemon request for a command text for a child. Raises ControlError for an invalid text.

    Commands: ``pause [MINUTES]`` (without minutes until the next wake time), ``resume``, ``extra
    MINUTES``, ``allow REQUEST [MINUTES]``, ``deny REQUEST``.
    """
    match _words(payload):
        case ["pause"]:
            return HomeCommand(PAUSE, {"who": profile, "till_wake": True})
        case ["pause", minutes]:
            return HomeCommand(PAUSE, {"who": profile, "minutes": _number(minutes, MAX_SWITCH)})
        case ["resume"]:
            return HomeCommand(RESUME, {"who": profile})
        case ["extra", minutes]:
            return HomeCommand(GRANT, {"who": profile, "minutes": _number(minutes, MAX_GRANT)})
        case ["allow", number]:
            return _answer(number, Answer.ONCE)
        case ["allow", number, minutes]:
            return _answer(number, Answer.ONCE, minutes=_number(minutes, MAX_MINUTES))
        case ["deny", number]:
            return _answer(number, Answer.NO)
    raise ControlError(FOR_CHILDREN).coded(Code.INVALID)


def home_command(payload: bytes, *, filter_switch: bool) -> HomeCommand:
    """Return the daemon request for a command text for the home: ``on``, or ``off`` (for OFF_MINUTES).

    Raises ControlError for another text, or for ``off`` without ``filter_switch``.
    """
    match _words(payload):
        case ["on"]:
            return HomeCommand(ON, {})
        case ["off"]:
            if not filter_switch:
                _refuse("off: set 'filter_switch: true' in mqtt of qalqan.yaml to allow it")
            return HomeCommand(OFF, {"minutes": OFF_MINUTES})
    raise ControlError(FOR_THE_HOME).coded(Code.INVALID)


def _answer(number: str, answer: Answer, **values: object) -> HomeCommand:
    request = _number(number, MAX_ID)
    return HomeCommand(ANSWER, {"id": request, "answer": answer.value, **values}, request)


def _words(payload: bytes) -> Sequence[str]:
    if len(payload) > MAX_BYTES or not payload.isascii():
        _refuse(f"a command has at most {MAX_BYTES} ASCII characters")
    return payload.decode().lower().split()


def _number(word: str, most: int) -> int:
    if not word.isdecimal() or not 1 <= int(word) <= most:
        _refuse(f"{word!r} is not a whole number from 1 to {most}")
    return int(word)


def _refuse(problem: str) -> NoReturn:
    raise ControlError(problem).coded(Code.INVALID)
