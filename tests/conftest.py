"""Property tests look for new cases on a developer's machine; what has to pass before a change lands is
the same for everybody. What `make test` installs is there, or it is an error: nothing is left out in silence.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's matter (tests/pace.py), here as in all tests.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("landing", settings.get_profile("here"), derandomize=True)
settings.load_profile("landing" if os.environ.get("CI") else "here")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        if any(_is_here(one) for one in mark.args):
            continue
        reason = f"needs {' or '.join(mark.args)}"
        if os.environ.get("QALQAN_TEST_ALL"):
            pytest.fail(f"{reason}, which `make test` should have seen to", pytrace=False)
        pytest.skip(reason)


def _is_here(need: str) -> bool:
    if need == "root":
        return os.geteuid() == 0
    return Path(need).exists() if "/" in need else shutil.which(need) is not None
