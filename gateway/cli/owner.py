"""Root's commands that write beside a daemon which is another user."""

from __future__ import annotations

import os
from pathlib import Path


def become_owner(folder: Path) -> None:
    """From now on root is whom ``folder`` belongs to: what is written there, the daemon reads and replaces.

    Nothing where it is root's, or not there yet.
    """
    if os.geteuid() != 0 or not folder.exists():
        return
    owner = folder.stat()
    if owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
