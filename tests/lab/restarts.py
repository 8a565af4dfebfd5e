"""Restarts a daemon that keeps its table, and measures when the next one judges."""

from __future__ import annotations

import threading
import time

from tests.lab.daemon import Daemon
from tests.lab.filtering import CUT, REFUSED, fetch, until
from tests.lab.netns import LabError, Namespace

KEEP = ("--keep-guard",)
PATIENCE_S = 5.0


class Tries:
    """Fetches a refused site on a device again and again, and notes each result."""

    def __init__(self, device: Namespace, timeout: float = 0.3) -> None:
        self._device, self._timeout = device, timeout
        self.reached = 0
        self.refused: list[float] = []  # when the filter's own reset came
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._done.is_set():
            outcome = fetch(self._device, f"https://{REFUSED}/", 4, timeout=self._timeout)
            self.reached += outcome.reached
            if outcome.how in CUT:
                self.refused.append(time.monotonic())

    def __enter__(self) -> Tries:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def refused_after(self, moment: float) -> float | None:
        """Seconds from ``moment`` to the first refusal later than it."""
        return next((at - moment for at in self.refused if at > moment), None)


def restart(daemon: Daemon) -> float:
    """Stop and start the daemon; return when it had ended."""
    assert daemon.stop() == 0
    ended = time.monotonic()
    daemon.start()
    return ended


def seconds_to_serve(daemon: Daemon, device: Namespace) -> float:
    """Restart the daemon; return the seconds from the signal to the next daemon's first verdict.

    The rules of ``device`` have to refuse REFUSED. Raises LabError if there is no verdict.
    """
    with Tries(device, timeout=0.1) as tries:
        if until(lambda: tries.refused, PATIENCE_S) is None:
            raise LabError(f"{REFUSED} is not refused")
        began = time.monotonic()
        ended = restart(daemon)
        if until(lambda: tries.refused_after(ended), PATIENCE_S) is None:
            raise LabError("the next daemon judges nothing")
    took = tries.refused_after(ended)
    assert took is not None
    return ended + took - began
