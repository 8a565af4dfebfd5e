"""File descriptors that the service manager opened for us (sd_listen_fds(3))."""

from __future__ import annotations

import os
from collections.abc import Mapping

FIRST = 3  # the first passed descriptor, SD_LISTEN_FDS_START


def inherited_descriptor(name: str, environment: Mapping[str, str] = os.environ) -> int | None:
    """Return the descriptor of that name and make it non-inheritable; None if there is none."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return None
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    if name not in names:
        return None
    number = FIRST + names.index(name)
    os.set_inheritable(number, False)
    return number
