"""The virtual home for the tests of this folder. Who uses ``tablet`` has a ``daemon`` of its own module."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.lab.daemon import Daemon
from tests.lab.filtering import Arrivals
from tests.lab.fixtures import home
from tests.lab.home import Home
from tests.lab.netns import Namespace

__all__ = ["home"]

LOG_TAIL = 4000  # bytes of the daemon's log that are shown with a failure


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the daemon's log with a failure."""
    report = yield
    daemon = getattr(item, "funcargs", {}).get("daemon")
    if report.failed and isinstance(daemon, Daemon) and daemon.log.exists():
        log = daemon.log.read_bytes()[-LOG_TAIL:].decode(errors="replace")
        report.sections.append(("log of the daemon", log))
    return report


@pytest.fixture
def arrivals(home: Home) -> Arrivals:
    """What a test made arrive."""
    return Arrivals(home)


@pytest.fixture
def tablet(home: Home, daemon: Daemon) -> Namespace:
    return home.devices["tablet"]
