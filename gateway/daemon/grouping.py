"""What each slot shall be: whose devices it has, by which rules, and which MACs have none.

Slots are few, so strangers share one. A device with rules of its own has one of its own: one that a profile
names, that is paused or given time alone, in quarantine, or about which somebody is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from gateway.policy.config import QUARANTINE
from gateway.policy.household import Household
from gateway.policy.joint import alike
from gateway.policy.profile import GUEST, HOME, Profile
from gateway.policy.questions import Question, meanwhile
from gateway.store.devices import Device

UNKNOWN = "unknown"  # what the numbers of slots call the devices that nobody named
VISITOR = "visitor"
PLAIN_PLACES = (HOME, "adult")
ALONE_LIMIT = 16  # slots of devices about which is asked; further ones share one by whose rules they have


class Wanted(NamedTuple):
    """One slot."""

    key: str  # what the numbers of slots call it
    macs: tuple[str, ...]
    profile: Profile
    quarantined: bool = False
    asked: bool = False  # somebody is asked about it: whose it is nobody knows
    beside: Profile | None = None  # what this refuses is refused too


class Grouping:
    """``alone``: MACs that something holds for which does not hold for others of their kind."""

    def __init__(
        self,
        household: Household,
        devices: Mapping[str, Device],
        questions: Mapping[str, Question],
        alone: Collection[str],
        at: datetime,
    ) -> None:
        self._household = household
        self._named = household.named
        self._alone = alone
        self._places = {
            mac: one.place
            for mac, one in devices.items()
            if one.place and mac not in self._named and (one.until is None or one.until > at)
        }
        who = household.config.unknown_devices
        self._locked = who == QUARANTINE
        self._unknown = household.guest if self._locked else household.find(who)
        self._profiles = {GUEST: household.guest, VISITOR: household.visitor}
        self._asked = self._all_asked(questions)

    def otherwise(self, mac: str) -> tuple[Profile | None, bool]:
        """By which rules a device is without a question, and whether it is in quarantine."""
        household, place = self._household, self._places.get(mac)
        if mac in self._named:
            return household.owner_of(mac), False
        if place in PLAIN_PLACES:
            return household.home, False
        if place in self._profiles:
            return household.managed(mac, self._profiles[place]), False
        if place == QUARANTINE or self._locked:
            return household.guest, True
        return (None if self._unknown is None else household.managed(mac, self._unknown)), False

    def wanted(self) -> tuple[list[Wanted], tuple[str, ...]]:
        """All slots, and the MACs that are never filtered."""
        found: list[Wanted] = []
        plain: list[str] = []
        for mac in sorted(self._named - self._asked.keys()):
            owner = self._household.owner_of(mac)
            if owner is not None and owner.filtered:
                found.append(Wanted(mac, (mac,), owner))
            elif owner is not None:
                plain.append(mac)
        for mac, place in self._places.items():
            if mac in self._asked:
                continue
            if place in PLAIN_PLACES:
                plain.append(mac)
            elif place == QUARANTINE:
                found.append(Wanted(mac, (mac,), self._household.guest, quarantined=True))
        placed = {*self._named, *plain, *self._asked, *(mac for one in found for mac in one.macs)}
        found += self._strangers([mac for mac in self._alone if mac not in placed])
        return [*found, *self._questioned()], tuple(plain)

    def _strangers(self, alone: Collection[str]) -> list[Wanted]:
        """Devices that nobody named, as `unknown_devices` says; and those that somebody called guests."""
        found: list[Wanted] = []
        for mac in alone:
            stranger, locked = self.otherwise(mac)
            if stranger is not None and stranger.filtered:
                found.append(Wanted(mac, (mac,), stranger, locked))
        taken = {*alone, *self._asked}
        groups = {
            place: tuple(mac for mac, one in self._places.items() if one == place and mac not in taken)
            for place in self._profiles
        }
        unknown = self._unknown
        if unknown is self._household.guest and not self._locked:
            found.append(Wanted(UNKNOWN, groups.pop(GUEST), unknown))
        elif unknown is not None and unknown.filtered:
            found.append(Wanted(UNKNOWN, (), unknown, self._locked))
        return [
            *found,
            *(Wanted(place, macs, self._profiles[place]) for place, macs in groups.items() if macs),
        ]

    def _all_asked(self, questions: Mapping[str, Question]) -> Mapping[str, tuple[Profile, Profile]]:
        """Those for which other rules hold meanwhile: these, and what they would have otherwise."""
        found = {}
        for mac, question in questions.items():
            otherwise, locked = self.otherwise(mac)
            if otherwise is None or locked:
                continue
            chosen = meanwhile(self._household, question, otherwise)
            if chosen is not None:
                found[mac] = (chosen, otherwise)
        return found

    def _questioned(self) -> list[Wanted]:
        found: list[Wanted] = []
        groups: dict[tuple[str, str], list[str]] = {}
        kept: dict[tuple[str, str], tuple[Profile, Profile]] = {}
        for number, (mac, (chosen, otherwise)) in enumerate(self._asked.items()):
            if number < ALONE_LIMIT or mac in self._named or mac in self._alone:
                found.append(_asked(mac, (mac,), self._household.managed(mac, chosen), otherwise))
                continue
            key = (chosen.id, otherwise.id)
            groups.setdefault(key, []).append(mac)
            kept.setdefault(key, (chosen, otherwise))
        for key, macs in groups.items():
            found.append(_asked(":".join(("asked", *key)), tuple(macs), *kept[key]))
        return found


def _asked(key: str, macs: tuple[str, ...], chosen: Profile, otherwise: Profile) -> Wanted:
    profile, beside = alike(chosen, otherwise)
    return Wanted(key, macs, profile, asked=True, beside=beside if otherwise.filtered else None)
