"""One virtual machine, from start to end: what its command says, line by line, and its exit status."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.vm import initramfs
from tests.vm.debian import Kernel, VmError

CPUS = 2
_BLOCK = 1 << 16

# no_timer_check: the kernel counts ticks of the timer over some loops, and on a host that has little time for
# the machine finds none and gives up ("IO-APIC + timer doesn't work").
_KERNEL_WORDS = "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off random.trust_cpu=on no_timer_check"


@dataclass(frozen=True, slots=True)
class Hardware:
    """The emulated computer. Without ``options``, it has no network and no disk."""

    memory: str = "1G"
    processor: str = "max"
    accelerators: tuple[str, ...] = ("tcg,thread=multi",)  # the first that works
    options: tuple[str, ...] = ("-net", "none")  # of QEMU


def command_line(kernel: Kernel, initrd: Path, console: Path, hardware: Hardware = Hardware()) -> list[str]:
    """Return QEMU's command line. The first serial line goes to the file ``console``, the other to stdout."""
    return [
        "qemu-system-x86_64",
        *("-machine", "q35", "-cpu", hardware.processor),
        *(word for accelerator in hardware.accelerators for word in ("-accel", accelerator)),
        *("-m", hardware.memory, "-smp", str(CPUS)),
        *("-nodefaults", "-no-user-config", *hardware.options, "-display", "none", "-no-reboot"),
        *("-serial", f"file:{console}", "-serial", "stdio"),
        # One device of the host may hold inode numbers of another: remap keeps them apart.
        *("-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"),
        *("-device", f"virtio-9p-pci,fsdev=root,mount_tag={initramfs.TAG}"),
        *("-kernel", str(kernel.image), "-initrd", str(initrd), "-append", _KERNEL_WORDS),
    ]


class Machine:
    """Iterate over it for the lines; afterwards ``status`` is the command's exit status."""

    def __init__(
        self,
        kernel: Kernel,
        busybox: Path,
        command: list[str],
        folder: Path,
        console: Path,
        hardware: Hardware = Hardware(),
    ) -> None:
        self._hardware = hardware
        self._archive = initramfs.build(busybox, kernel.modules, command, folder)
        self._kernel = kernel
        self.console = console
        self.status: int | None = None

    def run(self, timeout: float) -> Generator[str, None, None]:
        """The command's lines as they come. Raises VmError when it has not ended in ``timeout`` seconds."""
        self.console.unlink(missing_ok=True)
        with tempfile.NamedTemporaryFile(suffix=".cpio") as initrd:
            initrd.write(self._archive)
            initrd.flush()
            argv = command_line(self._kernel, Path(initrd.name), self.console, self._hardware)
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            try:
                yield from self._lines(process, time.monotonic() + timeout)
            finally:
                process.kill()
                process.wait()
                assert process.stdout is not None
                process.stdout.close()
        if self.status is None:
            raise VmError(f"the virtual machine ended before its time; {self._last_words()}")

    def _lines(self, process: subprocess.Popen[bytes], until: float) -> Iterator[str]:
        assert process.stdout is not None
        held = b""
        while True:
            left = until - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise VmError(f"the virtual machine did not come to an end in time; {self._last_words()}")
            data = os.read(process.stdout.fileno(), _BLOCK)
            *lines, held = (held + data).split(b"\n")
            for line in lines:
                text = line.decode(errors="replace").rstrip("\r")
                if text.startswith(initramfs.RESULT_MARK):
                    self.status = int(text.split()[1])
                    return
                yield text
            if not data:
                return

    def _last_words(self) -> str:
        said = self.console.read_text(errors="replace").split("\n") if self.console.exists() else []
        last = [line.strip() for line in said if line.strip()][-1:]
        return f"its kernel's last line, in {self.console}: {last[0]}" if last else "its kernel said nothing"
