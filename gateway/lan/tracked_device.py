"""The state of one device in the inventory, and the changes that its packets cause."""

from __future__ import annotations

import socket
from dataclasses import replace

from gateway.lan.neighbours import Place
from gateway.policy.identity.sightings import MAX_BEHIND, MAX_INTERFACE_IDS, MAX_SERVICES, Sighting
from gateway.wire.lan.dhcp import Dhcp
from gateway.wire.lan.mdns import Mdns
from gateway.wire.lan.overheard import Overheard

_NEVER = float("-inf")
_ASKS = frozenset((1, 3))  # discover and request; an inform asks for other options than the system itself


class Tracked:
    """A device with its online state and addresses."""

    __slots__ = ("displaced", "heard", "ids", "ifindex", "online", "places", "sight")

    def __init__(self, sight: Sighting) -> None:
        self.sight = sight
        self.heard = _NEVER
        self.displaced = False  # another device has answered for its last address since
        self.ifindex = 0  # of the interface that last saw it; 0: none since the start
        self.online: bool | None = None  # None: unknown, since the daemon has just started
        self.places: dict[Place, bool] = {}  # newest last; True: a probe was not answered
        self.ids = sorted(sight.traits.interface_ids)  # newest last

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the addresses that answer; if none does, the last known ones."""
        found = [ip for (ip, _), failed in self.places.items() if not failed]
        return tuple(found or [ip for ip, _ in self.places] or self.sight.addresses)


def packed_address(ip: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)


def with_address(device: Tracked, packed: bytes) -> Sighting:
    """Return the sight with the interface id of an IPv6 address (RFC 4291 2.5.1)."""
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
    """Return the sight with a lease. ``said`` is the device's request, if the server reports it."""
    sight = device.sight.named(name, "lease")
    return sight if said is None else with_dhcp(sight, said)


def with_mdns(device: Tracked, said: Mdns, address: bytes) -> Sighting:
    """Return the sight with an mDNS response. A name counts only if one of its addresses is this device's:
    other devices may answer for sleeping ones.
    """
    sight = device.sight
    own = {address, *(packed_address(ip) for ip, _ in device.places)}
    name = next((name for name, at in said.hosts if at in own), "")
    services = sight.services | said.services
    if len(services) > MAX_SERVICES:
        services = sight.services
    return replace(sight, services=services, model=said.model or sight.model).named(name, "mdns")
