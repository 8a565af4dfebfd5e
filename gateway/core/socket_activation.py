"""Descriptors that a service manager opened for us before it gave up its rights (sd_listen_fds(3))."""

from __future__ import annotations

import os
from collections.abc import Mapping

FIRST = 3  # the number of the first one


def handed(name: str, environment: Mapping[str, str] = os.environ) -> int | None:
    """The descriptor of that name, for this process alone; None where there is none."""
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return None
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    if name not in names:
        return None
    number = FIRST + names.index(name)
    os.set_inheritable(number, False)
    return number
