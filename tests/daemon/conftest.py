"""The home of namespaces, for tests of what the daemon does to a real kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.home import Home


@pytest.fixture
def home() -> Iterator[Home]:
    built = Home()
    yield built
    built.close()
