"""A router for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.openwrt.router import Router


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker("system")


@pytest.fixture(scope="session")
def routers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Router, Router]:
    """One as both packages come, and one after its first boot; to copy alone."""
    folder = tmp_path_factory.mktemp("routers")
    fresh = Router(folder / "fresh")
    booted = Router(folder / "booted", like=fresh)
    booted.defaults()
    booted.forget()
    return fresh, booted


@pytest.fixture
def router(routers: tuple[Router, Router], tmp_path: Path) -> Router:
    """With both packages, as they come."""
    return Router(tmp_path / "root", like=routers[0])


@pytest.fixture
def ready(routers: tuple[Router, Router], tmp_path: Path) -> Router:
    """After its first boot."""
    return Router(tmp_path / "root", like=routers[1])
