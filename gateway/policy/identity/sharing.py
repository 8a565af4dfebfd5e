"""Temporary users of a device: a shared device, a claimed screen, an adult's phone handed over.

Of what a child does, the result is never an adult's rules: a device gets at most the child's own rules. If
the person that a guardian named no longer exists, the youngest child's rules apply. An adult guest is a
temporary user too: a proof opens shared devices and devices without an owner, never a child's own device.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.age.bands import Band
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import GUEST, Profile

LONGEST = timedelta(hours=2)  # then the youngest child's rules apply to a shared device again
SILENT = timedelta(minutes=15)  # the same after this time without significant traffic
LEAST_BYTES = 30_000  # per minute; a screen in standby or an unused tablet sends less
# These can open the page themselves, so no child claims them from another device.
ASKING_KINDS = frozenset({"phone", "tablet", "computer"})


class UseKind(StrEnum):
    USE = "use"  # a child selected itself on the device
    CLAIM = "claim"  # a child claimed a screen from its own phone
    HANDED = "handed"  # a guardian gave an adult's device to a child


@dataclass(frozen=True, slots=True)
class DeviceUse:
    mac: str
    who: str  # a profile's id
    kind: UseKind
    since: datetime
    until: datetime | None  # None: until a guardian takes it back
    by: str = ""  # the guardian who decided; empty: the child

    @property
    def handed(self) -> bool:
        return self.kind is UseKind.HANDED


def possible_users(household: Household, mac: str) -> tuple[Profile, ...]:
    """Return the children who may use a shared device, the youngest first; () for a device of one person."""
    found = {
        person.id: person for who in household.config.shared.get(mac, ()) if (person := household.find(who))
    }
    return tuple(
        sorted((person for person in found.values() if person.is_child), key=lambda person: person.band.rank)
    )


def shared_with(household: Household, who: str) -> tuple[str, ...]:
    """Return the shared devices that a child may use."""
    return tuple(
        mac
        for mac in household.config.shared
        if any(person.id == who for person in possible_users(household, mac))
    )


def may_be_handed(own: Profile | None) -> bool:
    """Return True if the device may be handed over. ``own``: its profile otherwise; None: unfiltered."""
    return own is None or not (own.is_child or own.id == GUEST)


def temporary_profiles(household: Household, uses: Iterable[DeviceUse]) -> Mapping[str, Profile]:
    """Return MAC → the child whose rules replace the device's own.

    Uses that the current files do not permit are left out.
    """
    found: dict[str, Profile] = {}
    for use in uses:
        if use.handed:
            if may_be_handed(household.owner_of(use.mac)):
                found[use.mac] = _child(household, use.who)
            continue
        chosen = next((each for each in possible_users(household, use.mac) if each.id == use.who), None)
        if chosen is not None:
            found[use.mac] = _with_failure_mode(chosen, household.owner_of(use.mac))
    return found


def _with_failure_mode(chosen: Profile, youngest: Profile | None) -> Profile:
    """Return the profile with the stricter failure mode.

    Nothing ends a use while the daemon is down, so a shared device is then blocked if the youngest child's
    is.
    """
    if youngest is None or chosen.closes or not youngest.closes:
        return chosen
    return replace(chosen, rules=replace(chosen.rules, failure=youngest.rules.failure))


def _child(household: Household, who: str) -> Profile:
    """Return the child that a guardian named. If its file is gone, never the adult who owns the device."""
    known = household.profiles.get(who)
    if known is not None and known.is_child:
        return known
    return min((*household.children, household.guest), key=lambda person: (person.band.rank, person.built_in))


def needs_pin(profile: Profile) -> bool:
    """Return True if a child confirms its identity with a PIN: from age ten on."""
    return profile.is_child and profile.band >= Band.AGE_10_12


def may_open(household: Household, mac: str, closed: Profile) -> bool:
    """Return True if a proof may open the device. ``closed``: its profile without a proof.

    A child's own device stays the child's.
    """
    return bool(possible_users(household, mac)) or (mac not in household.named and not closed.is_child)


def opened_by_proof(
    household: Household, proofs: Collection[str], closed: Mapping[str, tuple[Profile | None, bool]]
) -> Mapping[str, str]:
    """Return MAC → profile without the proof, for the devices that a proof opens under the current files.

    ``closed``: the profile of each device, and whether it is in quarantine.
    """
    found = {}
    for mac in proofs:
        profile, locked = closed[mac]
        if profile is not None and profile.filtered and may_open(household, mac, profile):
            found[mac] = "quarantine" if locked else profile.id
    return found
