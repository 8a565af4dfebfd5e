from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.openwrt.feed.recipes import Package, install, makefiles, read


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Package]:
    """Every package of the feed by its name, as its Makefile says it."""
    folder = tmp_path_factory.mktemp("facts")
    found = [one for file in makefiles() for one in read(file, folder / file.parent.name)]
    return {one.name: one for one in found}


@pytest.fixture(scope="session")
def installed(feed: Mapping[str, Package], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Our own packages, each installed into a root of its own."""
    folder = tmp_path_factory.mktemp("installed")
    names = ("qalqan", "qalqan-lists", "qalqan-mqtt", "qalqan-usp", "qalqan-web")
    return {name: install(feed[name], folder / name) for name in names}
