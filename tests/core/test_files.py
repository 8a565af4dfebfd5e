"""A file that is replaced: its mode and its owner."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.core.files import write_atomically
from tests.entering import let_others_in

OURS, THEIRS = 65534, 0
AS_ANOTHER = """
import os, sys
from pathlib import Path
from gateway.core.files import write_atomically
os.setgid(65534)
os.setuid(65534)
path = Path(sys.argv[1])
write_atomically(path, b"new", path.stat())
"""


@pytest.mark.needs("root")
def test_root_keeps_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.chown(path, OURS, OURS)
    write_atomically(path, b"new", path.stat())
    found = path.stat()
    assert (path.read_bytes(), found.st_mode & 0o777, found.st_uid, found.st_gid) == (
        b"new",
        0o640,
        OURS,
        OURS,
    )


@pytest.mark.needs("root")
def test_who_is_not_root_replaces_a_file_of_roots_and_keeps_its_mode(tmp_path: Path) -> None:
    """As the daemon of a package does, with a file that root wrote by hand in its folder."""
    folder = tmp_path / "folder"
    folder.mkdir()
    os.chown(folder, OURS, OURS)
    let_others_in(tmp_path)
    path = folder / "file"
    path.write_bytes(b"old")
    path.chmod(0o644)
    done = subprocess.run([sys.executable, "-c", AS_ANOTHER, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = path.stat()
    assert (path.read_bytes(), found.st_mode & 0o777, found.st_uid) == (b"new", 0o644, OURS)


def test_a_link_in_the_place_of_the_file_in_the_making_leads_nowhere(tmp_path: Path) -> None:
    """Who has the folder may lay one there, and root writes in it."""
    other, path = tmp_path / "other", tmp_path / "file"
    other.write_bytes(b"of somebody else")
    (tmp_path / ".file.new").symlink_to(other)
    write_atomically(path, b"new")
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"of somebody else")
    assert not path.is_symlink()
