"""Events of the device inventory. The inventory is up to date when it publishes one."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.policy.identity.traits import Traits


@dataclass(frozen=True, slots=True)
class DeviceAppeared:
    """A device was seen for the first time; the content of its first packet is known."""

    mac: str


@dataclass(frozen=True, slots=True)
class TraitsChanged:
    """The traits of a device changed.

    ``how`` is the source: dhcp, mdns, lease, address, packet or vendor.
    """

    before: Traits
    after: Traits
    how: str


@dataclass(frozen=True, slots=True)
class DeviceGone:
    """An online device left, or was silent for two minutes."""

    mac: str


@dataclass(frozen=True, slots=True)
class DeviceReturned:
    """A device that was gone, or was away when the daemon started, is online."""

    mac: str


@dataclass(frozen=True, slots=True)
class DeviceFound:
    """A device known from before the start was seen for the first time after it, shortly after the start."""

    mac: str
