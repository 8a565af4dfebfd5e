"""Assigns devices to slots: which slots are needed, and which MAC addresses are not filtered.

A slot is the number by which the kernel identifies a group of devices with the same rules. The number of
slots is limited, so unassigned devices share one. A device has a slot of its own if one of these is true:

- a profile names it
- it is paused or has extra time of its own
- `managed` in qalqan.yaml has it
- it is in quarantine
- it is lent to a child
- guardians have not yet answered a question about its owner (an open question); beyond ALONE_LIMIT such
  devices, those with the same rules share a slot

A device that an adult's proof opened has no slot: it is not filtered until the proof ends.

A device without an owner that has just arrived may be a child's with a changed MAC address. Until it is
examined, the rules of the youngest child apply to it too, from its first packet. The setting `keep_profile`
turns this off.

A device that was present at the first run and that no guardian has assigned is a guest as soon as the family
has a child, and not filtered before. With `unknown_devices: home` it stays unfiltered.

The rules of an unassigned device depend on its LAN interface. The kernel applies them by interface from the
first packet on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from gateway.policy.config.config import QUARANTINE
from gateway.policy.identity.questions import IdentityQuestion, interim_profile
from gateway.policy.identity.sharing import DeviceUse, opened_by_proof, temporary_profiles
from gateway.policy.judge.combined import aligned_profiles
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import GUEST, HOME
from gateway.store.tables.devices import StoredDevice

UNKNOWN = "unknown"  # key in the store of the slot of unassigned devices
ARRIVING = "arriving"  # and of those that are not examined yet
ADULT_GUEST = "visitor"  # as stored and sent
PRESENT = "present"  # here at the first run; its user is not chosen yet
ADULT = "adult"  # an adult's device, without a profile; as stored and sent
PLAIN_PLACES = (HOME, ADULT)
ALONE_LIMIT = 16  # devices with open questions that have a slot each; more of them share slots by their rules

SlotKeys = Mapping[str | None, str | None]
"""Interface → key of the slot of its unassigned devices (None: they are not filtered).

