"""A bound on trying names against what is refused for everyone: who has met so many within a minute is
answered alike, whatever is asked, until the minute is over. No list is read off with a dictionary.

Names are kept as numbers, and no longer than that minute; nothing is told of who was bounded.
"""

from __future__ import annotations

MOST = 30  # distinct names of one device; pages with a bad advertisement meet two or three
MOST_OF_SLOT = 4 * MOST  # of all devices of a slot: one device may have many addresses of IPv6
WINDOW = 60.0  # seconds
KEPT = 64  # devices, of some 2 kB each at most; the oldest gives way, and its slot still counts

_Device = tuple[int, bytes]


class _Count:
    """Within one window."""

    __slots__ = ("names", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.names: set[int] = set()

    def is_full(self, most: int, now: float) -> bool:
        return len(self.names) >= most and now - self.since < WINDOW


class Probes:
    """``slot`` and packed address say who it is."""

    __slots__ = ("_devices", "_slots", "full")

    def __init__(self) -> None:
        self.full = False  # whether anybody was, since the last look: the packet path asks no more than that
        self._devices: dict[_Device, _Count] = {}
        self._slots: dict[int, _Count] = {}

    def refused(self, slot: int, device: bytes, host: str, now: float) -> None:
        """``host`` met what is refused for everyone."""
        name = hash(host)
        of_device = self._devices.get((slot, device))
        if of_device is None or now - of_device.since >= WINDOW:
            self._devices.pop((slot, device), None)
            if len(self._devices) >= KEPT:
                del self._devices[next(iter(self._devices))]
            of_device = self._devices[slot, device] = _Count(now)
        of_slot = self._slots.get(slot)
        if of_slot is None or now - of_slot.since >= WINDOW:
            of_slot = self._slots[slot] = _Count(now)
        for count, most in ((of_device, MOST), (of_slot, MOST_OF_SLOT)):
            if len(count.names) < most:
                count.names.add(name)
            self.full |= len(count.names) >= most

    def over(self, slot: int, device: bytes, now: float) -> bool:
        """Whether the answers to it are all alike now. Ask only while ``full``."""
        found = False
        still = False
        for key, of_device in self._devices.items():
            if of_device.is_full(MOST, now):
                still = True
                found |= key == (slot, device)
        for number, of_slot in self._slots.items():
            if of_slot.is_full(MOST_OF_SLOT, now):
                still = True
                found |= number == slot
        self.full = still
        return found
