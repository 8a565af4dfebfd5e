"""Who is on the network: the inventory, fed by the kernel's events, packets, leases and scans."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.core.loop import Timer
from gateway.core.throttle import Throttle
from gateway.household.claim import Claim
from gateway.household.context import HomeContext
from gateway.household.seen_devices import Here
from gateway.lan import interfaces as lan
from gateway.lan.address_owners import Owners
from gateway.lan.device_events import DeviceAppeared, DeviceReturned
from gateway.lan.inventory import DOUBT_AFTER, Inventory
from gateway.lan.leases import Leases, read_leases
from gateway.lan.neighbours import Neighbour, NeighbourEvents, Place, ask, find_neighbour, read_neighbours
from gateway.lan.scan import Scanning
from gateway.lan.taps import Taps
from gateway.lan.vendors import vendor_of
from gateway.policy.identity.sightings import Sighting
from gateway.policy.profile.profile import HOME
from gateway.store.store import Store
from gateway.store.tables.sightings import SightsLost

FRESH = 1.0  # seconds; the pages ask more often than anything changes
MAX_IGNORED = 16  # addresses of audits' devices, each of which is met no more a while after its audit
PERIOD = 10.0  # seconds between two looks at everything; events come at once, this is for what they missed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NeighboursRead:
    """The kernel's neighbour table was read, or changed."""


@dataclass(frozen=True, slots=True)
class DevicesMoved:
    """Devices are on another network of the home; only where networks have defaults of their own."""

    macs: frozenset[str]