The interface None stands for all others.
"""

InterfaceOf = Callable[[str], str | None]
"""Returns the interface on which a MAC address was last seen."""


class UnassignedKeys(NamedTuple):
    """The keys in the database of the slots (groups in the kernel's marks) of devices without an owner.

    By LAN interface; None: not filtered. ``examined``: of devices that were compared with the
    family's known devices; ``arriving``: of those that were not yet.
    """

    examined: SlotKeys
    arriving: SlotKeys


class DesiredSlot(NamedTuple):
    """A slot (group of devices with the same rules) that is needed: its devices, and their profile."""

    key: str  # its key in the store
    macs: tuple[str, ...]
    profile: Profile
    quarantined: bool = False
    asked: bool = False  # it has an open question: its owner is uncertain
    beside: Profile | None = None  # a second profile: what either blocks is blocked


class SlotAssignment:
    """Assigns the devices of a household to slots (groups of devices with the same rules).

    Arguments:
        questions: questions to the guardians about the owner of a device, by MAC address.
        alone: MAC addresses with state of their own, such as a pause.
        at: the current time.
        interface_of: returns the LAN interface of a MAC address.
        uses: by MAC address: which child uses a shared device, or was given an adult's device.
        proofs: MAC addresses opened by an adult's proof.
    """

    def __init__(
        self,
        household: Household,
        devices: Mapping[str, StoredDevice],
        questions: Mapping[str, IdentityQuestion],
        alone: Collection[str],
        at: datetime,
        interface_of: InterfaceOf,
        uses: Mapping[str, DeviceUse],
        proofs: Collection[str] = (),
    ) -> None:
        self._household = household
        self._named = household.named
        self._alone = alone
        self._interface_of = interface_of
        self._places = {
            mac: _place(device.place, household)
            for mac, device in devices.items()
            if device.place and mac not in self._named and (device.until is None or device.until > at)
        }
        self._profiles = {GUEST: household.guest, ADULT_GUEST: household.adult_guest}
        self._lent = temporary_profiles(household, uses.values())
        asked = self._all_asked(questions)
        # A proof does not open a device that may belong to a child.
        theirs = {mac for mac, (chosen, otherwise) in asked.items() if chosen.id != otherwise.id}
        closed = {mac: self.otherwise(mac) for mac in proofs if mac not in theirs}
        self.opened = opened_by_proof(household, closed.keys(), closed)
        self._asked = {mac: rules for mac, rules in asked.items() if mac not in self.opened}

    def otherwise(self, mac: str) -> tuple[Profile, bool]:
        """Return a device's profile and whether it is in quarantine, without its open question.

        That is a question to the guardians about its owner.
        """
        household, place = self._household, self._places.get(mac)
        if mac in self._lent:
            return household.managed(mac, self._lent[mac]), False
        owner = household.owner_of(mac)
        if owner is not None:
            return owner, False
        if place in PLAIN_PLACES:
            return household.home, False
        if place in self._profiles:
            return household.managed(mac, self._profiles[place]), False
        if place == QUARANTINE:
            return household.guest, True
        profile, locked = unassigned_rules(
            household, household.config.unknown_device_on(self._interface_of(mac))
        )
        return household.managed(mac, profile), locked

    def desired_slots(
        self, *, examines: bool = False
    ) -> tuple[list[DesiredSlot], tuple[str, ...], UnassignedKeys]:
        """Return the needed slots, the unfiltered MAC addresses, and slot keys of unassigned devices.

        ``examines``: whether new devices are examined. Until then the youngest child's rules apply
        to them too.
        """
        found = [
            DesiredSlot(mac, (mac,), self._household.managed(mac, self._lent[mac]))
            for mac in sorted(self._lent.keys() - self._asked.keys() - self.opened.keys())
        ]
        plain = sorted(self.opened)
        settled = self._asked.keys() | self._lent.keys() | self.opened.keys()
        for mac in sorted(self._named - settled):
            owner = self._household.owner_of(mac)
            if owner is not None and owner.filtered:
                found.append(DesiredSlot(mac, (mac,), owner))
            elif owner is not None:
                plain.append(mac)
        for mac, place in self._places.items():
            if mac in settled:
                continue
            if place in PLAIN_PLACES:
                plain.append(mac)
            elif place == QUARANTINE:
                found.append(DesiredSlot(mac, (mac,), self._household.guest, quarantined=True))
        placed = {*self._named, *plain, *self._asked, *(mac for slot in found for mac in slot.macs)}
        called = {
            called: tuple(
                mac for mac, place in self._places.items() if place == called and mac not in settled
            )
            for called in self._profiles
        }
        alone = [mac for mac in self._alone if mac not in placed]
        others, keys = unassigned_slots(self._household, called, alone, self._interface_of)
        arriving, first_keys = self._arriving(keys) if examines else ([], keys)
        return (
            [*found, *others, *arriving, *self._questioned()],
            tuple(plain),
            UnassignedKeys(keys, first_keys),
        )

    def _arriving(self, keys: SlotKeys) -> tuple[list[DesiredSlot], SlotKeys]:
        """Return the slots of devices that are not examined yet, and their keys by LAN interface.

        ``keys``: the slot keys of examined ones. While no daemon runs, the failure mode of examined ones
        applies to both.
        """
        child = youngest_with_device(self._household, self._lent.values())
        found: dict[str, DesiredSlot] = {}
        first_keys = dict(keys)
        for interface in keys if child is not None else ():
            assert child is not None
            who = self._household.config.unknown_device_on(interface)
            otherwise, quarantined = unassigned_rules(self._household, who)
            if quarantined or otherwise.id == child.id:
                continue
            key = first_keys[interface] = f"{ARRIVING}:{child.id}:{otherwise.id}"
            slot = _questioned_slot(key, (), child, otherwise)
            rules = replace(slot.profile.rules, failure=otherwise.rules.failure)
            found[key] = slot._replace(profile=replace(slot.profile, rules=rules))
        return list(found.values()), first_keys

    def _all_asked(self, questions: Mapping[str, IdentityQuestion]) -> Mapping[str, tuple[Profile, Profile]]:
        """Return the devices whose open question changes their rules: MAC → (interim profile, usual profile).

        For a device whose user claims to be an adult, the rules stay and only recording stops.
        """
        found = {}
        for mac, question in questions.items():
            otherwise, locked = self.otherwise(mac)
            if locked:
                continue
            chosen = interim_profile(self._household, question, otherwise)
            if chosen is None and question.adult and otherwise.filtered:
                chosen = otherwise
            if chosen is not None:
                found[mac] = (chosen, otherwise)
        return found

    def _questioned(self) -> list[DesiredSlot]:
        found: list[DesiredSlot] = []
        groups: dict[tuple[str, str], list[str]] = {}
        kept: dict[tuple[str, str], tuple[Profile, Profile]] = {}
        for number, (mac, (chosen, otherwise)) in enumerate(self._asked.items()):
            if number < ALONE_LIMIT or mac in self._named or mac in self._alone:
                found.append(_questioned_slot(mac, (mac,), self._household.managed(mac, chosen), otherwise))
                continue
            key = (chosen.id, otherwise.id)
            groups.setdefault(key, []).append(mac)
            kept.setdefault(key, (chosen, otherwise))
        for key, macs in groups.items():
            found.append(_questioned_slot(":".join(("asked", *key)), tuple(macs), *kept[key]))
        return found


def youngest_with_device(household: Household, lent: Iterable[Profile]) -> Profile | None:
    """Return the youngest child with a device, its own or one of ``lent``; a new device may be that child's.

    ``lent``: the profiles of children who use a shared or an adult's device now. None without such
    a child, or if the setting ``keep_profile`` is off.
    """
    if not household.config.keep_profile:
        return None
    owners = (*map(household.owner_of, household.named), *lent)
    children = {owner.id: owner for owner in owners if owner is not None and owner.is_child}
    return min(children.values(), key=lambda child: (child.band.rank, child.id), default=None)


def _place(place: str, household: Household) -> str:
    """Return ``place``, but ``home`` or ``guest`` for a device that was present at the first run."""
    if place != PRESENT:
        return place
    return GUEST if household.children and household.config.unknown_devices != HOME else HOME


def _questioned_slot(key: str, macs: tuple[str, ...], chosen: Profile, otherwise: Profile) -> DesiredSlot:
    profile, beside = aligned_profiles(chosen, otherwise)
    if chosen.id == otherwise.id:
        return DesiredSlot(key, macs, profile, asked=otherwise.is_child)
    return DesiredSlot(key, macs, profile, asked=True, beside=beside if otherwise.filtered else None)


def unassigned_slots(
    household: Household,
    called: Mapping[str, Iterable[str]],
    alone: Collection[str],
    interface_of: InterfaceOf,
) -> tuple[list[DesiredSlot], SlotKeys]:
    """Return the slots of unassigned devices, and the keys of these slots by LAN interface.

    ``called``: the MAC addresses of guests and of adult guests, who are treated as such on every interface.
    ``alone``: devices with state of their own.
    """
    settings = household.config
    profiles = {GUEST: household.guest, ADULT_GUEST: household.adult_guest}
    places = {mac: place for place, macs in called.items() for mac in macs}
    found: list[DesiredSlot] = []
    for mac in alone:
        profile, quarantined = (
            (profiles[places[mac]], False)
            if mac in places
            else unassigned_rules(household, settings.unknown_device_on(interface_of(mac)))
        )
        if profile.filtered:
            found.append(DesiredSlot(mac, (mac,), household.managed(mac, profile), quarantined))
    groups = {place: tuple(mac for mac in macs if mac not in alone) for place, macs in called.items()}
    keys: dict[str | None, str | None] = {}
    known: dict[tuple[str, bool], str] = {}
    for interface in (None, *settings.interfaces):
        profile, quarantined = unassigned_rules(household, settings.unknown_device_on(interface))
        kind = profile.id, quarantined
        if profile.filtered and kind not in known:
            known[kind] = UNKNOWN if interface is None else _key(*kind)
            macs = groups.pop(GUEST, ()) if kind == (GUEST, False) else ()
            found.append(DesiredSlot(known[kind], macs, profile, quarantined))
        keys[interface] = known.get(kind)
    found += [DesiredSlot(place, macs, profiles[place]) for place, macs in groups.items() if macs]
    return found, keys


def unassigned_rules(household: Household, who: str) -> tuple[Profile, bool]:
    """Return the profile of unassigned devices, and whether they are in quarantine.

    ``who``: the setting ``unknown_devices``: ``quarantine`` or a profile id. Guest replaces a
    profile that does not exist, or whose file is broken and has no last good version.
    """
    if who == QUARANTINE:
        return household.guest, True
    return household.find(who) or household.guest, False


def leaves_filter(mac: str, before: Household, after: Household, interface: str | None) -> bool:
    """Return whether a change of the files takes a child's device out of the rules of children and guests.

    It then has an adult as owner, or no owner where new devices are not filtered. ``interface``: the LAN
    interface on which it was last seen.
    """
    owner, new = before.owner_of(mac), after.owner_of(mac)
    if new is None:
        new, _ = unassigned_rules(after, after.config.unknown_device_on(interface))
    return owner is not None and owner.is_child and not new.is_child_or_guest


def _key(profile: str, quarantined: bool) -> str:
    if quarantined:
        return QUARANTINE
    return GUEST if profile == GUEST else f"{UNKNOWN}:{profile}"
