"""Functions of the daemon that the verb `guardian` uses, as parameters, so that tests need no daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.control.protocol import ControlRequest
from gateway.policy.accounts.people import DEVICE_LIMIT

CONSOLE = "console"

Record = Callable[[str, str, str, str], None]
"""Adds an audit line: verb, detail, name of the actor, origin."""

CheckPasskey = Callable[[Mapping[str, object], Callable[[Mapping[str, Any]], None]], None]
"""Starts to verify a browser's answer (`gateway/web/passkeys.py`), and calls back with the result."""


@dataclass(frozen=True, slots=True)
class Requester:
    """MAC address and name of the device from which a request comes. Both are empty for an unknown device."""

    mac: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """Functions of the daemon that the serving of accounts needs: clocks, audit log, devices and label.

    They are parameters, so that tests need no daemon.
    """

    now: Callable[[], float]  # seconds of a monotonic clock
    wall: Callable[[], datetime]  # aware
    clock_known: Callable[[], bool]
    record: Record
    requester: Callable[[str], Requester]  # by address
    label: Callable[[], str]  # the code on the gateway's label
    unclaimed: Callable[[], bool]  # whether there was never a guardian, a person's file or a recorded device
    children: Callable[[], bool]  # whether the files name a child, or a person whose file is broken
    child_uses: Callable[[str, str], bool]
    """Returns whether a child may use a session at an IP address that began on a device (MAC address)."""
    trusted_name: Callable[[], str]  # of the pages over HTTPS; empty: none
    check_passkey: CheckPasskey

    def device(self, request: ControlRequest) -> str:
        """Return the name of the device that a request comes from; its MAC or IP address without one.

        It is shown with sessions and announcements.
        """
        origin = request.text("origin", "")
        seen = self.requester(origin)
        return (seen.name or seen.mac or origin)[:DEVICE_LIMIT]
