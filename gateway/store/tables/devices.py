"""Devices that were seen, and where in the family each belongs that no profile names.

Anybody on the Wi-Fi can invent addresses, so what was merely seen is bounded and written with the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.policy.time.clock_changes import Jump, Kind, Moment, is_over, moved
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import Keeper, moment, moment_or_none, table_snapshot, unix, unix_or_none

DEVICES_LIMIT = 512  # the longest unseen of those that nobody has named or placed give way
NAME_LIMIT = 64  # characters of a name that the device says of itself
COLUMNS = "mac, name, place, until, first_seen, last_seen, placed, sure"


@dataclass(frozen=True, slots=True)
class Device:
    mac: str
    name: str  # what it calls itself, hostile input; empty when it says nothing
    place: str  # home, guest, visitor, adult, quarantine; empty while nobody has said
    until: datetime | None  # when the place ends by itself
    first_seen: datetime
    last_seen: datetime
    placed: datetime | None = None  # when somebody said where it belongs until then
    sure: bool = True  # said while the clock was known


class Devices:
    def __init__(self, database: Database, keeper: Keeper, keeps: Callable[[str], bool]) -> None:
        """``keeps``: whether a device must not make room for others."""
        self._keeper = keeper
        keeper.add(self._snapshot)
        self._devices = {
            mac: Device(
                mac, name, place, moment_or_none(until), moment(first), moment(last), moment_or_none(placed),
                bool(sure),
            )
            for mac, name, place, until, first, last, placed, sure in database.rows(
                f"SELECT {COLUMNS} FROM devices ORDER BY last_seen"
            )
        }  # fmt: skip
        self._keeps = keeps
        self._changed: set[str] = set()
        self._gone: set[str] = set()

    def all(self) -> Mapping[str, Device]:
        """By MAC."""
        return self._devices

    def last_seen(self, mac: str) -> datetime | None:
        """Return when the device was last here; None for a device without an entry."""
        device = self._devices.get(mac)
        return None if device is None else device.last_seen

    def seen(self, mac: str, at: datetime, name: str = "") -> bool:
        """Note that a device is there. True when it is new."""
        known = self._devices.pop(mac, None)  # put back at the end: the order is that of last sight
        name = name[:NAME_LIMIT]
        if known is None:
            self._devices[mac] = Device(mac, name, "", None, at, at)
            self._make_room()
        else:
            self._devices[mac] = replace(known, last_seen=at, name=name or known.name)
        self._changed.add(mac)
        return known is None

    def place(
        self, mac: str, place: str, *, at: datetime, until: datetime | None = None, sure: bool = True
    ) -> None:
        """Say where it belongs, until a time of day; written at once."""
        known = self._devices.get(mac) or Device(mac, "", "", None, at, at)
        placed = None if until is None else at
        self._devices[mac] = replace(known, place=place, until=until, placed=placed, sure=sure)
        self._keeper.save(self._statement([mac]))

    def unplace(self, mac: str) -> None:
        """A profile names it from now on; since when it is known stays."""
        if mac in self._devices:
            self._devices[mac] = replace(self._devices[mac], place="", until=None)
            self._keeper.save(self._statement([mac]))

    def lapse(self, now: datetime) -> bool:
        """End the places that end by themselves; whether there were any."""
        ended = [
            mac
            for mac, one in self._devices.items()
            if one.until is not None and is_over(one.until, one.placed or one.until, now)
        ]
        for mac in ended:
            self._devices[mac] = replace(self._devices[mac], place="", until=None, placed=None)
        if ended:
            self._keeper.save(self._statement(ended))
        return bool(ended)

    def shift(self, jump: Jump) -> bool:
        """The clock jumped: whether a place begins, ends, or ends at another time."""
        before = {mac: one for mac, one in self._devices.items() if one.until is not None}
        after = {mac: _moved(one, jump) for mac, one in before.items()}
        if after == before:
            return False
        self._devices |= after  # keeps their order
        self._keeper.save(self._statement(list(after)))
        return True

    def forget(self, mac: str) -> None:
        if self._devices.pop(mac, None) is not None:
            self._changed.discard(mac)
            self._keeper.save(Statement("DELETE FROM devices WHERE mac = ?", [(mac,)]))

    def flush(self) -> None:
        """Write what was seen since the last time."""
        if not self._changed and not self._gone:
            return
        gone = Statement("DELETE FROM devices WHERE mac = ?", [(mac,) for mac in self._gone])
        changed = self._statement([mac for mac in self._changed if mac in self._devices])
        self._changed.clear()
        self._gone.clear()
        self._keeper.save(gone, changed)

    def _make_room(self) -> None:
        while len(self._devices) > DEVICES_LIMIT:
            passing = next(
                (mac for mac, one in self._devices.items() if not one.place and not self._keeps(mac)), None
            )
            if passing is None:
                return
            del self._devices[passing]
            self._changed.discard(passing)
            self._gone.add(passing)

    def _statement(self, macs: list[str]) -> Statement:
        return Statement(
            f"INSERT OR REPLACE INTO devices ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [_row(self._devices[mac]) for mac in macs],
        )

    def _snapshot(self) -> list[Statement]:
        rows = [_row(device) for device in self._devices.values()]
        return table_snapshot("devices", COLUMNS, rows)


def _moved(one: Device, jump: Jump) -> Device:
    if one.until is None:
        return one
    found = moved(Moment(one.until, Kind.OF_DAY, sure=one.sure), one.placed or one.first_seen, jump)
    if found is None:
        return replace(one, place="", until=None, placed=None)
    ends, placed = found
    return replace(one, until=ends.until, placed=placed, sure=ends.sure)


def _row(device: Device) -> tuple[object, ...]:
    seen = unix(device.first_seen), unix(device.last_seen)
    whole = (device.mac, device.name, device.place, unix_or_none(device.until), *seen)
    return (*whole, unix_or_none(device.placed), int(device.sure))
