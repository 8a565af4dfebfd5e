"""Finds the path of an executable program of the system."""

from __future__ import annotations

import os

_SYSTEM = ("/usr/sbin", "/sbin")  # the PATH of an ordinary user lacks them


def find_program(name: str) -> str | None:
    """Return the path of the first executable ``name`` in PATH, /usr/sbin or /sbin; None if there is none.

    Works like shutil.which, whose module loads 1 MB of compressors and archive formats.
    """
    for folder in (*os.get_exec_path(), *_SYSTEM):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None
