"""What runs, from /proc. A process may end while it is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def with_argument(pids: Iterable[int], part: bytes) -> list[int]:
    """Return those of ``pids`` whose command line, its words joined by zero bytes, contains ``part``."""
    return [pid for pid in pids if part in _command_line(pid)]


def children(pid: int) -> list[int]:
    """Return the process ids of the children of the first thread of ``pid``; none if it has ended."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
