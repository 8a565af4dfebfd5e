"""A database of one test, created as the daemon does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store import database
from gateway.store.store import Store
from tests.conftest import OPEN_DATABASE


@pytest.fixture(autouse=True)
def new_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_open", OPEN_DATABASE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "qalqan.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = Store(path)
    yield made
    made.close()
