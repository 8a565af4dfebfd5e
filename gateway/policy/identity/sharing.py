"""Temporary users of a device: of a shared one, of a claimed screen, of an adult's phone handed to a child.

A child's own action never gives a device an adult's rules: it gets at most the child's own. If the person
that a guardian named no longer exists, the youngest child's rules apply. An adult guest is a temporary user
too: a proof opens shared devices and devices without an owner, never a child's own device.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.age.bands import AgeBand
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import GUEST, Profile

LONGEST = timedelta(hours=2)  # then the youngest child's rules apply to a shared device again
SILENT = timedelta(minutes=15)  # the same after this time without significant traffic
LEAST_BYTES = 30_000  # per minute; a screen in standby or an unused tablet sends less


class UseKind(StrEnum):
    """How a temporary use began."""

    USE = "use"  # a child selected itself on the device
    CLAIM = "claim"  # a child claimed a screen from its own phone
    HANDED = "handed"  # a guardian gave an adult's device to a child


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """A child's temporary use of a device: by whom, how it began, and until when."""

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
    """Return the children who may use a shared device, the youngest first; () if it is not shared."""
    found = {
        person.id: person for who in household.config.shared.get(mac, ()) if (person := household.find(who))
    }
    return tuple(
        sorted((person for person in found.values() if person.is_child), key=lambda person: person.band.rank)
    )


def shared_with(household: Household, who: str) -> tuple[str, ...]:
    """Return the MAC addresses of the shared devices that a child may use."""
    return tuple(
        mac
        for mac in household.config.shared
        if any(person.id == who for person in possible_users(household, mac))
    )


def may_be_handed(own: Profile | None) -> bool:
    """Return True if a guardian may hand the device to a child: it is no child's or guest's.

    ``own``: the profile that otherwise applies; None: unfiltered.
    """
    return own is None or not (own.is_child or own.id == GUEST)


def temporary_profiles(household: Household, uses: Iterable[DeviceUse]) -> Mapping[str, Profile]:
    """Return MAC → the child's profile that replaces the device's own, for all uses that the files permit."""
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
    """Return the chosen child's profile, with the youngest user's failure mode if that one is stricter.

    Nothing ends a use while the daemon is down. A shared device is then blocked if the youngest child's is.
    """
    if youngest is None or chosen.closes or not youngest.closes:
        return chosen
    return replace(chosen, rules=replace(chosen.rules, failure=youngest.rules.failure))


def _child(household: Household, who: str) -> Profile:
    """Return the child that a guardian named; if it is gone, the youngest child or the guest profile.

    It is never the adult who owns the device.
    """
    known = household.profiles.get(who)
    if known is not None and known.is_child:
        return known
    return min((*household.children, household.guest), key=lambda person: (person.band.rank, person.built_in))


def needs_pin(profile: Profile) -> bool:
    """Return True if this child confirms its identity with a PIN: from the age group 10-12 on."""
    return profile.is_child and profile.band >= AgeBand.AGE_10_12


def may_open(household: Household, mac: str, closed: Profile) -> bool:
    """Return True if an adult's proof may lift the rules of a device.

    It may for a shared device, and for one that no file names and that has no child's rules. ``closed``: the
    profile that applies without a proof.
    """
    return bool(possible_users(household, mac)) or (mac not in household.named and not closed.is_child)


def opened_by_proof(
    household: Household, proofs: Collection[str], closed: Mapping[str, tuple[Profile | None, bool]]
) -> Mapping[str, str]:
    """Return MAC → the profile id that applies without the proof, for the devices that a proof opens now.

    The id is ``quarantine`` for a device in quarantine. ``closed``: the profile of each device, and whether
    it is in quarantine.
    """
    found = {}
    for mac in proofs:
        profile, locked = closed[mac]
        if profile is not None and profile.filtered and may_open(household, mac, profile):
            found[mac] = "quarantine" if locked else profile.id
    return found
