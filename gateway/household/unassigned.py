"""Devices that nobody named: what they are, by the interface of the LAN on which they come.

The kernel tells them apart by that interface too, from a device's first packet on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from gateway.policy.config.config import QUARANTINE
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import GUEST, Profile

UNKNOWN = "unknown"  # what the numbers of slots call the devices that nobody named
VISITOR = "visitor"

Keys = Mapping[str | None, str | None]
"""Interface → key of its strangers' slot, None: they are not filtered. Under None: everywhere else."""

Where = Callable[[str], str | None]
"""The interface on which a device was seen last."""


class Wanted(NamedTuple):
    """One slot."""

    key: str  # what the numbers of slots call it
    macs: tuple[str, ...]
    profile: Profile
    quarantined: bool = False
    asked: bool = False  # somebody is asked about it: whose it is nobody knows
    beside: Profile | None = None  # what this refuses is refused too


def strangers(
    household: Household, called: Mapping[str, Iterable[str]], alone: Collection[str], where: Where
) -> tuple[list[Wanted], Keys]:
    """Slots of the strangers. ``called`` guests or visitors are that everywhere; ``alone``: those for which
    something holds that does not hold for others.
    """
    settings = household.config
    profiles = {GUEST: household.guest, VISITOR: household.visitor}
    places = {mac: place for place, macs in called.items() for mac in macs}
    found: list[Wanted] = []
    for mac in alone:
        profile, quarantined = (
            (profiles[places[mac]], False)
            if mac in places
            else kind_of_stranger(household, settings.unknown_device_on(where(mac)))
        )
        if profile.filtered:
            found.append(Wanted(mac, (mac,), household.managed(mac, profile), quarantined))
    groups = {place: tuple(mac for mac in macs if mac not in alone) for place, macs in called.items()}
    keys: dict[str | None, str | None] = {}
    known: dict[tuple[str, bool], str] = {}
    for interface in (None, *settings.interfaces):
        profile, quarantined = kind_of_stranger(household, settings.unknown_device_on(interface))
        kind = profile.id, quarantined
        if profile.filtered and kind not in known:
            known[kind] = UNKNOWN if interface is None else _key(*kind)
            macs = groups.pop(GUEST, ()) if kind == (GUEST, False) else ()
            found.append(Wanted(known[kind], macs, profile, quarantined))
        keys[interface] = known.get(kind)
    found += [Wanted(place, macs, profiles[place]) for place, macs in groups.items() if macs]
    return found, keys


def kind_of_stranger(household: Household, who: str) -> tuple[Profile, bool]:
    """Profile, and whether they are quarantined. Guests, where the file of that profile cannot be used."""
    if who == QUARANTINE:
        return household.guest, True
    return household.find(who) or household.guest, False


def _key(profile: str, quarantined: bool) -> str:
    if quarantined:
        return QUARANTINE
    return GUEST if profile == GUEST else f"{UNKNOWN}:{profile}"
