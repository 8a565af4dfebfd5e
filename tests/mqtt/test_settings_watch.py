"""When the process of `qalqan mqtt` reads its settings again, without a broker and a daemon."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.mqtt.process import RETRY, SettingsWatch

MQTT: dict[str, Any] = {"address": "broker.example", "token_file": "token", "children": []}


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The results of the processes that read the file, the next one first."""
    results: list[Any] = []

    def run(command: tuple[str, ...], **_: object) -> object:
        found = results.pop(0)
        if isinstance(found, BaseException):
            raise found
        return found

    monkeypatch.setattr(subprocess, "run", run)
    return results


def done(mqtt: dict[str, Any] | None) -> object:
    text = json.dumps({"control": "control.sock", "mqtt": mqtt, "problems": []})
    return SimpleNamespace(returncode=0, stdout=text, stderr="")


def watch(tmp_path: Path) -> SettingsWatch:
    config = tmp_path / "qalqan.yaml"
    config.write_text("mqtt: …")
    found = SettingsWatch({"control": "control.sock", "mqtt": MQTT, "problems": []}, config)
    config.write_text("# mqtt is off")
    return found


KILLED = SimpleNamespace(returncode=-9, stdout="", stderr="")


@pytest.mark.parametrize("failure", [subprocess.TimeoutExpired("qalqan", 60), OSError(12, "memory"), KILLED])
def test_a_file_is_read_again_after_a_failure_of_its_reader(
    tmp_path: Path, reader: list[Any], monkeypatch: pytest.MonkeyPatch, failure: object
) -> None:
    settings, began = watch(tmp_path), time.monotonic()
    now = [began]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    reader += [failure, done(None)]
    assert settings.look() is not None
    assert settings.look() is not None
    assert len(reader) == 1, "not immediately"
    now[0] += RETRY
    assert settings.look() is None
    assert settings.look() is None
    assert reader == [], "once"


def test_an_invalid_file_is_not_read_again(tmp_path: Path, reader: list[Any]) -> None:
    settings = watch(tmp_path)
    reader += [SimpleNamespace(returncode=2, stdout="", stderr="qalqan.yaml:1: …"), done(None)]
    assert settings.look() is not None
    assert settings.look() is not None
    assert len(reader) == 1
