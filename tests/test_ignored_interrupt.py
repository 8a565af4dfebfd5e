"""The tests of Ctrl-C pass where SIGINT was inherited as ignored, as in a background job of a shell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IGNORING = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
IS_IGNORED = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"


def assert_pass(folder: Path, *tests: str) -> None:
    """Run tests in a pytest of their own, which inherits SIGINT as ignored.

    Without a ``folder`` of its own, it would close the folder of all runs, which tests open to other users.
    """
    options = ["-q", "-p", "no:cacheprovider", f"--basetemp={folder}"]
    argv = [*IGNORING, sys.executable, "-m", "pytest", *options, *tests]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=390, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert f"{len(tests)} passed" in done.stdout


def test_a_program_inherits_it() -> None:
    argv = [*IGNORING, sys.executable, "-c", IS_IGNORED]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "True\n"


def test_a_command_that_reads(tmp_path: Path) -> None:
    assert_pass(tmp_path / "inner", "tests/cli/test_cli.py::test_ctrl_c_while_it_reads")


@pytest.mark.lab
@pytest.mark.needs("root")
def test_the_virtual_home_a_filter_test_and_the_setup(tmp_path: Path) -> None:
    assert_pass(
        tmp_path / "inner",
        "tests/lab/test_run.py::test_the_first_refusal_is_seen_within_20_seconds_and_links_open",
        "tests/lab/test_filter_test_checks.py::test_nothing_is_left[ctrl-c]",
        "tests/cli/setup/test_setup.py::test_ctrl_c_leaves_nothing[Write and apply this?]",
    )
