"""Long work in steps, one in each turn of the event loop: packets are judged in between."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from gateway.core.loop import Loop

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Work that yields after each step, and returns its result."""


def finish(steps: Steps[Result]) -> Result:
    """Run a generator of steps (`Steps`) to its end now, without other work in between; return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def in_turns(loop: Loop, steps: Steps[None]) -> None:
    """Run the first step of the generator ``steps`` now, and each further one in a later turn of the loop."""
    if next(steps, _DONE) is not _DONE:
        loop.call_later(0.0, lambda: in_turns(loop, steps))


_DONE = object()
