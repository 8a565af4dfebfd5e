"""The step of the recipe that boots an image: with a console of our own instead of QEMU's.

`make vm ARGS=console` runs it with a real machine.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "openwrt" / "image" / "acceptance.sh"
RESULT = {"ok": True, "seconds": 3, "version": "0.1.0", "results": []}
# A router's console: a line of the kernel, then a shell on a terminal, which returns what is typed.
CONSOLE = """#!/bin/sh
printf '%s\\n' "$@" > {folder}/options
printf '[    9.1] random: crng init done\\r\\nPlease press Enter to activate this console.\\r\\n'
read -r line
export PATH={folder}:$PATH
exec script -qec 'sh -i' /dev/null
"""
QALQAN = """#!/bin/sh
echo "$*" > {folder}/called
echo 'a line of the log' >&2
echo '{result}'
exit {status}
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with a machine that has no program `qalqan` yet."""
    program(tmp_path / "machine", CONSOLE.format(folder=tmp_path))
    program(tmp_path / "dmesg", "#!/bin/sh\n")
    return tmp_path


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def install(machine: Path, status: int) -> None:
    result = json.dumps({**RESULT, "ok": status == 0})
    program(machine / "qalqan", QALQAN.format(folder=machine, result=result, status=status))


def accept(machine: Path, *options: str, **settings: str) -> tuple[int, str, str]:
    image = machine / "image.img"
    image.write_bytes(bytes(512))
    environment = {**os.environ, "QEMU": str(machine / "machine"), "START": "20", **settings}
    done = subprocess.run(
        ["busybox", "ash", str(SCRIPT), str(image), *options],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.needs("busybox", "script")
def test_its_exit_status_is_that_of_the_test(machine: Path, status: int) -> None:
    install(machine, status)
    found, printed, errors = accept(machine, "-m", "1G", WITHIN="77")
    assert (found, errors) == (status, "")
    assert json.loads(printed) == {**RESULT, "ok": status == 0}
    assert (machine / "called").read_text() == "acceptance --json --within 77\n"
    drive, *options = (machine / "options").read_text().split("\n")[1:-1]
    assert drive == f"file={machine}/image.img,format=raw,if=virtio,snapshot=on"
    assert options == ["-m", "1G"]


@pytest.mark.needs("busybox", "script")
def test_an_image_without_the_program_is_not_accepted(machine: Path) -> None:
    found, printed, errors = accept(machine)
    assert (found, printed) == (3, "")
    assert errors.startswith("acceptance.sh: there is no result, status 127. The console's last lines:\n")


@pytest.mark.needs("busybox")
@pytest.mark.parametrize(
    ("act", "reason"), [("exec sleep 30", "the start took more than 1 s"), ("exit 1", "the machine ended")]
)
def test_a_machine_without_a_console_is_an_error(machine: Path, act: str, reason: str) -> None:
    program(machine / "machine", f"#!/bin/sh\necho no bootable device\n{act}\n")
    last = f"acceptance.sh: {reason}. The console's last lines:\nno bootable device\n"
    assert accept(machine, START="1") == (3, "", last)
