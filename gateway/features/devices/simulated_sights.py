"""The verb ``sight`` of the virtual home: simulates what a device was seen to do."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gateway.control.protocol import Request
from gateway.features.status.clock import PLAY
from gateway.lan.inventory import Inventory
from gateway.policy.identity.macs import parse_mac
from gateway.wire.lan.dhcp import Dhcp
from gateway.wire.lan.overheard import Overheard

_REQUEST = 3  # of DHCP


class SimulatedSights:
    """Feeds simulated observations to the inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def play(self, request: Request) -> Mapping[str, object]:
        request.owner_only()
        mac = parse_mac(request.text("mac"))
        if os.environ.get(PLAY) is None or mac is None:
            request.refuse("do", "is for the virtual home alone")
        what = request.choice("what", ("gone", "back", "behind")) if request.has("what") else "dhcp"
        if what == "gone":
            self._inventory.lost(mac)
        elif what == "back":
            self._inventory.answered(mac)
        elif what == "behind":
            for other in request.text("macs").split():
                self._hear(mac, Dhcp(4, _REQUEST, hardware=other))
        else:
            self._shows(mac, request)
        return {}

    def _shows(self, mac: str, request: Request) -> None:
        options = tuple(int(option) for option in request.text("options", "").split())
        hop_limit = request.whole("hop_limit", least=0, most=255, default=0)
        name, vendor = request.text("host_name", ""), request.text("vendor_class", "")
        self._hear(mac, Dhcp(4, _REQUEST, mac, name, vendor, options=options))
        self._inventory.heard(mac, self._inventory.interface(mac), Overheard(b"", hop_limit))

    def _hear(self, mac: str, said: Dhcp) -> None:
        self._inventory.heard(mac, self._inventory.interface(mac), Overheard(b"", dhcp=said))
