"""LuCI's parts under node, beside a real control server: neither LuCI nor rpcd nor ucode is at hand."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.control.protocol import Handler
from gateway.control.server import ControlServer
from gateway.core.loop import Loop
from tests.pace import longest

HERE = Path(__file__).parent
APP = Path(__file__).parents[3] / "openwrt" / "luci-app-qalqan"
PLUGIN = APP / "root/usr/share/rpcd/ucode/qalqan.uc"
VIEWS = APP / "htdocs/luci-static/resources/view"
WEBUI = "/usr/lib/qalqan/webui"
"""Where qalqan-web is, where it is installed."""

PATIENCE = longest(5.0)
CHUNK = 1 << 16

Call = tuple[str, Mapping[str, Any]]


def world(runtime: Path, files: Sequence[str] = (WEBUI,), **sections: Mapping[str, Any]) -> dict[str, Any]:
    return {"uci": {"qalqan": {"paths": {"runtime": str(runtime)}, **sections}}, "files": list(files)}


class Node:
    """serve.js; its answers are waited for on a loop, on which a control server may answer meanwhile."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def ask(self, asked: Mapping[str, Any]) -> Any:
        with _looping() as loop:
            return self._ask(asked, loop)

    def ask_beside(self, runtime: Path, verbs: Mapping[str, Handler], asked: Mapping[str, Any]) -> Any:
        """The same, while those verbs are answered in this very thread: a store is one thread's."""
        with _looping() as loop:
            server = ControlServer(loop, runtime / "control.sock", verbs)
            try:
                return self._ask(asked, loop)
            finally:
                server.close()

    def _ask(self, asked: Mapping[str, Any], loop: Loop) -> Any:
        writing, reading = self._process.stdin, self._process.stdout
        assert writing is not None
        assert reading is not None
        writing.write(json.dumps(asked).encode() + b"\n")
        writing.flush()
        told = bytearray()
        loop.on_readable(reading, lambda: told.extend(os.read(reading.fileno(), CHUNK)))
        end = loop.now() + PATIENCE
        while not told.endswith(b"\n"):
            assert loop.now() < end, "node does not answer"
            loop.run_once(0.1)
        loop.forget(reading)
        answer = json.loads(told)
        assert "failed" not in answer, answer["failed"]
        return answer

    def plugin(self, runtime: Path, *wanted: Call, **around: Any) -> list[Any]:
        """rpcd's status and the plugin's answer to each call, one after the other."""
        found: list[Any] = self.ask(asked_of_plugin(runtime, *wanted, **around))["answers"]
        return found

    def replies(self, runtime: Path, *wanted: Call, **around: Any) -> list[dict[str, Any]]:
        """The plugin's answers, where rpcd found nothing wrong with the calls."""
        return fine(self.plugin(runtime, *wanted, **around))


def asked_of_plugin(runtime: Path, *wanted: Call, **around: Any) -> dict[str, Any]:
    calls = [[method, dict(values)] for method, values in wanted]
    return {"run": "plugin", "plugin": str(PLUGIN), "world": world(runtime, **around), "calls": calls}


def fine(answers: Sequence[Any]) -> list[dict[str, Any]]:
    assert all(one["status"] == 0 for one in answers), answers
    return [one["reply"] for one in answers]


@contextmanager
def serving() -> Iterator[Node]:
    argv = ["node", str(HERE / "serve.js")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Node(process)
        finally:
            process.kill()


@contextmanager
def _looping() -> Iterator[Loop]:
    loop = Loop()
    try:
        yield loop
    finally:
        loop.close()
