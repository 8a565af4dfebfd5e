"""Limits what guardians see of a person and of a device, by the log level in the person's rules.

docs/privacy.md has the table and the reasons. A child's own device sees all of its own data. The limits apply
to everyone else, including the command line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time

from gateway.household.context import HomeContext
from gateway.household.members import Family, Member
from gateway.household.presence import SeenDevices
from gateway.household.slot_assignment import ADULT
from gateway.lan.inventory import Inventory
from gateway.policy.identity.macs import parse_mac
from gateway.policy.identity.sharing import DeviceUse, possible_users, temporary_profiles
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import (
    KINDS_LEVEL,
    NAMES_LEVEL,
    VISITS_LEVEL,
    PresenceDetail,
    shows_present,
)
from gateway.policy.time.time_rules import Situation
from gateway.store.tables.device_notes import DeviceNoteTable
from gateway.store.tables.devices import DeviceTable
from gateway.store.tables.sharing import DeviceUseTable


class Visibility:
    """Decides what guardians may see of a person or a device, by log levels.

    ``devices``: with the place of each, such as an adult's. ``uses``: the present user of each shared device
    and of each device that was handed to a child.
    """

    def __init__(self, home: HomeContext, devices: DeviceTable, uses: DeviceUseTable) -> None:
        self._home = home
        self._devices = devices
        self._uses = uses

    # ------------------------------------------------------------------------------------ of a person

    def level(self, who: str) -> int:
        """Return the log level (how much activity is stored and shown) of a profile id.

        The highest level for an unknown id, and for guest and home.
        """
        profile = self._home.rules.household.profiles.get(who)
        return VISITS_LEVEL if profile is None else profile.rules.log_level

    # ------------------------------------------------------------------------------------ of a device

    def sightings(self, mac: str) -> PresenceDetail:
        """Return how precisely guardians may see when a device was present: moment, day, or nothing."""
        level = self._level_of_device(mac)
        if shows_present(level):
            return PresenceDetail.MOMENT
        return PresenceDetail.DAY if level >= KINDS_LEVEL else PresenceDetail.NOTHING

    def is_exact(self, mac: str) -> bool:
        """Return whether guardians may see that the device is online now."""
        return self.sightings(mac) is PresenceDetail.MOMENT

    def _level_of_device(self, mac: str) -> int:
        """Return the log level of a device's owner; the higher, the more is stored and shown to guardians.

        A shared device has the highest level of its users, and one without an owner the highest of
        all, unless an adult uses it. An adult's device that was handed to a child has that child's level.
        """
        household, use = self._home.rules.household, self._use_of(mac)
        if use is not None and use.handed:
            return self.level(use.who)
        people = possible_users(household, mac)
        if people:
            return max(person.rules.log_level for person in people)
        owner = household.owner_of(mac)
        if owner is not None and not owner.built_in:
            return owner.rules.log_level
        device = self._devices.all().get(mac)
        return 0 if device is not None and device.place == ADULT else VISITS_LEVEL

    def seen(self, mac: str, at: datetime | None) -> datetime | None:
        """Return a time of presence in local time, with the precision that guardians may see; None if hidden.

        A day is returned as its first moment.
        """
        sightings = self.sightings(mac)
        if at is None or sightings is PresenceDetail.NOTHING:
            return None
        local = at.astimezone(self._home.rules.household.config.zone)
        return local if sightings is PresenceDetail.MOMENT else day_of(local)

    # ------------------------------------------------------------------------------------ of a shared device

    def devices_of(self, profile: Profile, members: Iterable[Member]) -> list[str]:
        """Return the MAC addresses of the devices that have this profile's rules, as guardians may see them.

        ``members``: the groups of devices (slots) with this profile. A shared device whose present
        user is private is listed with its owner, as if it had no user.
        """
        household = self._home.rules.household
        hidden = [mac for mac in self._uses.all() if not self.can_disclose_use(mac)]
        found = [mac for member in members for mac in member.macs if mac not in hidden]
        owners = ((mac, household.owner_of(mac)) for mac in hidden)
        return found + [mac for mac, owner in owners if owner is not None and owner.id == profile.id]

    def can_disclose_use(self, mac: str) -> bool:
        """Return whether guardians may see the present user of a shared device; True if it has none.

        Not if a child whose log level stores no names took the device without a guardian.
        """
        use = self._use_of(mac)
        return use is None or bool(use.by) or self.level(use.who) >= NAMES_LEVEL

    def may_be_hidden(self, mac: str) -> bool:
        """Return True if the use of a shared device may be hidden from guardians; False if it is not shared.

        It may be if the log level of a possible user stores no host names.
        """
        people = possible_users(self._home.rules.household, mac)
        return any(person.rules.log_level < NAMES_LEVEL for person in people)

    def _use_of(self, mac: str) -> DeviceUse | None:
        use = self._uses.all().get(mac)
        return use if use is not None and temporary_profiles(self._home.rules.household, [use]) else None


class VisibleMembers:
    """Returns the state of children without what their log level hides from guardians."""

    def __init__(self, home: HomeContext, visibility: Visibility, family: Family) -> None:
        self._home = home
        self._visibility = visibility
        self._family = family

    def member(self, profile: Profile) -> Member:
        """Return a new member, without devices, that has a child's rules and its present situation.

        Of the situation (pauses, extra time, used minutes) it has the part that guardians may see.
        """
        now, rules = self._home.local_now(), self._home.rules
        member = self._family.stand_in(profile, rules.world, rules.calendar, now)
        member.situation = self.situation(member, member.situation, now)
        return member

    def situation(self, member: Member, known: Situation, at: datetime) -> Situation:
        """Return the part of ``known``, the member's situation at ``at``, that guardians may see.

        A situation is pauses, extra time, used minutes etc. If the log level does not show the
        present, used minutes are left out, and so is extra time that the child took itself.
        """
        if shows_present(self._visibility.level(member.profile.id)):
            return known
        unused = self._family.unused(member, at)
        return replace(
            known,
            grants=unused.grants,
            bonus=unused.bonus,
            used={},
            earlier_used={},
            earlier_bonus=unused.earlier_bonus,
        )


class VisibleDevices:
    """Returns presence and addresses of devices without what log levels hide from guardians."""

    def __init__(
        self, visibility: Visibility, inventory: Inventory, here: SeenDevices, notes: DeviceNoteTable
    ) -> None:
        self._visibility = visibility
        self._inventory = inventory
        self._here = here
        self._notes = notes

    def online(self, mac: str) -> bool | None:
        """Return whether the device is online; None if that is private."""
        return self._inventory.online(mac) if self._visibility.is_exact(mac) else None

    def ip(self, mac: str) -> str | None:
        """Return the device's first present IP address (IPv4 before IPv6); None if private or it has none."""
        if not self._visibility.is_exact(mac):
            return None
        seen = self._here.seen(mac)
        return seen.ips[0] if seen is not None and seen.ips else None

    def addresses(self, mac: str) -> list[str]:
        """Return the IP addresses that the inventory has of a device, also of one that is offline.

        If its presence is private, return all stored ones, sorted, which do not show the present.
        """
        if self._visibility.is_exact(mac):
            return list(self._here.addresses(mac))
        return sorted(known.address for known in self._notes.history(mac) if parse_mac(known.address) is None)


def day_of(moment: datetime) -> datetime:
    """Return the first moment of the day of ``moment``, in the same time zone."""
    return datetime.combine(moment.date(), time(), moment.tzinfo)
