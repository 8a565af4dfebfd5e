"""A virtual machine is told from one that is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gateway.kernel import hypervisor

FLAGS = "processor\t: 0\nmodel name\t: hypervisor\nflags\t\t: fpu vme sse2{} lahf_lm\nbugs\t\t: hypervisor\n"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(hypervisor, "CPUS", tmp_path / "cpuinfo")
    monkeypatch.setattr(hypervisor, "NAMED", (tmp_path / "type", tmp_path / "device-tree"))
    return tmp_path


@pytest.mark.parametrize(("flag", "told"), [(" hypervisor", True), (" hypervisor2", False), ("", False)])
def test_the_processor_has_a_flag(system: Path, flag: str, told: bool) -> None:
    (system / "cpuinfo").write_text(FLAGS.format(flag))
    assert hypervisor.present() is told


def test_xen_and_a_device_tree_name_it(system: Path) -> None:
    assert not hypervisor.present()
    (system / "device-tree").mkdir()
    assert hypervisor.present()
    (system / "device-tree").rmdir()
    (system / "type").write_text("xen\n")
    assert hypervisor.present()


@pytest.mark.needs("systemd-detect-virt")
def test_this_machine_is_told_as_systemd_tells_it() -> None:
    done = subprocess.run(["systemd-detect-virt", "--vm"], capture_output=True, text=True, check=False)
    if done.stdout.strip() in ("kvm", "qemu", "xen", "vmware", "microsoft", "oracle", "none"):
        assert hypervisor.present() is (done.returncode == 0)
