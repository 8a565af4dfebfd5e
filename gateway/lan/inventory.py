"""The devices of the household: what their traffic reveals, their addresses, and whether they are online.

Neighbour entries, packets, leases and scans feed the inventory; it does no I/O. A device is identified by the
hardware address in its frames. All other data from a device is untrusted: it is bounded, and changes only
that device.

A *sighting* (`Sighting`) is all that was seen of one device. A *place* is an IP address and the index of its
interface.

A device is online if it sent a packet or answered. After ASK_AFTER seconds of silence ``tick()`` returns its
addresses, for the kernel to probe. After GONE_AFTER seconds without a sign the device is gone.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Container, Iterable, Iterator, Set
from dataclasses import dataclass, replace
from functools import partial

from gateway.core.bus import Bus
from gateway.lan.neighbours import Neighbour, Place
from gateway.lan.vendors import Vendors
from gateway.policy.identity.sightings import (
    MAX_ADDRESSES,
    MAX_BEHIND,
    MAX_INTERFACE_IDS,
    MAX_SERVICES,
    Sighting,
)
from gateway.policy.identity.traits import Traits
from gateway.wire.lan.dhcp import Dhcp
from gateway.wire.lan.mdns import Mdns
from gateway.wire.lan.overheard import Overheard

MAX_DEVICES = 512  # any Wi-Fi client can invent devices; the longest silent is dropped. 2 to 5 kB each
ASK_AFTER = 60.0  # seconds of silence
GONE_AFTER = 120.0  # seconds of silence: of six probes, a sleeping phone answers at least one
CONTESTED_FOR = 600.0  # seconds after an IP address moved, in which its former device may still use it
BORROWED = 3  # packets from an IP address of another online device, within CONTESTED_FOR seconds
MAX_MOVED = 256  # addresses that moved or were borrowed lately, 150 bytes each
DOUBT_AFTER = 2.0  # seconds after a new device appeared, in which an online one was heard or is probed
MAX_ASKED = 8  # addresses of a device that are probed together, the newest
MAX_ASKED_IN_ALL = 256  # addresses per call
_NEVER = float("-inf")
_FAMILIES = {4: socket.AF_INET, 16: socket.AF_INET6}
_ASKS = frozenset((1, 3))  # discover and request; an inform asks for other options than the system itself


@dataclass(frozen=True, slots=True)
class DeviceAppeared:
    """Event: a device was seen for the first time, or again after it was forgotten.

    Published after its first packet, neighbour entry or scan answer was evaluated.
    """

    mac: str


@dataclass(frozen=True, slots=True)
class TraitsChanged:
    """Event: what is known of a device changed, such as its name or vendor, or the devices behind it.

    ``before`` and ``after``: its traits, equal if only the devices behind it changed. ``how`` is the source:
    dhcp, behind, mdns, lease, address, packet, scan or vendor.
    """

    before: Traits
    after: Traits
    how: str


@dataclass(frozen=True, slots=True)
class DeviceGone:
    """Event: an online device is offline now: it left the network, or was silent for two minutes."""

    mac: str


@dataclass(frozen=True, slots=True)
class DeviceReturned:
    """Event: a known device that was offline is online again."""

    mac: str


@dataclass(frozen=True, slots=True)
class DeviceFound:
    """Event: a device with unknown online state sent a packet or answered: it is online.

    Published within GONE_AFTER seconds after the daemon's start. The device was in the database, or in the
    kernel's neighbour table.
    """

    mac: str


@dataclass(frozen=True, slots=True)
class ExaminedChanged:
    """Event: `Inventory.examined` has changed: the devices that were compared with the family's known ones.

    The comparison finds a known device that has another MAC address.
    """


@dataclass(frozen=True, slots=True)
class AddressContested:
    """Event: two devices use one IP address.

    The address moved from one to the other less than CONTESTED_FOR seconds ago, and the first answered for it
    again or sent a packet from it. Or the second sent packets from it, while the first answers: it may
    forward them for the first, which treats it as the gateway.
    """

    first: str  # MAC address of the device that had the address first
    second: str


class Tracked:
    """The inventory's entry of one device: all that was seen of it, its online state, and its addresses.

    The inventory changes it in place.
    """

    __slots__ = ("displaced", "heard", "ids", "ifindex", "online", "places", "sight")

    def __init__(self, sight: Sighting) -> None:
        self.sight = sight
        self.heard = _NEVER
        # Silent since it lost its last address: to another device, or to the kernel after a failed probe.
        self.displaced = False
        self.ifindex = 0  # of the interface that last saw it; 0: none since the start
        self.online: bool | None = None  # None: unknown, since the daemon has just started
        self.places: dict[Place, bool] = {}  # newest last; True: a probe was not answered
        self.ids = sorted(sight.traits.interface_ids)  # newest last

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the device's IP addresses that answer; if none does, the last known ones."""
        found = [ip for (ip, _), failed in self.places.items() if not failed]
        return tuple(found or [ip for ip, _ in self.places] or self.sight.addresses)


