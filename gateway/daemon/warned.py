"""The home as warnings look at it: its children, and what they use just now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.daemon.devices.family import Member
from gateway.daemon.inuse import InUse
from gateway.policy.gates import is_limit
from gateway.policy.gifts import gate_name
from gateway.policy.loglevels import KINDS_LEVEL
from gateway.policy.remaining import Left
from gateway.policy.schedule import Calendar

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class WarnedHome:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def now(self) -> datetime:
        return self._daemon.local_now()

    @property
    def calendar(self) -> Calendar:
        return self._daemon.rules.calendar

    def children(self) -> Iterator[tuple[Member, frozenset[str]]]:
        rules, family = self._daemon.rules, self._daemon.family
        now, used = self.now(), InUse(self._daemon)
        for profile in rules.household.children:
            slots = family.slots_of(profile.id)
            if not slots:
                continue  # nobody to tell
            yield family.stand_in(profile, rules.world, rules.calendar, now), used.by(slots)

    def tell(self, member: Member, minutes: int, found: Left) -> None:
        if member.profile.rules.log_level < KINDS_LEVEL and is_limit(found.gate):
            return  # that it is used just now is nobody else's; the device's own page says it
        self._daemon.control.publish(
            "warning",
            profile=member.profile.id,
            name=member.profile.name,
            minutes=minutes,
            left=found.minutes,
            what=found.gate,
            what_name=gate_name(found.gate, self._daemon.rules.names),
            at=None if found.at is None else found.at.astimezone(self.now().tzinfo),
        )
