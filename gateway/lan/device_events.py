"""The events of the inventory. Its state is up to date when one is published."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.policy.identity.traits import Traits


@dataclass(frozen=True, slots=True)
class DeviceAppeared:
    """A device was seen for the first time; what its first packet said is known."""

    mac: str


@dataclass(frozen=True, slots=True)
class TraitsChanged:
    """A device says something else of itself.

    ``how``: dhcp, mdns, lease, address, packet or vendor.
    """

    before: Traits
    after: Traits
    how: str


@dataclass(frozen=True, slots=True)
class DeviceGone:
    """A device that was here is silent for two minutes, or left."""

    mac: str


@dataclass(frozen=True, slots=True)
class DeviceReturned:
    """A device that was gone, or away when the daemon started, is here."""

    mac: str


@dataclass(frozen=True, slots=True)
class DeviceFound:
    """A device known from before the start was seen for the first time since, shortly after it."""

    mac: str
