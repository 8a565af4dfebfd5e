"""An inventory whose watcher notes what it is told."""

from __future__ import annotations

from socket import inet_aton

from gateway.home.inventory import Inventory
from gateway.home.neighbours import Neighbour
from gateway.home.watcher import Watcher
from gateway.policy.identity import Traits
from gateway.policy.sights import Sight
from gateway.wire.dhcp import Dhcp
from gateway.wire.mdns import Mdns
from gateway.wire.overheard import Overheard

TABLET, PHONE, WIRED = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "28:6f:b9:00:00:01"
LAN = 3
V4, V6, LINK = "192.168.77.10", "2001:db8:77::a:b", "fe80::1"


class Home(Watcher):
    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[tuple[str, ...]] = []
        self.asked_vendors: list[str] = []
        self.inventory = Inventory(lambda: self.now, self.kind_of, self.vendor_of, lambda mac: mac == TABLET)
        self.inventory.watchers.append(self)

    def kind_of(self, sight: Sight) -> str:
        return "phone" if sight.traits.vendor_class.startswith("android") else ""

    def vendor_of(self, mac: str) -> str:
        self.asked_vendors.append(mac)
        return "Acme"

    def on_new(self, mac: str) -> None:
        assert self.inventory.traits(mac) is not None
        assert self.inventory.online(mac) or not self.told
        self.told.append(("new", mac))

    def on_change(self, before: Traits, after: Traits, how: str) -> None:
        assert before.mac == after.mac
        assert self.inventory.traits(after.mac) == after
        changed = [name for name in Traits.__slots__ if getattr(before, name) != getattr(after, name)]
        self.told.append(("change", after.mac, how, *changed))

    def on_gone(self, mac: str) -> None:
        self.told.append(("gone", mac))

    def on_back(self, mac: str) -> None:
        self.told.append(("back", mac))

    def on_found(self, mac: str) -> None:
        self.told.append(("found", mac))

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

    def sight(self, mac: str = TABLET) -> Sight:
        found = self.inventory.sight(mac)
        assert found is not None
        return found


def watched() -> Home:
    return Home()
