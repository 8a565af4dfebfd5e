"""Whether the pages run, by a clock and a port that a test moves."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from gateway.dataplane.pages_watch import GONE, LATE, LOOK, PagesWatch
from gateway.lan.listeners import is_listening
from tests.features.desk import Loop


class Machine:
    """A loop whose clock a test moves, and a port."""

    def __init__(self, *, expected: bool, listening: bool = False) -> None:
        self.time, self.listening = datetime(2026, 11, 24, 12, tzinfo=UTC), listening
        self.loop = Loop(lambda: self.time)
        loop = cast("Any", self.loop)
        self.watch = PagesWatch(loop, lambda: self.listening, expected=expected)

    def go(self, seconds: float) -> bool:
        """Let time pass and return whether the pages count as running."""
        for _ in range(round(seconds / LOOK)):
            self.time += timedelta(seconds=LOOK)
            self.loop.run_due()
        return self.watch.run


def test_pages_that_are_not_installed_explain_nothing_from_the_start() -> None:
    machine = Machine(expected=False)
    assert not machine.watch.run
    assert machine.watch.problems()
    machine.listening = True
    assert machine.go(LOOK), "they were installed meanwhile"
    assert machine.watch.problems() == []


def test_pages_that_start_late_are_waited_for() -> None:
    machine = Machine(expected=True)
    assert machine.go(LATE - LOOK)
    assert not machine.go(LOOK)
    machine.listening = True
    assert machine.go(LOOK)


def test_a_restart_of_the_pages_changes_nothing_and_a_stop_does() -> None:
    machine = Machine(expected=True, listening=True)
    machine.go(LATE)
    machine.listening = False
    assert machine.go(GONE - LOOK)
    machine.listening = True
    assert machine.go(LOOK)
    machine.listening = False
    assert not machine.go(GONE + LOOK)


def test_a_listening_port_is_seen_over_both_versions() -> None:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as listener:
            listener.bind((address, 0))
            port = listener.getsockname()[1]
            assert not is_listening(port)
            listener.listen()
            assert is_listening(port)
        assert not is_listening(port)
