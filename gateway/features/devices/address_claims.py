"""Reports devices that claim the gateway's own IP addresses: they receive what others send to it."""

from __future__ import annotations

import logging

from gateway.household.context import HomeContext
from gateway.household.file_history import PROGRAM
from gateway.household.presence import Presence
from gateway.lan.own_addresses import AddressClaimed
from gateway.store.tables.audit import RecordAudit

SHOWN = 24 * 3600.0  # seconds after the last claim
MOST = 8  # devices: a sender can write any MAC address

_log = logging.getLogger(__name__)


class AddressClaims:
    """Stores which devices claimed an IP address of the gateway within the last day, for `problems`.

    A device's first claim in a day is logged, written to the audit log, and published as the event `status`.
    At most MOST devices are stored; claims of further ones are ignored.
    """

    def __init__(self, home: HomeContext, audit: RecordAudit, presence: Presence) -> None:
        self._home = home
        self._audit = audit
        self._presence = presence
        self._last: dict[str, float] = {}  # MAC address → time of its last claim, by the loop's clock
        home.bus.subscribe(AddressClaimed, self._claimed)

    def _claimed(self, event: AddressClaimed) -> None:
        mac, now = event.mac, self._home.loop.now()
        self._last = {known: at for known, at in self._last.items() if at + SHOWN > now}
        if mac in self._last:
            self._last[mac] = now
        elif len(self._last) < MOST:
            self._last[mac] = now
            _log.warning("The device %s claims an address of the gateway.", mac)
            self._audit("address claimed", mac, by=PROGRAM, at=self._home.now())
            self._home.publish("status", what="address")

    def problems(self) -> list[str]:
        """Return one line for each device that claimed an address of the gateway within the last day."""
        now = self._home.loop.now()
        return [self._line(mac) for mac, at in self._last.items() if at + SHOWN > now]

    def _line(self, mac: str) -> str:
        name, owner = self._presence.here.name_of(mac), self._home.rules.household.owner_of(mac)
        who = f"{name} ({mac})" if name else f"the device {mac}"
        whose = "" if owner is None or owner.built_in else f" of {owner.name}"
        fix = "remove it from the network until you know why; passwords typed without HTTPS may be known"
        return f"lan: {who}{whose} claims the gateway's address, to read what other devices send; {fix}"
