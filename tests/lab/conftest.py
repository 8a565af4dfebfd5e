"""The virtual home for the tests of this folder. Who uses ``tablet`` has a ``daemon`` of its own module."""

from __future__ import annotations

import pytest

from tests.lab.daemon import Daemon
from tests.lab.filtering import Arrivals
from tests.lab.fixtures import home
from tests.lab.home import Home
from tests.lab.netns import Namespace

__all__ = ["home"]


@pytest.fixture
def arrivals(home: Home) -> Arrivals:
    """What a test made arrive."""
    return Arrivals(home)


@pytest.fixture
def tablet(home: Home, daemon: Daemon) -> Namespace:
    return home.devices["tablet"]
