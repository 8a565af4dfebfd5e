"""Watches whether the pages run, which explain blocked names (`dns_refusal: explain`).

Without them nothing answers at their address, so the daemon then answers queries for blocked names with
NXDOMAIN.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from gateway.core.loop import Loop, Timer
from gateway.household.config_file import read_router

PACKAGE = "webui"  # of the pages, which is a package of its own on OpenWrt
LOOK = 10.0  # seconds between two looks
GONE = 30.0  # seconds without the pages after which they count as stopped: a restart takes less
LATE = 600.0  # seconds after the daemon's start in which the pages of a slow machine may still start
PROBLEM = "pages: they do not run; blocked names are answered as not existing (dns_refusal: explain)"


class PagesWatch:
    """Checks every LOOK seconds whether the pages run. ``run``: they do, or are expected to do so soon.

    A restart of less than GONE seconds does not count as a stop. ``is_listening``: returns whether
    a program listens on the pages' port. ``expected``: the pages are installed and started with the
    machine; they are then expected for LATE seconds.
    """

    def __init__(self, loop: Loop, is_listening: Callable[[], bool], *, expected: bool) -> None:
        self._loop = loop
        self._is_listening = is_listening
        self._until = loop.now() + (LATE if expected else 0.0)
        self._timer: Timer | None = None
        self.run = expected
        self._look()

    def _look(self) -> None:
        now = self._loop.now()
        if self._is_listening():
            self._until = now + GONE
        self.run = now < self._until
        self._timer = self._loop.call_later(LOOK, self._look)

    def problems(self) -> list[str]:
        return [] if self.run else [PROBLEM]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def are_expected() -> bool:
    """Return whether the pages are installed, and a router's settings let them start."""
    router = read_router()
    return find_spec(PACKAGE) is not None and (router is None or router.switches.get("web", True))
