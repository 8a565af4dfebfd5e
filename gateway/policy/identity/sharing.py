"""Whose rules a device has for a while: a shared one that a child uses, a screen that one claimed, an adult's
phone that a guardian handed over.

Nothing here is ever an adult's rules: what a child does gives it at most its own, and where a person that a
guardian named is gone, the youngest's hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.age.bands import Band
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import GUEST, Profile

LONGEST = timedelta(hours=2)  # then a shared device has the youngest's rules again
SILENT = timedelta(minutes=15)  # the same where so long nothing to speak of moved
LEAST_BYTES = 30_000  # a minute: less is what a screen in standby and a tablet in a bag send by themselves
ASKING_KINDS = frozenset({"phone", "tablet", "computer"})  # have a page of their own: nobody claims them


class Kind(StrEnum):
    USE = "use"  # somebody said on the device itself who it is
    CLAIM = "claim"  # … or on a phone of its own, of a screen
    HANDED = "handed"  # a guardian gave an adult's device to a child


@dataclass(frozen=True, slots=True)
class Use:
    mac: str
    who: str  # a profile's id
    kind: Kind
    since: datetime
    until: datetime | None  # None: until a guardian takes it back
    by: str = ""  # the guardian who decided; empty: the child itself

    @property
    def handed(self) -> bool:
        return self.kind is Kind.HANDED


def people_of(household: Household, mac: str) -> tuple[Profile, ...]:
    """The children who may say that they use a shared device, the youngest first; of a device that belongs
    to one person, nobody.
    """
    found = {one.id: one for who in household.config.shared.get(mac, ()) if (one := household.find(who))}
    return tuple(sorted((one for one in found.values() if one.is_child), key=lambda one: one.band.rank))


def shared_with(household: Household, who: str) -> tuple[str, ...]:
    """The shared devices of which a child is one of the people."""
    return tuple(
        mac for mac in household.config.shared if any(one.id == who for one in people_of(household, mac))
    )


def may_be_handed(own: Profile | None) -> bool:
    """``own``: by whose rules the device is without it; None: it is filtered by nobody's."""
    return own is None or not (own.is_child or own.id == GUEST)


def lent(household: Household, uses: Iterable[Use]) -> Mapping[str, Profile]:
    """MAC → the child whose rules hold in place of the device's own. What names nobody who may use the device
    by the files as they are now is left out.
    """
    found: dict[str, Profile] = {}
    for one in uses:
        if one.handed:
            if may_be_handed(household.owner_of(one.mac)):
                found[one.mac] = _child(household, one.who)
            continue
        chosen = next((each for each in people_of(household, one.mac) if each.id == one.who), None)
        if chosen is not None:
            found[one.mac] = _closing_as(chosen, household.owner_of(one.mac))
    return found


def _closing_as(chosen: Profile, youngest: Profile | None) -> Profile:
    """While no daemon runs nothing ends a use: a shared device is shut then if the youngest's would be."""
    if youngest is None or chosen.closes or not youngest.closes:
        return chosen
    return replace(chosen, rules=replace(chosen.rules, failure=youngest.rules.failure))


def _child(household: Household, who: str) -> Profile:
    """The child that a guardian named. Where its file is gone: never the adult, whose device it is."""
    known = household.profiles.get(who)
    if known is not None and known.is_child:
        return known
    return min((*household.children, household.guest), key=lambda one: (one.band.rank, one.built_in))


def needs_pin(profile: Profile) -> bool:
    """From ten years on a child says by a PIN that it is that child."""
    return profile.is_child and profile.band >= Band.AGE_10_12
