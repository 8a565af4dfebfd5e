"""Builds the desired slots: their devices and rules, and the MAC addresses without a slot.

Slots are few, so unassigned devices share one. A device has its own slot if it has rules of its own: a
profile names it, it is paused or has extra time of its own, it is in quarantine, lent to a child, or has an
open question. A device that an adult's proof opened has none: it is not filtered meanwhile.

How unassigned devices are treated depends on their interface of the LAN. The kernel also distinguishes them
by interface, from a device's first packet on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from gateway.policy.config.config import QUARANTINE
from gateway.policy.identity.questions import Question, interim_profile
from gateway.policy.identity.sharing import DeviceUse, opened_by_proof, temporary_profiles
from gateway.policy.judge.combined import aligned_profiles
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import GUEST, HOME, Profile
from gateway.store.tables.devices import Device

UNKNOWN = "unknown"  # key of the unassigned devices' slot in the store
VISITOR = "visitor"
PLAIN_PLACES = (HOME, "adult")
ALONE_LIMIT = 16  # slots of devices with open questions; others share one by their rules

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


class Grouping:
    """``alone``: MAC addresses with state of their own. ``where`` returns the interface of a device, which
    decides how an unassigned device is treated.
    """

    def __init__(
        self,
        household: Household,
        devices: Mapping[str, Device],
        questions: Mapping[str, Question],
        alone: Collection[str],
        at: datetime,
        where: Where,
        uses: Mapping[str, DeviceUse],
        proofs: Collection[str] = (),
    ) -> None:
        self._household = household
        self._named = household.named
        self._alone = alone
        self._where = where
        self._places = {
            mac: one.place
            for mac, one in devices.items()
            if one.place and mac not in self._named and (one.until is None or one.until > at)
        }
        self._profiles = {GUEST: household.guest, VISITOR: household.visitor}
        self._lent = temporary_profiles(household, uses.values())
        asked = self._all_asked(questions)
        # A device that may be a child's has the child's rules until a guardian assigns it.
        theirs = {mac for mac, (chosen, otherwise) in asked.items() if chosen.id != otherwise.id}
        closed = {mac: self.otherwise(mac) for mac in proofs if mac not in theirs}
        self.opened = opened_by_proof(household, closed.keys(), closed)
        self._asked = {mac: rules for mac, rules in asked.items() if mac not in self.opened}

    def otherwise(self, mac: str) -> tuple[Profile | None, bool]:
        """Return the rules of a device without a question, and whether it is in quarantine."""
        household, place = self._household, self._places.get(mac)
        if mac in self._lent:
            return household.managed(mac, self._lent[mac]), False
        if mac in self._named:
            return household.owner_of(mac), False
        if place in PLAIN_PLACES:
            return household.home, False
        if place in self._profiles:
            return household.managed(mac, self._profiles[place]), False
        if place == QUARANTINE:
            return household.guest, True
        profile, locked = kind_of_stranger(household, household.config.unknown_device_on(self._where(mac)))
        return household.managed(mac, profile), locked

    def wanted(self) -> tuple[list[Wanted], tuple[str, ...], Keys]:
        """Return all slots, the MAC addresses that are never filtered, and the slots of unassigned
        devices.
        """
        found = [
            Wanted(mac, (mac,), self._household.managed(mac, self._lent[mac]))
            for mac in sorted(self._lent.keys() - self._asked.keys() - self.opened.keys())
        ]
        plain = sorted(self.opened)
        settled = self._asked.keys() | self._lent.keys() | self.opened.keys()
        for mac in sorted(self._named - settled):
            owner = self._household.owner_of(mac)
            if owner is not None and owner.filtered:
                found.append(Wanted(mac, (mac,), owner))
            elif owner is not None:
                plain.append(mac)
        for mac, place in self._places.items():
            if mac in settled:
                continue
            if place in PLAIN_PLACES:
                plain.append(mac)
            elif place == QUARANTINE:
                found.append(Wanted(mac, (mac,), self._household.guest, quarantined=True))
        placed = {*self._named, *plain, *self._asked, *(mac for slot in found for mac in slot.macs)}
        called = {
            called: tuple(
                mac for mac, place in self._places.items() if place == called and mac not in settled
            )
            for called in self._profiles
        }
        alone = [mac for mac in self._alone if mac not in placed]
        others, keys = strangers(self._household, called, alone, self._where)
        return [*found, *others, *self._questioned()], tuple(plain), keys

    def _all_asked(self, questions: Mapping[str, Question]) -> Mapping[str, tuple[Profile, Profile]]:
        """Return devices to which other rules apply meanwhile: these rules, and those without the question.

        For a device whose user says to be an adult, only recording stops.
        """
        found = {}
        for mac, question in questions.items():
            otherwise, locked = self.otherwise(mac)
            if otherwise is None or locked:
                continue
            chosen = interim_profile(self._household, question, otherwise)
            if chosen is None and question.adult and otherwise.filtered:
                chosen = otherwise
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
    profile, beside = aligned_profiles(chosen, otherwise)
    if chosen.id == otherwise.id:
        return Wanted(key, macs, profile, asked=otherwise.is_child)
    return Wanted(key, macs, profile, asked=True, beside=beside if otherwise.filtered else None)


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
