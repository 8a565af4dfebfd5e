"""A child's minutes of today and of the week: used and left for each limit, and what ends first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webui.language import things
from webui.language.i18n import gettext as _
from webui.values.shapes import Answer

BEDTIME = "bedtime"
WINDOW = "window:"
WHOLE_WINDOW = "window:internet"
STEPS = (1, 5, 15)  # minutes left at which a warning is read aloud
FULL_HOUR = 60  # minutes of a full ring if no limit gives a number


@dataclass(frozen=True, slots=True)
class Left:
    """What ends, and when."""

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
    devices: tuple[tuple[str, int], ...]  # MAC and minutes; two devices may use the same minute

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
    left: Left | None  # of the device as a whole; None: nothing is about to end
    used: tuple[Used, ...]
    landing: int  # minutes; 0: not available
    landing_taken: bool
    landing_due: bool
    closing: tuple[Left, ...]  # about to end, the soonest first

    @property
    def ends(self) -> bool:
        """Return whether anything of this child's can end, so that extra time makes sense."""
        return self.left is not None or bool(self.used)


@dataclass(frozen=True, slots=True)
class Dial:
    """What ends first: a limit, or a schedule."""

    minutes: int
    whole: int
    gate: str
    name: str
    at: datetime | None

    @property
    def step(self) -> int:
        """Return the smallest of 15, 5 and 1 that is at least the minutes; 0 if there is none."""
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
                devices=tuple(
                    (device.text("mac"), device.whole("minutes")) for device in entry.entries("devices")
                ),
            )
            for entry in answer.entries("used")
        ),
        landing=landing.whole("minutes") if landing else 0,
        landing_taken=landing.flag("taken") if landing else False,
        landing_due=landing.flag("due") if landing else False,
        closing=tuple(_left(ending, ending.text("what")) for ending in answer.entries("closing")),
    )


def _left(entry: Answer, gate: str) -> Left:
    name = things.thing(gate, entry.text("name"))
    return entry.read(Left, gate=gate, name=_of_week(name) if entry.flag("week") else name)


def _of_week(name: str) -> str:
    # Translators: %(what)s is the internet, an app or a category, as in "left for Play this week".
    return _("%(what)s this week", what=name)


def first_to_close(time: Time) -> Dial | None:
    """Return the item with the fewest minutes; of two equal ones, the one that blocks more."""
    dials = [
        Dial(use.left, max(1, use.whole), use.target, _of_week(use.name) if use.by_week else use.name, None)
        for use in time.used
    ]
    left = time.left
    if left is not None and left.gate not in {use.target for use in time.used}:
        dials.insert(0, Dial(left.minutes, FULL_HOUR, left.gate, left.name, left.at))
    return min(dials, key=lambda dial: dial.minutes, default=None)


def warning(time: Time) -> Dial | None:
    """Return the item that ends soonest. The daemon reports it from 15 minutes on."""
    first = next((ending for ending in time.closing if ending.minutes > 0), None)
    return None if first is None else Dial(first.minutes, FULL_HOUR, first.gate, first.name, first.at)
