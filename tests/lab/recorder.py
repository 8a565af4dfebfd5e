"""Record what passes an interface of a namespace, as a capture file."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

from tests.lab.netns import LabError, Namespace

_END_S = 60.0
_DRAIN_S = 0.6  # dumpcap reads what the kernel holds every quarter of a second


class Recorder:
    """dumpcap, as a context manager: it listens on entry, and the file is whole on exit."""

    def __init__(self, place: Namespace, interface: str, path: Path) -> None:
        self._command = place.command(["dumpcap", "-q", "-i", interface, "-w", str(path)])

    def __enter__(self) -> Recorder:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if line.startswith("File:"):
                return self
        raise LabError(f"dumpcap did not start: {self._process.wait()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        time.sleep(_DRAIN_S)
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=_END_S)
