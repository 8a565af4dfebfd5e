"""A program beside the daemon: its steps, its end, its troubles, and that it never outlives its time."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.core.helper_process import MAX_ERROR_TEXT, MAX_LINE, HelperProcess
from gateway.core.loop import Loop


class Trip:
    """An errand on a real loop; ``run`` waits until it has ended."""

    def __init__(self, folder: Path, timeout: float = 20.0, nice: int = 0) -> None:
        self.loop = Loop()
        self.steps: list[Mapping[str, Any]] = []
        self.end: tuple[int, str] | None = None
        self.errand = HelperProcess(self.loop, self.steps.append, self._ended, timeout, nice)
        self._folder = folder

    def _ended(self, status: int, words: str) -> None:
        self.end = (status, words)
        self.loop.stop()

    def start(self, code: str) -> None:
        (self._folder / "trip_of_a_test.py").write_text(code)
        self.errand.start(["trip_of_a_test"])

    def run(self, code: str) -> tuple[int, str]:
        self.start(code)
        self.loop.call_later(30, self.loop.stop)
        self.loop.run()
        assert self.end is not None, "it never ended"
        return self.end


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_it_tells_step_by_step_and_ends(folder: Path) -> None:
    trip = Trip(folder)
    before = descriptors()
    end = trip.run(
        "import json\nfor n in range(3): print(json.dumps({'source': 'x', 'done': n}), flush=True)\n"
    )
    assert end == (0, "")
    assert [one["done"] for one in trip.steps] == [0, 1, 2]
    assert not trip.errand.running
    assert descriptors() == before
    assert trip.run("print('{}')") == (0, ""), "and again"
    trip.loop.close()


@pytest.mark.parametrize(
    "line", ["'[' * 4000", "'[' * 60000", "'{' + ' ' * 60000 + '}'", "chr(255)", "'9' * 4000"]
)
def test_a_line_that_is_none_of_ours_is_no_step(folder: Path, line: str) -> None:
    trip = Trip(folder)
    code = f"import sys\nsys.stdout.write({line} + chr(10) + '{{\"done\": 1}}' + chr(10))\n"
    assert trip.run(code) == (0, "")
    assert trip.steps == [{"done": 1}]
    trip.loop.close()


def test_its_troubles_are_told(folder: Path) -> None:
    trip = Trip(folder)
    code = "import sys\nprint('one', file=sys.stderr)\nprint('x' * 9000, file=sys.stderr)\nsys.exit(1)"
    status, words = trip.run(code)
    assert status == 1
    assert len(words) == MAX_ERROR_TEXT
    trip.loop.close()


def test_what_is_no_line_of_ours_is_passed_over(folder: Path) -> None:
    trip = Trip(folder)
    code = f"print('no json')\nprint('[1]')\nprint('{{\"a\": 1}}')\nprint('y' * {20 * MAX_LINE}, end='')"
    assert trip.run(code) == (0, "")
    assert trip.steps == [{"a": 1}]
    trip.loop.close()


def test_it_is_ended_after_its_time(folder: Path) -> None:
    trip = Trip(folder, timeout=1.0)
    status, words = trip.run("import time\ntime.sleep(60)")
    assert status == 1
    assert "it did not finish within" in words
    trip.loop.close()


def test_it_ends_with_the_daemon(folder: Path) -> None:
    trip = Trip(folder)
    trip.start("import time\ntime.sleep(60)")
    pid = trip.errand._pid
    trip.errand.close()
    assert not Path(f"/proc/{pid}").exists()
    trip.errand.close()
    trip.loop.close()


def test_a_program_that_is_not_there(folder: Path) -> None:
    trip = Trip(folder)
    trip.errand.start(["no_such_module_of_anybody"])
    trip.loop.run()
    assert trip.end is not None
    assert trip.end[0] == 1
    assert "No module named" in trip.end[1]
    trip.loop.close()


def test_where_there_can_be_no_child(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trip = Trip(folder)
    before = descriptors()
    monkeypatch.setattr(sys, "executable", str(folder / "nothing"))
    with pytest.raises(OSError, match="nothing"):
        trip.errand.start(["x"])
    assert descriptors() == before
    assert not trip.errand.running
    trip.loop.close()


@pytest.mark.needs("root")  # to raise a priority
@pytest.mark.parametrize(("ours", "nice", "expected"), [(-10, 0, 0), (-10, 19, 19), (5, 0, 5), (0, 19, 19)])
def test_its_priority_is_not_the_raised_one_of_who_starts_it(
    folder: Path, ours: int, nice: int, expected: int
) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, ours)
    try:
        trip = Trip(folder, nice=nice)
        trip.start("import time\ntime.sleep(20)\n")
        assert os.getpriority(os.PRIO_PROCESS, trip.errand._pid) == expected
        assert os.getpriority(os.PRIO_PROCESS, 0) == ours
        trip.errand.close()
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)
