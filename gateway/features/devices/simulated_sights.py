"""The verb ``sight`` of the tests' virtual home: simulates what the gateway observes of a device."""

from __future__ import annotations

import os

from gateway.control.contract.devices import SimulatedSight
from gateway.control.protocol import Call
from gateway.control.verbs import NoValues
from gateway.features.status.clock import PLAY
from gateway.lan.inventory import Inventory
from gateway.policy.identity.macs import parse_mac
from gateway.wire.lan.dhcp import Dhcp
from gateway.wire.lan.overheard import Overheard

_REQUEST = 3  # message type DHCPREQUEST (RFC 2132 §9.6)


class SimulatedSights:
    """Feeds simulated observations of devices (leaving, returning, DHCP) to the inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def play(self, call: Call[SimulatedSight]) -> NoValues:
        call.owner_only()
        args = call.args
        mac = parse_mac(args.mac)
        if os.environ.get(PLAY) is None or mac is None:
            call.refuse("do", "is for the virtual home alone")
        match args.what:
            case "gone":
                self._inventory.lost(mac)
            case "back":
                self._inventory.answered(mac)
            case "behind":
                for other in (args.macs or "").split():
                    self._hear(mac, Dhcp(4, _REQUEST, hardware=other))
            case _:
                self._shows(mac, args)
        return NoValues()

    def _shows(self, mac: str, args: SimulatedSight) -> None:
        options = tuple(int(option) for option in (args.options or "").split())
        name, vendor = args.host_name or "", args.vendor_class or ""
        self._hear(mac, Dhcp(4, _REQUEST, mac, name, vendor, options=options))
        self._inventory.heard(mac, self._inventory.interface(mac), Overheard(b"", args.hop_limit))

    def _hear(self, mac: str, said: Dhcp) -> None:
        self._inventory.heard(mac, self._inventory.interface(mac), Overheard(b"", dhcp=said))
