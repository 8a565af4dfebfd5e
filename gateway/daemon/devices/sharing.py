"""Shared devices and those handed over: whose rules they have now, and when that ends by itself.

A child's use ends after two hours by a clock that nobody can set, and after fifteen minutes in which nothing
to speak of moved. While the time is unknown no use of before a start is taken up: the youngest's rules hold.
What a guardian handed over ends by a guardian alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.daemon.eyes import Eyes
from gateway.policy.sharing import LEAST_BYTES, LONGEST, SILENT, Kind, Use, lent
from gateway.store.given import in_utc

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon
    from gateway.loop import Timer
    from gateway.policy.jumps import Jump

PERIOD = 60.0  # seconds between looks at what moved: a minute is what is loud or silent
SLOTS_LIMIT = 64  # devices in use or handed over at a time; a family has a few


@dataclass(slots=True)
class _Watched:
    """A use as the loop's clock has it."""

    ends: float
    loud: float  # when it was heard last
    moved: int  # bytes so far, at the last look


class Sharing:
    def __init__(self, daemon: Daemon) -> None:
        """Before the first grouping of devices: what is over has ended by then."""
        self._daemon = daemon
        self._watched: dict[str, _Watched] = {}
        self._timer: Timer | None = None
        now, known = daemon.clock.now(), daemon.watch.known
        daemon.store.uses.drop_where(lambda one: not one.handed and not (known and _left(one, now)))

    def start(self) -> None:
        """The kernel counts from now on."""
        now = self._daemon.clock.now()
        for mac, one in self._daemon.store.uses.all().items():
            if not one.handed:
                self._watch(mac, _left(one, now))
        self._wait()

    def use_of(self, mac: str) -> Use | None:
        """Who has the device for a while, where that changes whose rules it has."""
        one = self._daemon.store.uses.all().get(mac)
        return one if one is not None and lent(self._daemon.rules.household, [one]) else None

    def is_full(self, mac: str) -> bool:
        uses = self._daemon.store.uses.all()
        return mac not in uses and len(uses) >= SLOTS_LIMIT

    def begin(self, mac: str, who: str, kind: Kind, *, by: str = "", what: str = "", origin: str = "") -> Use:
        """The device has the rules of ``who`` now. ``what``: for the audit, where a guardian did it."""
        now = in_utc(self._daemon.clock.now())
        until = None if kind is Kind.HANDED else now + LONGEST
        use, before = Use(mac, who, kind, now, until, by), self._told(mac)
        self._daemon.store.uses.put(use, what=what, origin=origin)
        self._watched.pop(mac, None)
        self._change_hands(mac)
        if until is not None:
            self._watch(mac, LONGEST)
        self._tell(mac, before)
        self._wait()
        return use

    def end(self, mac: str, *, by: str = "", what: str = "", origin: str = "") -> None:
        """The device has its own rules again."""
        daemon, before = self._daemon, self._told(mac)
        daemon.store.uses.drop(mac, by=by, what=what, at=daemon.clock.now(), origin=origin)
        self._watched.pop(mac, None)
        self._change_hands(mac)
        self._tell(mac, before)
        self._wait()

    def _change_hands(self, mac: str) -> None:
        """What was refused to one child is not shown to the next."""
        self._daemon.journal.recent.forget(self._daemon.family.slot_of(mac))
        self._daemon.reassign()

    def shift(self, jump: Jump) -> None:
        """The clock was set, or became known: as much is left as was, and is told by the new clock."""
        for mac, one in self._watched.items():
            left = timedelta(seconds=one.ends - self._daemon.loop.now())
            self._daemon.store.uses.end_at(mac, in_utc(jump.after + left))

    def look(self) -> None:
        """What is over since the last look."""
        now = self._daemon.loop.now()
        for mac, one in self._watched.items():
            moved = self._moved(mac)
            if moved - one.moved >= LEAST_BYTES:
                one.loud = now
            one.moved = moved
        silent = SILENT.total_seconds()
        over = [mac for mac, one in self._watched.items() if now >= min(one.ends, one.loud + silent)]
        for mac in over:
            self.end(mac)
        self._wait()

    def _watch(self, mac: str, left: timedelta) -> None:
        now = self._daemon.loop.now()
        self._watched[mac] = _Watched(now + left.total_seconds(), now, self._moved(mac))

    def _moved(self, mac: str) -> int:
        """What the kernel let through for the device, in both directions."""
        slot = self._daemon.family.slot_of(mac)
        return sum(size for (whose, _), size in self._daemon.table.used().items() if whose == slot)

    def _told(self, mac: str) -> str | None:
        """Who has it, as far as guardians are told."""
        use = self.use_of(mac)
        return None if use is None or not Eyes(self._daemon).can_disclose_use(mac) else use.who

    def _tell(self, mac: str, before: str | None) -> None:
        who = self._told(mac)
        if who != before:
            self._daemon.control.publish("sharing", device=mac, who=who)

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watched:
            left = min(one.ends for one in self._watched.values()) - self._daemon.loop.now()
            self._timer = self._daemon.loop.call_later(max(0.0, min(PERIOD, left)), self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _left(one: Use, now: datetime) -> timedelta:
    """Never more than a use may take: the clock may have been put back while nothing ran."""
    if one.until is None:
        return timedelta()
    return max(timedelta(), min(LONGEST, one.until - now))