class Presence:
    """``regroup`` is called when a device got another place, or is on another network of the home.

    ``can_disclose``: whether it may be shown that a device is here now.
    """

    def __init__(
        self,
        home: HomeContext,
        store: Store,
        regroup: Callable[[], None],
        can_disclose: Callable[[str], bool],
    ) -> None:
        loop, rules, bus = home.loop, home.rules, home.bus
        self._loop = loop
        self._store = store
        config = rules.household.config
        self._rules = rules
        self._bus = bus
        self._lan = config.lan
        self._leases = tuple(map(Path, config.leases))
        self._wall = home.clock.now
        self._regroup = regroup
        self._again = Throttle(loop, FRESH, self.look)  # more changed than the kernel could tell
        self._doubts = Throttle(loop, DOUBT_AFTER, self._ask_doubted)
        self._moves = Throttle(loop, FRESH, regroup)
        self._timer: Timer | None = None
        self._events: NeighbourEvents | None = None
        self._can_disclose = can_disclose
        self._inside: Mapping[int, str] = {}  # the LAN's interfaces by index
        self._where: dict[str, str] = {}  # by MAC of the inventory, the LAN's interface
        self._looked = -FRESH
        self.ignored: deque[str] = deque(maxlen=MAX_IGNORED)
        self.owners = Owners()
        self.claim = Claim(store, rules, bus, self._move_in)
        self.inventory = Inventory(loop.now, rules.kind_of, vendor_of, self._keeps, self._ignores, bus=bus)
        self.inventory.load(store.sights.load())
        self.here = Here(self.inventory, store)
        bus.subscribe(DeviceAppeared, self._appeared)
        bus.subscribe(DeviceReturned, self._returned)
        bus.subscribe(SightsLost, lambda _: store.sights.keep(self._sights()))
        self._taps_work = False  # once it has started, and while the kernel has such sockets
        self._taps = Taps(loop, config.lan, self.inventory.heard)
        self.scanning = Scanning(loop, self._lan, self.inventory.answered, self._scanned)

    def start(self) -> None:
        if not self.claim.unclaimed:
            self._listen()
            if self.claim.first and self._settle_in():
                self._regroup()
        self._tick()

    def _settle_in(self) -> bool:
        """Whoever is here belongs to the house. Whether anybody is."""
        self.look()
        own, places = self._own_defaults, self._store.devices.all()
        placed = {*self._rules.household.named, *(mac for mac, one in places.items() if one.place)}
        here = [mac for mac in self.inventory.macs() if mac not in placed]
        things = [mac for mac in here if self._where.get(mac) not in own]
        for mac in things:
            self._store.devices.place(mac, HOME, at=self._wall())
        return bool(things)

    def _move_in(self) -> None:
        """From now on who comes is a stranger, and noted. Grouped anew behind the request that caused it."""
        self._listen()
        self._settle_in()
        self._moves.soon()

    def _listen(self) -> None:
        """Where the kernel has no such sockets, the look every PERIOD is all there is."""
        try:
            self._events = NeighbourEvents()
            self._loop.on_readable(self._events, self._changed)
        except OSError as error:
            _log.warning("new devices are seen only every %g s: %s", PERIOD, error)
        self._taps_work = True

    def _follow(self) -> None:
        if not self._taps_work:
            return
        try:
            self._taps.follow()
        except OSError as error:
            self._taps_work = False
            _log.warning("what devices say of themselves is not heard: %s", error)

    def _ask_doubted(self) -> None:
        self._ask(self.inventory.doubted(), again=True)

    @staticmethod
    def _ask(places: list[Place], *, again: bool = False) -> None:
        try:
            ask(places, again=again)
        except OSError as error:
            _log.warning("devices cannot be asked whether they are there: %s", error)

    def _tick(self) -> None:
        self.look()
        self._ask(self.inventory.tick())
        self._store.sights.keep(self.inventory.unsaved())
        if self._store.devices.lapse(self._wall()):
            self._regroup()
        self._timer = self._loop.call_later(PERIOD, self._tick)

    def _changed(self) -> None:
        """The kernel's neighbours did."""
        if self._events is None:
            return
        changes, lost = self._events.read()
        inside = lan.indexes(self._lan)
        for one in changes:
            if one.ifindex in inside:
                self.owners.neighbour(one)
                self.inventory.neighbour(one, event=True)
        self._note_places(inside)
        self._bus.publish(NeighboursRead())
        if lost:
            self._again.later()

    def look(self) -> None:
        """Read neighbours and leases. While the gateway is nobody's the kernel alone knows who is there."""
        self._looked = self._loop.now()
        if self.claim.unclaimed:
            return
        inside = lan.indexes(self._lan)
        self.inventory.listed(self.read_owners())
        for path in self._leases:
            self._named_by(read_leases(path))
        self._follow()
        self._note_places(inside)
        self._bus.publish(NeighboursRead())
        at = self._wall()
        for mac in self.inventory.macs():
            if self.inventory.online(mac):
                self._store.devices.seen(mac, at, self.here.host_name(mac))
                self._store.notes.seen(mac, self.here.addresses(mac), at)

    def read_owners(self) -> list[Neighbour]:
        """Who answers for which address now. All of the LAN's neighbours."""
        if self.claim.unclaimed:
            return []
        inside = lan.indexes(self._lan)
        found = [one for one in self.neighbours() if one.ifindex in inside]
        self.owners.listed(found)
        return found

    def _named_by(self, leases: Leases) -> None:
        for mac, name in leases.of_mac.items():
            self.inventory.lease(mac, name)
        for ip, name in leases.of_ip.items():
            owner = self.inventory.mac_of(ip)
            if owner is not None:
                self.inventory.lease(owner, name)

    @property
    def _own_defaults(self) -> Container[str]:
        """Interfaces whose strangers are what the family says, from the first run on."""
        return self._rules.household.config.interfaces

    def _note_places(self, inside: Mapping[int, str]) -> None:
        self._inside = inside
        at = {mac: inside.get(self.inventory.interface(mac)) for mac in self.inventory.macs()}
        where = {mac: name for mac, name in at.items() if name is not None}
        moved = where.items() - self._where.items() if self._own_defaults else ()
        self._where = where
        if moved:
            self._bus.publish(DevicesMoved(frozenset(mac for mac, _ in moved)))

    def regroup_soon(self) -> None:
        self._moves.soon()

    def interface_of(self, mac: str) -> str | None:
        """Where a device was seen last; None: nowhere since the start."""
        return self._inside.get(self.inventory.interface(mac))

    def _scanned(self) -> None:
        found = self.scanning.found.difference(self.ignored)
        self._bus.notify("scan", found=sum(map(self._can_disclose, found)))

    def refresh(self) -> None:
        """Look again, unless that was just done."""
        if self._loop.now() - self._looked >= FRESH:
            self.look()

    def _appeared(self, event: DeviceAppeared) -> None:
        """It may be a known device with a new address: ask the silent devices whether they are still here."""
        mac = event.mac
        name = self.here.host_name(mac)
        if self._store.devices.seen(mac, self._wall(), name) and self._can_disclose(mac):
            self._bus.notify("device", mac=mac, name=name)
        self._doubts.later()

    def _returned(self, event: DeviceReturned) -> None:
        """An unknown device that returns may also be a known one with another address."""
        if not self._keeps(event.mac):
            self._doubts.later()

    @staticmethod
    def neighbours() -> list[Neighbour]:
        try:
            return read_neighbours()
        except OSError as error:
            _log.warning("the neighbour table cannot be read: %s", error)
            return []

    def mac_of(self, ip: str) -> str | None:
        """The device that answers for an address; looks again when it is not known, but not at each call. One
        that has more addresses than are kept is still known by the one that it uses.
        """
        found = self.inventory.mac_of(ip)
        if found is None:
            self.refresh()
            found = self.inventory.mac_of(ip) or self._mac_by_kernel(ip)
        return found

    def _mac_by_kernel(self, ip: str) -> str | None:
        """Of a device that is known; while the gateway is nobody's, of any."""
        for ifindex in lan.indexes(self._lan):
            try:
                one = find_neighbour((ip, ifindex))
            except OSError:  # it is no address
                return None
            if one is not None and (self.claim.unclaimed or self.inventory.sight(one.mac) is not None):
                return one.mac
        return None

    def _ignores(self, mac: str) -> bool:
        return self.claim.unclaimed or mac in self.ignored

    def ignore(self, mac: str) -> None:
        """An audit's device: no device of the home, whatever it says and whoever answers for it."""
        if mac not in self.ignored:
            self.ignored.append(mac)

    def forget(self, mac: str) -> None:
        """All that is kept of a device; where it is still here, it is a new one at once."""
        self.inventory.forget(mac)
        self._store.devices.forget(mac)
        self._store.sights.forget(mac)
        self._store.notes.forget(mac)

    def _keeps(self, mac: str) -> bool:
        known = self._store.devices.all().get(mac)
        return (known is not None and bool(known.place)) or self._is_named(mac)

    def _is_named(self, mac: str) -> bool:
        """Whether the family's files name it, or a parent gave it a name."""
        return mac in self._rules.household.named or mac in self._store.notes.labels()

    def _sights(self) -> list[Sighting]:
        return [one for mac in self.inventory.macs() if (one := self.inventory.sight(mac)) is not None]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for seldom in (self._again, self._doubts, self._moves):
            seldom.close()
        if self._events is not None:
            self._loop.forget(self._events)
            self._events.close()
        self._taps.close()
        self.scanning.close()
        self._store.sights.keep(self.inventory.unsaved())
