"""What guardians are told of a person, by the log level of its rules; docs/privacy.md has the table and why.

A child's own device asks by itself and is told all of its own. What is here is for everybody else, the
gateway's console included.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.policy.loglevels import KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL
from gateway.policy.macs import parse_mac
from gateway.policy.profile import Profile
from gateway.policy.sharing import people_of
from gateway.policy.situation import Situation

if TYPE_CHECKING:
    from gateway.daemon.devices.member import Member
    from gateway.daemon.main import Daemon


class Sightings(StrEnum):
    """How exactly it is told when a device was here."""

    MOMENT = "moment"
    DAY = "day"
    NOTHING = "nothing"


class Eyes:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    # ------------------------------------------------------------------------------------ of a person

    def level(self, who: str) -> int:
        """Of a profile's id; of who is none, there is nothing to keep quiet about."""
        profile = self._daemon.rules.household.profiles.get(who)
        return VISITS_LEVEL if profile is None else profile.rules.log_level

    def member(self, profile: Profile) -> Member:
        """How things stand for a child, as far as its guardians are told."""
        daemon, now = self._daemon, self._daemon.local_now()
        rules = daemon.rules
        member = daemon.family.stand_in(profile, rules.world, rules.calendar, now)
        member.situation = self.situation(member, member.situation, now)
        return member

    def situation(self, member: Member, known: Situation, at: datetime) -> Situation:
        """What they are told of ``known``, which holds at ``at``: of somebody without a log what the rules,
        the clock and guardians themselves do; where no moments are told, the same of what is over.
        """
        is_over = at < self._daemon.local_now()
        if self.level(member.profile.id) >= (NAMES_LEVEL if is_over else KINDS_LEVEL):
            return known
        unused = self._daemon.family.unused(member, at)
        return replace(known, grants=unused.grants, bonus=unused.bonus, used={})

    # ------------------------------------------------------------------------------------ of a device

    def sightings(self, mac: str) -> Sightings:
        level = self._level_of_device(mac)
        if level >= NAMES_LEVEL:
            return Sightings.MOMENT
        return Sightings.DAY if level >= KINDS_LEVEL else Sightings.NOTHING

    def is_exact(self, mac: str) -> bool:
        return self.sightings(mac) is Sightings.MOMENT

    def _level_of_device(self, mac: str) -> int:
        """Of one that several share as much is told as of any of them: it says nothing of one. What is handed
        over is that child's.
        """
        household, use = self._daemon.rules.household, self._daemon.sharing.use_of(mac)
        if use is not None and use.handed:
            return self.level(use.who)
        people = people_of(household, mac)
        if people:
            return max(one.rules.log_level for one in people)
        owner = household.owner_of(mac)
        return VISITS_LEVEL if owner is None or owner.built_in else owner.rules.log_level

    def seen(self, mac: str, at: datetime | None) -> datetime | None:
        """A moment at which it was here, as exactly as it is told: where the day is, as that began."""
        told = self.sightings(mac)
        if at is None or told is Sightings.NOTHING:
            return None
        local = at.astimezone(self._daemon.rules.household.config.zone)
        return local if told is Sightings.MOMENT else day_of(local)

    def online(self, mac: str) -> bool | None:
        """None: it is not told."""
        if not self.is_exact(mac):
            return None
        return self._daemon.presence.inventory.online(mac)

    def ip(self, mac: str) -> str | None:
        """The one by which it is here now."""
        if not self.is_exact(mac):
            return None
        seen = self._daemon.presence.here.seen(mac)
        return seen.ips[0] if seen is not None and seen.ips else None

    def addresses(self, mac: str) -> list[str]:
        """Those that it has; where it is not told whether it is here, those that it had, in no order."""
        if self.is_exact(mac):
            return list(self._daemon.presence.here.addresses(mac))
        return sorted(
            one.address for one in self._daemon.store.notes.history(mac) if parse_mac(one.address) is None
        )

    # ------------------------------------------------------------------------------------ of a shared device

    def devices_of(self, profile: Profile, members: Iterable[Member]) -> list[str]:
        """What has its rules; of a shared one that somebody took, where that is not told, as before."""
        uses, owner_of = self._daemon.store.uses.all(), self._daemon.rules.household.owner_of
        quiet = [mac for mac in uses if not self.use_is_told(mac)]
        found = [mac for one in members for mac in one.macs if mac not in quiet]
        return found + [mac for mac in quiet if (one := owner_of(mac)) is not None and one.id == profile.id]

    def use_is_told(self, mac: str) -> bool:
        """Whether it is told who has a shared device: not who took it and of whom no moment is told."""
        use = self._daemon.sharing.use_of(mac)
        return use is None or bool(use.by) or self.level(use.who) >= NAMES_LEVEL

    def may_be_untold(self, mac: str) -> bool:
        """Whether one of whom that is not told may have it; said of a device whoever has it, or it would be
        told by that.
        """
        people = people_of(self._daemon.rules.household, mac)
        return any(one.rules.log_level < NAMES_LEVEL for one in people)


def day_of(moment: datetime) -> datetime:
    """As the day of a moment began."""
    return datetime.combine(moment.date(), time(), moment.tzinfo)
