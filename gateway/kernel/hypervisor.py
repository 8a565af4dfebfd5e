"""Detects a virtual machine, whose clock is set by its host from the start."""

from __future__ import annotations

from pathlib import Path

CPUS = Path("/proc/cpuinfo")
NAMED = (Path("/sys/hypervisor/type"), Path("/proc/device-tree/hypervisor"))  # Xen; ARM


def present() -> bool:
    """Return whether this is a virtual machine; False if nothing indicates it."""
    if any(path.exists() for path in NAMED):
        return True
    try:
        with CPUS.open("rb") as lines:
            return any(line.startswith(b"flags") and b"hypervisor" in line.split() for line in lines)
    except OSError:
        return False
