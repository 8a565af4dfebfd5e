"""Root's commands beside a daemon that is another user: what they write is the daemon's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.entering import let_others_in

DAEMON = 65534  # nobody, here in the place of the daemon's user


@pytest.mark.needs("root")
def test_a_table_that_root_builds_belongs_to_whom_the_state_belongs(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, DAEMON, DAEMON)
    let_others_in(tmp_path)
    config = tmp_path / "qalqan.yaml"
    config.write_text(f"state: {state}\nruntime: {tmp_path / 'run'}\n")
    config.chmod(0o644)
    command = [sys.executable, "-m", "gateway", "lists", "build", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    made = [state, *state.rglob("*")]
    assert len(made) > 2
    assert {(path.name, path.lstat().st_uid, path.lstat().st_gid) for path in made} == {
        (path.name, DAEMON, DAEMON) for path in made
    }
