from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from tests.lab.home import ROOT

BUILD_S = 300.0


def build(folder: Path) -> Path:
    done = subprocess.run([ROOT / "debian/build", folder], capture_output=True, text=True, timeout=BUILD_S)
    assert done.returncode == 0, done.stderr[-3000:]
    (built,) = folder.glob("*.deb")
    return built


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker("system")


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The .deb, as `make deb` builds it: once, for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "deb"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return next(folder.glob("*.deb"), None) or build(folder)
