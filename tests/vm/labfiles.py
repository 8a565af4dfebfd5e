"""Tests of the lab on the stock kernel: the same files, by pytest, one point a file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial

from tests.lab.home import ROOT
from tests.vm.report import Try

FILES: Mapping[str, tuple[str, ...]] = {
    "evasions": (
        "test_filter_evasion.py",
        "test_filter_cleartext.py",
        "test_filter_around.py",
        "test_filter_tunnels.py",
    ),
    "access": ("test_access.py",),  # lines to the internet that other kernels may not have
}
_LONGEST_S = 3600.0  # for one file; here it takes one to three minutes
_LINES = 12  # of pytest's output that are shown with a failure


def points(part: str) -> Iterator[tuple[str, Try]]:
    for file in FILES[part]:
        yield file, partial(_passes, file)


def _passes(file: str) -> str:
    """Run one file; return pytest's summary. Raises AssertionError with the end of its output."""
    options = ["-q", "--tb=line", "-p", "no:cacheprovider", "-p", "tests.vm.patience"]
    options += ["-o", f"timeout={_LONGEST_S:.0f}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"tests/lab/{file}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        check=False,
    )
    lines = done.stdout.strip().splitlines() or [done.stderr.strip()]
    assert done.returncode == 0, "\n".join(lines[-_LINES:])
    return lines[-1]
