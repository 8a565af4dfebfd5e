"""The verb `device_mark`: what a guardian notes about a device."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.features.accounts.access import Access
from gateway.household.context import Effects, HomeContext
from gateway.policy.identity.macs import parse_mac
from gateway.store.tables.device_marks import Marks


class MarkVerbs:
    """Stores what guardians note about devices."""

    def __init__(self, home: HomeContext, effects: Effects, marks: Marks, access: Access) -> None:
        self._home = home
        self._effects = effects
        self._marks = marks
        self._access = access

    def register(self, router: Router) -> None:
        router.add("device_mark", self.mark)

    def mark(self, request: Request) -> Mapping[str, object]:
        """Note whether a device has no mobile data.

        Without it, the device's connectivity checks are redirected to the page while a time rule or a pause
        blocks the device. With it, they work.
        """
        by, mac = self._access.guardian(request), parse_mac(request.text("mac"))
        if mac is None:
            request.refuse("mac", "is no MAC address such as 02:00:00:00:00:0a")
        self._access.noting(request)
        no_mobile_data = request.values.get("no_mobile_data")
        if not isinstance(no_mobile_data, bool):
            request.refuse("no_mobile_data", "must be true or false")
        at, origin = self._home.local_now(), request.text("origin", "")
        self._marks.mark(mac, no_mobile_data=no_mobile_data, by=by, at=at, origin=origin)
        self._effects.sync_gates()
        self._effects.rejudge()
        return {"mac": mac, "no_mobile_data": no_mobile_data}
