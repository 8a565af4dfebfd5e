"""What guardians may see of a person and of a device, by the log level of the person's rules.

docs/privacy.md has the table and the reasons. A child's own device may see all of its own data. The limits
here apply to everyone else, the gateway's command line included.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time
from enum import StrEnum

from gateway.household.context import HomeContext
from gateway.household.members import Family, Member
from gateway.household.presence import SeenDevices
from gateway.lan.inventory import Inventory
from gateway.policy.identity.macs import parse_mac
from gateway.policy.identity.sharing import DeviceUse, possible_users, temporary_profiles
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL
from gateway.policy.time.standing import Situation
from gateway.store.tables.device_notes import DeviceNotes
from gateway.store.tables.sharing import Uses


class Sightings(StrEnum):
    """How exactly the times at which a device was here may be shown."""

    MOMENT = "moment"
    DAY = "day"
    NOTHING = "nothing"


class Visibility:
    """Decides by the rules, and by ``uses``: who has a shared device now."""

    def __init__(self, home: HomeContext, uses: Uses) -> None:
        self._home = home
        self._uses = uses

    # ------------------------------------------------------------------------------------ of a person

    def level(self, who: str) -> int:
        """Return the log level of a profile's id; the highest for an unknown id."""
        profile = self._home.rules.household.profiles.get(who)
        return VISITS_LEVEL if profile is None else profile.rules.log_level

    # ------------------------------------------------------------------------------------ of a device

    def sightings(self, mac: str) -> Sightings:
        level = self._level_of_device(mac)
        if level >= NAMES_LEVEL:
            return Sightings.MOMENT
        return Sightings.DAY if level >= KINDS_LEVEL else Sightings.NOTHING

    def is_exact(self, mac: str) -> bool:
        """Whether it may be shown that the device is here now."""
        return self.sightings(mac) is Sightings.MOMENT

    def _level_of_device(self, mac: str) -> int:
        """Return the highest level of a shared device's users: what it shows is about none of them in
        particular.

        A device that was handed over has the level of that child.
        """
        household, use = self._home.rules.household, self._use_of(mac)
        if use is not None and use.handed:
            return self.level(use.who)
        people = possible_users(household, mac)
        if people:
            return max(person.rules.log_level for person in people)
        owner = household.owner_of(mac)
        return VISITS_LEVEL if owner is None or owner.built_in else owner.rules.log_level

    def seen(self, mac: str, at: datetime | None) -> datetime | None:
        """Return when the device was here, as exactly as it may be shown: a day as its first minute."""
        sightings = self.sightings(mac)
        if at is None or sightings is Sightings.NOTHING:
            return None
        local = at.astimezone(self._home.rules.household.config.zone)
        return local if sightings is Sightings.MOMENT else day_of(local)

    # ------------------------------------------------------------------------------------ of a shared device

    def devices_of(self, profile: Profile, members: Iterable[Member]) -> list[str]:
        """Return the devices that have this profile's rules.

        A shared device whose user must not be shown is listed with its owner, as if nobody used it.
        """
        household = self._home.rules.household
        hidden = [mac for mac in self._uses.all() if not self.can_disclose_use(mac)]
        found = [mac for member in members for mac in member.macs if mac not in hidden]
        owners = ((mac, household.owner_of(mac)) for mac in hidden)
        return found + [mac for mac, owner in owners if owner is not None and owner.id == profile.id]

    def can_disclose_use(self, mac: str) -> bool:
        """Whether it may be shown who uses a shared device now.

        It may not where a child below the level of names took the device without a guardian.
        """
        use = self._use_of(mac)
        return use is None or bool(use.by) or self.level(use.who) >= NAMES_LEVEL

    def may_be_hidden(self, mac: str) -> bool:
        """Whether one of the device's users must not be shown, whoever uses it now."""
        people = possible_users(self._home.rules.household, mac)
        return any(person.rules.log_level < NAMES_LEVEL for person in people)

    def _use_of(self, mac: str) -> DeviceUse | None:
        use = self._uses.all().get(mac)
        return use if use is not None and temporary_profiles(self._home.rules.household, [use]) else None


class VisibleMembers:
    """The state of persons, as far as guardians may see it."""

    def __init__(self, home: HomeContext, visibility: Visibility, family: Family) -> None:
        self._home = home
        self._visibility = visibility
        self._family = family

    def member(self, profile: Profile) -> Member:
        """Return the state of a child, as far as its guardians may see it."""
        now, rules = self._home.local_now(), self._home.rules
        member = self._family.stand_in(profile, rules.world, rules.calendar, now)
        member.situation = self.situation(member, member.situation, now)
        return member

    def situation(self, member: Member, known: Situation, at: datetime) -> Situation:
        """Return the part of ``known``, the situation at ``at``, that guardians may see.

        For a person without a log: the effects of rules, clock and guardians, without use. Below the level of
        names the same applies to past moments.
        """
        is_over = at < self._home.local_now()
        if self._visibility.level(member.profile.id) >= (NAMES_LEVEL if is_over else KINDS_LEVEL):
            return known
        unused = self._family.unused(member, at)
        return replace(
            known,
            grants=unused.grants,
            bonus=unused.bonus,
            used={},
            week_bonus=unused.week_bonus,
            week_used={},
        )


class VisibleDevices:
    """Presence and addresses of devices, as far as they may be shown."""

    def __init__(
        self, visibility: Visibility, inventory: Inventory, here: SeenDevices, notes: DeviceNotes
    ) -> None:
        self._visibility = visibility
        self._inventory = inventory
        self._here = here
        self._notes = notes

    def online(self, mac: str) -> bool | None:
        """Whether the device is here now; None if that is private."""
        return self._inventory.online(mac) if self._visibility.is_exact(mac) else None

    def ip(self, mac: str) -> str | None:
        """Return the device's present address; None if that is private."""
        if not self._visibility.is_exact(mac):
            return None
        seen = self._here.seen(mac)
        return seen.ips[0] if seen is not None and seen.ips else None

    def addresses(self, mac: str) -> list[str]:
        """Return the device's addresses; if presence is private, all that it ever had."""
        if self._visibility.is_exact(mac):
            return list(self._here.addresses(mac))
        return sorted(known.address for known in self._notes.history(mac) if parse_mac(known.address) is None)


def day_of(moment: datetime) -> datetime:
    """Return the first moment of the day."""
    return datetime.combine(moment.date(), time(), moment.tzinfo)
