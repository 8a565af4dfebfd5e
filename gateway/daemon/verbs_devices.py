"""What may be asked and told of devices over the control socket: the list, a scan, what dnsmasq noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gateway.control.protocol import Request, Verb
from gateway.daemon.places import Places
from gateway.errors import ControlError
from gateway.policy.macs import parse_mac
from gateway.wire.dhcp import MAX_OPTIONS, Dhcp, first_label, plain_text

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

_DISCOVER = 1  # what dnsmasq tells of is what the device asked for


class DeviceVerbs:
    """``device`` describes one: MAC, name, whether it is online, address."""

    def __init__(self, daemon: Daemon, places: Places, device: Callable[[str], dict[str, object]]) -> None:
        self._daemon = daemon
        self._places = places
        self._device = device

    def table(self) -> Mapping[str, Verb]:
        return {"devices": self.devices, "scan": self.scan, "lease": self.lease}

    def devices(self, _request: Request) -> Mapping[str, object]:
        daemon = self._daemon
        daemon.presence.refresh()
        inventory = daemon.presence.inventory
        known = {mac for one in daemon.family.members.values() for mac in one.macs} | set(daemon.family.plain)
        macs = sorted(known | set(inventory.macs()) | set(daemon.store.devices.all()))
        asking = daemon.identities.asking
        asked = {one.mac: asking.describe(one) for one in asking.open()}
        through: dict[str, list[str]] = {}
        for mac in inventory.macs():
            for other in inventory.behind(mac):
                through.setdefault(other, []).append(mac)
        return {
            "devices": [
                self._device(mac)
                | self._seen(mac)
                | {"question": asked.get(mac), "through": sorted(through.get(mac, ()))}
                for mac in macs
            ]
        }

    def _seen(self, mac: str) -> dict[str, object]:
        """What it says of itself, and since when it is known."""
        presence, zone = self._daemon.presence, self._daemon.rules.household.config.zone
        sight, known = presence.inventory.sight(mac), self._daemon.store.devices.all().get(mac)
        return {
            "profile": self._places.of(mac),
            "vendor": sight.traits.vendor if sight else "",
            "kind": sight.traits.kind if sight else "",
            "model": sight.model if sight else "",
            "random": bool(int(mac[:2], 16) & 2),
            "addresses": list(sight.addresses) if sight else [],
            "names": list(sight.names) if sight else [],
            "no_mobile_data": mac in self._daemon.store.marks.no_mobile_data,
            "behind": sorted(presence.inventory.behind(mac)),
            "first_seen": known.first_seen.astimezone(zone) if known else None,
            "last_seen": known.last_seen.astimezone(zone) if known else None,
        }

    def scan(self, request: Request) -> Mapping[str, object]:
        """Start one, or with ``look`` say how the last one is."""
        request.owner_only()
        scanning = self._daemon.presence.scanning
        if not request.has("look"):
            try:
                scanning.start()
            except OSError as error:
                msg = f"scan: no program can be started: {error.strerror or error}"
                raise ControlError(msg) from None
        found = sorted(scanning.found.difference(self._daemon.presence.ignored))
        return {"running": scanning.running, "found": found, "problem": scanning.problem}

    def lease(self, request: Request) -> Mapping[str, object]:
        """dnsmasq gave, renewed or ended one; gateway/home/dhcp_script.py tells it."""
        request.owner_only()
        mac = parse_mac(request.text("mac"))
        if mac is None:
            request.refuse("mac", "is no MAC address such as 02:00:00:00:00:0a")
        if request.choice("action", ("add", "old", "del")) == "del":
            return {}
        words = request.text("options", "").split(",")
        options = tuple(int(word) for word in words if word.isascii() and word.isdigit() and int(word) < 255)
        said = Dhcp(
            version=4,
            message=_DISCOVER,
            host_name=first_label(request.text("supplied", "").encode()),
            vendor_class=plain_text(request.text("vendor_class", "").encode()),
            options=options[:MAX_OPTIONS],
        )
        self._daemon.presence.inventory.lease(mac, first_label(request.text("name", "").encode()), dhcp=said)
        return {}
