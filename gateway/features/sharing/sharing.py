"""Temporary users of devices: children on a shared device, and devices handed over to a child.

A child's use of a shared device ends two hours after it began, or after fifteen minutes without noticeable
traffic. Both are measured by the event loop's clock, which does not follow the system clock. If the clock is
not trusted at a start, the uses from before the start are dropped and the youngest user's rules apply. Only a
guardian takes back a device that was handed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.loop import Timer
from gateway.features.activity.recent_refusals import RecentRefusals
from gateway.household.context import Effects, HomeContext
from gateway.household.members import Family
from gateway.household.visibility import Visibility
from gateway.kernel.usage import Pair
from gateway.policy.identity.sharing import (
    LEAST_BYTES,
    LONGEST,
    SILENT,
    DeviceUse,
    UseKind,
    temporary_profiles,
)
from gateway.policy.time.clock_changes import Jump
from gateway.store.durable_writes import in_utc
from gateway.store.tables.sharing import DeviceUseTable

PERIOD = 60.0  # seconds between two looks at the traffic: LEAST_BYTES is an amount per minute
SLOTS_LIMIT = 64  # devices in use or handed over at the same time; a family has a few


@dataclass(slots=True)
class _Watched:
    """The end and the traffic of a child's use of a shared device. Times are seconds of the loop's clock."""

    ends: float
    active: float  # when the device last had noticeable traffic
    moved: int  # bytes that it had transferred at the last look


class Sharing:
    """Starts and ends temporary uses of devices by a child. Meanwhile the child's rules apply to the device.

    They are of shared devices, and of adults' devices that a guardian handed to a child.
    ``byte_counts``: returns the bytes that the kernel has forwarded, by slot (number of a device)
    and class (combination of time rules).
    """

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        uses: DeviceUseTable,
        family: Family,
        visibility: Visibility,
        recent: RecentRefusals,
        byte_counts: Callable[[], Mapping[Pair, int]],
    ) -> None:
        """Delete the stored uses that ended while the daemon was stopped; all if the clock is untrusted.

        Adults' devices that were handed to a child stay so. Create this object before devices are
        grouped.
        """
        self._home = home
        self._effects = effects
        self._uses = uses
        self._family = family
        self._visibility = visibility
        self._recent = recent
        self._byte_counts = byte_counts
        self._watched: dict[str, _Watched] = {}
        self._timer: Timer | None = None
        now, trusted = home.now(), home.clock_trusted
        uses.drop_where(lambda use: not use.handed and not (trusted and _left(use, now)))

    def start(self) -> None:
        """Watch the children's uses of shared devices that began before the daemon's start.

        A use ends two hours after it began, or after fifteen minutes without noticeable traffic.
        """
        now = self._home.now()
        for mac, use in self._uses.all().items():
            if not use.handed:
                self._watch(mac, _left(use, now))
        self._schedule()

    def use_of(self, mac: str) -> DeviceUse | None:
        """Return the stored temporary use of a device by a child; None if the device has its own rules."""
        use = self._uses.all().get(mac)
        return use if use is not None and temporary_profiles(self._home.rules.household, [use]) else None

    def handed_over(self) -> list[str]:
        """Return the MAC addresses of the adults' devices that a guardian has handed to a child."""
        return [mac for mac, use in self._uses.all().items() if use.handed]

    def is_full(self, mac: str) -> bool:
        """Return whether SLOTS_LIMIT other devices have temporary users already.

        Only for a hand-over, which may be of any device of an adult: the shared devices that are used or
        claimed are those that the settings name.
        """
        uses = self._uses.all()
        return mac not in uses and len(uses) >= SLOTS_LIMIT

    def begin(
        self, mac: str, who: str, kind: UseKind, *, by: str = "", what: str = "", origin: str = ""
    ) -> DeviceUse:
        """Apply the rules of the profile ``who`` to the device, and store and return the temporary use.

        ``by``: the guardian who decides it; ``what``: the kind of its audit line; both are empty if a child
        begins it. ``origin``: where the request came from, for that line.
        """
        now = in_utc(self._home.now())
        until = None if kind is UseKind.HANDED else now + LONGEST
        use, before = DeviceUse(mac, who, kind, now, until, by), self._visible_user(mac)
        self._uses.put(use, what=what, origin=origin)
        self._watched.pop(mac, None)
        self._change_hands(mac)
        if until is not None:
            self._watch(mac, LONGEST)
        self._publish(mac, before)
        self._schedule()
        return use

    def end(self, mac: str, *, by: str = "", what: str = "", origin: str = "") -> None:
        """End the temporary use of a device, if it has one: its own rules apply again.

        ``by``, ``what`` and ``origin``: as for `begin`; there is no audit line without ``what``.
        """
        before = self._visible_user(mac)
        self._uses.drop(mac, by=by, what=what, at=self._home.now(), origin=origin)
        self._watched.pop(mac, None)
        self._change_hands(mac)
        self._publish(mac, before)
        self._schedule()

    def _change_hands(self, mac: str) -> None:
        """Apply the rules of the device's new user.

        Delete its latest refusals: that user must not see them.
        """
        self._recent.forget(self._family.slot_of(mac))
        self._effects.regroup()

    def shift(self, jump: Jump) -> None:
        """Adjust the stored ends of uses after a clock jump, so that it neither adds nor removes time."""
        for mac, watched in self._watched.items():
            if mac in self._uses.all():  # its device may be forgotten
                left = timedelta(seconds=watched.ends - self._home.loop.now())
                self._uses.end_at(mac, in_utc(jump.after + left))

    def look(self) -> None:
        """End the temporary uses that are over or had no noticeable traffic for SILENT; set the timer."""
        now = self._home.loop.now()
        for mac, watched in self._watched.items():
            moved = self._moved(mac)
            if moved - watched.moved >= LEAST_BYTES:
                watched.active = now
            watched.moved = moved
        silent = SILENT.total_seconds()
        over = [
            mac for mac, watched in self._watched.items() if now >= min(watched.ends, watched.active + silent)
        ]
        for mac in over:
            self.end(mac)
        self._schedule()

    def _watch(self, mac: str, left: timedelta) -> None:
        now = self._home.loop.now()
        self._watched[mac] = _Watched(now + left.total_seconds(), now, self._moved(mac))

    def _moved(self, mac: str) -> int:
        """Return the bytes that the kernel forwarded for the device since the start, in both directions."""
        device = self._family.slot_of(mac)
        return sum(size for (slot, _), size in self._byte_counts().items() if slot == device)

    def _visible_user(self, mac: str) -> str | None:
        """Return the id of the profile that uses the device temporarily.

        None if there is none, or if guardians may not see it.
        """
        use = self.use_of(mac)
        return None if use is None or not self._visibility.can_disclose_use(mac) else use.who

    def _publish(self, mac: str, before: str | None) -> None:
        """Publish a ``sharing`` event if guardians see another user of the device than ``before``."""
        who = self._visible_user(mac)
        if who != before:
            self._home.publish("sharing", device=mac, who=who)

    def _schedule(self) -> None:
        """Set the timer to the end of the next use, at most PERIOD seconds ahead. No timer without a use."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watched:
            left = min(watched.ends for watched in self._watched.values()) - self._home.loop.now()
            self._timer = self._home.loop.call_later(max(0.0, min(PERIOD, left)), self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _left(use: DeviceUse, now: datetime) -> timedelta:
    """Return the remaining time of a use, from 0 to LONGEST; 0 if it has no end.

    LONGEST is the limit because the clock may have been set back during a stop.
    """
    if use.until is None:
        return timedelta()
    return max(timedelta(), min(LONGEST, use.until - now))
