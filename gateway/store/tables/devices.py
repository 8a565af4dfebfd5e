"""Devices seen on the network, and the place (such as guest) of those that no profile lists.

Any device on the Wi-Fi can invent MAC addresses, so seen devices are limited and written with the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.policy.identity.traits import Traits
from gateway.policy.time.clock_changes import Jump, Moment, MomentKind, is_over, moved
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import (
    DurableWriter,
    moment,
    moment_or_none,
    table_snapshot,
    unix,
    unix_or_none,
)

DEVICES_LIMIT = 512  # beyond it, the longest unseen device that `_may_go` allows is dropped
UNSEEN = timedelta(days=30)  # then such a device with a random address is dropped: phones change theirs
NAME_LIMIT = 64  # characters of a name that the device reports
COLUMNS = "mac, name, place, until, first_seen, last_seen, placed, sure"


@dataclass(frozen=True, slots=True)
class StoredDevice:
    mac: str
    name: str  # reported by the device, untrusted; empty if it reports none
    place: str  # home, present, guest, visitor (adult guest), adult, quarantine; empty if not assigned
    until: datetime | None  # end of the assignment; None: no end
    first_seen: datetime
    last_seen: datetime
    placed: datetime | None = None  # when a guardian assigned it; None: no guardian, or an older version
    clock_trusted: bool = True  # set while the clock was known


class DeviceTable:
    def __init__(self, database: Database, writer: DurableWriter, keeps: Callable[[str], bool]) -> None:
        """Load all devices. ``keeps`` returns whether a MAC must not be dropped to make room."""
        self._writer = writer
        writer.add(self._snapshot)
        self._devices = {
            mac: StoredDevice(
                mac, name, place, moment_or_none(until), moment(first), moment(last), moment_or_none(placed),
                bool(clock_trusted),
            )
            for mac, name, place, until, first, last, placed, clock_trusted in database.rows(
                f"SELECT {COLUMNS} FROM devices ORDER BY last_seen"
            )
        }  # fmt: skip
        self._keeps = keeps
        self._changed: set[str] = set()
        self._gone: set[str] = set()

    def all(self) -> Mapping[str, StoredDevice]:
        """Return all stored devices by MAC address, ordered by when they were last seen."""
        return self._devices

    def last_seen(self, mac: str) -> datetime | None:
        """Return when a device was last seen on the network; None for an unknown device."""
        device = self._devices.get(mac)
        return None if device is None else device.last_seen

    def seen(self, mac: str, at: datetime, name: str = "") -> bool:
        """Record in memory that a device is present, and the name it reports. Return True if it is new.

        ``flush`` writes it. If there are too many, the longest unseen device without an assignment, a
        label or an entry in the family's files is dropped. That may be this new device.
        """
        known = self._devices.pop(mac, None)  # inserted again at the end: the order is by last seen
        name = name[:NAME_LIMIT]
        if known is None:
            self._devices[mac] = StoredDevice(mac, name, "", None, at, at)
            self._make_room()
        else:
            self._devices[mac] = replace(known, last_seen=at, name=name or known.name)
        self._changed.add(mac)
        return known is None

    def place(
        self,
        mac: str,
        place: str,
        *,
        at: datetime,
        until: datetime | None = None,
        clock_trusted: bool = True,
        chosen: bool = True,
    ) -> None:
        """Assign a device to ``place``, such as guest, optionally until a time. Written immediately.

        An unknown device is added. ``chosen``: a guardian chose the place.
        """
        known = self._devices.get(mac) or StoredDevice(mac, "", "", None, at, at)
        placed = at if chosen else None
        self._devices[mac] = replace(
            known, place=place, until=until, placed=placed, clock_trusted=clock_trusted
        )
        self._writer.save(self._statement([mac]))

    def unplace(self, mac: str) -> None:
        """Remove the assignment of a device that a profile lists now."""
        if mac in self._devices:
            self._devices[mac] = replace(self._devices[mac], place="", until=None, placed=None)
            self._writer.save(self._statement([mac]))

    def lapse(self, now: datetime) -> bool:
        """End assignments of devices, such as to guest, after their end. Return whether there were any."""
        ended = [
            mac
            for mac, device in self._devices.items()
            if device.until is not None and is_over(device.until, device.placed or device.until, now)
        ]
        for mac in ended:
            self._devices[mac] = replace(self._devices[mac], place="", until=None, placed=None)
        if ended:
            self._writer.save(self._statement(ended))
        return bool(ended)

    def shift(self, jump: Jump) -> bool:
        """Adjust the ends of device assignments after a clock change. Return whether any changed.

        An assignment that had ended, and would apply again, is removed.
        """
        before = {mac: device for mac, device in self._devices.items() if device.until is not None}
        after = {mac: _moved(device, jump) for mac, device in before.items()}
        if after == before:
            return False
        self._devices |= after  # does not change their order
        self._writer.save(self._statement(list(after)))
        return True

    def forget(self, mac: str) -> None:
        if self._devices.pop(mac, None) is not None:
            self._changed.discard(mac)
            self._writer.save(Statement("DELETE FROM devices WHERE mac = ?", [(mac,)]))

    def drop_unseen(self, before: datetime) -> None:
        """Drop devices with a random MAC address that were last seen before ``before``.

        Those with an assignment, a label or an entry in the family's files stay.
        """
        for mac, device in tuple(self._devices.items()):
            if device.last_seen < before and self._may_go(device) and Traits(mac).is_random:
                self._drop(mac)

    def flush(self) -> None:
        """Write the devices that were seen or dropped since the last flush.

        Assignments are written when they change.
        """
        if not self._changed and not self._gone:
            return
        gone = Statement("DELETE FROM devices WHERE mac = ?", [(mac,) for mac in self._gone])
        changed = self._statement([mac for mac in self._changed if mac in self._devices])
        self._changed.clear()
        self._gone.clear()
        self._writer.save(gone, changed)

    def _make_room(self) -> None:
        while len(self._devices) > DEVICES_LIMIT:
            evicted = next((mac for mac, device in self._devices.items() if self._may_go(device)), None)
            if evicted is None:
                return
            self._drop(evicted)

    def _may_go(self, device: StoredDevice) -> bool:
        return not device.place and not self._keeps(device.mac)

    def _drop(self, mac: str) -> None:
        """Drop a device; ``flush`` deletes it from the file."""
        del self._devices[mac]
        self._changed.discard(mac)
        self._gone.add(mac)

    def _statement(self, macs: list[str]) -> Statement:
        return Statement(
            f"INSERT OR REPLACE INTO devices ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [_row(self._devices[mac]) for mac in macs],
        )

    def _snapshot(self) -> list[Statement]:
        rows = [_row(device) for device in self._devices.values()]
        return table_snapshot("devices", COLUMNS, rows)


def _moved(device: StoredDevice, jump: Jump) -> StoredDevice:
    if device.until is None:
        return device
    found = moved(
        Moment(device.until, MomentKind.OF_DAY, clock_trusted=device.clock_trusted),
        device.placed or device.first_seen,
        jump,
    )
    if found is None:
        return replace(device, place="", until=None, placed=None)
    ends, placed = found
    return replace(device, until=ends.until, placed=placed, clock_trusted=ends.clock_trusted)


def _row(device: StoredDevice) -> tuple[object, ...]:
    seen = unix(device.first_seen), unix(device.last_seen)
    whole = (device.mac, device.name, device.place, unix_or_none(device.until), *seen)
    return (*whole, unix_or_none(device.placed), int(device.clock_trusted))
