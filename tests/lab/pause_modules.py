"""Counts the modules of the product that a parent's pause passes, in the pages and the daemon.

`python -m tests.lab.pause_modules`, as root. It prints the figures of docs/architecture.md, and the modules:

- *called*: a function of the module runs within a second of the tap.
- *own*: one of these functions runs for neither an open page, nor another tap, nor as time passes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab import clients, names
from tests.lab.calls import ROOT, WRITE
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.filtering import ALLOWED, DAUGHTER, SON
from tests.lab.home import Home
from tests.lab.netns import LabError

PAGES = f"http://{names.GATEWAY_IPV4}:{WEB_PORT}"
SETTLED_S = 1.0
WHILE_S = 15.0  # time that passes without a tap
PATIENCE_S = 20.0


class Parent:
    """A parent's browser, signed in."""

    def __init__(self, home: Home, daemon: Daemon) -> None:
        self._device, self._jar = home.devices["parent"], str(home.folder / "cookies")
        token = daemon.client.call("guardian", action="add", name="Mum")["token"]
        self.tap("/signin", code=str(token))

    def open(self, path: str) -> None:
        self._ask(path, 200)

    def tap(self, path: str, **values: str) -> None:
        form = [part for key, value in values.items() for part in ("--data-urlencode", f"{key}={value}")]
        self._ask(path, 303, "-H", f"Origin: {PAGES}", *form)

    def _ask(self, path: str, status: int, *extra: str) -> None:
        jar = ["-c", self._jar, "-b", self._jar]
        outcome = clients.curl(self._device, f"{PAGES}{path}", extra=[*jar, *extra])
        if outcome.status != status:
            raise LabError(f"{path}: {outcome.status} in place of {status}")


def take(folder: Path, processes: Sequence[int]) -> set[str]:
    """Return the functions that the processes called since this was called last."""
    called: set[str] = set()
    for process in processes:
        file = folder / str(process)
        file.unlink(missing_ok=True)
        os.kill(process, WRITE)
        until = time.monotonic() + PATIENCE_S
        while not file.exists():
            if time.monotonic() > until:
                raise LabError(f"process {process} does not write which functions it called")
            time.sleep(0.05)
        called.update(file.read_text().splitlines())
    return called


def measure() -> tuple[set[str], set[str]]:
    """Return the functions that run for a pause, and those that run for something else too."""
    with tempfile.TemporaryDirectory() as folder, Home() as home:
        # Python imports this module first, also after the pages have replaced their process.
        start = f"from tests.lab.calls import Calls\nCalls({folder!r}).start()\n"
        (Path(folder) / "sitecustomize.py").write_text(start)
        os.environ["PYTHONPATH"] = f"{folder}:{ROOT}"
        with Daemon(home, {"daughter": DAUGHTER, "son": SON}, web=True) as daemon:
            parent = Parent(home, daemon)
            for path in ("/parent/", "/parent/child/daughter/"):
                parent.open(path)
            processes = (daemon.pid, daemon.web_pid)
            assert clients.dig(home.devices["tablet"], ALLOWED).records
            assert clients.tls(home.devices["tablet"], ALLOWED).reached  # the child has something to lose
            time.sleep(WHILE_S)  # the devices are found and examined
            take(Path(folder), processes)
            parent.tap("/parent/pause", who="daughter", minutes="30")
            time.sleep(SETTLED_S)
            pause = take(Path(folder), processes)
            parent.tap("/parent/resume", who="daughter")
            take(Path(folder), processes)
            parent.open("/parent/")
            parent.tap("/parent/device/name", mac=names.TABLET.mac, name="Tablet")
            time.sleep(WHILE_S)
            return pause, take(Path(folder), processes)


def modules(functions: set[str]) -> list[str]:
    paths = {line.partition(" ")[0] for line in functions}
    return sorted(path for path in paths if not path.endswith("/__init__.py"))


def main() -> int:
    pause, other = measure()
    for title, found in (("called", modules(pause)), ("own", modules(pause - other))):
        print(f"{title}: {len(found)} modules")
        print("".join(f"  {path}\n" for path in found), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
