"""An inventory whose events are recorded."""

from __future__ import annotations

from socket import inet_aton

from gateway.core.bus import Bus
from gateway.lan.inventory import (
    DeviceAppeared,
    DeviceFound,
    DeviceGone,
    DeviceReturned,
    Inventory,
    TraitsChanged,
)
from gateway.lan.neighbours import Neighbour
from gateway.policy.identity.sightings import Sighting
from gateway.policy.identity.traits import Traits
from gateway.wire.lan.dhcp import Dhcp
from gateway.wire.lan.mdns import Mdns
from gateway.wire.lan.overheard import Overheard

TABLET, PHONE, WIRED = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "28:6f:b9:00:00:01"
LAN = 3
V4, V6, LINK = "192.168.77.10", "2001:db8:77::a:b", "fe80::1"


class Home:
    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[tuple[str, ...]] = []
        self.asked_vendors: list[str] = []
        self.bus = Bus()
        self.bus.subscribe(DeviceAppeared, lambda event: self._appeared(event.mac))
        self.bus.subscribe(TraitsChanged, lambda event: self._changed(event.before, event.after, event.how))
        self.bus.subscribe(DeviceGone, lambda event: self.told.append(("gone", event.mac)))
        self.bus.subscribe(DeviceReturned, lambda event: self.told.append(("back", event.mac)))
        self.bus.subscribe(DeviceFound, lambda event: self.told.append(("found", event.mac)))
        self.inventory = Inventory(
            lambda: self.now, self.kind_of, self.vendor_of, lambda mac: mac == TABLET, bus=self.bus
        )

    def kind_of(self, sight: Sighting) -> str:
        return "phone" if sight.traits.vendor_class.startswith("android") else ""

    def vendor_of(self, mac: str) -> str:
        self.asked_vendors.append(mac)
        return "Acme"

    def _appeared(self, mac: str) -> None:
        assert self.inventory.traits(mac) is not None
        assert self.inventory.online(mac) or not self.told
        self.told.append(("new", mac))

    def _changed(self, before: Traits, after: Traits, how: str) -> None:
        assert before.mac == after.mac
        assert self.inventory.traits(after.mac) == after
        changed = [name for name in Traits.__slots__ if getattr(before, name) != getattr(after, name)]
        self.told.append(("change", after.mac, how, *changed))

    def heard_of(self) -> list[tuple[str, ...]]:
        told, self.told = self.told, []
        return told

    def event(
        self, mac: str, ip: str, *, answered: bool = False, failed: bool = False, gone: bool = False
    ) -> None:
        one = Neighbour("" if failed or gone else mac, ip, LAN, answered, answered, failed, gone)
        self.inventory.neighbour(one, event=True)

    def dhcp(self, mac: str, *, hardware: str | None = None, message: int = 1, **said: object) -> None:
        one = Dhcp(4, message, mac if hardware is None else hardware, **said)  # type: ignore[arg-type]
        self.inventory.heard(mac, LAN, Overheard(b"", dhcp=one))

    def mdns(self, mac: str, address: str, **said: object) -> None:
        self.inventory.heard(mac, LAN, Overheard(inet_aton(address), mdns=Mdns(**said)))  # type: ignore[arg-type]

    def traits(self, mac: str = TABLET) -> Traits:
        found = self.inventory.traits(mac)
        assert found is not None
        return found

    def sight(self, mac: str = TABLET) -> Sighting:
        found = self.inventory.sight(mac)
        assert found is not None
        return found


def watched() -> Home:
    return Home()
