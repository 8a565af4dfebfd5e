"""The devices of the household: their traits, their addresses, and whether they are online.

Neighbours, packets, leases and scans feed the inventory; it does no I/O. A device is identified by the
hardware address in its frames. All other data from a device is untrusted: it is bounded, and changes only
that device.

A device is online if it sent a packet or answered. After ASK_AFTER seconds of silence ``tick()`` returns its
addresses, for the kernel to probe. After GONE_AFTER seconds without a sign the device is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from gateway.core.bus import Bus
from gateway.lan.device_events import (
    DeviceAppeared,
    DeviceFound,
    DeviceGone,
    DeviceReturned,
    TraitsChanged,
)
from gateway.lan.neighbours import Neighbour, Place
from gateway.lan.tracked_device import (
    Tracked,
    packed_address,
    with_address,
    with_dhcp,
    with_lease,
    with_mdns,
    with_packet,
)
from gateway.lan.vendors import Vendors
from gateway.policy.identity.sightings import MAX_ADDRESSES, Sighting
from gateway.policy.identity.traits import Traits
from gateway.wire.lan.dhcp import Dhcp
from gateway.wire.lan.overheard import Overheard

MAX_DEVICES = 512  # any Wi-Fi client can invent devices; the longest silent is dropped. Up to 10 kB each
ASK_AFTER = 60.0  # seconds of silence
GONE_AFTER = 120.0  # seconds of silence: of six probes, a sleeping phone answers at least one
DOUBT_AFTER = 2.0  # seconds after a new device appeared, in which an online one was heard or is probed
MAX_ASKED = 8  # addresses of a device that are probed together, the newest
MAX_ASKED_IN_ALL = 256  # addresses per call


class Inventory:
    """All known devices.

    ``now`` is a monotonic clock. ``keeps`` returns whether a device must not be dropped for lack of room;
    ``ignores`` returns whether a device is not part of the household.
    """

    def __init__(
        self,
        now: Callable[[], float],
        kind_of: Callable[[Sighting], str],
        vendor_of: Callable[[str], str],
        keeps: Callable[[str], bool] = lambda mac: False,  # noqa: ARG005
        ignores: Callable[[str], bool] = lambda mac: False,  # noqa: ARG005
        *,
        bus: Bus,
    ) -> None:
        self._bus = bus
        self._now = now
        self._kind_of = kind_of
        self._vendors = Vendors(vendor_of)
        self._keeps, self._ignores = keeps, ignores
        self._devices: dict[str, Tracked] = {}  # the longest unheard first
        self._owners: dict[Place, str] = {}
        self._unsaved, self._started = set[str](), now()

    def load(self, sights: Iterable[Sighting]) -> None:
        """Load the devices from the database. Neighbours decide whether they are online."""
        for sight in sights:
            self._devices[sight.traits.mac] = Tracked(sight)

    # ------------------------------------------------------------------------------------ queries

    def macs(self) -> Iterator[str]:
        return iter(tuple(self._devices))

    def traits(self, mac: str) -> Traits | None:
        device = self._devices.get(mac)
        return None if device is None else device.sight.traits

    def sight(self, mac: str) -> Sighting | None:
        device = self._devices.get(mac)
        return None if device is None else replace(device.sight, addresses=device.addresses)

    def behind(self, mac: str) -> frozenset[str]:
        """Return other hardware addresses in DHCP messages of its frames: the device is a repeater."""
        device = self._devices.get(mac)
        return frozenset() if device is None else device.sight.behind

    def online(self, mac: str) -> bool:
        device = self._devices.get(mac)
        return device is not None and device.online is True

    def is_open(self, mac: str) -> bool:
        """Return whether it is not known yet if the device is online, and the kernel has an address of it."""
        device = self._devices.get(mac)
        return device is not None and device.online is None and bool(device.places)

    def missing(self, mac: str) -> bool:
        """Return whether the device is gone, answers at none of its addresses, or lost its last one to
        another device and has been silent since.
        """
        device = self._devices.get(mac)
        if device is None or not device.online:
            return True
        return all(device.places.values()) if device.places else device.displaced

    def silence(self, mac: str) -> float:
        """Return the seconds since the device was heard; infinite if not since the start."""
        device = self._devices.get(mac)
        return float("inf") if device is None else self._now() - device.heard

    def interface(self, mac: str) -> int:
        """Return the index of the LAN interface that last saw it; 0 if none since the start."""
        device = self._devices.get(mac)
        return 0 if device is None else device.ifindex

    def mac_of(self, ip: str) -> str | None:
        """Return the owner by the neighbour table: the sender address of a packet proves nothing."""
        return next((mac for (known, _), mac in self._owners.items() if known == ip), None)

    def unsaved(self) -> list[Sighting]:
        """Return the devices that changed since the last call."""
        changed = [found for mac in self._unsaved if (found := self.sight(mac)) is not None]
        self._unsaved.clear()
        return changed

    # ------------------------------------------------------------------------------------ input

    def neighbour(self, neighbour: Neighbour, *, event: bool) -> None:
        """Process a neighbour on the LAN. An event with a new address shows that the device just used it."""
        place = (neighbour.ip, neighbour.ifindex)
        if neighbour.gone:
            self._leave(place)
            return
        if neighbour.failed:
            device = self._devices.get(self._owners.get(place, ""))
            if device is not None and place in device.places:
                device.places[place] = True
            return
        moved = self._owners.get(place) != neighbour.mac
        alive = neighbour.answered or (event and moved)
        change = partial(self._at, place=place, alive=alive, used=alive or neighbour.online)
        self._learn(neighbour.mac, "address", change, alive=alive, ifindex=neighbour.ifindex)

    def listed(self, neighbours: Iterable[Neighbour]) -> None:
        """Process the kernel's complete list for the LAN. Other places no longer have an owner."""
        present = set()
        newest_last = sorted(neighbours, key=lambda neighbour: (neighbour.answered, neighbour.online))
        for neighbour in newest_last:
            present.add((neighbour.ip, neighbour.ifindex))
            self.neighbour(neighbour, event=False)
        for place in [place for place in self._owners if place not in present]:
            self._leave(place)

    def heard(self, mac: str, ifindex: int, said: Overheard) -> None:
        """Process a packet in a frame with this hardware address."""
        if said.dhcp is not None:
            dhcp = said.dhcp
            behind = dhcp.hardware not in ("", mac)
            how = "behind" if behind else "dhcp"
            self._learn(mac, how, lambda device: with_dhcp(device.sight, dhcp), alive=True, ifindex=ifindex)
        elif said.mdns is not None:
            change = partial(with_mdns, said=said.mdns, address=said.address)
            self._learn(mac, "mdns", change, alive=True, ifindex=ifindex)
        elif said.hop_limit:
            self._learn(mac, "packet", partial(with_packet, said=said), alive=True, ifindex=ifindex)

    def lease(self, mac: str, name: str, *, dhcp: Dhcp | None = None) -> None:
        """Process a DHCP server's record. For a device that was never seen it proves nothing."""
        if mac in self._devices:
            how = "lease" if dhcp is None else "dhcp"
            self._learn(mac, how, partial(with_lease, name=name, said=dhcp), alive=False)

    def answered(self, mac: str) -> None:
        """Process an answer to a scan."""
        self._learn(mac, "scan", lambda device: device.sight, alive=True)

    def forget(self, mac: str) -> None:
        device = self._devices.pop(mac, None)
        for place in () if device is None else device.places:
            self._owners.pop(place, None)
        self._unsaved.discard(mac)
        self._vendors.forget(mac)

    # ------------------------------------------------------------------------------------ timers

    def tick(self) -> list[Place]:
        """Update the online state. Call it every few seconds. Returns the places for the kernel to probe."""
        now = self._now()
        settled = now - self._started >= GONE_AFTER
        gone, silent_ones = [], []
        for mac, device in self._devices.items():
            silent = now - device.heard
            if device.online and silent >= GONE_AFTER:
                gone.append(mac)
            elif device.online is None and settled:
                device.online = False
            elif (device.online and silent >= ASK_AFTER) or device.online is None:
                silent_ones.append(mac)
        for mac in gone:
            self.lost(mac)
        for mac in self._vendors.due():
            self._learn(mac, "vendor", lambda device: device.sight, alive=False)
        return self._asked(silent_ones)

    def lost(self, mac: str) -> None:
        """Mark an online device as gone."""
        device = self._devices.get(mac)
        if device is None or not device.online:
            return
        device.online = False
        self._unsaved.add(mac)
        self._bus.publish(DeviceGone(mac))

    def doubted(self) -> list[Place]:
        """Return the places of online devices that have said nothing for DOUBT_AFTER seconds, for the kernel
        to probe.
        """
        latest = self._now() - DOUBT_AFTER
        doubted = [mac for mac, device in self._devices.items() if device.online and device.heard <= latest]
        return self._asked(doubted)

    def _asked(self, macs: Iterable[str]) -> list[Place]:
        """Return where to probe. Known devices come first, so that invented ones cannot crowd them out."""
        places = {mac: list(self._devices[mac].places)[-MAX_ASKED:] for mac in macs}
        order: Iterable[str] = places
        if sum(map(len, places.values())) > MAX_ASKED_IN_ALL:
            order = sorted(places, key=lambda mac: not self._keeps(mac))
        return [place for mac in order for place in places[mac]][:MAX_ASKED_IN_ALL]

    # ------------------------------------------------------------------------------------ storage

    def _learn(
        self, mac: str, how: str, change: Callable[[Tracked], Sighting], *, alive: bool, ifindex: int = 0
    ) -> None:
        """Apply a change to one device, then publish it."""
        if self._ignores(mac):
            return
        device = self._devices.get(mac)
        new = device is None
        if device is None:
            device = self._add(mac)
        before = device.sight
        sight = self._vendors.with_vendor(change(device))
        if new or sight != before:
            kind = self._kind_of(sight)
            device.sight = replace(sight, traits=replace(sight.traits, kind=kind))
            self._unsaved.add(mac)
        device.ifindex = ifindex or device.ifindex
        found = alive and device.online is None and not new
        back = alive and self._alive(device)
        traits = device.sight.traits
        changed = traits != before.traits or before.behind != device.sight.behind
        if new:
            self._bus.publish(DeviceAppeared(mac))
            return
        if changed:
            self._bus.publish(TraitsChanged(before.traits, traits, how))
        if back:
            self._bus.publish(DeviceReturned(mac))
        elif found:
            self._bus.publish(DeviceFound(mac))

    def _alive(self, device: Tracked) -> bool:
        """Mark a device as online; return whether it was away."""
        now, mac = self._now(), device.sight.traits.mac
        away = device.online is False or (device.online is None and now - self._started >= GONE_AFTER)
        device.heard, device.online, device.displaced = now, True, False
        self._devices[mac] = self._devices.pop(mac)
        return away

    def _add(self, mac: str) -> Tracked:
        while len(self._devices) >= MAX_DEVICES:
            unprotected = (mac for mac in self._devices if not self._keeps(mac))
            self.forget(next(unprotected, None) or next(iter(self._devices)))
        device = self._devices[mac] = Tracked(Sighting(Traits(mac)))
        if not device.sight.traits.is_random:
            self._vendors.add(mac)
        return device

    def _at(self, device: Tracked, place: Place, alive: bool, used: bool) -> Sighting:
        """Record that the device answers for an address, and take the address from its previous owner."""
        mac = device.sight.traits.mac
        other = self._devices.get(self._owners.get(place, ""))
        if other is not device:
            self._leave(place)
        if other is not None and not other.places:
            other.displaced = True
        if not used and place not in device.places and len(device.places) >= MAX_ADDRESSES:
            return device.sight  # an old address must not replace one in use
        self._owners[place] = mac
        if alive or place not in device.places:
            if place not in device.places:
                self._unsaved.add(mac)
            device.places.pop(place, None)
            device.places[place] = False
        while len(device.places) > MAX_ADDRESSES:
            self._leave(next(iter(device.places)))
        return with_address(device, packed_address(place[0]))

    def _leave(self, place: Place) -> None:
        """Forget a place that the kernel no longer knows. The last address of a device is stored."""
        device = self._devices.get(self._owners.pop(place, ""))
        if device is not None and place in device.places:
            device.sight = replace(device.sight, addresses=device.addresses)
            del device.places[place]
