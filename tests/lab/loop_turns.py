"""Runs the real `qalqan` command and writes each long turn of its event loop to a file.

`python -m tests.lab.loop_turns FILE run --config …`: one line a turn, with two numbers in ms. The first is
processor time. The second is how long the turn waited for the disk or the kernel. The time in which another
process had the processor is in neither, so that a busy machine does not change the result.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

from gateway.cli.main import main
from gateway.core.loop import Loop

LONG = 5.0  # ms; shorter turns are not written


class _Poll:
    """The loop's epoll object. ``ended``: when the last wait for events was over, as `_not_held_up`."""

    def __init__(self, epoll: Any) -> None:
        self._epoll = epoll
        self.ended = 0.0

    def poll(self, *values: Any) -> Any:
        events = self._epoll.poll(*values)
        self.ended = _not_held_up()
        return events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._epoll, name)


def _not_held_up() -> float:
    """Return the seconds in which no other process held this one up, since any time."""
    delay = Path("/proc/self/schedstat").read_text().split()[1]  # ns on the run queue
    return perf_counter() - int(delay) / 1e9


def _measure(file: Path) -> None:
    run_once = Loop.run_once

    def measured(loop: Any, timeout: float | None) -> None:
        if not isinstance(loop._epoll, _Poll):
            loop._epoll = _Poll(loop._epoll)
        begun = thread_time()
        run_once(loop, timeout)
        busy = (thread_time() - begun) * 1000
        whole = (_not_held_up() - loop._epoll.ended) * 1000
        if max(busy, whole) > LONG:
            with file.open("a") as lines:
                lines.write(f"{busy:.1f} {max(whole - busy, 0.0):.1f}\n")

    Loop.run_once = measured  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    _measure(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
