"""A household's files, and the command line in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError

DAUGHTER = """\
name: Aruzhan
band: 10-12
devices: ["02:00:00:00:00:0a"]
block: ["service:tiktok"]
"""
SON = "name: Son\nband: 13-15\n"


@dataclass(frozen=True, slots=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def refusal(self) -> str:
        """The one line of a refusal."""
        assert self.status == 1, self
        assert self.err.startswith("qalqan: ")
        assert self.err.count("\n") == 1, self.err
        return self.err.removeprefix("qalqan: ").rstrip("\n")


Qalqan = Callable[..., Result]


@pytest.fixture
def qalqan(capfd: pytest.CaptureFixture[str]) -> Qalqan:
    def run(*argv: object) -> Result:
        try:
            status = main([str(word) for word in argv])
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capfd.readouterr()
        return Result(status, out, err)

    return run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """`qalqan.yaml` of a home with two children."""
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    (profiles / "daughter.yaml").write_text(DAUGHTER)
    (profiles / "son.yaml").write_text(SON)
    path = tmp_path / "qalqan.yaml"
    folders = f"state: {tmp_path}/state\nruntime: {tmp_path}\nprofiles: {profiles}\n"
    path.write_text(f"lan: [lo]\ntimezone: Asia/Almaty\n{folders}")
    return path


class Heard:
    """Verbs of a daemon that records its requests and returns the given answers."""

    def __init__(self, **answers: Mapping[str, Any] | str) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._answers = answers

    def verbs(self) -> dict[str, Callable[[ControlRequest], Mapping[str, Any]]]:
        return dict.fromkeys(self._answers, self._answer)

    def _answer(self, request: ControlRequest) -> Mapping[str, Any]:
        self.requests.append((request.do, dict(request.values)))
        answer = self._answers[request.do]
        if isinstance(answer, str):
            raise ControlError(answer)
        return answer
