"""The verb of automatic backups: who sets them up, what is stored, and what everyone is told."""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.core.helper_process import HelperProcess
from gateway.core.reason_codes import Code
from gateway.features.backup import auto_backup
from tests.features.backup.backed_up import furnish, profiles, web
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk

STICK = "/mnt/usb"
KEY = f"{'ab' * 32}:{'cd' * 32}"


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = make(NOON)
    furnish(made)
    monkeypatch.setattr(auto_backup, "drives", lambda: (STICK,))
    return made


def settings(desk: Desk) -> object:
    return yaml.safe_load(Path(desk.rules.path).read_text()).get("backup")


def key(desk: Desk) -> Path:
    return Path(desk.rules.household.config.state) / auto_backup.KEY


def test_a_guardian_sets_them_up_and_everyone_sees_it(desk: Desk) -> None:
    assert web(desk, "auto_backup") == {
        "on": False, "folder": "", "every": "daily", "keep": 7, "has_key": False, "drives": [STICK],
        "running": False, "made": None, "files": 0, "problem": "", "left_out": [],
    }  # fmt: skip
    found = web(desk, "auto_backup", action="set", folder=STICK, every="weekly", keep=3, key=KEY)
    assert (found["on"], found["folder"], found["every"], found["keep"]) == (True, STICK, "weekly", 3)
    assert settings(desk) == {"folder": STICK, "every": "weekly", "keep": 3}
    assert key(desk).read_text() == f"{KEY}\n"
    assert key(desk).stat().st_mode & 0o777 == 0o600
    assert desk.rules.household.config.backup is not None
    assert [one["told"] for one in desk.ask("status")["announced"]] == ["backup"]
    web(desk, "auto_backup", action="set", folder=STICK, every="daily", keep=9)
    assert key(desk).exists(), "without a new passphrase the key stays"
    assert web(desk, "auto_backup", action="off")["on"] is False
    assert (settings(desk), key(desk).exists()) == (None, False)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"folder": "/etc", "key": KEY}, Code.NO_DRIVE),
        ({"folder": "/mnt/usb/../../etc", "key": KEY}, Code.NO_DRIVE),
        ({"key": KEY}, Code.INVALID),
        ({"folder": STICK}, Code.INVALID),
        ({"folder": STICK, "key": KEY, "keep": 0}, Code.INVALID),
        ({"folder": STICK, "key": KEY, "by": "Nobody"}, Code.NO_GUARDIAN),
    ],
)
def test_a_folder_that_is_no_drive_or_no_passphrase_changes_nothing(
    desk: Desk, values: dict[str, object], code: Code
) -> None:
    with pytest.raises(GatewayError) as refused:
        web(desk, "auto_backup", action="set", **values)
    assert refused.value.code == code
    assert (settings(desk), key(desk).exists()) == (None, False)


def test_files_that_they_cannot_contain_are_a_problem_while_they_are_on(desk: Desk) -> None:
    (profiles(desk) / "kid.YAML").write_text("{name: Kid, band: 6-9}\n")
    desk.reload()
    assert desk.features.auto_backups.left_out_problems() == []
    web(desk, "auto_backup", action="set", folder=STICK, key=KEY)
    (problem,) = desk.features.auto_backups.left_out_problems()
    assert problem.startswith("Not in a backup: kid.YAML. Give each file a name")
    (profiles(desk) / "kid.YAML").rename(profiles(desk) / "kid.yaml")
    desk.reload()
    assert desk.features.auto_backups.left_out_problems() == []


def test_the_pages_get_no_backup_without_its_announcement(desk: Desk) -> None:
    with pytest.raises(GatewayError):
        web(desk, "backup", automatic=True)
    assert desk.ask("backup", Role.OWNER, automatic=True)["size"] > 0
    assert desk.ask("status")["announced"] == []


def test_a_failed_backup_is_tried_each_hour_and_first_two_minutes_after_a_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[float] = []

    def fails(*_: object) -> None:
        starts.append(desk.loop.now())
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(HelperProcess, "start", fails)
    web(desk, "auto_backup", action="set", folder=STICK, key=KEY)
    desk.go(timedelta(seconds=auto_backup.SOON))
    desk.go(timedelta(hours=2))
    assert len(starts) == 3
    assert desk.features.auto_backups.problems() == [
        "Automatic backup: no program can be started: Cannot allocate memory"
    ]
    starts.clear()
    desk.restart()
    began = desk.loop.now()
    desk.go(timedelta(hours=2))
    assert [start - began for start in starts] == [120, 3720]
