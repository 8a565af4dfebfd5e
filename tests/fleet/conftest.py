"""The server starts once. Everything is slow: `make fleet` runs it, and no other target."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fleet.gateway_agent import Gateway
from tests.fleet.server import PROGRAMS, Server, running
from tests.fleet.ssh import SSHD, Access, add_credentials
from tests.fleet.steps import FAMILY

AddGateway = Callable[[], Gateway]


def pytest_itemcollected(item: pytest.Item) -> None:
    patience = pytest.mark.timeout(1_200)  # with the start of the server, on a loaded machine
    needs = (pytest.mark.needs(need) for need in ("root", str(PROGRAMS), SSHD))
    for mark in (patience, pytest.mark.slow, *needs):
        item.add_marker(mark)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("openwisp")) as started:
        for name in ("agent", "brand", "feed"):
            started.add_template(name)
        yield started


@pytest.fixture(scope="session")
def access(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Access:
    return add_credentials(server, tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def add_gateway(server: Server, tmp_path: Path, numbers: Iterator[int]) -> AddGateway:
    """Return a gateway with a family's rules, registered at the server."""

    def add() -> Gateway:
        number = next(numbers)
        gateway = Gateway(tmp_path / str(number), server.url, server.secret, number)
        for name, text in FAMILY.items():
            gateway.write(f"etc/qalqan/{name}", text)
        gateway.register()
        return gateway

    return add
