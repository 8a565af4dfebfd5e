"""Whether a process would write a core dump, which would contain data of the family."""

from __future__ import annotations

from pathlib import Path


def core_limits(pid: int) -> list[str]:
    """Return the soft and the hard limit of the size of a core dump."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max core")).split()[4:6]


NONE = ["0", "0"]
