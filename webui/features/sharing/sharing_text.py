"""Looks up people and devices in the daemon's answers about shared devices."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.control.contract.sharing import OwnSharing, SharedDevice, SharingPerson


def label(shared: SharedDevice) -> str:
    """Return the name of a shared device, or else its MAC address."""
    return shared.name or shared.device


def is_handed(own: OwnSharing) -> bool:
    return own.sharing is not None and own.sharing.kind == "handed"


def find_device(devices: Iterable[SharedDevice], mac: str) -> SharedDevice | None:
    return next((shared for shared in devices if shared.device == mac), None)


def find_person(people: Iterable[SharingPerson], who: str) -> SharingPerson | None:
    return next((person for person in people if person.id == who), None)
