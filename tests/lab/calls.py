"""Notes which functions of the product a process calls. `pause_modules.py` starts the daemon and pages so.

At SIGRTMIN the process writes a file that is named after its id. It has one line for each function that was
called since the last signal: the path of its module, and its name.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway/", "webui/")
WRITE = signal.SIGRTMIN  # no process of the product uses it


class Calls:
    """Notes each function that any thread calls. ``folder``: where the file is written."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._called: set[CodeType] = set()

    def start(self) -> None:
        signal.signal(WRITE, self._write)
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            self._called.add(frame.f_code)

    def _write(self, _: int, __: FrameType | None) -> None:
        called, self._called = self._called, set()
        lines = {
            f"{path} {code.co_qualname}"
            for code in called
            if (path := code.co_filename.removeprefix(f"{ROOT}/")).startswith(PACKAGES)
        }
        file = self._folder / str(os.getpid())
        written = file.with_suffix(".new")
        written.write_text("".join(f"{line}\n" for line in sorted(lines)))
        written.rename(file)
