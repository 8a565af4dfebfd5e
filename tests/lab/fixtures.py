"""Fixtures for tests that need the virtual home; ``from tests.lab.fixtures import home`` in a conftest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.home import Home


@pytest.fixture(scope="session")
def home(namespaces: None) -> Iterator[Home]:
    """One home for all tests of a run. A test that starts a daemon in it stops it again."""
    with Home() as built:
        yield built
