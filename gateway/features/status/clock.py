"""The verbs `time` (time of a guardian's phone) and `clock` (virtual home), and the clock in `status`."""

from __future__ import annotations

import os
from datetime import timedelta

from gateway.control.contract.status import (
    CLOCK,
    TIME,
    ClockRequest,
    ClockResponse,
    ClockState,
    TimeRequest,
    TimeResponse,
)
from gateway.control.protocol import Call, Role
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.household.clock_watch import ClockWatch
from gateway.household.context import HomeContext
from gateway.household.members import CONSOLE
from gateway.policy.language import ENGLISH
from gateway.policy.time.moments import unknown_time
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.people import AccountTable

# Set only by the virtual home: "1"; "unset" for an unknown clock; "+60" for one that is so many
# seconds ahead of the machine's.
PLAY = "QALQAN_TEST_CLOCK"


def played() -> bool | None:
    """Return whether the simulated clock of the tests' virtual home is known; None outside of it."""
    setting = os.environ.get(PLAY, "")
    return True if setting.startswith("+") else {"1": True, "unset": False}.get(setting)


def ahead() -> timedelta:
    """Return how far the clock of the tests' virtual home is ahead of the machine's at the start."""
    setting = os.environ.get(PLAY, "")
    return timedelta(seconds=float(setting[1:])) if setting.startswith("+") else timedelta()


def clock_state(watch: ClockWatch) -> ClockState:
    return ClockState(
        known=watch.known,
        why=watch.why,
        sentence=None if watch.known else unknown_time(ENGLISH),
        aside=round(watch.aside.total_seconds()),
        last=watch.lower_bound,
    )


class ClockVerbs:
    """Sets the household's clock by a guardian's phone, and the simulated clock of the virtual home."""

    def __init__(
        self, home: HomeContext, watch: ClockWatch, people: AccountTable, audit: RecordAudit
    ) -> None:
        self._home = home
        self._watch = watch
        self._people = people
        self._audit = audit

    def register(self, router: Router) -> None:
        router.serve(TIME, self.time)
        router.serve(CLOCK, self.clock)

    def time(self, call: Call[TimeRequest]) -> TimeResponse:
        """Set the household's clock to the time of a guardian's phone if no other source confirms the time.

        Return the state of the clock, and whether the phone's time was used. Raises ControlError for a time
        that cannot be right.
        """
        by, at = self._guardian(call), call.args.at
        if not self._watch.is_possible(at):
            raise ControlError.of(Code.CLOCK_WRONG)
        taken = self._watch.offer(at, by)
        if taken:
            detail, origin = at.isoformat(timespec="seconds"), call.text("origin", "")
            self._audit("time", detail, by=by, at=self._home.now(), origin=origin)
        return TimeResponse(taken=taken, **vars(clock_state(self._watch)))

    def _guardian(self, call: Call[TimeRequest]) -> str:
        """Return the author of the request: a guardian's name, or ``console`` for root.

        Raises ControlError for other accounts.
        """
        if call.role is Role.OWNER and call.text("by", CONSOLE) == CONSOLE:
            return CONSOLE
        by = call.text("by")
        account = self._people.accounts().get(by)
        if account is None or not account.guards:
            raise ControlError.of(Code.NO_GUARDIAN)
        return by

    def clock(self, call: Call[ClockRequest]) -> ClockResponse:
        """Set the offset of the virtual home's simulated clock, let it jump, or make it known or unknown.

        Raises ControlError outside of the virtual home.
        """
        call.owner_only()
        if not self._watch.played:
            msg = "clock: the time is not movable here"
            raise ControlError(msg)
        args = call.args
        self._watch.play(
            offset=None if args.offset is None else timedelta(seconds=args.offset),
            known=None if args.known is None else bool(args.known),
            jump=timedelta(seconds=args.jump),
        )
        return ClockResponse(now=self._home.local_now())
