"""A child's minutes of today and of the week: used and left for each limit, and what ends first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.control.contract.status import ChildStatus, ClosingSoon, DeviceStatus, TimeLeft
from gateway.control.contract.time import TimeUsed, UsedOfWeek
from webui.language import things
from webui.language.i18n import gettext as _
from webui.language.words import duration

STEPS = (1, 5, 15)  # minutes left at which a warning is read aloud
FULL_HOUR = 60  # minutes of a full ring if no limit gives a number


class LimitView:
    """The used and remaining minutes of one limit: of the day or the week, whichever has less left."""

    def __init__(self, used: TimeUsed) -> None:
        self.used = used
        self.target = used.target

    @property
    def name(self) -> str:
        return things.thing(self.target, self.used.name or self.target)

    @property
    def by_week(self) -> bool:
        used = self.used
        if used.week is None:
            return False
        return used.limit is None or _left_of(used.week) < max(0, used.limit + used.bonus - used.minutes)

    @property
    def _smaller(self) -> TimeUsed | UsedOfWeek:
        return self.used.week if self.by_week and self.used.week is not None else self.used

    @property
    def bonus(self) -> int:
        return self._smaller.bonus

    @property
    def whole(self) -> int:
        return (self._smaller.limit or 0) + self.bonus

    @property
    def left(self) -> int:
        return max(0, self.whole - self._smaller.minutes)

    @property
    def left_words(self) -> tuple[str, str]:
        """Return two texts for the page: ``40 min left``, and ``of 2 h`` or ``of 16 h this week``.

        The second includes extra time.
        """
        left, whole = _("%(left)s left", left=duration(self.left)), duration(self.whole)
        if self.by_week:
            return left, _("of %(whole)s this week", whole=whole)
        return left, _("of %(whole)s", whole=whole)


def _left_of(week: UsedOfWeek) -> int:
    return max(0, week.limit + week.bonus - week.minutes)


class MinutesView:
    """The used and left minutes of a child's limits a day or week, and the extra minutes to finish a game.

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
    name = things.thing(gate, left.name)
    return _of_week(name) if left.week else name


def _of_week(name: str) -> str:
    # Translators: %(what)s is the internet, an app or a category, as in "left for Play this week".
    return _("%(what)s this week", what=name)


def first_to_close(time: MinutesView) -> Dial | None:
    """Return the limit or schedule with the fewest minutes left; None if nothing ends.

    Of two with equally few, it is the one that the daemon reports as next, or else the first limit.
    """
    dials = [
        Dial(use.left, max(1, use.whole), use.target, _of_week(use.name) if use.by_week else use.name, None)
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
