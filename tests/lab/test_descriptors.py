"""A start of the daemon with too few file descriptors says so in one line."""

from __future__ import annotations

import sys

import pytest

from tests.lab.filtering import fresh
from tests.lab.home import Home
from tests.lab.netns import LabError
from tests.lab.test_full_disk import filters

pytestmark = pytest.mark.lab


def test_a_start_with_too_few_descriptors_ends_with_one_line_or_runs(home: Home) -> None:
    daemon = fresh(home)
    for limit in (8, 24, 1024):
        daemon.run_with("prlimit", f"--nofile={limit}", sys.executable, "-m", "gateway")
        daemon.log.unlink(missing_ok=True)
        try:
            with daemon:
                assert filters(home)
        except LabError:
            assert limit < 1024
            text = daemon.log.read_text()
            assert "Traceback" not in text, text
            assert text.strip(), f"with {limit} descriptors it says why"
