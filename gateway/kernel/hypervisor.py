"""Whether this is a virtual machine. Its clock is then its host's, from its start on."""

from __future__ import annotations

from pathlib import Path

CPUS = Path("/proc/cpuinfo")
NAMED = (Path("/sys/hypervisor/type"), Path("/proc/device-tree/hypervisor"))  # Xen; ARM


def present() -> bool:
    """False too where nothing says so."""
    if any(path.exists() for path in NAMED):
        return True
    try:
        with CPUS.open("rb") as lines:
            return any(line.startswith(b"flags") and b"hypervisor" in line.split() for line in lines)
    except OSError:
        return False
