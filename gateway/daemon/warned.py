"""The home as warnings look at it: its children, and what they use just now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.daemon.devices.family import Member
from gateway.daemon.eyes import Eyes
from gateway.daemon.inuse import SERVICE, InUse
from gateway.daemon.verbs.ledgers import told_gates
from gateway.policy.gates import STATE_GATES, is_limit
from gateway.policy.gifts import gate_name
from gateway.policy.loglevels import KINDS_LEVEL, NAMES_LEVEL
from gateway.policy.remaining import Left, left
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

    def _is_told(self, member: Member, found: Left) -> bool:
        """That something is used just now is nobody else's without a log, nor which service below that of
        names; and without one a night is told as it is without what the child took.
        """
        level = member.profile.rules.log_level
        if level >= KINDS_LEVEL:
            return level >= NAMES_LEVEL or SERVICE not in found.gate
        if is_limit(found.gate) or found.gate not in STATE_GATES:
            return False
        eyes, gates = Eyes(self._daemon), told_gates(member.profile, own=False)
        told = left(member.profile, eyes.member(member.profile).situation, self.calendar, self.now(), gates)
        return told is not None and told.at == found.at

    def tell(self, member: Member, minutes: int, found: Left) -> None:
        if not self._is_told(member, found):
            return  # the device's own page says it
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
