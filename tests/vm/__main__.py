"""`make vm`: boot Debian's stock kernel in QEMU, try there all of `tests.vm.guest`, print its table."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import closing

from tests.lab.home import ROOT
from tests.vm import debian
from tests.vm.debian import VmError
from tests.vm.machine import Machine

CACHE = ROOT / ".run" / "vm"
GUEST = ["-m", "tests.vm.guest"]
_WHOLE_S = 1800.0  # for everything in the machine; it takes a few minutes where nothing else runs


def main() -> int:
    # The machine must not outlive us.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = _run()
    except VmError as error:
        print(f"make vm: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make vm: interrupted", file=sys.stderr)
        return 130
    return 0 if status == 0 else 1


def _run() -> int | None:
    debian.require_host()
    debian.install_tools()
    kernel, busybox = debian.find_kernel(CACHE), debian.find_busybox(CACHE)
    print(
        f"Linux {kernel.modules.name} in QEMU, emulated; a few minutes, and nothing of this machine changes."
    )
    machine = Machine(kernel, busybox, [sys.executable, *GUEST], ROOT, CACHE / "console.log")
    began = time.monotonic()
    with closing(machine.run(_WHOLE_S)) as lines:
        for line in lines:
            print(line, flush=True)
    print(f"With its start, {time.monotonic() - began:.0f} s.")
    if machine.status and machine.console.stat().st_size:
        print(f"What its kernel said is in {machine.console}.")
    return machine.status


if __name__ == "__main__":
    sys.exit(main())
