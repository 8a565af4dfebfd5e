from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from gateway.core.loop import Loop, Timer
from gateway.core.throttle import Throttle


class Clock:
    def __init__(self) -> None:
        self.at = 100.0
        self.timers: list[Timer] = []

    def now(self) -> float:
        return self.at

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.at + delay, callback))
        return self.timers[-1]

    def go(self, seconds: float) -> None:
        end = self.at + seconds
        while due := [one for one in self.timers if one.when <= end and one.callback is not None]:
            first = min(due, key=lambda one: one.when)
            self.timers.remove(first)
            self.at = max(self.at, first.when)
            assert first.callback is not None
            first.callback()
        self.at = end


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_is_done_at_once_and_not_too_often(clock: Clock) -> None:
    done: list[float] = []
    seldom = Throttle(cast("Loop", clock), 2.0, lambda: done.append(clock.at))
    for _ in range(50):
        seldom.soon()
        clock.go(0.1)
    assert done == pytest.approx([100.0, 102.0, 104.0])
    seldom.soon()
    seldom.close()
    clock.go(5.0)
    assert len(done) == 3


def test_who_asks_while_it_is_due_sooner_is_served_later_too(clock: Clock) -> None:
    """A newcomer in the second after another: the silent are asked two seconds after each."""
    done: list[float] = []
    seldom = Throttle(cast("Loop", clock), 2.0, lambda: done.append(clock.at))
    seldom.later()
    clock.go(1.5)
    seldom.later()
    clock.go(10.0)
    assert done == pytest.approx([102.0, 104.0])


def test_what_took_long_rests(clock: Clock) -> None:
    done: list[float] = []

    def do() -> None:
        done.append(clock.at)
        seldom.rest(5.0 if len(done) == 1 else 0.1)

    seldom = Throttle(cast("Loop", clock), 2.0, do)
    for _ in range(100):
        seldom.soon()
        clock.go(0.1)
    assert done == pytest.approx([100.0, 105.0, 107.0, 109.0])
