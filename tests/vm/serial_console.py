"""`make vm ARGS=console`: openwrt/image/acceptance.sh, which drives a machine over its serial console.

In place of an image of OpenWrt, the machine has the stock kernel, and the virtual home with the daemon of a
new gateway.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.lab.daemon import Daemon
from tests.lab.home import ROOT, Home
from tests.vm import initramfs
from tests.vm.debian import Kernel
from tests.vm.guest import MODULES
from tests.vm.machine import Hardware, command_line
from tests.vm.patience import be_patient

PART = "console"
SCRIPT = ROOT / "openwrt" / "image" / "acceptance.sh"
START_S, WITHIN_S = 600, 1200  # the machine is emulated
SERIAL = "/dev/ttyS1"
COMMAND = Path("/usr/local/bin/qalqan")


def run(kernel: Kernel, busybox: Path, console: Path) -> int:
    """Run the script; return its exit status."""
    began = time.monotonic()
    guest = [sys.executable, "-m", "tests.vm.serial_console"]
    with tempfile.NamedTemporaryFile(suffix=".cpio") as initrd:
        initrd.write(initramfs.build(busybox, kernel.modules, guest, ROOT))
        initrd.flush()
        qemu, *options = command_line(kernel, Path(initrd.name), console, Hardware(options=()))
        environment = {**os.environ, "QEMU": qemu, "START": str(START_S), "WITHIN": str(WITHIN_S)}
        # The script attaches an image; this machine does not use it.
        done = subprocess.run([SCRIPT, initrd.name, *options], env=environment, check=False)
    print(f"Exit status {done.returncode}, after {time.monotonic() - began:.0f} s.")
    return done.returncode


def main() -> int:
    """In the machine: start the home and its daemon, then a shell on the serial console."""
    subprocess.run(["modprobe", "-a", *MODULES], check=True)
    be_patient()
    with Home() as home, Daemon(home, {}, settings={"offload": "auto"}, web=True) as daemon:
        enter = home.gateway.command([sys.executable, "-m", "gateway"])
        line = f'cd {ROOT} && exec {" ".join(enter)} "$@" --config {daemon.config}'
        COMMAND.write_text(f"#!/bin/sh\n{line}\n")
        COMMAND.chmod(0o755)
        subprocess.run(["stty", "-F", SERIAL, "sane"], check=True)
        with Path(SERIAL).open("r+b", buffering=0) as serial:
            shell = ["setsid", "-c", "sh", "-i"]
            return subprocess.run(shell, stdin=serial, stdout=serial, stderr=serial, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
