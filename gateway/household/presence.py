"""Tracks the devices on the network in an inventory, from kernel events, packets, leases and scans."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gateway.core.loop import Timer
from gateway.core.throttle import Throttle
from gateway.household.claim import Claim
from gateway.household.context import HomeContext
from gateway.household.slot_assignment import PRESENT
from gateway.lan import interfaces as lan
from gateway.lan.inventory import DOUBT_AFTER, DeviceAppeared, DeviceReturned, Inventory
from gateway.lan.leases import Leases, read_leases
from gateway.lan.neighbours import (
    Neighbour,
    NeighbourEvents,
    Owners,
    Place,
    ask,
    find_neighbour,
    read_neighbours,
)
from gateway.lan.own_addresses import AddressClaimed, OwnAddresses
from gateway.lan.scan import Scanning
from gateway.lan.taps import Taps
from gateway.lan.vendors import vendor_of
from gateway.policy.identity.sightings import Sighting
from gateway.policy.identity.traits import SHORT_ABSENCE
from gateway.policy.profile.rules import HOME
from gateway.store.store import Store
from gateway.store.tables.devices import DeviceTable, StoredDevice
from gateway.store.tables.sightings import SightsLost

FRESH = 1.0  # seconds at least between two reads for the pages
MAX_IGNORED = 16  # MAC addresses of filter tests' devices, which disappear after the test
SETTLING = timedelta(days=1)  # in which a device of the first run shows that it is an appliance
STAYED = timedelta(minutes=1)  # by then a device was examined
PERIOD = 10.0  # seconds between two complete reads, for changes without an event

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """A device that is online, or that may be online because the kernel has not answered yet."""

    mac: str
    ips: tuple[str, ...]  # IPv4 first
    name: str  # its own name; untrusted input
    online: bool


@dataclass(frozen=True, slots=True)
class NeighboursRead:
    """Published on the event bus when the kernel's neighbour table was read, or has changed."""


@dataclass(frozen=True, slots=True)
class DevicesMoved:
    """Published when devices moved to another LAN interface, or were seen for the first time since the start.

    Only published if an interface has its own setting for new devices.
    """

    macs: frozenset[str]


