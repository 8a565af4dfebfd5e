"""Lets commands that run as root write files as the daemon's user."""

from __future__ import annotations

import os
from pathlib import Path


def become_owner(folder: Path) -> None:
    """Change this process, if it runs as root, permanently to the user and group that own ``folder``.

    The daemon can then read and replace the files that this process writes. Do nothing if root owns the
    folder, or if it does not exist.
    """
    if os.geteuid() != 0 or not folder.exists():
        return
    owner = folder.stat()
    if owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
