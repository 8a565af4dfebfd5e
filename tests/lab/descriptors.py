"""Takes all free file descriptors from a running process, for a while."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CALM_S = 0.5  # longer than a process keeps the files that it reads


def is_calm(pid: int) -> bool:
    """Whether a process opens and closes no file for a moment: soon after its start it does."""
    before = _used(pid)
    time.sleep(CALM_S)
    return _used(pid) == before


def _used(pid: int) -> set[int]:
    return {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}


@contextmanager
def scarce_descriptors(pid: int) -> Iterator[None]:
    """Leave a process no free file descriptor meanwhile. What is open only at this moment gets free again."""
    used = _used(pid)
    lowest = next(number for number in range(len(used) + 1) if number not in used)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
