"""QEMU's command line, and a real start of the machine where its parts are already there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.lab.home import ROOT
from tests.vm import small_router
from tests.vm.__main__ import CACHE
from tests.vm.debian import Kernel, VmError, find_busybox, find_kernel
from tests.vm.machine import Machine, command_line


def test_it_has_no_network_and_cannot_write_to_the_host() -> None:
    line = command_line(Kernel(Path("/k"), Path("/m")), Path("/i"), Path("/c"))
    assert line[line.index("-net") + 1] == "none"
    shared = line[line.index("-fsdev") + 1].split(",")
    assert {"path=/", "readonly=on"} <= set(shared)
    assert "kvm" not in " ".join(line)


@pytest.fixture
def parts() -> tuple[Kernel, Path]:
    if shutil.which("qemu-system-x86_64") is None or not list(CACHE.glob("linux-image-*")):
        pytest.skip("`make vm` fetches QEMU and the kernel")
    return find_kernel(CACHE), find_busybox(CACHE)


@pytest.mark.slow
@pytest.mark.lab
@pytest.mark.timeout(600)
def test_it_runs_a_command_and_changes_nothing(parts: tuple[Kernel, Path], tmp_path: Path) -> None:
    kernel, busybox = parts
    code = f"uname -r; pwd; id -u; touch '{tmp_path}/written' && ls -1 '{tmp_path}'; exit 3"
    machine = Machine(kernel, busybox, ["sh", "-c", code], ROOT, tmp_path / "console.log")
    lines = list(machine.run(500.0))
    assert lines == [kernel.modules.name, str(ROOT), "0", "console.log", "written"]
    assert machine.status == 3
    assert not (tmp_path / "written").exists()


@pytest.mark.slow
@pytest.mark.lab
@pytest.mark.timeout(600)
def test_a_kernel_that_cannot_start_is_told(parts: tuple[Kernel, Path], tmp_path: Path) -> None:
    kernel, busybox = parts
    broken = tmp_path / "vmlinuz"
    broken.write_bytes(b"no kernel")
    machine = Machine(Kernel(broken, kernel.modules), busybox, ["true"], ROOT, tmp_path / "console.log")
    with pytest.raises(VmError, match="ended before its time"):
        list(machine.run(60.0))


@pytest.mark.slow
@pytest.mark.lab
@pytest.mark.timeout(3700)
def test_with_128_mb_an_update_of_the_lists_ends_next_to_a_daemon_that_filters(
    parts: tuple[Kernel, Path], tmp_path: Path
) -> None:
    outcome = small_router.boot(*parts, tmp_path / "console.log")
    assert list(outcome.failures()) == []
    assert min(sample.available for sample in outcome.samples) > 4_000, "kB"
