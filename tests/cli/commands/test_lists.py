"""`qalqan lists`: what parents reported as wrong, and the progress of an update that the daemon runs."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from gateway.control.contract.lists import Lists, ListTable, ListUpdate, UpdatePlan
from gateway.control.protocol import ControlRequest
from gateway.control.schema import to_json
from tests.cli.conftest import Qalqan
from tests.control.running import running
from tests.figures import PLAN

ROOT = Path(__file__).parents[3]

WRONG = """
wrong:
  w0: {host: chess.example, category: gambling, by: Mum, at: 2026-11-24}
  w1: {host: club.example, category: dating, by: Dad, at: 2026-11-25}
"""


def test_reports_are_printed(qalqan: Qalqan, config: Path) -> None:
    config.with_name("lists.yaml").write_text(WRONG)
    done = qalqan("--config", config, "lists", "reports")
    assert done.status == 0, done
    assert "chess.example" in done.out
    assert "built-in" in done.out


def test_reports_for_a_maker_have_no_data_of_the_home(qalqan: Qalqan, config: Path) -> None:
    config.with_name("lists.yaml").write_text(WRONG)
    done = qalqan("--config", config, "lists", "reports", "--json")
    assert json.loads(done.out)[1] == {
        "host": "club.example",
        "category": "dating",
        "at": "2026-11-25",
        "lists": [],
    }
    assert "Mum" not in done.out


class UpdatingDaemon:
    """Answers `lists` as a daemon whose update goes on, and ends with ``failures`` and ``problems``."""

    def __init__(self, failures: int, *problems: str) -> None:
        steps: list[tuple[str, int]] = [("ut1-games", 12), ("ut1-games", 47), ("", 90)]
        self.answers = [
            self._answer(ListUpdate(True, None, (), source, 3 << 20, percent)) for source, percent in steps
        ]
        self._last = self._answer(ListUpdate(False, None, problems), failures)

    @staticmethod
    def _answer(update: ListUpdate, failures: int = 0) -> Mapping[str, Any]:
        plan = UpdatePlan(**{**PLAN, "failures": failures, "running": update.running})
        found = Lists(ListTable(12, 900, ""), (), (), (), update, plan, 16)
        return cast("Mapping[str, Any]", to_json(found))

    def lists(self, request: ControlRequest) -> Mapping[str, Any]:
        return self.answers.pop(0) if self.answers else self._last


def on_a_terminal(config: Path, *words: str) -> tuple[int, str]:
    """Run the command in a process with a terminal. Return its exit status and what it drew."""
    screen, terminal = pty.openpty()
    argv = [sys.executable, "-m", "gateway", "--config", str(config), *words]
    with subprocess.Popen(argv, cwd=ROOT, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        drawn = b""
        with suppress(OSError):  # Linux reports the end of a terminal as an error (EIO)
            while part := os.read(screen, 4096):
                drawn += part
    os.close(screen)
    return process.returncode, drawn.decode()


def test_a_terminal_shows_the_progress_of_the_daemons_update(config: Path) -> None:
    """The daemon begins the first download with the first child. The command then shows its progress."""
    daemon = UpdatingDaemon(0, "ut1-dating: the server responded with 404 Not Found")
    with running(config.parent / "control.sock", {"lists": daemon.lists}):
        status, drawn = on_a_terminal(config, "lists", "update")
    assert status == 0, drawn
    for bar in (
        f"[{'#' * 3}{'-' * 27}]  12 %  ut1-games, 3072 kB",
        f"[{'#' * 14}{'-' * 16}]  47 %  ut1-games, 3072 kB",
        f"[{'#' * 27}---]  90 %  building the table",
        "qalqan: ut1-dating: the server responded with 404 Not Found",
    ):
        assert bar in drawn
    assert not (config.parent / "state" / "lists").exists(), "it downloads nothing itself"
    with running(config.parent / "control.sock", {"lists": UpdatingDaemon(1).lists}):
        assert on_a_terminal(config, "lists", "update")[0] == 1
