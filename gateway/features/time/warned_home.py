"""Gives `Warnings` the children's state and present use, and publishes its warnings as log levels allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from gateway.features.activity.in_use import InUse
from gateway.features.time.ledger_views import visible_gates
from gateway.household.context import HomeContext
from gateway.household.members import Family, Member
from gateway.household.visibility import VisibleMembers
from gateway.policy.judge.target_names import target_name
from gateway.policy.profile.rules import shows_present
from gateway.policy.time.gates import STATE_GATES, is_limit
from gateway.policy.time.time_rules import Left


class WarnedHome:
    """Gives `Warnings` the time, the children and what they use now, and publishes its warnings."""

    def __init__(
        self, home: HomeContext, family: Family, members: VisibleMembers, in_use: Callable[[], InUse]
    ) -> None:
        self._home = home
        self._family = family
        self._members = members
        self._in_use = in_use

    def now(self) -> datetime:
        return self._home.local_now()

    def children(self) -> Iterator[tuple[Member, frozenset[str]]]:
        rules, family = self._home.rules, self._family
        now, used = self.now(), self._in_use()
        for profile in rules.household.children:
            slots = family.slots_of(profile.id)
            if not slots:
                continue  # no device to notify
            yield family.stand_in(profile, rules.world, rules.calendar, now), used.by(slots)

    def _may_publish(self, member: Member, found: Left) -> bool:
        """Return whether the child's log level allows an event for a warning about ``found``.

        If the log level hides the present, only a closing at a time of day is published, and only if extra
        time that the child took does not move it.
        """
        if shows_present(member.profile.rules.log_level):
            return True
        if is_limit(found.gate) or found.gate not in STATE_GATES:
            return False
        gates = visible_gates(member.profile, own=False)
        situation = self._members.member(member.profile).situation
        visible = member.judge.left(gates, situation, self.now())
        return visible is not None and visible.at == found.at

    def tell(self, member: Member, minutes: int, found: Left) -> None:
        if not self._may_publish(member, found):
            return  # the device's own page shows it
        self._home.publish(
            "warning",
            profile=member.profile.id,
            name=member.profile.name,
            minutes=minutes,
            left=found.minutes,
            what=found.gate,
            what_name=target_name(found.gate, self._home.rules.names),
            at=None if found.at is None else found.at.astimezone(self.now().tzinfo),
        )
