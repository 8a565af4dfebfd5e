"""`qalqan check`: finds devices that are not filtered because no parent has assigned them yet."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.check.findings import Finding, warning
from gateway.cli.settings import control_socket
from gateway.control.client import Client
from gateway.control.contract.devices import DEVICES, ListedDevice
from gateway.core.errors import ControlError
from gateway.policy.config.config import Config
from gateway.policy.profile.rules import HOME

NAMED = 10  # devices in the text; it has the number of the others
FIX = "choose on the page Devices, or with: qalqan device assign MAC PROFILE (home: it stays unfiltered)"


def device_findings(config: Config) -> Iterator[Finding]:
    """Yield a warning with the devices from the first run that are unfiltered until a parent assigns them.

    Nothing if there are none, the daemon does not run, or this user may not ask it.
    """
    try:
        listed = Client(control_socket(config)).ask(DEVICES, brief=True).devices
    except ControlError:
        return
    open_ones = [device for device in listed if device.profile == HOME and device.waits_for_owner]
    if open_ones:
        names = ", ".join(map(_named, open_ones[:NAMED]))
        more = f" and {len(open_ones) - NAMED} more" if len(open_ones) > NAMED else ""
        text = f"not filtered until a parent says who uses them: {names}{more}"
        yield warning("devices", text, FIX, code="unfiltered_devices", names=f"{names}{more}")


def _named(device: ListedDevice) -> str:
    return device.mac if device.name in ("", device.mac) else f"{device.name} ({device.mac})"
