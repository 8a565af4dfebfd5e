"""Devices without an owner: how they are treated, by their interface of the LAN.

The kernel also distinguishes them by interface, from a device's first packet on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from gateway.policy.config.config import QUARANTINE
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import GUEST, Profile

UNKNOWN = "unknown"  # key of the unassigned devices' slot in the store
VISITOR = "visitor"

Keys = Mapping[str | None, str | None]
"""Interface → key of its unassigned devices' slot; None: not filtered. Key None: all other interfaces."""

Where = Callable[[str], str | None]
"""Returns the interface on which a device was seen last."""


class Wanted(NamedTuple):
    """One desired slot."""

    key: str  # its key in the store
    macs: tuple[str, ...]
    profile: Profile
    quarantined: bool = False
    asked: bool = False  # it has an open question: its owner is uncertain
    beside: Profile | None = None  # a second profile, whose refusals apply too


def strangers(
    household: Household, called: Mapping[str, Iterable[str]], alone: Collection[str], where: Where
) -> tuple[list[Wanted], Keys]:
    """Return the slots of unassigned devices.

    ``called``: guests and adult guests, who are treated as such on every interface. ``alone``: devices with
    state of their own.
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
    """Return the profile of a kind of unassigned devices, and whether they are quarantined.

    The guests' profile if the file of the named one cannot be used.
    """
    if who == QUARANTINE:
        return household.guest, True
    return household.find(who) or household.guest, False


def _key(profile: str, quarantined: bool) -> str:
    if quarantined:
        return QUARANTINE
    return GUEST if profile == GUEST else f"{UNKNOWN}:{profile}"
