"""Property tests look for new cases on a developer's machine; what has to pass before a change lands is
the same for everybody. What `make test` installs is there, or it is an error: nothing is left out in silence.
What tests start hundreds of times, daemons, pages and clients, is compiled once, also where Python is told to
leave no bytecode in the tree.
"""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Generator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gateway.core import process_memory
from gateway.household import loading
from gateway.store import database

# How long an example takes is the machine's matter (tests/pace.py), here as in all tests.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("landing", settings.get_profile("here"), derandomize=True)
settings.load_profile("landing" if os.environ.get("CI") else "here")

SYSTEM_MARKS = frozenset({"lab", "browser"})

# What does not change in a run is read once in each process: the package's data takes 0.3 s, the public
# suffixes of a top-level name 3 ms. The values are frozen.
for name in ("load_product", "lazy_public_suffix_check"):
    setattr(loading, name, cache(getattr(loading, name)))

# A new database takes 25 ms of sqlite-utils, and thousands of tests start with one. It is made once in each
# process, by the code under test, and copied. tests/store creates its files as the daemon does.
OPEN_DATABASE = database._open


@cache
def _new_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        OPEN_DATABASE(path).close()
        return path.read_bytes()


def _open_copied(path: Path) -> sqlite3.Connection:
    if path.parent.is_dir() and not path.exists():
        with contextlib.suppress(OSError):  # the real function reports what is wrong with the folder
            path.touch(mode=0o600)
            path.write_bytes(_new_database())
    return OPEN_DATABASE(path)


database._open = _open_copied

# The pages collect garbage once, at the first API request, which thousands of tests send. A full collection
# takes half a second among 17,000 tests.
process_memory.settle = lambda: None

_BYTECODE = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    # A shell without job control starts its background jobs with SIGINT ignored. What tests start inherits
    # this, and the programs among them, as is the custom, then do not end by Ctrl-C.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not sys.dont_write_bytecode:
        return
    folder = Path(tempfile.mkdtemp(prefix="qalqan-bytecode-"))
    folder.chmod(0o755)  # the pages run as a user of their own
    config.stash[_BYTECODE] = folder
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # also for the workers, which so do not come here
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect without garbage collection: 16,000 tests are created and none is garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure(config: pytest.Config) -> None:
    if (folder := config.stash.get(_BYTECODE, None)) is not None:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Marks each test that uses it as `system`. A fixture that makes network namespaces takes it."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what is not for the quick suite as `system`. A folder's conftest.py may mark the whole folder."""
    marks = {mark.name for mark in item.iter_markers()}
    uses_namespaces = "namespaces" in getattr(item, "fixturenames", ())
    if "smoke" not in marks and (uses_namespaces or not marks.isdisjoint(SYSTEM_MARKS)):
        item.add_marker("system")


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
