"""Live traffic: the latest decisions about a few devices, in memory, while a guardian looks at them.

Nothing of it is stored on disk. The packet path passes on its decisions only while a page reads them.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.errors import ControlError
from gateway.core.loop import Timer
from gateway.core.reason_codes import Code
from gateway.features.activity.traffic_access import TrafficAccess, TrafficRight
from gateway.household.context import HomeContext
from gateway.household.members import Family
from gateway.path.subject import LiveDecisions
from gateway.policy.profile.profile import Profile
from gateway.policy.values import Decision, Observation, Reason

ENTRIES = 500  # 400 bytes each: the last minutes of a busy device, and more than a page shows
READ_EACH = 30.0  # seconds after a read until the traffic is no longer recorded; a page reads each 15
KEPT = 600.0  # seconds after the last read that was not paused; a paused page can be downloaded until then
CHILD_MINUTES = 15  # of a child's device, for each start
TICK = 5.0  # seconds between two looks at what has ended
PACE = 1.0  # seconds between two events
ADDRESSES = 512  # IP addresses with a known MAC address; beyond it all are looked up again
# Never shown: help lines leave no trace, names blocked for everyone are recorded without a device, and no
# person queries canary names.
HIDDEN = frozenset({Reason.HELP, Reason.REFUSED_FOR_EVERYONE, Reason.RESOLVER_SIGNAL})


@dataclass(frozen=True, slots=True)
class TrafficEntry:
    """A decision about one device, in the live traffic. ``number`` grows by one with each entry."""

    number: int
    at: datetime
    mac: str
    seen: Observation
    decision: Decision


@dataclass(frozen=True, slots=True)
class TrafficReader:
    """A guardian who reads the live traffic: the device that the guardian uses, and when reading ends."""

    own: str  # MAC; empty: unknown
    until: float  # of the loop's clock


@dataclass(frozen=True, slots=True)
class ChildWatch:
    """A running watch: the live traffic of a young child's device, which one guardian has started to see."""

    mac: str
    profile: str
    by: str
    since: datetime
    ends: float  # of the loop's clock


