"""The verb `device_mark`: a guardian notes that a device has no mobile data."""

from __future__ import annotations

from gateway.control.contract.devices import DEVICE_MARK, DeviceMark, DeviceMarkRequest
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.features.accounts.access import Access
from gateway.household.context import Effects, HomeContext
from gateway.policy.identity.macs import parse_mac
from gateway.store.tables.device_marks import DeviceMarkTable


class MarkVerbs:
    """The verb `device_mark`: stores whether a device has no mobile data, as a guardian noted."""

    def __init__(self, home: HomeContext, effects: Effects, marks: DeviceMarkTable, access: Access) -> None:
        self._home = home
        self._effects = effects
        self._marks = marks
        self._access = access

    def register(self, router: Router) -> None:
        router.serve(DEVICE_MARK, self.mark)

    def mark(self, call: Call[DeviceMarkRequest]) -> DeviceMark:
        """Store whether a device has no mobile data, and apply it. Raises ControlError.

        With mobile data, the device's connectivity checks work while a schedule, a used-up limit or a pause
        blocks it. Otherwise they are redirected to the gateway's page.
        """
        by, mac = self._access.guardian(call), parse_mac(call.args.mac)
        if mac is None:
            call.refuse("mac", "is no MAC address such as 02:00:00:00:00:0a")
        self._access.refuse_unclaimed()
        no_mobile_data = call.args.no_mobile_data
        at, origin = self._home.local_now(), call.text("origin", "")
        self._marks.mark(mac, no_mobile_data=no_mobile_data, by=by, at=at, origin=origin)
        self._effects.sync_gates()
        self._effects.rejudge()
        return DeviceMark(mac, no_mobile_data)
