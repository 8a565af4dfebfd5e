"""`make vm`: boot Debian's stock kernel in QEMU, try there all of `tests.vm.guest`, print its table; then the
daemon's points on this machine's own kernel, and both side by side. ``ARGS="guard"``: that part alone.
"""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing

from tests.lab.home import ROOT
from tests.vm import behaviour, debian, flowtable, serial_console, small_router, speed
from tests.vm.debian import VmError
from tests.vm.guest import PARTS
from tests.vm.here import backend_here
from tests.vm.machine import Hardware, Machine
from tests.vm.report import read_rows, side_by_side

CACHE = ROOT / ".run" / "vm"
GUEST, HERE = ["-m", "tests.vm.guest"], ["-m", "tests.vm.here"]
_WHOLE_S = 7200.0  # for everything in the machine; it takes a few minutes where nothing else runs


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
    parts = sys.argv[1:]
    if parts == [small_router.PART]:
        return small_router.run(kernel, busybox, CACHE / "console.log")
    if parts == [serial_console.PART]:
        return serial_console.run(kernel, busybox, CACHE / "console.log")
    if not set(parts) <= set(PARTS):
        msg = f"the parts are {', '.join(PARTS)}; or {small_router.PART} or {serial_console.PART}, alone"
        raise VmError(msg)
    if speed.PART in parts and len(parts) > 1:
        msg = f"{speed.PART} runs alone: its machine has another clock"
        raise VmError(msg)
    hardware = speed.HARDWARE if parts == [speed.PART] else Hardware()
    command = [sys.executable, *GUEST, *parts]
    machine = Machine(kernel, busybox, command, ROOT, CACHE / "console.log", hardware)
    began = time.monotonic()
    with closing(machine.run(_WHOLE_S)) as lines:
        inside = list(_shown(lines))
    print(f"With its start, {time.monotonic() - began:.0f} s.")
    if machine.status and machine.console.stat().st_size:
        print(f"What its kernel said is in {machine.console}.")
    if "daemon" not in (parts or PARTS):
        return machine.status
    print(f"\nThe same home on this machine's own kernel, Linux {platform.release()}.")
    outside, status = _here()
    tables = {behaviour.NATIVE: (inside, behaviour.PART), "with a flow table": (inside, flowtable.PART)}
    columns = {title: read_rows(*told) for title, told in tables.items()}
    columns[f"here: {backend_here()}"] = read_rows(outside, behaviour.PART)
    print("", *side_by_side(columns), sep="\n")
    print(f"All of it, {time.monotonic() - began:.0f} s.")
    return machine.status or status


def _here() -> tuple[list[str], int]:
    with subprocess.Popen([sys.executable, *HERE], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = list(_shown(line.rstrip("\n") for line in process.stdout))
    return lines, process.returncode


def _shown(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        print(line, flush=True)
        yield line


if __name__ == "__main__":
    sys.exit(main())
