"""Runs the real `qalqan` command and writes each long turn of its event loop to a file.

`python -m tests.lab.loop_turns FILE run --config …`: one line a turn, in ms of processor time, so that a busy
machine does not change the result.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import thread_time

from gateway.cli.main import main
from gateway.core.loop import Loop

LONG = 5.0  # ms; shorter turns are not written


def _measure(file: Path) -> None:
    run_once = Loop.run_once

    def measured(loop: Loop, timeout: float | None) -> None:
        begun = thread_time()
        run_once(loop, timeout)
        spent = (thread_time() - begun) * 1000
        if spent > LONG:
            with file.open("a") as lines:
                lines.write(f"{spent:.1f}\n")

    Loop.run_once = measured  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    _measure(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
