"""Reads the memory of the machine and of this process from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class MachineMemory:
    """The machine's total and available memory and free swap, in bytes; 0 where the kernel reports none."""

    total: int = 0
    available: int = 0  # for new processes without swapping
    free_swap: int = 0

    @property
    def usable(self) -> int:
        """Return the bytes for a new process that may swap: all available memory, and half of the free swap.

        OpenWrt's zram-swap stores swapped pages in the same memory, compressed to less than half. 0:
        unknown.
        """
        return self.available and self.available + self.free_swap // 2


def machine_memory(proc: Path = Path("/proc")) -> MachineMemory:
    """Return the memory of the machine, from /proc/meminfo; all numbers are 0 without it, as in a chroot."""
    found = {}
    try:
        lines = proc.joinpath("meminfo").read_text("ascii").splitlines()
    except OSError:
        return MachineMemory()
    for line in lines:
        key, _, value = line.partition(":")
        if key in ("MemTotal", "MemAvailable", "SwapFree"):
            found[key] = int(value.split()[0]) * 1024
    return MachineMemory(found.get("MemTotal", 0), found.get("MemAvailable", 0), found.get("SwapFree", 0))


def own_memory(proc: Path = Path("/proc")) -> int:
    """Return the private memory of this process in bytes: resident pages that belong to no file.

    Raises OSError without /proc.
    """
    _, resident, shared, *_ = map(int, proc.joinpath("self/statm").read_text("ascii").split())
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")
