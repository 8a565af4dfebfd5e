"""The memory of the machine and of a process, as the kernel reports it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gateway.core.memory import MachineMemory, machine_memory, own_memory
from gateway.lists.tier import memory_shortage
from gateway.policy.config.list_tiers import ListTier

MEGABYTE = 1 << 20


def test_the_kernel_reports_total_and_available_memory() -> None:
    memory = machine_memory()
    assert 0 < memory.available <= memory.total


def test_what_the_kernel_does_not_report_is_zero(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:         251904 kB\nMemFree:           99000 kB\n")
    assert machine_memory(tmp_path) == MachineMemory(total=246 * MEGABYTE)
    assert machine_memory(tmp_path / "not mounted") == MachineMemory()


def test_half_of_the_free_swap_is_usable(tmp_path: Path) -> None:
    """As on a router with 128 MB and OpenWrt's zram-swap."""
    rows = "MemTotal: 120832 kB\nMemAvailable: 28672 kB\nSwapTotal: 60416 kB\nSwapFree: 40960 kB\n"
    (tmp_path / "meminfo").write_text(rows)
    assert machine_memory(tmp_path).usable == 48 * MEGABYTE
    assert memory_shortage(ListTier.SMALL, machine_memory(tmp_path).usable) == ""
    assert memory_shortage(ListTier.SMALL, machine_memory(tmp_path).available)
    assert MachineMemory(total=MEGABYTE, free_swap=MEGABYTE).usable == 0


def test_the_memory_of_a_process_grows_with_its_data() -> None:
    script = "from gateway.core.memory import own_memory as own\n"
    script += "before = own(); data = b'x' * (40 << 20); print(own() - before)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert 36 * MEGABYTE < int(done.stdout) < 44 * MEGABYTE
    assert own_memory() > MEGABYTE
