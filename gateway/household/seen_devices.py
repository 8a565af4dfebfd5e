"""Devices on the network: presence, addresses and names."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.household.visibility import Visibility
from gateway.lan.inventory import Inventory
from gateway.policy.identity.macs import parse_mac
from gateway.store.store import Store
from gateway.store.tables.device_notes import DeviceNotes


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """A device as the network shows it now."""

    mac: str
    ips: tuple[str, ...]  # IPv4 first
    name: str  # its own name; untrusted input
    online: bool


class SeenDevices:
    """Looks up devices in the inventory and the store."""

    def __init__(self, inventory: Inventory, store: Store) -> None:
        self._inventory = inventory
        self._store = store

    @property
    def now(self) -> dict[str, SeenDevice]:
        """Return the devices that are here or may be here."""
        return {mac: seen for mac in self._inventory.macs() if (seen := self.seen(mac)) is not None}

    def seen(self, mac: str) -> SeenDevice | None:
        """Return a device; None if it is gone."""
        sight, online = self._inventory.sight(mac), self._inventory.online(mac)
        if sight is None or not (online or self._inventory.is_open(mac)):
            return None
        ips = tuple(sorted(sight.addresses, key=lambda ip: (":" in ip, ip)))
        return SeenDevice(mac, ips, sight.traits.host_name, online)

    def name_of(self, mac: str) -> str:
        """Return a guardian's name for a device, else its own name; empty if it has none."""
        return self._store.notes.labels().get(mac) or self.own_name(mac)

    def own_name(self, mac: str) -> str:
        """Return the device's own name, present or earlier."""
        known = self._store.devices.all().get(mac)
        return self.host_name(mac) or (known.name if known is not None else "")

    def host_name(self, mac: str) -> str:
        """Return the device's present own name."""
        traits = self._inventory.traits(mac)
        return "" if traits is None else traits.host_name

    def addresses(self, mac: str) -> tuple[str, ...]:
        sight = self._inventory.sight(mac)
        return () if sight is None else sight.addresses


class VisibleDevices:
    """Presence and addresses of devices, as far as they may be shown."""

    def __init__(
        self, visibility: Visibility, inventory: Inventory, here: SeenDevices, notes: DeviceNotes
    ) -> None:
        self._visibility = visibility
        self._inventory = inventory
        self._here = here
        self._notes = notes

    def online(self, mac: str) -> bool | None:
        """Whether the device is here now; None if that is private."""
        return self._inventory.online(mac) if self._visibility.is_exact(mac) else None

    def ip(self, mac: str) -> str | None:
        """Return the device's present address; None if that is private."""
        if not self._visibility.is_exact(mac):
            return None
        seen = self._here.seen(mac)
        return seen.ips[0] if seen is not None and seen.ips else None

    def addresses(self, mac: str) -> list[str]:
        """Return the device's addresses; if presence is private, all that it ever had."""
        if self._visibility.is_exact(mac):
            return list(self._here.addresses(mac))
        return sorted(known.address for known in self._notes.history(mac) if parse_mac(known.address) is None)