class Inventory:
    """Stores all known devices of the household in memory, and publishes their changes on ``bus``.

    ``now`` returns seconds of a monotonic clock. ``kind_of`` returns the type of a device from its
    `Sighting` (all that was seen of it), ``vendor_of`` the vendor of a MAC address. ``keeps`` returns
    whether a device (MAC) is protected: for lack of room, others are dropped first. ``ignores`` returns
    whether a device is not part of the household.
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
        self._former: dict[Place, tuple[str, float]] = {}  # device that left a place, and when; newest last
        self._borrowed: dict[Place, tuple[str, int, float]] = {}  # sender, its packets, time of the first
        self._contested: list[AddressContested] = []  # to publish when the present change is complete
        self._unsaved, self._started = set[str](), now()
        self._examined: set[str] = set()

    def load(self, sights: Iterable[Sighting], examined: Container[str] = ()) -> None:
        """Add the devices from the database, with unknown online state.

        ``examined``: devices that stay in `examined` over the restart, if they are seen within
        GONE_AFTER seconds.
        """
        for sight in sights:
            self._devices[sight.traits.mac] = Tracked(sight)
            if sight.traits.mac in examined:
                self._examined.add(sight.traits.mac)

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
        """Return the MAC addresses of other devices whose DHCP messages this device forwarded; empty if none.

        A device that forwards them is a repeater.
        """
        device = self._devices.get(mac)
        return frozenset() if device is None else device.sight.behind

    def online(self, mac: str) -> bool:
        device = self._devices.get(mac)
        return device is not None and device.online is True

    def is_open(self, mac: str) -> bool:
        """Return whether it is unknown if the device is online, although the kernel has an address of it.

        This is the case after the daemon's start, until the device sends a packet, answers, or GONE_AFTER
        seconds have passed.
        """
        device = self._devices.get(mac)
        return device is not None and device.online is None and bool(device.places)

    def missing(self, mac: str) -> bool:
        """Return whether the device is not known to be online, or does not answer at any of its addresses.

        Also True if it lost its last address and has been silent since, and for an unknown device.
        """
        device = self._devices.get(mac)
        if device is None or not device.online:
            return True
        return all(device.places.values()) if device.places else device.displaced

    def silence(self, mac: str) -> float:
        """Return the seconds since the device sent a packet or answered.

        Infinite for an unknown device, or if it has not since the daemon's start.
        """
        device = self._devices.get(mac)
        return float("inf") if device is None else self._now() - device.heard

    @property
    def examined(self) -> Set[str]:
        """Return the MAC addresses of devices that were compared with the family's since they came online.

        The comparison finds a known device that has another MAC address. The set is live: it
        changes later.
        """
        return self._examined

    def is_examined(self, mac: str) -> bool:
        return mac in self._examined

    def interface(self, mac: str) -> int:
        """Return the index of the LAN interface that last saw the device.

        0 for an unknown device, or if none has since the daemon's start.
        """
        device = self._devices.get(mac)
        return 0 if device is None else device.ifindex

    def mac_of(self, ip: str) -> str | None:
        """Return the MAC address of the device that has this IP address, on any interface; None if none has.

        Only the kernel's neighbour table counts: the sender address of a packet proves nothing.
        """
        return next((mac for (known, _), mac in self._owners.items() if known == ip), None)

    def unsaved(self) -> list[Sighting]:
        """Return the data (`Sighting`) of each device that changed since the last call, for the database."""
        changed = [found for mac in self._unsaved if (found := self.sight(mac)) is not None]
        self._unsaved.clear()
        return changed

    # ------------------------------------------------------------------------------------ input

    def neighbour(self, neighbour: Neighbour, *, event: bool) -> None:
        """Update a device's addresses and online state from an entry of the kernel's neighbour table.

        ``event``: the entry has just changed. A new address then shows that the device just used
        it. A new device is added. An entry that is gone removes the address; a failed one only
        marks it.
        """
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
        self._publish_contested()

    def listed(self, neighbours: Iterable[Neighbour]) -> None:
        """Update all devices from the LAN's complete neighbour table.

        Addresses that are not in it are removed.
        """
        present = set()
        newest_last = sorted(neighbours, key=lambda neighbour: (neighbour.answered, neighbour.online))
        for neighbour in newest_last:
            present.add((neighbour.ip, neighbour.ifindex))
            self.neighbour(neighbour, event=False)
        for place in [place for place in self._owners if place not in present]:
            self._leave(place)

    def heard(self, mac: str, ifindex: int, said: Overheard) -> None:
        """Update the device with this MAC address from a packet that it sent, and mark it as online.

        A new device is added. A packet without DHCP, multicast DNS and hop limit changes nothing: it
        may be forwarded for another device, and only shows address conflicts. ``ifindex``: the interface.
        ``said``: the parsed packet.
        """
        if said.address:
            place = (socket.inet_ntop(_FAMILIES[len(said.address)], said.address), ifindex)
            self._note_use(place, mac)
            self._note_borrowed(place, mac)
            self._publish_contested()
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
        """Update a known device from its DHCP lease: its host name, and its request ``dhcp`` if there is one.

        Its online state stays. An unknown device is ignored: a lease does not prove that it exists.
        """
        if mac in self._devices:
            how = "lease" if dhcp is None else "dhcp"
            self._learn(mac, how, partial(with_lease, name=name, said=dhcp), alive=False)

    def answered(self, mac: str) -> None:
        """Mark a device as online, since it answered a network scan. A new device is added."""
        self._learn(mac, "scan", lambda device: device.sight, alive=True)

    def set_examined(self, mac: str, *, examined: bool = True) -> None:
        """Record that a device was compared with the family's known devices, or, with False, that it was not.

        The comparison is made elsewhere. The record ends when the device is gone or forgotten.
        Publishes ExaminedChanged after a change.
        """
        if (mac in self._examined) is examined:
            return
        (self._examined.add if examined else self._examined.discard)(mac)
        self._bus.publish(ExaminedChanged())

    def forget(self, mac: str) -> None:
        device = self._devices.pop(mac, None)
        for place in () if device is None else device.places:
            self._owners.pop(place, None)
        self._unsaved.discard(mac)
        self._vendors.forget(mac)
        self.set_examined(mac, examined=False)

    def keep_only(self, stored: Container[str]) -> None:
        """Forget the devices that are not in ``stored`` (MACs in the database), except online ones."""
        for mac, device in tuple(self._devices.items()):
            if not device.online and mac not in stored:
                self.forget(mac)

    # ------------------------------------------------------------------------------------ timers

    def tick(self) -> list[Place]:
        """Mark silent devices as gone, look up vendors, and return the addresses for the kernel to probe.

        Call it every few seconds. Probed are devices that were silent for ASK_AFTER seconds, or whose
        state is unknown; gone is one after GONE_AFTER seconds.
        """
        now = self._now()
        settled = now - self._started >= GONE_AFTER
        gone, silent_ones = [], []
        for mac, device in self._devices.items():
            silent = now - device.heard
            if device.online and silent >= GONE_AFTER:
                gone.append(mac)
            elif device.online is None and settled:
                device.online = False
                self.set_examined(mac, examined=False)
            elif (device.online and silent >= ASK_AFTER) or device.online is None:
                silent_ones.append(mac)
        for mac in gone:
            self.lost(mac)
        for mac in self._vendors.due():
            self._learn(mac, "vendor", lambda device: device.sight, alive=False)
        return self._asked(silent_ones)

    def lost(self, mac: str) -> None:
        """Mark an online device as offline, and publish DeviceGone. Does nothing for another device."""
        device = self._devices.get(mac)
        if device is None or not device.online:
            return
        device.online = False
        self._unsaved.add(mac)
        self.set_examined(mac, examined=False)
        self._bus.publish(DeviceGone(mac))

    def doubted(self) -> list[Place]:
        """Return the addresses to probe of online devices that were silent for DOUBT_AFTER seconds.

        For use after a new device appeared, which may be one of them.
        """
        latest = self._now() - DOUBT_AFTER
        doubted = [mac for mac, device in self._devices.items() if device.online and device.heard <= latest]
        return self._asked(doubted)

    def _asked(self, macs: Iterable[str]) -> list[Place]:
        """Return the newest addresses of these devices, with their interfaces: at most MAX_ASKED_IN_ALL.

        If there are more, protected devices come first, so that invented ones cannot displace them.
        """
        places = {mac: list(self._devices[mac].places)[-MAX_ASKED:] for mac in macs}
        order: Iterable[str] = places
        if sum(map(len, places.values())) > MAX_ASKED_IN_ALL:
            order = sorted(places, key=lambda mac: not self._keeps(mac))
        return [place for mac in order for place in places[mac]][:MAX_ASKED_IN_ALL]

    # ------------------------------------------------------------------------------------ storage

    def _learn(
        self, mac: str, how: str, change: Callable[[Tracked], Sighting], *, alive: bool, ifindex: int = 0
    ) -> None:
        """Replace what was seen of a device by the result of ``change``, and publish what changed.

        ``change`` returns a new `Sighting`. A new device is added. ``how``: the source, for
        TraitsChanged. ``alive``: the device is online, since it sent or answered something. Ignored
        devices are skipped.
        """
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
        """Mark a device as online, heard now; return whether it was offline before."""
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
        """Record that the device has an address (``place``), and take the address from its previous owner.

        ``alive``: it just answered there. ``used``: the address is in use; an unused one is not added
        if the device has MAX_ADDRESSES. Return the device's `Sighting`, with the IPv6 interface id
        added.
        """
        mac = device.sight.traits.mac
        other = self._devices.get(self._owners.get(place, ""))
        if other is not device:
            self._note_use(place, mac)
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

    def _note_use(self, place: Place, mac: str) -> None:
        """Note an address conflict if ``mac`` uses an address that it had lately and another device has now.

        Lately: within CONTESTED_FOR seconds. `_publish_contested` publishes it.
        """
        owner, (former, left) = self._owners.get(place), self._former.get(place, ("", _NEVER))
        if owner is not None and owner != mac and former == mac and self._now() - left <= CONTESTED_FOR:
            self._contested.append(AddressContested(mac, owner))

    def _note_borrowed(self, place: Place, mac: str) -> None:
        """Count a packet that ``mac`` sent from an address at which another online device answers.

        From BORROWED packets within CONTESTED_FOR seconds on, it notes an address conflict.
        """
        owner, now = self._owners.get(place), self._now()
        if owner is None or owner == mac or not self.online(owner):
            return
        sender, packets, since = self._borrowed.pop(place, (mac, 0, now))
        if sender != mac or now - since > CONTESTED_FOR:
            packets, since = 0, now
        self._borrowed[place] = (mac, packets + 1, since)
        if packets + 1 >= BORROWED:
            self._contested.append(AddressContested(owner, mac))
        if len(self._borrowed) > MAX_MOVED:
            del self._borrowed[next(iter(self._borrowed))]

    def _publish_contested(self) -> None:
        contested, self._contested = self._contested, []
        for event in contested:
            self._bus.publish(event)

    def _leave(self, place: Place) -> None:
        """Remove an address from its owner, and store who had it, for `_note_use`.

        It has another owner now, is gone from the kernel's table, or its owner has too many addresses. The
        device keeps its last addresses in its sighting.
        """
        device = self._devices.get(self._owners.pop(place, ""))
        if device is not None:
            self._former.pop(place, None)
            self._former[place] = (device.sight.traits.mac, self._now())
            if len(self._former) > MAX_MOVED:
                del self._former[next(iter(self._former))]
        if device is not None and place in device.places:
            device.sight = replace(device.sight, addresses=device.addresses)
            unanswered = device.places.pop(place)
            if unanswered and not device.places:
                device.displaced = True


def packed_address(ip: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)


def with_address(device: Tracked, packed: bytes) -> Sighting:
    """Return what was seen of the device, with the interface id (last 8 bytes) of an IPv6 address added.

    An IPv4 address adds nothing (RFC 4291 2.5.1). Also updates ``device.ids``.
    """
    sight = device.sight
    if len(packed) != 16 or packed[8:] in device.ids:
        return sight
    device.ids = [*device.ids, packed[8:]][-MAX_INTERFACE_IDS:]
    return replace(sight, traits=replace(sight.traits, interface_ids=frozenset(device.ids)))


def with_packet(device: Tracked, said: Overheard) -> Sighting:
    sight = with_address(device, said.address)
    return replace(sight, traits=replace(sight.traits, hop_limit=said.hop_limit))


def with_dhcp(sight: Sighting, said: Dhcp) -> Sighting:
    mac = sight.traits.mac
    if said.hardware not in ("", mac):
        if said.hardware in sight.behind or len(sight.behind) >= MAX_BEHIND:
            return sight
        return replace(sight, behind=sight.behind | {said.hardware})
    traits = sight.traits
    if said.version == 4 and said.message in _ASKS and said.options:
        traits = replace(traits, options=said.options)
    if said.vendor_class and (said.version == 4 or not traits.vendor_class):
        traits = replace(traits, vendor_class=said.vendor_class)
    return replace(sight, traits=traits).named(said.host_name, "dhcp")


def with_lease(device: Tracked, name: str, said: Dhcp | None) -> Sighting:
    """Return what was seen of the device, with the host name of its DHCP lease added.

    ``said`` is the device's DHCP request, if the server reports it; its content is added too.
    """
    sight = device.sight.named(name, "lease")
    return sight if said is None else with_dhcp(sight, said)


def with_mdns(device: Tracked, said: Mdns, address: bytes) -> Sighting:
    """Return what was seen of the device, with services, model and host name of an mDNS response added.

    ``address``: its source. The name counts only if one of its addresses is this device's: other devices
    may answer for sleeping ones. If there would be more than MAX_SERVICES services, none is added.
    """
    sight = device.sight
    own = {address, *(packed_address(ip) for ip, _ in device.places)}
    name = next((name for name, at in said.hosts if at in own), "")
    services = sight.services | said.services
    if len(services) > MAX_SERVICES:
        services = sight.services
    return replace(sight, services=services, model=said.model or sight.model).named(name, "mdns")
