"""The server starts once. Everything is slow: `make fleet` runs it, and no other target."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fleet.gateway_agent import Gateway
from tests.fleet.server import PROGRAMS, Server, running

FAMILY = {
    "qalqan.yaml": "country: kz\ntimezone: Asia/Almaty\n",
    "profiles/daughter.yaml": 'name: Daughter\nband: 10-12\ndevices: ["02:00:00:00:aa:0a"]\n',
    "profiles/son.yaml": "name: Son\nband: 6-9\n",
}

AddGateway = Callable[[], Gateway]


def pytest_itemcollected(item: pytest.Item) -> None:
    for mark in (pytest.mark.slow, pytest.mark.needs("root"), pytest.mark.needs(str(PROGRAMS))):
        item.add_marker(mark)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("openwisp")) as started:
        for name in ("agent", "brand", "feed"):
            started.add_template(name)
        yield started


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
            (gateway.root / "etc/qalqan" / name).write_text(text)
        gateway.register()
        return gateway

    return add
