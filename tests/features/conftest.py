"""Desks of one test, and the home of namespaces for what the daemon does to a real kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.features.desk import Desk
from tests.kernel.home import Home

ALMATY = ZoneInfo("Asia/Almaty")

Make = Callable[..., Desk]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ALMATY)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """``make("2026-11-24T20:40", daughter={…})``: a desk at that time in Almaty."""
    made: list[Desk] = []

    def build(when: str, **rules: object) -> Desk:
        made.append(Desk(tmp_path, at(when), **rules))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for one in made:
        one.stop()


@pytest.fixture
def home(namespaces: None) -> Iterator[Home]:
    built = Home()
    yield built
    built.close()
