"""A database of one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "qalqan.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = Store(path)
    yield made
    made.close()
