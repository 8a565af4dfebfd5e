from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.control.protocol import ControlRequest
from tests.features.conftest import at
from tests.features.desk import Desk
from tests.openwrt.luci.running import Call, Node, asked_of_plugin, fine, serving

Make = Callable[..., Desk]
Asking = Callable[..., list[dict[str, Any]]]
"""``asking(desk, ("pause", {"who": "son"}), …)``: the plugin's answers, of the daemon's real verbs."""

VERBS = ("status", "pause", "resume", "grant", "revoke", "guardian", "devices", "add_profile")


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with serving() as running:
        yield running


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """As for tests of the daemon: a desk at that time in Almaty."""
    made: list[Desk] = []

    def build(when: str, **rules: Any) -> Desk:
        made.append(Desk(tmp_path, at(when), **rules))
        return made[-1]

    yield build
    for one in made:
        one.stop()


@pytest.fixture
def asking(node: Node) -> Asking:
    def ask(desk: Desk, *wanted: Call, **around: Any) -> list[dict[str, Any]]:
        def verb(request: ControlRequest) -> dict[str, Any]:
            return desk.ask(request.do, request.role, **request.values)

        runtime = desk.folder / "run"
        asked = asked_of_plugin(runtime, *wanted, **around)
        return fine(node.ask_beside(runtime, dict.fromkeys(VERBS, verb), asked)["answers"])

    return ask
