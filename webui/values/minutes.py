"""A child's minutes of today and of the week: what is used and left of each limit, and what closes first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webui.language import things
from webui.language.i18n import gettext as _
from webui.values.shapes import Answer

BEDTIME = "bedtime"
WINDOW = "window:"
WHOLE_WINDOW = "window:internet"
STEPS = (1, 5, 15)  # minutes at which it is said aloud
FULL_HOUR = 60  # minutes that a full ring stands for, where no limit says how many


@dataclass(frozen=True, slots=True)
class Left:
    """What closes, and when."""

    minutes: int
    gate: str
    name: str
    at: datetime | None  # None: it depends on use


@dataclass(frozen=True, slots=True)
class Spent:
    """The minutes of a limit of a day or a week."""

    minutes: int
    limit: int
    bonus: int

    @property
    def whole(self) -> int:
        return self.limit + self.bonus

    @property
    def left(self) -> int:
        return max(0, self.whole - self.minutes)


@dataclass(frozen=True, slots=True)
class Used:
    """What is used today, and what is left: of the limit of the day or the week, whichever has less."""

    target: str
    name: str
    minutes: int
    day: Spent | None
    week: Spent | None
    devices: tuple[tuple[str, int], ...]  # MAC and minutes; two devices may share a minute

    @property
    def by_week(self) -> bool:
        return self.week is not None and (self.day is None or self.week.left < self.day.left)

    @property
    def _spent(self) -> Spent:
        return (self.week if self.by_week else self.day) or Spent(0, 0, 0)

    @property
    def bonus(self) -> int:
        return self._spent.bonus

    @property
    def whole(self) -> int:
        return self._spent.whole

    @property
    def left(self) -> int:
        return self._spent.left


@dataclass(frozen=True, slots=True)
class Time:
    left: Left | None  # of the device as a whole; None: nothing is seen that would close it
    used: tuple[Used, ...]
    landing: int  # minutes; 0: there is none
    landing_taken: bool
    landing_due: bool
    closing: tuple[Left, ...]  # what is about to close, the soonest first

    @property
    def ends(self) -> bool:
        """Whether anything of this child's comes to an end, so that time can be given and asked for."""
        return self.left is not None or bool(self.used)


@dataclass(frozen=True, slots=True)
class Dial:
    """What closes first: a limit, or the clock."""

    minutes: int
    whole: int
    gate: str
    name: str
    at: datetime | None

    @property
    def step(self) -> int:
        """The smallest of 15, 5 and 1 that holds the minutes; 0 where there are more, or none."""
        return next((step for step in STEPS if 0 < self.minutes <= step), 0)


def parse_time(answer: Answer) -> Time:
    left, landing = answer.entry("left"), answer.entry("landing")
    return Time(
        left=_left(left, left.text("gate")) if left else None,
        used=tuple(
            entry.read(
                Used,
                name=things.thing(entry.text("target"), entry.text("name") or entry.text("target")),
                day=None if entry.values.get("limit") is None else entry.read(Spent),
                week=None if (week := entry.entry("week")) is None else week.read(Spent),
                devices=tuple((one.text("mac"), one.whole("minutes")) for one in entry.entries("devices")),
            )
            for entry in answer.entries("used")
        ),
        landing=landing.whole("minutes") if landing else 0,
        landing_taken=landing.flag("taken") if landing else False,
        landing_due=landing.flag("due") if landing else False,
        closing=tuple(_left(one, one.text("what")) for one in answer.entries("closing")),
    )


def _left(entry: Answer, gate: str) -> Left:
    name = things.thing(gate, entry.text("name"))
    return entry.read(Left, gate=gate, name=_of_week(name) if entry.flag("week") else name)


def _of_week(name: str) -> str:
    # Translators: %(what)s is the internet, an app or a category, as in "left for Play this week".
    return _("%(what)s this week", what=name)


def first_to_close(time: Time) -> Dial | None:
    """The closing with the fewest minutes; of two alike, the one that closes more."""
    dials = [
        Dial(one.left, max(1, one.whole), one.target, _of_week(one.name) if one.by_week else one.name, None)
        for one in time.used
    ]
    left = time.left
    if left is not None and left.gate not in {one.target for one in time.used}:
        dials.insert(0, Dial(left.minutes, FULL_HOUR, left.gate, left.name, left.at))
    return min(dials, key=lambda dial: dial.minutes, default=None)


def warning(time: Time) -> Dial | None:
    """What is about to close, the soonest: the daemon tells it from 15 minutes on."""
    first = next((one for one in time.closing if one.minutes > 0), None)
    return None if first is None else Dial(first.minutes, FULL_HOUR, first.gate, first.name, first.at)
