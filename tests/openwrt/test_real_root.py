"""The scripts against a real OpenWrt: an unpacked root file system of 24.10 or newer that this machine can
run, named by ``OPENWRT_ROOT``. None can be installed from where the tests take what they need, so without one
these say so and are left out. It is copied; procd, netifd and fw4 are in it, and do not run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.openwrt.goldenfiles import GOLDEN
from tests.openwrt.router import FILES, NETWORK

OPENWRT_ROOT = os.environ.get("OPENWRT_ROOT", "")

pytestmark = [
    pytest.mark.needs("root"),
    pytest.mark.skipif(not OPENWRT_ROOT, reason="OPENWRT_ROOT names no root of a real OpenWrt"),
]

# What the scripts call of OpenWrt's own shell functions, and in which files those are.
_FUNCTIONS = {
    "etc/rc.common": ("extra_command", "reload", "shutdown", "enabled"),
    "lib/functions.sh": ("config_load", "config_get", "config_get_bool", "get_bool", "user_exists"),
    "lib/functions/procd.sh": (
        *("uci_load_validate", "procd_set_param", "procd_append_param", "procd_add_reload_trigger"),
        *(
            "procd_add_interface_trigger",
            "procd_add_restart_mount_trigger",
            "procd_open_validate",
            "procd_close_validate",
        ),
    ),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    copy = tmp_path / "root"
    shutil.copytree(OPENWRT_ROOT, copy, symlinks=True)
    for name in ("etc/config", "etc/uci-defaults", "tmp"):
        (copy / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(FILES / "qalqan.conf", copy / "etc/config/qalqan")
    shutil.copy(FILES / "qalqan.defaults", copy / "etc/uci-defaults/90-qalqan")
    (copy / "etc/config/network").write_text(NETWORK)
    return copy


def run(root: Path, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["chroot", str(root), "/bin/sh", "-c", text],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("file", sorted(_FUNCTIONS))
def test_every_function_that_is_called_is_there(root: Path, file: str) -> None:
    text = (root / file).read_text()
    assert [one for one in _FUNCTIONS[file] if not re.search(rf"^\s*_?{one} ?\(\)", text, re.MULTILINE)] == []


def test_every_program_that_is_called_is_there(root: Path) -> None:
    done = run(
        root,
        "for one in uci nft fw4 flock logger dnsmasq chgrp; do command -v $one >/dev/null || echo $one; done",
    )
    assert done.stdout == ""


def test_the_real_uci_fills_in_the_same(root: Path) -> None:
    """The line about offloading is of a script that is not installed here."""
    done = run(root, "mkdir -p /tmp/.uci; cd /etc/uci-defaults && ( . ./90-qalqan ) && uci commit")
    assert (done.returncode, done.stderr) == (0, "")
    golden = (GOLDEN / "first-boot-uci.txt").read_text().replace("\toption offload 'off'\n", "")
    assert (root / "etc/config/qalqan").read_text().split() == golden.split()
