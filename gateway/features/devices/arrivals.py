"""Who came to the home and who went, by the seconds since boot: whoever sets the clock moves none of it.

At a start nobody knows who went meanwhile. A device that was there when the one before last looked counts as
gone since this start until it is seen, so that pulling the gateway's plug is no way to change addresses.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta

from gateway.policy.identity.traits import SOON
from gateway.store.tables.devices import Device

REMEMBERED = 512  # strangers that came, 150 bytes each: as many as the inventory follows
PAIRS = 1024  # of a stranger and a device of the family's that were there together
BESIDE = 32  # strangers that are looked at so in one minute


class DeviceArrivals:
    def __init__(self, now: Callable[[], float], devices: Mapping[str, Device]) -> None:
        """``devices`` as they were when the daemon before ended."""
        self._now = now
        self._started = now()
        latest = max((device.last_seen for device in devices.values()), default=None)
        self._here = frozenset(
            mac for mac, one in devices.items() if latest is not None and one.last_seen + SOON >= latest
        )
        self._gone: dict[str, float] = {}
        self._came: dict[str, float] = {}
        self._new: set[str] = set()  # of those that came: never seen before
        self._met: frozenset[tuple[str, str]] = frozenset()
        self._beside: frozenset[tuple[str, str]] = frozenset()

    def was_here(self, mac: str) -> bool:
        """Whether it was when the daemon before ended."""
        return mac in self._here

    # Those that nobody named.

    def came(self, mac: str, *, new: bool) -> None:
        self.settled(mac)
        self._came[mac] = self._now()
        if new:
            self._new.add(mac)
        if len(self._came) > REMEMBERED:
            self.settled(next(iter(self._came)))

    def settled(self, mac: str) -> None:
        """Somebody said whose it is."""
        self._came.pop(mac, None)
        self._new.discard(mac)

    def has_come(self, mac: str) -> bool:
        return mac in self._came

    def is_new(self, mac: str) -> bool:
        return mac in self._new

    def lately(self, within: timedelta = SOON) -> list[str]:
        """Those that came so shortly ago that what goes now may be one of them."""
        since = self._now() - within.total_seconds()
        return [mac for mac, at in self._came.items() if at >= since]

    # Those that go.

    def went(self, mac: str) -> None:
        self._gone[mac] = self._now()

    def back(self, mac: str) -> timedelta | None:
        """How long it was gone; None: nobody saw it go."""
        gone = self._gone.pop(mac, None)
        return None if gone is None else timedelta(seconds=self._now() - gone)

    def gone_for(
        self, mac: str, newcomer: str, *, missing: bool, silent: timedelta | None
    ) -> timedelta | None:
        """How long ``mac`` had been away when ``newcomer`` came, as `same_device` wants it. ``missing``: it
        does not answer. ``silent``: how long by the family's clock, where it was not seen since the start.
        """
        if (newcomer, mac) in self._met:
            return None  # it was here beside it
        gone = self._gone.get(mac)
        if gone is None and not missing:
            return None
        if gone is None and silent is not None and mac not in self._here:
            return silent
        if gone is None:
            gone = self._now() if silent is None else self._started
        return timedelta(seconds=self._came.get(newcomer, self._now()) - gone)

    def together(self, strangers: Iterable[str], family: Collection[str]) -> None:
        """These were all heard within the same seconds. Call it once a minute: twice in a row is no device
        that changes its address meanwhile, unless on purpose and to the second.
        """
        some = itertools.islice(strangers, BESIDE)
        beside = frozenset((newcomer, other) for newcomer in some for other in family)
        met = [*self._met, *((self._beside & beside) - self._met)]
        self._met, self._beside = frozenset(met[-PAIRS:]), beside