class LiveTraffic:
    """Records decisions about the devices that guardians look at now, and decides who may read them.

    ``mac_of``: returns the MAC address of an IP address. ``decisions``: the source of the packet path's
    decisions, which is switched on only while a guardian reads.
    """

    def __init__(
        self,
        home: HomeContext,
        family: Family,
        access: TrafficAccess,
        mac_of: Callable[[str], str | None],
        decisions: LiveDecisions,
    ) -> None:
        self._home = home
        self._family = family
        self._access = access
        self._mac_of = mac_of
        self._decisions = decisions
        self._entries: deque[TrafficEntry] = deque(maxlen=ENTRIES)
        self._number = 0
        self._readers: dict[str, TrafficReader] = {}  # by account: at most one each
        self._children: dict[str, ChildWatch] = {}  # by MAC
        self._last_read = 0.0
        self._published = 0.0
        self._timer: Timer | None = None
        # Valid until the family changes: what depends on who uses which device.
        self._members: object = None
        self._macs: dict[bytes, str | None] = {}
        self._recorded: dict[str, bool] = {}

    # ------------------------------------------------------------------------------------ reading

    def read(self, by: str, own: str, after: int, *, goes_on: bool) -> list[TrafficEntry]:
        """Return the entries with a number above ``after`` that a guardian may see now, the oldest first.

        ``by``: the guardian's account. ``own``: MAC address of the device that the guardian uses.
        ``goes_on``: also start or continue the recording, for READ_EACH seconds; a paused page does
        not.
        """
        self.sweep()
        now = self._home.loop.now()
        if goes_on:
            self._readers[by] = TrafficReader(own, now + READ_EACH)
            self._last_read = now
            self._forget_rights()
            self._decisions.watch(self._decided)
            self._look_later()
        return [
            entry for entry in self._entries if entry.number > after and self.may_read(entry.mac, by, own)
        ]

    def right(self, mac: str, own: str) -> TrafficRight:
        return self._access.right(mac, own)

    def may_read(self, mac: str, by: str, own: str) -> bool:
        """Return whether guardian ``by`` may see a device's traffic now.

        A young child's device: only the guardian who has started a watch of it.
        """
        right = self._access.right(mac, own)
        watch = self._children.get(mac)
        started = watch is not None and watch.by == by
        return right is TrafficRight.ALWAYS or (right is TrafficRight.STARTED and started)

    # ------------------------------------------------------------------------------------ children

    def start(self, by: str, mac: str, profile: Profile) -> ChildWatch:
        """Start a guardian's watch of a young child's device, for CHILD_MINUTES, and return it.

        Publishes a ``status`` event. If this guardian's watch of the device runs already, returns it as it
        is. Raises ControlError for any other device, or if another guardian's watch of the device runs.
        """
        self.sweep()
        if self._access.right(mac, "") is not TrafficRight.STARTED:
            raise ControlError.of(Code.TRAFFIC_PRIVATE)
        running = self._children.get(mac)
        if running is not None and running.by != by:
            raise ControlError.of(Code.BUSY)
        if running is not None:
            return running
        ends = self._home.loop.now() + CHILD_MINUTES * 60
        watch = self._children[mac] = ChildWatch(mac, profile.id, by, self._home.local_now(), ends)
        self._forget_rights()
        self._look_later()
        self._home.publish("status", profile=profile.id)
        return watch

    def end(self, mac: str) -> None:
        """End the watch of a child's device, if one runs, and publish this; delete the device's entries."""
        watch = self._children.pop(mac, None)
        if watch is None:
            return
        self._forget_rights()
        self._entries = deque((entry for entry in self._entries if entry.mac != mac), maxlen=ENTRIES)
        self._home.publish("status", profile=watch.profile)

    def of_child(self, profile: str) -> ChildWatch | None:
        """Return the watch that runs on a device of the child ``profile``; None if there is none."""
        self.sweep()
        return next((watch for watch in self._children.values() if watch.profile == profile), None)

    def watch_of(self, mac: str) -> ChildWatch | None:
        return self._children.get(mac)

    def until(self, watch: ChildWatch) -> datetime:
        """Return the local time at which a watch of a child's device ends."""
        return self._home.local_now() + timedelta(seconds=max(0.0, watch.ends - self._home.loop.now()))

    # ------------------------------------------------------------------------------------ ending

    def sweep(self) -> None:
        """End the watches that are over, and remove the readers that stopped reading.

        Without a reader, recording stops. All entries are deleted KEPT seconds after the last read that was
        not paused.
        """
        now = self._home.loop.now()
        for mac, watch in list(self._children.items()):
            if now >= watch.ends or self._access.right(mac, "") is not TrafficRight.STARTED:
                self.end(mac)
        gone = [by for by, reader in self._readers.items() if now >= reader.until]
        for by in gone:
            del self._readers[by]
        if gone:
            self._forget_rights()
        if not self._readers:
            self._decisions.watch(None)
            self._macs.clear()
        if now - self._last_read >= KEPT:
            self._entries.clear()

    def _look_later(self) -> None:
        if self._timer is None:
            self._timer = self._home.loop.call_later(TICK, self._look)

    def _look(self) -> None:
        self._timer = None
        self.sweep()
        if self._readers or self._children or self._entries:
            self._look_later()

    def close(self) -> None:
        self._decisions.watch(None)
        if self._timer is not None:
            self._timer.cancel()

    # ------------------------------------------------------------------------------------ recording

    def _decided(self, device: bytes, seen: Observation, decision: Decision, at: datetime) -> None:
        if decision.reason in HIDDEN or (seen.host is not None and seen.host in self._home.rules.world.help):
            return
        if self._family.members is not self._members:
            self._forget_rights()
        mac = self._mac(device)
        if mac is None or not self._is_recorded(mac):
            return
        self._number += 1
        zone = self._home.rules.household.config.zone
        self._entries.append(TrafficEntry(self._number, at.astimezone(zone), mac, seen, decision))
        now = self._home.loop.now()
        if now - self._published >= PACE:
            self._published = now
            self._home.publish("traffic")

    def _mac(self, device: bytes) -> str | None:
        if device not in self._macs:
            if len(self._macs) >= ADDRESSES:
                self._macs.clear()
            family = socket.AF_INET if len(device) == 4 else socket.AF_INET6
            self._macs[device] = self._mac_of(socket.inet_ntop(family, device))
        return self._macs[device]

    def _is_recorded(self, mac: str) -> bool:
        """Return whether any guardian who reads now may see this device's traffic. The result is cached."""
        if mac not in self._recorded:
            readers = self._readers.items()
            self._recorded[mac] = any(self.may_read(mac, by, reader.own) for by, reader in readers)
        return self._recorded[mac]

    def _forget_rights(self) -> None:
        """Clear the cached decisions on which devices are recorded, and the cached MAC addresses.

        New ones are then valid until the family's members change.
        """
        self._members = self._family.members
        self._recorded.clear()
        self._macs.clear()
