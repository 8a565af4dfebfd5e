"""Limits attempts to find names on the lists that apply to everyone.

A device or slot that queries too many of these names within a minute gets the same answer to every query
until the minute is over. So the lists cannot be read with a dictionary of names. Names are stored as hashes
and are removed at the next counted query or check, of any device, after that minute. It is not reported which
device was limited. Help lines and the pages always get their own answer.
"""

from __future__ import annotations

from typing import TypeVar

MAX_NAMES = 30  # distinct names of one device; pages with a bad advertisement query two or three
MAX_NAMES_OF_SLOT = 4 * MAX_NAMES  # of all devices of a slot: one device may have many IPv6 addresses
WINDOW = 60.0  # seconds
MAX_DEVICES = 64  # devices, at most 2 kB each; the oldest is evicted, and its slot still counts

_Device = tuple[int, bytes]
_Key = TypeVar("_Key")


class _Count:
    """The distinct listed names, as hashes, that were queried since ``since``, the start of a window."""

    __slots__ = ("names", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.names: set[int] = set()

    def is_full(self, most: int, now: float) -> bool:
        return len(self.names) >= most and now - self.since < WINDOW


class GuessLimit:
    """Counts queried names on lists for everyone, by device (slot and packed address) and by slot.

    A device with too many within a minute is over the limit, so that it cannot guess what is on the lists.
    """

    __slots__ = ("_devices", "_slots", "full")

    def __init__(self) -> None:
        # Whether any device or slot was limited at the last check: a fast test for the packet path.
        self.full = False
        self._devices: dict[_Device, _Count] = {}
        self._slots: dict[int, _Count] = {}

    def refused(self, slot: int, device: bytes, host: str, now: float) -> None:
        """Count a device's query for ``host``, a name on a list that applies to everyone.

        ``full`` becomes True if the device or its slot reaches its limit.
        """
        self._drop_expired(now)
        name = hash(host)
        of_device = self._devices.get((slot, device))
        if of_device is None:
            if len(self._devices) >= MAX_DEVICES:
                del self._devices[next(iter(self._devices))]
            of_device = self._devices[slot, device] = _Count(now)
        of_slot = self._slots.get(slot)
        if of_slot is None:
            of_slot = self._slots[slot] = _Count(now)
        for count, most in ((of_device, MAX_NAMES), (of_slot, MAX_NAMES_OF_SLOT)):
            if len(count.names) < most:
                count.names.add(name)
            self.full |= len(count.names) >= most

    def over(self, slot: int, device: bytes, now: float) -> bool:
        """Return True if the device or its slot is over the limit: every query then gets the same answer.

        Call only while ``full`` is True; this sets it to whether any device or slot is still over.
        """
        self._drop_expired(now)
        found = False
        still = False
        for key, of_device in self._devices.items():
            if of_device.is_full(MAX_NAMES, now):
                still = True
                found |= key == (slot, device)
        for number, of_slot in self._slots.items():
            if of_slot.is_full(MAX_NAMES_OF_SLOT, now):
                still = True
                found |= number == slot
        self.full = still
        return found

    def _drop_expired(self, now: float) -> None:
        _drop_expired(self._devices, now)
        _drop_expired(self._slots, now)


def _drop_expired(counts: dict[_Key, _Count], now: float) -> None:
    """Remove the counts whose window is over. The order is that of their start, so the first are checked."""
    while counts:
        first = next(iter(counts))
        if now - counts[first].since < WINDOW:
            return
        del counts[first]
