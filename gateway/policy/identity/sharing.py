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
from gateway.policy.profile.profile import Profile

LONGEST = timedelta(hours=2)  # then the youngest child's rules apply to a shared device again
SILENT = timedelta(minutes=15)  # the same after this time without significant traffic
LEAST_BYTES = 30_000  # per minute; a screen in standby or an unused tablet sends less


class UseKind(StrEnum):
    """How a child's temporary use of a device began.

    USE: the child selected itself on a shared device. CLAIM: it claimed a screen from its own
    phone. HANDED: a guardian gave an adult's device to it.
    """

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
    """Return the profiles of the children who may use a shared device, the youngest first.

    Empty if it is not shared.
    """
    found = {
        person.id: person for who in household.config.shared.get(mac, ()) if (person := household.find(who))
    }
    return tuple(
        sorted((person for person in found.values() if person.is_child), key=lambda person: person.band.rank)
    )


def shared_with(household: Household, who: str) -> tuple[str, ...]:
    """Return the MAC addresses of the shared devices that the child ``who`` (a profile id) may use."""
    return tuple(
        mac
        for mac in household.config.shared
        if any(person.id == who for person in possible_users(household, mac))
    )


def may_be_handed(own: Profile | None) -> bool:
    """Return True if a guardian may hand this device to a child for a while: it is no child's or guest's.

    ``own``: the profile that otherwise applies; None: no file names the device.
    """
    return own is None or not own.is_child_or_guest


def temporary_profiles(household: Household, uses: Iterable[DeviceUse]) -> Mapping[str, Profile]:
    """Return MAC → profile of the child that uses the device now, in place of the device's own profile.

    Uses that the files do not permit are left out. Whether a use has ended is not checked.
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
    """Return ``chosen``, with the failure mode of ``youngest`` if only that blocks while the daemon is down.

    Nothing ends a use while the daemon is down. A shared device is then blocked if the youngest child's is.
    """
    if youngest is None or chosen.closes or not youngest.closes:
        return chosen
    return replace(chosen, rules=replace(chosen.rules, failure=youngest.rules.failure))


def _child(household: Household, who: str) -> Profile:
    """Return the profile of the child ``who``; without it, the youngest child's or the guest profile.

    It is never that of the adult who owns the device.
    """
    known = household.profiles.get(who)
    if known is not None and known.is_child:
        return known
    return min((*household.children, household.guest), key=lambda person: (person.band.rank, person.built_in))


def needs_pin(profile: Profile) -> bool:
    """Return True if this child must prove with a PIN who it is: from the age group 10-12 on."""
    return profile.is_child and profile.band >= AgeBand.AGE_10_12


def may_open(household: Household, mac: str, closed: Profile) -> bool:
    """Return True if an adult's proof may lift the rules of a device for a while.

    It may for a device that children share, and for one that no file names and that has no child's rules.
    ``closed``: the profile that applies without a proof.
    """
    return bool(possible_users(household, mac)) or (mac not in household.named and not closed.is_child)


def opened_by_proof(
    household: Household, proofs: Collection[str], closed: Mapping[str, tuple[Profile, bool]]
) -> Mapping[str, str]:
    """Return MAC → id of the profile that applies without the proof, for devices that an adult's proof opens.

    The id is ``quarantine`` for a device in quarantine. ``proofs``: MAC addresses with a proof. ``closed``:
    the profile of each device, and whether it is in quarantine.
    """
    found = {}
    for mac in proofs:
        profile, locked = closed[mac]
        if profile.filtered and may_open(household, mac, profile):
            found[mac] = "quarantine" if locked else profile.id
    return found
