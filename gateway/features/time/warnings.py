"""Publishes warnings 15, 5 and 1 minute before the device as a whole, or something in use, closes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from gateway.core.loop import Timer
from gateway.household.members import Member
from gateway.policy.profile.rules import INTERNET
from gateway.policy.time.gates import STATE_GATES, own_gates, target_of
from gateway.policy.time.time_rules import Left

BEFORE = (15, 5, 1)  # minutes
MINUTE = timedelta(minutes=1)
LONGEST_SLEEP = 300.0  # seconds; a new connection to something limited is noticed within them
SHORTEST_SLEEP = 1.0


def closing(member: Member, in_use: frozenset[str], now: datetime) -> list[Left]:
    """Return what closes for a child within a quarter of an hour, the soonest first.

    That is the device as a whole, what is in use now (``in_use``: keys of limits and schedules),
    and the targets of the child's limits and schedules. While everything is closed, the list is
    empty. ``member``: the child's rules and time state.
    """
    rules = member.profile.rules
    own = frozenset((*rules.windows, *rules.counted)) - {INTERNET}
    remaining = member.judge.remaining(member.situation, now)
    found: dict[str, Left] = {}
    for target, gates in _targets(in_use | own):
        remains = remaining.of(gates)
        if remains is None:
            continue
        if not target and not remains.minutes:
            return []
        if remains.minutes and _span(remains, now) <= BEFORE[0] * MINUTE:
            found.setdefault(remains.gate, remains)
    return sorted(found.values(), key=lambda remains: _span(remains, now))


class WarningSource(Protocol):
    """The household's state that warnings need. `WarnedHome` implements it."""

    def now(self) -> datetime: ...

    def children(self) -> Iterable[tuple[Member, frozenset[str]]]:
        """Return a member for each child with a device, and the limits and schedules that are in use."""
        ...

    def tell(self, member: Member, minutes: int, found: Left) -> None: ...


@dataclass(slots=True)
class _Published:
    """The warnings published for one closing. With another ``key`` (`_closing`) they start anew."""

    key: tuple[object, ...]
    least: int  # the smallest of BEFORE that was published, or need not be


class Warnings:
    """Publishes each warning once for a closing, and again if extra time delayed the closing."""

    def __init__(self, home: WarningSource, call_later: Callable[[float, Callable[[], None]], Timer]) -> None:
        self._home = home
        self._call_later = call_later
        self._timer: Timer | None = None
        self._published: dict[tuple[str, str], _Published] = {}  # by profile and target
        self._silent = True  # at a start, earlier warnings are not repeated

    def start(self) -> None:
        self.look()
        self._silent = False

    def look(self) -> None:
        """Publish the warnings that are due, and set the timer for the next look.

        Call it when time was given or taken, or a minute was counted; the timer calls it too.
        """
        if self._timer is not None:
            self._timer.cancel()
        now = self._home.now()
        sleep = LONGEST_SLEEP
        here = set()
        for member, in_use in self._home.children():
            here.add(member.profile.id)
            remaining = member.judge.remaining(member.situation, now)
            for target, gates in _targets(in_use):
                key = (member.profile.id, target)
                found = remaining.of(gates)
                if found is None or not found.minutes:
                    continue
                sleep = min(sleep, self._consider(member, key, found, now))
        self._published = {key: last for key, last in self._published.items() if key[0] in here}
        self._timer = self._call_later(max(SHORTEST_SLEEP, sleep), self.look)

    def _consider(self, member: Member, key: tuple[str, str], found: Left, now: datetime) -> float:
        """Publish the warning about one closing if it is due. Return the seconds until the next look."""
        span = _span(found, now)
        last = self._published.get(key)
        closing = _closing(member, found)
        if last is None or last.key != closing:
            # If another rule closes first now, the same number of minutes is not announced again.
            same = last is not None and last.key[0] != closing[0] and span <= last.least * MINUTE
            least = last.least if last is not None and same else BEFORE[0] + 1
            last = self._published[key] = _Published(closing, least)
        reached = [minutes for minutes in BEFORE if span <= minutes * MINUTE]
        if reached and reached[-1] < last.least:
            last.least = reached[-1]
            late = span <= (last.least - 1) * MINUTE
            if not (self._silent and late):
                self._home.tell(member, last.least, found)
        after = [minutes for minutes in BEFORE if span > minutes * MINUTE]
        # A limit counts only while it is used, so the warning may be due later than this: then look again.
        return (
            (span - after[0] * MINUTE).total_seconds() if after else max(span.total_seconds(), SHORTEST_SLEEP)
        )

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _span(found: Left, now: datetime) -> timedelta:
    return found.at - now if found.at is not None else found.minutes * MINUTE


def _closing(member: Member, found: Left) -> tuple[object, ...]:
    """Return a key that identifies when something closes.

    It stays the same while unused minutes of a limit delay the closing, and changes with extra time.
    """
    if found.at is not None:
        return found.gate, found.at
    situation = member.situation
    return found.gate, situation.day, situation.bonus.get(found.gate, 0)


def _targets(in_use: frozenset[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the device as a whole ("") and each target with a limit or schedule in use, with its gates.

    Gates are the keys of limits and schedules; ``in_use`` has those of running connections.
    """
    own = sorted({target_of(gate) for gate in in_use - set(STATE_GATES)})
    return [("", STATE_GATES), *((target, own_gates(target)) for target in own)]
