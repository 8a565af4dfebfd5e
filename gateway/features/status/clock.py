"""The verbs `time` and `clock`, and the clock's part of `status`."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping
from datetime import timedelta

from gateway.control.protocol import Request, Role
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.household.clock_watch import ClockWatch
from gateway.household.context import HomeContext
from gateway.household.members import CONSOLE
from gateway.store.store import Store

# Set only by the virtual home: "1"; "unset" for an unknown clock; "+60" for one that is so many
# seconds ahead of the machine's.
PLAY = "QALQAN_TEST_CLOCK"
_FARTHEST = 10**8  # seconds

UNKNOWN = (
    "The time is not known yet, so bedtimes and windows hold as each profile's clock_unset says; "
    "it comes by itself with the internet, or when a guardian signs in."
)

Audit = Callable[[str, str, str], None]
"""Writes an audit line: kind, detail, author."""


def played() -> bool | None:
    """Return whether the simulated clock is known; None outside of the virtual home. For `ClockWatch`."""
    setting = os.environ.get(PLAY, "")
    return True if setting.startswith("+") else {"1": True, "unset": False}.get(setting)


def ahead() -> timedelta:
    """Return how far the virtual home's clock is ahead when the daemon starts."""
    setting = os.environ.get(PLAY, "")
    return timedelta(seconds=float(setting[1:])) if setting.startswith("+") else timedelta()


def describe(watch: ClockWatch) -> dict[str, object]:
    """Return the part ``clock`` of the status: ``known why sentence aside last``; ``aside`` in seconds."""
    return {
        "known": watch.known,
        "why": watch.why,
        "sentence": None if watch.known else UNKNOWN,
        "aside": round(watch.aside.total_seconds()),
        "last": watch.lower_bound,
    }


def offer(
    request: Request, watch: ClockWatch, guardians: Container[str], audit: Audit
) -> Mapping[str, object]:
    """The verb ``time``: ``at`` is the time of a guardian's phone at sign-in, ``by`` the guardian's name."""
    by = request.text("by", CONSOLE) if request.role is Role.OWNER else request.text("by")
    if by not in guardians and not (by == CONSOLE and request.role is Role.OWNER):
        request.refuse("by", f"names no guardian: {by}", Code.NO_GUARDIAN)
    moment = request.moment_or_none("at")
    if moment is None:
        request.refuse("at", "is missing")
    problem = watch.objection(moment)
    if problem is not None:
        request.refuse("at", problem, Code.CLOCK_WRONG)
    taken = watch.offer(moment, by)
    if taken:
        audit("time", moment.isoformat(timespec="seconds"), by)
    return {"taken": taken, **describe(watch)}


def play(request: Request, watch: ClockWatch) -> None:
    """The verb ``clock`` of the virtual home. All keys are optional.

    ``offset``: seconds that the family's time is ahead, as if they had passed. ``known``: 1, or 0 for an
    untrusted clock. ``jump``: seconds by which the clock is set.
    """
    request.owner_only()
    if not watch.played:
        msg = "clock: the time is not movable here"
        raise ControlError(msg)

    def seconds(key: str) -> timedelta:
        return timedelta(seconds=request.whole(key, least=-_FARTHEST, most=_FARTHEST, default=0))

    watch.play(
        offset=seconds("offset") if request.has("offset") else None,
        known=bool(request.whole("known", least=0, most=1)) if request.has("known") else None,
        jump=seconds("jump"),
    )


class ClockVerbs:
    """The verb `time`: sets the time from a guardian's phone; and `clock`, only in the virtual home."""

    def __init__(self, home: HomeContext, watch: ClockWatch, store: Store) -> None:
        self._home = home
        self._watch = watch
        self._store = store

    def register(self, router: Router) -> None:
        router.add("time", self._time)
        router.add("clock", self._clock)

    def _time(self, request: Request) -> Mapping[str, object]:
        def audit(what: str, detail: str, by: str) -> None:
            origin = request.text("origin", "")
            self._store.audit(what, detail, by=by, at=self._home.now(), origin=origin)

        guardians = [account.name for account in self._store.guardians().values() if account.guards]
        return offer(request, self._watch, guardians, audit)

    def _clock(self, request: Request) -> Mapping[str, object]:
        play(request, self._watch)
        return {"now": self._home.local_now()}