class Presence:
    """Tracks which devices are on the LAN: feeds events, neighbours, leases and packets to the inventory.

    Arguments:
        regroup: called when the place or interface of a device changes; assigns devices to rules again.
        can_disclose: returns whether guardians may see that a device (MAC address) is online now.
        lost: at this start, the database could not be used.
    """

    def __init__(
        self,
        home: HomeContext,
        store: Store,
        regroup: Callable[[], None],
        can_disclose: Callable[[str], bool],
        *,
        lost: bool,
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
        self._again = Throttle(loop, FRESH, self.look)  # after the kernel lost change events
        self._doubts = Throttle(loop, DOUBT_AFTER, self._ask_doubted)
        self._moves = Throttle(loop, FRESH, regroup)
        self._timer: Timer | None = None
        self._events: NeighbourEvents | None = None
        self._can_disclose = can_disclose
        self._inside: Mapping[int, str] = {}  # LAN interfaces by index
        self._where: dict[str, str] = {}  # MAC address → LAN interface
        self._looked = -FRESH
        self.ignored: deque[str] = deque(maxlen=MAX_IGNORED)
        self.owners = Owners()
        self.claim = Claim(store, rules, bus, self._start_recording, lost=lost)
        self.inventory = Inventory(loop.now, rules.kind_of, vendor_of, self._keeps, self._ignores, bus=bus)
        self.inventory.load(store.sightings.load(), stayed(store.devices.all()))
        self.here = SeenDevices(self.inventory, store)
        bus.subscribe(DeviceAppeared, self._appeared)
        bus.subscribe(DeviceReturned, self._returned)
        bus.subscribe(SightsLost, lambda _: store.sightings.keep(self._sights()))
        self._taps_work = False  # set after the start, if the kernel supports packet sockets
        self._taps = Taps(
            loop, config.lan, self.inventory.heard, lambda mac: bus.publish(AddressClaimed(mac))
        )
        self.scanning = Scanning(loop, self._lan, self.inventory.answered, self._scanned)

    def start(self) -> None:
        if not self.claim.unclaimed:
            self._listen()
            if self.claim.first and self._mark_present():
                self._regroup()
        self._tick()

    def _mark_present(self) -> bool:
        """Store all seen devices without owner and place as present at the first run. Return whether any are.

        If the rule files name a child, they are stored as not filtered; else they are not filtered
        until the family has a child. Devices on interfaces with a setting of their own for new
        devices are left out.
        """
        self.look()
        own, known = self._own_defaults, self._store.devices.all()
        placed = {*self._rules.household.named, *(mac for mac, device in known.items() if device.place)}
        here = [mac for mac in self.inventory.macs() if mac not in placed]
        unplaced = [mac for mac in here if self._where.get(mac) not in own]
        place = HOME if self._rules.household.children else PRESENT
        for mac in unplaced:
            self._store.devices.place(mac, place, at=self._wall(), chosen=False)
        self._settle_appliances()
        return bool(unplaced)

    def _settle_appliances(self) -> bool:
        return settle_appliances(self._store.devices, self._is_appliance, self._wall())

    def _is_appliance(self, mac: str) -> bool:
        sight = self.inventory.sight(mac)
        return sight is not None and self._rules.is_appliance(sight)

    def _start_recording(self) -> None:
        """Start to record devices: the gateway was claimed.

        Regroup a moment later, after the answer to the request that claimed it.
        """
        self._listen()
        self._mark_present()
        self._moves.soon()

    def _listen(self) -> None:
        """Listen to neighbour events, and enable the packet taps.

        If events are unavailable, changes are noticed every PERIOD seconds.
        """
        try:
            self._events = NeighbourEvents()
            self._loop.on_readable(self._events, self._changed)
        except OSError as error:
            _log.warning("Watching neighbours failed: %s. New devices are noticed every %g s.", error, PERIOD)
        self._taps_work = True

    def _follow(self) -> None:
        if not self._taps_work:
            return
        try:
            self._taps.follow()
        except OSError as error:
            self._taps_work = False
            _log.warning("Listening to announcements failed: %s. Devices have no names of their own.", error)

    def watch_addresses(self, own: OwnAddresses) -> None:
        """From now on, publish `AddressClaimed` when a device claims one of these addresses of the gateway.

        A claim is an ARP or Neighbour Discovery message.
        """
        self._taps.watch(own)

    def _ask_doubted(self) -> None:
        self._ask(self.inventory.doubted(), again=True)

    @staticmethod
    def _ask(places: list[Place], *, again: bool = False) -> None:
        try:
            ask(places, again=again)
        except OSError as error:
            _log.warning("Probing devices failed: %s. Absent devices are noticed later.", error)

    def _tick(self) -> None:
        self.look()
        self._ask(self.inventory.tick())
        self.inventory.keep_only(self._store.devices.all())
        self._store.sightings.keep(self.inventory.unsaved())
        if self._settle_appliances() | self._store.devices.lapse(self._wall()):
            self._regroup()
        self._timer = self._loop.call_later(PERIOD, self._tick)

    def _changed(self) -> None:
        """Read changes of the kernel's neighbour table, and apply those on the LAN to the inventory."""
        if self._events is None:
            return
        changes, lost = self._events.read()
        inside = lan.indexes(self._lan)
        for change in changes:
            if change.ifindex in inside:
                self.owners.neighbour(change)
                self.inventory.neighbour(change, event=True)
        self._note_places(inside)
        self._bus.publish(NeighboursRead())
        if lost:
            self._again.later()

    def look(self) -> None:
        """Read the kernel's neighbours and the DHCP leases, and update inventory and store.

        An unclaimed gateway reads nothing.
        """
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
        """Read the kernel's neighbours on the LAN and return them. Update which device has which address.

        Empty while the gateway is unclaimed (has no family).
        """
        if self.claim.unclaimed:
            return []
        inside = lan.indexes(self._lan)
        found = [neighbour for neighbour in self.neighbours() if neighbour.ifindex in inside]
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
        """The LAN interfaces that have a setting of their own for new devices."""
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
        """Return the interface where a device was last seen; None if it was not seen since the start."""
        return self._inside.get(self.inventory.interface(mac))

    def _scanned(self) -> None:
        found = self.scanning.found.difference(self.ignored)
        self._bus.notify("scan", found=sum(map(self._can_disclose, found)))

    def refresh(self) -> None:
        """Read neighbours and leases again, at most once per FRESH seconds."""
        if self._loop.now() - self._looked >= FRESH:
            self.look()

    def _appeared(self, event: DeviceAppeared) -> None:
        """Store a new device; notify clients about it if guardians may see that it is online.

        Then probe silent devices: it may be one of them with another MAC address.
        """
        mac = event.mac
        name = self.here.host_name(mac)
        if self._store.devices.seen(mac, self._wall(), name) and self._can_disclose(mac):
            self._bus.notify("device", mac=mac, name=name)
        self._doubts.later()

    def _returned(self, event: DeviceReturned) -> None:
        """Probe silent devices: a returned unassigned device may be one of them with another MAC address."""
        if not self._keeps(event.mac):
            self._doubts.later()

    @staticmethod
    def neighbours() -> list[Neighbour]:
        try:
            return read_neighbours()
        except OSError as error:
            _log.warning("Reading the neighbour table failed: %s.", error)
            return []

    def mac_of(self, ip: str) -> str | None:
        """Return the MAC address of the device with an IP address, or None.

        For an unknown address, read the neighbours again (at most once per FRESH seconds), then query the
        kernel: a device may have more addresses than the inventory stores.
        """
        found = self.inventory.mac_of(ip)
        if found is None:
            self.refresh()
            found = self.inventory.mac_of(ip) or self._mac_by_kernel(ip)
        return found

    def _mac_by_kernel(self, ip: str) -> str | None:
        """Return the MAC address of an IP address from the kernel's neighbour table, or None.

        On a claimed gateway, only a device in the inventory is returned.
        """
        for ifindex in lan.indexes(self._lan):
            try:
                neighbour = find_neighbour((ip, ifindex))
            except OSError:  # not an address
                return None
            if neighbour is not None and (
                self.claim.unclaimed or self.inventory.sight(neighbour.mac) is not None
            ):
                return neighbour.mac
        return None

    def _ignores(self, mac: str) -> bool:
        return self.claim.unclaimed or mac in self.ignored

    def ignore(self, mac: str, *, unassigned: bool = False) -> None:
        """Ignore a MAC address from now on: it belongs to a filter test. The last MAX_IGNORED are ignored.

        ``unassigned``: it has the rules of an unassigned device that was examined.
        """
        if mac in self.ignored:
            return
        if len(self.ignored) == MAX_IGNORED:
            self.inventory.set_examined(self.ignored[0], examined=False)
        self.ignored.append(mac)
        self.inventory.set_examined(mac, examined=unassigned)

    def forget(self, mac: str) -> None:
        """Delete a device from the inventory and the store: place, observed traits, names, notes.

        Rule files are not changed. If it is still online, it becomes a new device.
        """
        self.inventory.forget(mac)
        self._store.devices.forget(mac)
        self._store.sightings.forget(mac)
        self._store.notes.forget(mac)

    def _keeps(self, mac: str) -> bool:
        known = self._store.devices.all().get(mac)
        return (known is not None and bool(known.place)) or self._is_named(mac)

    def _is_named(self, mac: str) -> bool:
        """Return whether a rule file lists the device, or a guardian gave it a name."""
        return mac in self._rules.household.named or mac in self._store.notes.labels()

    def _sights(self) -> list[Sighting]:
        sights = map(self.inventory.sight, self.inventory.macs())
        return [sight for sight in sights if sight is not None]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for throttle in (self._again, self._doubts, self._moves):
            throttle.close()
        if self._events is not None:
            self._loop.forget(self._events)
            self._events.close()
        self._taps.close()
        self.scanning.close()
        self._store.sightings.keep(self.inventory.unsaved())


def stayed(devices: Mapping[str, StoredDevice]) -> frozenset[str]:
    """Return the MAC addresses that were online at, or shortly before, the previous daemon's last look.

    Devices first seen less than a minute before that are left out.
    """
    latest = max((device.last_seen for device in devices.values()), default=None)
    return frozenset(
        mac
        for mac, device in devices.items()
        if latest is not None and device.last_seen + SHORT_ABSENCE >= latest >= device.first_seen + STAYED
    )


def settle_appliances(devices: DeviceTable, is_appliance: Callable[[str], bool], at: datetime) -> bool:
    """Record as unfiltered the devices of the first run that are clearly printers, lamps or the like.

    Return whether there are any. Only their first day counts: later, a device could rename itself for it.
    """
    since = at - SETTLING
    found = [
        mac
        for mac, device in devices.all().items()
        if device.place == PRESENT and device.first_seen >= since and is_appliance(mac)
    ]
    for mac in found:
        devices.place(mac, HOME, at=at, chosen=False)
    return bool(found)


class SeenDevices:
    """Looks up presence, addresses and names of devices in the inventory and the store."""

    def __init__(self, inventory: Inventory, store: Store) -> None:
        self._inventory = inventory
        self._store = store

    @property
    def now(self) -> dict[str, SeenDevice]:
        """The devices that are online or may be online, by MAC address."""
        return {mac: seen for mac in self._inventory.macs() if (seen := self.seen(mac)) is not None}

    def seen(self, mac: str) -> SeenDevice | None:
        """Return a device's IP addresses, its own host name (untrusted), and whether it is online.

        None if it is offline or unknown. A device whose online state is not known yet is returned with
        ``online`` False.
        """
        sight, online = self._inventory.sight(mac), self._inventory.online(mac)
        if sight is None or not (online or self._inventory.is_open(mac)):
            return None
        ips = tuple(sorted(sight.addresses, key=lambda ip: (":" in ip, ip)))
        return SeenDevice(mac, ips, sight.traits.host_name, online)

    def name_of(self, mac: str) -> str:
        """Return the name that a guardian gave the device, else its own name, else an empty string."""
        return self._store.notes.labels().get(mac) or self.own_name(mac)

    def own_name(self, mac: str) -> str:
        """Return the host name that the device itself reports, now or earlier; empty if it has none."""
        known = self._store.devices.all().get(mac)
        return self.host_name(mac) or (known.name if known is not None else "")

    def host_name(self, mac: str) -> str:
        """Return the host name that the device itself reports now; empty if it has none."""
        traits = self._inventory.traits(mac)
        return "" if traits is None else traits.host_name

    def addresses(self, mac: str) -> tuple[str, ...]:
        sight = self._inventory.sight(mac)
        return () if sight is None else sight.addresses
