"""Tracks when devices arrived and left, in seconds since boot: setting the clock has no effect.

At a start it is unknown which devices left meanwhile. A device that was present at the previous daemon's last
look counts as absent since the start until it is seen, so that power-cycling the gateway does not help to
change addresses.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta

from gateway.policy.identity.traits import SHORT_ABSENCE
from gateway.store.tables.devices import StoredDevice

REMEMBERED = 512  # new devices, 150 bytes each: as many as the inventory follows
PAIRS = 1024  # of a new device and a known one that were present together
COMPARED_PER_MINUTE = 32  # new devices


class DeviceArrivals:
    """Stores when devices arrived and left, and which new and known devices were present together."""

    def __init__(self, now: Callable[[], float], devices: Mapping[str, StoredDevice]) -> None:
        """Store which devices were present when the previous daemon ended.

        Until they are seen, they count as absent since this start. ``now``: returns the seconds
        since boot. ``devices``: the stored devices by MAC address.
        """
        self._now = now
        self._started = now()
        latest = max((device.last_seen for device in devices.values()), default=None)
        self._here = frozenset(
            mac
            for mac, device in devices.items()
            if latest is not None and device.last_seen + SHORT_ABSENCE >= latest
        )
        self._gone: dict[str, float] = {}
        self._came: dict[str, float] = {}
        self._new: set[str] = set()  # devices that came and were never seen before
        self._met: frozenset[tuple[str, str]] = frozenset()
        self._last_pairs: frozenset[tuple[str, str]] = frozenset()

    # New devices.

    def came(self, mac: str, *, new: bool) -> None:
        self.settled(mac)
        self._came[mac] = self._now()
        if new:
            self._new.add(mac)
        if len(self._came) > REMEMBERED:
            self.settled(next(iter(self._came)))

    def settled(self, mac: str) -> None:
        """Forget that a device is new and when it arrived, such as because a guardian assigned it."""
        self._came.pop(mac, None)
        self._new.discard(mac)

    def has_come(self, mac: str) -> bool:
        return mac in self._came

    def here_for(self, mac: str) -> timedelta | None:
        """Return how long ago a new device arrived; None if that is unknown."""
        came = self._came.get(mac)
        return None if came is None else timedelta(seconds=self._now() - came)

    def is_new(self, mac: str) -> bool:
        return mac in self._new

    def lately(self, within: timedelta = SHORT_ABSENCE) -> list[str]:
        """Return the new devices that arrived within the time ``within``.

        A device that leaves now may be one of them, under its former address.
        """
        since = self._now() - within.total_seconds()
        return [mac for mac, at in self._came.items() if at >= since]

    # Devices that leave.

    def went(self, mac: str) -> None:
        self._gone[mac] = self._now()

    def back(self, mac: str) -> timedelta | None:
        """Return how long a returned device was absent; None if it was not observed to leave.

        Forgets the leaving.
        """
        gone = self._gone.pop(mac, None)
        return None if gone is None else timedelta(seconds=self._now() - gone)

    def gone_for(
        self, mac: str, new_mac: str, *, missing: bool, silent: timedelta | None
    ) -> timedelta | None:
        """Return how long ``mac`` had been absent when the new device ``new_mac`` arrived; may be negative.

        None if it was present. For `same_device`. ``missing``: ``mac`` does not answer now.
        ``silent``: for how long it was not heard, by the household's clock; None if it was seen since
        the start, or never.
        """
        if (new_mac, mac) in self._met:
            return None  # both were present
        gone = self._gone.get(mac)
        if gone is None and not missing:
            return None
        if gone is None and silent is not None and mac not in self._here:
            return silent
        if gone is None:
            gone = self._now() if silent is None else self._started
        return timedelta(seconds=self._came.get(new_mac, self._now()) - gone)

    def record_presence(self, new: Iterable[str], known: Collection[str]) -> None:
        """Record that all these devices were heard within the same seconds. Call it once a minute.

        ``new``: new devices. ``known``: those of the family. A pair that was recorded twice in a row counts
        as present together: then the new one is not the known one with another address.
        """
        compared = itertools.islice(new, COMPARED_PER_MINUTE)
        pairs = frozenset((new_mac, known_mac) for new_mac in compared for known_mac in known)
        met = [*self._met, *((self._last_pairs & pairs) - self._met)]
        self._met, self._last_pairs = frozenset(met[-PAIRS:]), pairs
