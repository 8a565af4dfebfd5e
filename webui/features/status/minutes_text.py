"""A child's minutes of today and of longer periods: used and left for each limit, and what ends first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.control.contract.status import ChildStatus, ClosingSoon, DeviceStatus, TimeLeft
from gateway.control.contract.time import TimeUsed, UsedOfPeriod
from gateway.policy.time.limit_periods import LimitPeriod
from webui.language import period_text, things
from webui.language.i18n import gettext as _
from webui.language.words import duration

STEPS = (1, 5, 15)  # minutes left at which a warning is read aloud
FULL_HOUR = 60  # minutes of a full ring if no limit gives a number
NO_TIME = LimitPeriod.DAY, UsedOfPeriod(minutes=0, limit=0, bonus=0, owner="")  # of an entry without a limit


class LimitView:
    """The used and remaining minutes of one limit: of the period that has the least left."""

    def __init__(self, used: TimeUsed) -> None:
        self.used = used
        self.target = used.target
        found = ((period, used.of(period)) for period in LimitPeriod)
        limits = [(period, limit) for period, limit in found if limit is not None]
        self.period, self._limit = min(limits, key=lambda entry: _left_of(entry[1]), default=NO_TIME)

    @property
    def name(self) -> str:
        return things.thing(self.target, self.used.name or self.target)

    @property
    def bonus(self) -> int:
        return self._limit.bonus

    @property
    def whole(self) -> int:
        return self._limit.limit + self.bonus

    @property
    def left(self) -> int:
        return _left_of(self._limit)

    @property
    def left_words(self) -> tuple[str, str]:
        """Return two texts for the page: ``40 min left``, and ``of 2 h`` or ``of 16 h this week``.

        The second includes extra time.
        """
        left = _("%(left)s left", left=duration(self.left))
        return left, period_text.of_whole(self.period, duration(self.whole))


def _left_of(used: UsedOfPeriod) -> int:
    return max(0, used.limit + used.bonus - used.minutes)


class MinutesView:
    """The used and left minutes of a child's limits, and the extra minutes to finish a game.

    ``status``: the daemon's response about the child or its device.
    """

    def __init__(self, status: ChildStatus | DeviceStatus) -> None:
        self.status = status
        self.used = tuple(LimitView(used) for used in status.used)

    @property
    def landing(self) -> int:
        """Return the minutes that the child may take once a day to finish a game, used or not.

        0 if it has none.
        """
        return 0 if self.status.landing is None else self.status.landing.minutes

    @property
    def landing_taken(self) -> bool:
        return self.status.landing is not None and bool(self.status.landing.taken)

    @property
    def landing_due(self) -> bool:
        return self.status.landing is not None and bool(self.status.landing.due)

    @property
    def ends(self) -> bool:
        """Return whether the child's time ends by any limit or time rule, so that extra time makes sense."""
        return self.status.left is not None or bool(self.used)


@dataclass(frozen=True, slots=True)
class Dial:
    """When a limit or schedule ends, for a ring chart: minutes left, and the minutes of a full ring.

    ``at``: when it ends, if that is at a fixed time.
    """

    minutes: int
    whole: int
    gate: str
    name: str
    at: datetime | None

    @property
    def step(self) -> int:
        """Return the warning step of the minutes left: the smallest of 1, 5 and 15 that is not below them.

        0 if more than 15 minutes are left, or none.
        """
        return next((step for step in STEPS if 0 < self.minutes <= step), 0)


def _named(gate: str, left: TimeLeft | ClosingSoon) -> str:
    return period_text.named(left.period, things.thing(gate, left.name))


def first_to_close(time: MinutesView) -> Dial | None:
    """Return the limit or schedule with the fewest minutes left; None if nothing ends.

    Of several with equally few, it is the schedule or bedtime that the daemon reports as next, or else the
    first limit.
    """
    dials = [
        Dial(use.left, max(1, use.whole), use.target, period_text.named(use.period, use.name), None)
        for use in time.used
    ]
    left = time.status.left
    if left is not None and left.gate not in {use.target for use in time.used}:
        dials.insert(0, Dial(left.minutes, FULL_HOUR, left.gate, _named(left.gate, left), left.at))
    return min(dials, key=lambda dial: dial.minutes, default=None)


def warning(time: MinutesView) -> Dial | None:
    """Return the limit or schedule that the daemon reports as ending soonest, within 15 minutes.

    None without one.
    """
    first = next((ending for ending in time.status.closing if ending.minutes > 0), None)
    if first is None:
        return None
    return Dial(first.minutes, FULL_HOUR, first.what, _named(first.what, first), first.at)
