"""Who is on the network: read from the kernel's neighbours and the lease file, a few times a minute."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.daemon import lan
from gateway.daemon.events import Publish, nobody
from gateway.home.leases import read_leases
from gateway.home.neighbours import Neighbour, read_neighbours
from gateway.loop import Loop, Timer
from gateway.policy.config import Config
from gateway.policy.household import Household
from gateway.policy.profile import HOME
from gateway.store.store import Store

FRESH = 1.0  # seconds; the pages ask more often than anything changes
PERIOD = 10.0  # seconds; rules hold from a device's first packet, this is for the pages

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """One device as the network shows it now."""

    mac: str
    ips: tuple[str, ...]  # IPv4 first
    name: str  # what it calls itself; hostile input
    online: bool
    interface: str = ""  # of the LAN, on which it was heard last


class Presence:
    """``household``: the family as its files have it now. ``regroup`` is called when a device got another
    place, or is on another network of the home.
    """

    def __init__(
        self,
        loop: Loop,
        store: Store,
        config: Config,
        wall: Callable[[], datetime],
        household: Callable[[], Household],
        regroup: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._store = store
        self._lan = config.lan
        self._leases = Path(config.leases) if config.leases else None
        self._wall = wall
        self._household = household
        self._regroup = regroup
        self._timer: Timer | None = None
        self.now: dict[str, Seen] = {}
        self.publish: Publish = nobody
        self._names: dict[str, str] = {}
        self._where: dict[str, str] = {}  # by MAC; kept when a device is away
        self._moved = False  # to another network of the home, since everybody was grouped
        self._looked = -FRESH
        # Whoever is here before anything was ever written belongs to the house.
        self._first_run = not store.slots() and not store.devices.all()

    def start(self) -> None:
        if self._first_run:
            self._first_run = False
            self.look()
            named, own = self._household().named, self._own_defaults
            things = [mac for mac, one in self.now.items() if mac not in named and one.interface not in own]
            for mac in things:
                self._store.devices.place(mac, HOME, at=self._wall())
            if things:
                self._regroup()
        self._tick()

    def _tick(self) -> None:
        self.look()
        moved, self._moved = self._moved, False
        if self._store.devices.lapse(self._wall()) or moved:
            self._regroup()
        self._timer = self._loop.call_later(PERIOD, self._tick)

    def look(self) -> list[str]:
        """Read neighbours and leases; the MACs that were never seen before."""
        self._looked = self._loop.now()
        names = self._names = read_leases(self._leases) if self._leases is not None else {}
        inside = lan.indexes(self._lan)
        by_mac: dict[str, list[Neighbour]] = {}
        for one in self.neighbours():
            if one.ifindex in inside:
                by_mac.setdefault(one.mac, []).append(one)
        self.now = {
            mac: Seen(
                mac,
                tuple(sorted((one.ip for one in found), key=lambda ip: (":" in ip, ip))),
                names.get(mac, ""),
                any(one.online for one in found),
                inside[max(found, key=lambda one: one.online).ifindex],
            )
            for mac, found in by_mac.items()
        }
        self._note_places()
        at = self._wall()
        came = [seen for seen in self.now.values() if self._store.devices.seen(seen.mac, at, seen.name)]
        for seen in came:
            self.publish("device", mac=seen.mac, name=seen.name)
        return [seen.mac for seen in came]

    @property
    def _own_defaults(self) -> Container[str]:
        """Interfaces whose strangers are what the family says, from the first run on."""
        return self._household().config.interfaces

    def _note_places(self) -> None:
        where = {mac: one.interface for mac, one in self.now.items()}
        if self._own_defaults and where.items() - self._where.items():
            self._moved = True
        self._where |= where

    def interface_of(self, mac: str) -> str | None:
        """Where a device was seen last; None: nowhere since the start."""
        return self._where.get(mac)

    def refresh(self) -> None:
        """Look again, unless that was just done."""
        if self._loop.now() - self._looked >= FRESH:
            self.look()

    @staticmethod
    def neighbours() -> list[Neighbour]:
        try:
            return read_neighbours()
        except OSError as error:
            _log.warning("the neighbour table cannot be read: %s", error)
            return []

    def mac_of(self, ip: str) -> str | None:
        """The device that answers for an address; looks again when it is not known."""
        for _ in range(2):
            found = next((one.mac for one in self.now.values() if ip in one.ips), None)
            if found is not None:
                return found
            self.look()
        return None

    def name_of(self, mac: str) -> str:
        """What to call a device; empty when it says nothing."""
        known = self._store.devices.all().get(mac)
        return self._names.get(mac) or (known.name if known is not None else "")

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
