"""`qalqan backup` and `qalqan restore`, with a daemon that has a family in memory."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.web.backup_encryption import decrypt_backup, encrypt_backup
from tests.cli.conftest import Qalqan
from tests.control.running import running

TEXT = '{"format": 1, "what": "a family"}'
PASSWORD = "four quiet words"
LOOK: dict[str, Any] = {
    "made": "2026-11-20T08:00:00+05:00", "by": "Mum", "gateway": "home", "version": "0.1.0",
    "children": [{"id": "daughter", "name": "Aruzhan\x1b[2J", "band": "10-12"}], "people": ["Mum", "Dad"],
    "same": False, "fresh": ["Timur"], "changed": [], "gone": [], "settings": True, "devices": 3, "pins": 0,
    "self_set": 0, "added": ["Dad"], "grants": 0, "steps": 0, "problems": [],
}  # fmt: skip


class Family:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.came, self.look = "", dict(LOOK)

    def backup(self, request: ControlRequest) -> dict[str, object]:
        start = request.whole("from", least=0, most=1000, default=0)
        return {"text": TEXT[start : start + 20], "size": len(TEXT), "left_out": ["a/b.ics"], "from": start}

    def restore(self, request: ControlRequest) -> dict[str, object]:
        action = request.text("action")
        self.done.append(action)
        if action == "piece":
            self.came += str(request.values["text"])
        if action == "undo":
            raise ControlError.of(Code.NO_WAY_BACK)
        return {"token": "t", "piece": 10, "problems": []} | (self.look if action == "look" else {})


@pytest.fixture
def family(config: Path, tmp_path: Path) -> Iterator[Family]:
    (tmp_path / "run").mkdir(exist_ok=True)
    lines = [line for line in config.read_text().splitlines() if not line.startswith("runtime")]
    config.write_text("\n".join([*lines, f"runtime: {tmp_path / 'run'}", ""]))
    one = Family()
    with running(tmp_path / "run" / "control.sock", {"backup": one.backup, "restore": one.restore}):
        yield one


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\r\nnot this\n")
    return path


def test_a_file_for_root_alone(
    qalqan: Qalqan, config: Path, family: Family, password: Path, tmp_path: Path
) -> None:
    out = tmp_path / "home.backup"
    done = qalqan("--config", config, "backup", out, "--password-file", password)
    assert done.status == 0, done
    assert decrypt_backup(out.read_bytes(), PASSWORD) == TEXT.encode()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "Not in a backup: a/b.ics. Give each file a name of its own" in done.err


def test_a_password_that_is_none_writes_nothing(
    qalqan: Qalqan, config: Path, family: Family, password: Path, tmp_path: Path
) -> None:
    password.write_text("short\n")
    done = qalqan("--config", config, "backup", tmp_path / "home.backup", "--password-file", password)
    assert done.refusal == "A backup's password has 8 to 200 letters."
    assert not (tmp_path / "home.backup").exists()


def restore(qalqan: Qalqan, config: Path, password: Path, tmp_path: Path, *more: str) -> Any:
    file = tmp_path / "home.backup"
    file.write_bytes(encrypt_backup(TEXT.encode(), PASSWORD))
    return qalqan("--config", config, "restore", file, "--password-file", password, *more)


def test_it_says_what_would_change_then_changes_it(
    qalqan: Qalqan, config: Path, family: Family, password: Path, tmp_path: Path
) -> None:
    done = restore(qalqan, config, password, tmp_path, "--yes")
    assert done.status == 0, done
    assert family.came == TEXT
    assert family.done[-2:] == ["look", "apply"]
    for line in (
        "by Mum on home",
        "Children: Aruzhan?[2J",
        "Added: Timur",
        "Gets an account: Dad",
        "3 devices change",
    ):
        assert line in done.out
    assert "To undo it: qalqan restore --undo" in done.out


def test_without_a_yes_nothing_changes(
    qalqan: Qalqan,
    config: Path,
    family: Family,
    password: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "")
    done = restore(qalqan, config, password, tmp_path)
    assert (done.status, family.done[-1]) == (1, "drop")
    assert "Nothing was changed." in done.out
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert restore(qalqan, config, password, tmp_path).status == 0
    assert family.done[-1] == "apply"


def test_what_is_as_it_is_now_is_said_and_left(
    qalqan: Qalqan, config: Path, family: Family, password: Path, tmp_path: Path
) -> None:
    family.look["same"] = True
    done = restore(qalqan, config, password, tmp_path)
    assert "there is nothing to change" in done.out
    assert "apply" not in family.done


def test_another_password_is_one_line(
    qalqan: Qalqan, config: Path, family: Family, password: Path, tmp_path: Path
) -> None:
    password.write_text("another password\n")
    assert restore(qalqan, config, password, tmp_path).refusal == Code.BACKUP_LOCKED.sentence
    assert not family.done


def test_the_way_back(qalqan: Qalqan, config: Path, family: Family) -> None:
    assert qalqan("--config", config, "restore", "--undo").refusal == Code.NO_WAY_BACK.sentence
    assert "name the file" in qalqan("--config", config, "restore").refusal
