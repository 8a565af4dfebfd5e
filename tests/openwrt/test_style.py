"""Every shell script of the OpenWrt packages, whatever its name: as busybox ash takes it, and formatted as
OpenWrt's own checks of packages want it.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.openwrt.router import ROOT, SHIMS

FEED = ROOT / "openwrt"
_SHELL = re.compile(rb"#!\s*/bin/(?:sh|ash)\b")
_FORMAT = ("-d", "-sr", "-s")


def scripts() -> list[Path]:
    """What begins as one, and what is called one."""
    found = {path for folder in (FEED, SHIMS) for path in folder.rglob("*") if path.is_file()}
    return sorted(one for one in found if one.suffix == ".sh" or _SHELL.match(one.read_bytes()[:64]))


def test_scripts_are_found() -> None:
    found = {one.name for one in scripts()}
    assert {"qalqan.init", "qalqan-guard.init", "qalqan.defaults", "qalqan.postinst", "hotplug-ntp"} <= found


@pytest.mark.needs("shellcheck")
def test_shellcheck_has_nothing_to_say() -> None:
    done = subprocess.run(
        ["shellcheck", "-s", "busybox", *map(str, scripts())], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.needs("shfmt")
def test_shfmt_would_change_nothing() -> None:
    done = subprocess.run(
        ["shfmt", *_FORMAT, *map(str, scripts())], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.needs("busybox")
@pytest.mark.parametrize("script", scripts(), ids=lambda one: str(one.relative_to(ROOT)))
def test_ash_reads_it(script: Path) -> None:
    done = subprocess.run(["busybox", "ash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
