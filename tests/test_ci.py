"""The end of ``.ci/run``, the census of the tests, and the table of seeded faults."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import census, ci, faults

PASSED = '<testcase classname="tests.wire.tls.test_tls" name="test_a" time="0.1" />'
FAILED = (
    '<testcase classname="tests.wire.tls.test_tls.TestA" name="test_b"><failure message="no" /></testcase>'
)
BROKEN = (
    '<testcase classname="" name="tests.wire.ip.test_ip"><error message="collection failure" /></testcase>'
)
SKIPPED = '<testcase classname="tests.wire.tls.test_tls" name="test_c"><skipped message="no" /></testcase>'

Run = Callable[..., int]

MAKEFILE = Path(__file__).parent.parent / "Makefile"


def results(*cases: str) -> str:
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"


@pytest.fixture
def summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, list[str]]]:
    """``summary(results, again=0)``: the exit status and the lines; ``again``: that of a second run."""

    def run(written: str | None, again: int = 0, status: int = 2, *options: str) -> tuple[int, list[str]]:
        def make(target: str, *settings: str) -> int:
            if settings:
                return again
            if written is not None:
                (tmp_path / f"{target}.xml").write_text(written)
            return status

        monkeypatch.setattr(ci, "RESULTS", tmp_path)
        monkeypatch.setattr(ci, "run_target", make)
        ended = ci.main(["test", *options])
        return ended, capsys.readouterr().out.splitlines()

    return run


def test_all_pass(summary: Callable[..., tuple[int, list[str]]]) -> None:
    assert summary(results(PASSED, PASSED, SKIPPED), status=0) == (0, ["2 passed, 0 failed"])


def test_a_file_that_passes_the_second_time_is_flaky(summary: Callable[..., tuple[int, list[str]]]) -> None:
    assert summary(results(PASSED, FAILED)) == (0, ["FLAKY tests/wire/tls/test_tls.py", "2 passed, 0 failed"])


def test_a_file_that_fails_twice_fails(summary: Callable[..., tuple[int, list[str]]]) -> None:
    lines = ["FAILED tests/wire/tls/test_tls.py", "1 passed, 1 failed"]
    assert summary(results(PASSED, FAILED), again=2) == (1, lines)


def test_a_file_that_cannot_be_collected_fails(summary: Callable[..., tuple[int, list[str]]]) -> None:
    assert summary(results(BROKEN), again=2) == (1, ["FAILED tests/wire/ip/test_ip.py", "0 passed, 1 failed"])


def test_many_failed_files_do_not_run_again(summary: Callable[..., tuple[int, list[str]]]) -> None:
    names = ("http", "ip", "tls", "dns", "quic", "names", "svcb")
    cases = [FAILED.replace("test_tls", f"test_{name}") for name in names]
    status, lines = summary(results(*cases))
    assert (status, lines[-1]) == (1, "0 passed, 7 failed")


@pytest.mark.parametrize("written", [None, results(PASSED)])
def test_a_target_that_ends_early_fails(
    summary: Callable[..., tuple[int, list[str]]], written: str | None
) -> None:
    status, lines = summary(written)
    assert (status, lines[-2]) == (1, "FAILED make test")


def test_an_earlier_step_that_failed_is_reported(summary: Callable[..., tuple[int, list[str]]]) -> None:
    ended = summary(results(PASSED), 0, 0, "--failed=make lint")
    assert ended == (1, ["FAILED make lint", "1 passed, 0 failed"])


@pytest.mark.parametrize(("command", "ended"), [("true", 0), ("false", 1)])
def test_a_target_beside_the_others_counts_too(
    summary: Callable[..., tuple[int, list[str]]], monkeypatch: pytest.MonkeyPatch, command: str, ended: int
) -> None:
    """``command`` runs in place of ``make``."""
    made: list[list[str]] = []
    start = subprocess.Popen

    def started(argv: list[str], **_options: object) -> subprocess.Popen[bytes]:
        made.append(argv)
        return start([command])

    monkeypatch.setattr(subprocess, "Popen", started)
    status, lines = summary(results(PASSED), 0, 0, "--beside", "vm ARGS=loaded")
    assert made == [["make", "vm", "ARGS=loaded"]]
    assert status == ended
    assert ("FAILED make vm ARGS=loaded" in lines) == bool(ended)


def test_all_tests_include_home_assistant_itself() -> None:
    _, _, recipe = MAKEFILE.read_text().partition("\ntest-all: ")
    assert "home-assistant" in recipe.partition("\n\n")[0]


def test_assertions_are_counted() -> None:
    source = (
        "def test():\n    assert 1\n    with pytest.raises(E):\n        f()\n    assert (2,\n        3)\n"
    )
    assert census.count_assertions(source) == 3


def test_what_vanished_is_found_also_where_a_file_moved() -> None:
    old = census.Census(
        (
            "tests/a/test_x.py::test_gone",
            "tests/a/test_x.py::test_kept[1]",
            "tests/a/test_x.py::test_kept[2]",
        ),
        {"tests/a": 5},
    )
    new = census.Census(("tests/b/test_y.py::test_kept[1]",), {"tests/b": 5, "tests/a": 0})
    assert list(census.differences(old, new)) == [
        "vanished  test_gone (1), was in tests/a/test_x.py",
        "fewer     test_kept: 2 → 1",
        "asserts   tests/a: 5 → 0",
        "3 → 1 tests, 5 → 5 assertions",
    ]
    assert census.report(old).splitlines()[1].split() == ["tests/a", "3", "5"]


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.name)
def test_each_seeded_fault_fits_the_code(fault: faults.Fault) -> None:
    """After a rename, correct the entry in tests/faults.py; `make faults` shows that it is still caught."""
    assert faults.problem_of(fault) is None
