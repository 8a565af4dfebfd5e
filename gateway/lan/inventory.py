"""The devices of the home: what each says of itself, where it is, and whether it is there.

Fed with neighbours, packets, leases and scans; does no I/O. A device is its hardware address in the frames:
whatever else it says is hostile input, changes that one device alone, and is bounded.

A device is there (online) when it sent something or answered. After ASK_AFTER seconds of silence ``tick()``
names its addresses for the kernel to ask for; after GONE_AFTER seconds without a sign it is gone.
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

MAX_DEVICES = 512  # who is on the Wi-Fi can invent them; the longest unheard give way. 10 kB each at most
ASK_AFTER = 60.0  # seconds of silence
GONE_AFTER = 120.0  # seconds of silence: asked six times, a phone that sleeps answers one of them
DOUBT_AFTER = 2.0  # seconds after a new one came in which a device that is there was heard or is asked
MAX_ASKED = 8  # addresses of a device that are asked for at once, the newest
MAX_ASKED_IN_ALL = 256  # addresses in one look


class Inventory:
    """``now`` only runs forward. ``keeps``: whether it must not make room; ``ignores``: it is not ours."""

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
        """What was known before; whether they are there is told by the neighbours."""
        for sight in sights:
            self._devices[sight.traits.mac] = Tracked(sight)

    # ------------------------------------------------------------------------------------ what is known

    def macs(self) -> Iterator[str]:
        return iter(tuple(self._devices))

    def traits(self, mac: str) -> Traits | None:
        device = self._devices.get(mac)
        return None if device is None else device.sight.traits

    def sight(self, mac: str) -> Sighting | None:
        device = self._devices.get(mac)
        return None if device is None else replace(device.sight, addresses=device.addresses)

    def behind(self, mac: str) -> frozenset[str]:
        """Other hardware addresses that DHCP messages in its frames were from: it is a repeater."""
        device = self._devices.get(mac)
        return frozenset() if device is None else device.sight.behind

    def online(self, mac: str) -> bool:
        device = self._devices.get(mac)
        return device is not None and device.online is True

    def is_open(self, mac: str) -> bool:
        """Whether it is not known yet if it is there, and the kernel has an address of it."""
        device = self._devices.get(mac)
        return device is not None and device.online is None and bool(device.places)

    def missing(self, mac: str) -> bool:
        """Whether it is gone, was asked in vain at each address, or is silent since another took its last."""
        device = self._devices.get(mac)
        if device is None or not device.online:
            return True
        return all(device.places.values()) if device.places else device.displaced

    def silence(self, mac: str) -> float:
        """Seconds since it was heard; without end: not since the start."""
        device = self._devices.get(mac)
        return float("inf") if device is None else self._now() - device.heard

    def interface(self, mac: str) -> int:
        """The index of the LAN's interface that it was seen on last; 0: not since the start."""
        device = self._devices.get(mac)
        return 0 if device is None else device.ifindex

    def mac_of(self, ip: str) -> str | None:
        """By the neighbours alone: what a packet says of its own address proves nothing."""
        return next((mac for (known, _), mac in self._owners.items() if known == ip), None)

    def unsaved(self) -> list[Sighting]:
        """What changed since the last call."""
        changed = [found for mac in self._unsaved if (found := self.sight(mac)) is not None]
        self._unsaved.clear()
        return changed

    # ------------------------------------------------------------------------------------ what comes in

    def neighbour(self, one: Neighbour, *, event: bool) -> None:
        """One of the LAN's. In an event, an address that is new for a device has just been used by it."""
        place = (one.ip, one.ifindex)
        if one.gone:
            self._leave(place)
            return
        if one.failed:
            device = self._devices.get(self._owners.get(place, ""))
            if device is not None and place in device.places:
                device.places[place] = True
            return
        moved = self._owners.get(place) != one.mac
        alive = one.answered or (event and moved)
        change = partial(self._at, place=place, alive=alive, used=alive or one.online)
        self._learn(one.mac, "address", change, alive=alive, ifindex=one.ifindex)

    def listed(self, neighbours: Iterable[Neighbour]) -> None:
        """All of the LAN's, as the kernel lists them now; what is not among them is no place of anybody."""
        present = set()
        for one in sorted(neighbours, key=lambda one: (one.answered, one.online)):  # the newest comes last
            present.add((one.ip, one.ifindex))
            self.neighbour(one, event=False)
        for place in [one for one in self._owners if one not in present]:
            self._leave(place)

    def heard(self, mac: str, ifindex: int, said: Overheard) -> None:
        """A packet in a frame of this hardware address."""
        if said.dhcp is not None:
            dhcp = said.dhcp
            behind = dhcp.hardware not in ("", mac)
            how = "behind" if behind else "dhcp"
            self._learn(mac, how, lambda device: with_dhcp(device.sight, dhcp), alive=True, ifindex=ifindex)
        elif said.mdns is not None:
            told = said.mdns
            change = partial(with_mdns, said=told, address=said.address)
            self._learn(mac, "mdns", change, alive=True, ifindex=ifindex)
        elif said.hop_limit:
            self._learn(mac, "packet", partial(with_packet, said=said), alive=True, ifindex=ifindex)

    def lease(self, mac: str, name: str, *, dhcp: Dhcp | None = None) -> None:
        """What a DHCP server noted; of a device that was never seen it proves nothing."""
        if mac in self._devices:
            how = "lease" if dhcp is None else "dhcp"
            self._learn(mac, how, partial(with_lease, name=name, said=dhcp), alive=False)

    def answered(self, mac: str) -> None:
        """A scan had an answer in a frame of this hardware address."""
        self._learn(mac, "scan", lambda device: device.sight, alive=True)

    def forget(self, mac: str) -> None:
        device = self._devices.pop(mac, None)
        for place in () if device is None else device.places:
            self._owners.pop(place, None)
        self._unsaved.discard(mac)
        self._vendors.forget(mac)

    # ------------------------------------------------------------------------------------ as time goes by

    def tick(self) -> list[Place]:
        """Call it every few seconds. The places that the kernel shall ask for."""
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
        """It was there, and is no more."""
        device = self._devices.get(mac)
        if device is None or not device.online:
            return
        device.online = False
        self._unsaved.add(mac)
        self._bus.publish(DeviceGone(mac))

    def doubted(self) -> list[Place]:
        """The places of devices that should be there and said nothing just now: ask DOUBT_AFTER seconds after
        a new one came.
        """
        latest = self._now() - DOUBT_AFTER
        return self._asked([mac for mac, one in self._devices.items() if one.online and one.heard <= latest])

    def _asked(self, macs: Iterable[str]) -> list[Place]:
        """Where to ask for them: the family's own first, so that invented ones take no place from them."""
        places = {mac: list(self._devices[mac].places)[-MAX_ASKED:] for mac in macs}
        order: Iterable[str] = places
        if sum(map(len, places.values())) > MAX_ASKED_IN_ALL:
            order = sorted(places, key=lambda mac: not self._keeps(mac))
        return [place for mac in order for place in places[mac]][:MAX_ASKED_IN_ALL]

    # ------------------------------------------------------------------------------------ how it is kept

    def _learn(
        self, mac: str, how: str, change: Callable[[Tracked], Sighting], *, alive: bool, ifindex: int = 0
    ) -> None:
        """Take in what is new of one device, then publish it."""
        if self._ignores(mac):
            return
        device = self._devices.get(mac)
        new = device is None
        if device is None:
            device = self._add(mac)
        before = device.sight
        sight = self._vendors.told(change(device))
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
        """Whether that is news."""
        now, mac = self._now(), device.sight.traits.mac
        away = device.online is False or (device.online is None and now - self._started >= GONE_AFTER)
        device.heard, device.online, device.displaced = now, True, False
        self._devices[mac] = self._devices.pop(mac)
        return away

    def _add(self, mac: str) -> Tracked:
        while len(self._devices) >= MAX_DEVICES:
            passing = (one for one in self._devices if not self._keeps(one))
            self.forget(next(passing, None) or next(iter(self._devices)))
        device = self._devices[mac] = Tracked(Sighting(Traits(mac)))
        if not device.sight.traits.is_random:
            self._vendors.add(mac)
        return device

    def _at(self, device: Tracked, place: Place, alive: bool, used: bool) -> Sighting:
        """It answers for an address; another device that did has it no more."""
        mac = device.sight.traits.mac
        other = self._devices.get(self._owners.get(place, ""))
        if other is not device:
            self._leave(place)
        if other is not None and not other.places:
            other.displaced = True
        if not used and place not in device.places and len(device.places) >= MAX_ADDRESSES:
            return device.sight  # left from earlier: it takes no place from one that is used
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
        """The kernel knows of it no more; the last address of a device is remembered."""
        device = self._devices.get(self._owners.pop(place, ""))
        if device is not None and place in device.places:
            device.sight = replace(device.sight, addresses=device.addresses)
            del device.places[place]
