"""The stand-in daemon's handlers, which answer in one step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial

from gateway.control import protocol
from gateway.control.protocol import ControlRequest
from gateway.core.turns import finish

Handler = Callable[[ControlRequest], Mapping[str, object]]


def in_one_step(verbs: Mapping[str, protocol.Handler]) -> dict[str, Handler]:
    """Return the daemon's own handlers, with all their steps in one."""
    return {name: partial(_answer, handler) for name, handler in verbs.items()}


def _answer(handler: protocol.Handler, request: ControlRequest) -> Mapping[str, object]:
    answer = handler(request)
    return finish(answer) if isinstance(answer, Generator) else answer
