"""Records which categories and services children used in each minute, with or without a time limit.

Only children whose log level stores categories are recorded. A minute counts if one device moved enough bytes
by the thresholds of a ledger, without lingering; a minute of several devices of a child is one record. It
blocks nothing, causes no warning and counts for no limit. A record has only the minute, the profile and the
use: a category or a service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, cast

from gateway.household.members import Member
from gateway.kernel.conntrack import Moved
from gateway.kernel.usage import Pair
from gateway.metering.ledgers import own_thresholds
from gateway.metering.shares import shares
from gateway.path.live_flows import FlowId, LiveFlows
from gateway.policy.judge.world import World
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import CATEGORY, KINDS_LEVEL, SERVICE, VISITS_LEVEL
from gateway.policy.time.ledger import Ledger
from gateway.policy.time.uses import ClassUse, HostUses, class_use, is_left_out
from gateway.store.minutes_file import UseRecord
from gateway.store.tables.history import ALL, OTHER


class _FlowUse(NamedTuple):
    """The categories and the service for which the bytes of a connection are recorded."""

    left_out: bool  # the bytes are not recorded
    kinds: frozenset[str]  # categories
    service: str | None  # None: no service


UsedBytes = dict[Pair, dict[_FlowUse, int]]
"""The bytes of connections by class and use."""


class UseRecorder:
    """Records the current minute's use of each child by category and service.

    The day's file has past minutes.
    """

    def __init__(self, live: LiveFlows, world: Callable[[], World]) -> None:
        self._live = live
        self._world = world
        self._cached_world: World | None = None  # the world to which ``_hosts`` belongs
        self._profiles: Mapping[str, Profile] = {}
        self._hosts: dict[str, HostUses] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._classes: dict[Pair, ClassUse] = {}
        self._rest: dict[Pair, _FlowUse] = {}  # for bytes of a class without a known connection

    def keep(self, profiles: Iterable[Profile]) -> bool:
        """Record the minutes of those ``profiles`` that are children and whose log level stores categories.

        Return whether there are any.
        """
        before = self._profiles
        self._profiles = {
            profile.id: profile
            for profile in profiles
            if profile.is_child and profile.rules.log_level >= KINDS_LEVEL
        }
        for key in before:
            if self._profiles.get(key) is not before[key]:
                self._hosts.pop(key, None)
            if key not in self._profiles:
                self._ledgers.pop(key, None)
        self.forget()
        return bool(self._profiles)

    def forget(self) -> None:
        """Forget the profile of each class, because slots may have other profiles now.

        A class is a combination of time rules of a slot.
        """
        self._classes, self._rest = {}, {}

    def learn(self, pair: Pair, profile: Profile, gates: frozenset[str]) -> None:
        """Store how the minutes of a class (slot and combination of time rules, ``gates``) are recorded.

        Nothing is stored if the profile's minutes are not recorded, or those of the class are not: its
        connections use no time, as for homework and updates.
        """
        known = class_use(profile, gates) if profile.id in self._profiles else None
        if known is not None:
            self._classes[pair] = known
            self._rest[pair] = _FlowUse(left_out=False, kinds=known.kinds, service=None)

    def keeps(self, pair: Pair) -> bool:
        """Return whether the minutes of a class (a combination of time rules of a slot) are recorded."""
        return pair in self._classes

    def move(
        self, moved: Iterable[tuple[Pair, int]], known: UsedBytes, members: Mapping[int, Member], minute: int
    ) -> None:
        """Add the new bytes of each class to the current minute of its child, by category and service.

        A class is a combination of time rules of a slot. ``moved``: the bytes by slot and class, only of
        classes that `keeps` accepts.
        ``known``: the part of them that belongs to known connections, from `add_by_use`, which
        decides the categories and services.
        """
        # Combine equal uses first: a device has many classes.
        sums: dict[tuple[int, _FlowUse], int] = {}
        for pair, total in moved:
            named = known.get(pair)
            for known_use, size in ((None, total),) if named is None else shares(total, named):
                key = pair[0], self._rest[pair] if known_use is None else known_use
                sums[key] = sums.get(key, 0) + size
        for (slot, flow_use), size in sums.items():
            if flow_use.left_out:
                continue
            member = members[slot]
            device = member.macs[0] if len(member.macs) == 1 else f"slot {member.slot}"
            ledger = self._ledger(member.profile.id)
            for use in _uses(flow_use, self._profiles[member.profile.id].rules.log_level):
                ledger.move(minute, device, use, size, flow_use.service)

    def add_by_use(self, found: UsedBytes, flows: Iterable[Moved], members: Mapping[int, Member]) -> None:
        """Add the bytes of connections to ``found``, by class, and by the categories and service of each.

        A class is a combination of time rules of a slot. Connections whose class is not recorded
        are left out.
        """
        for flow in flows:
            pair = flow.slot, flow.class_number
            of_class = self._classes.get(pair)
            if of_class is None:
                continue
            use = self._use_of(flow, of_class, members[flow.slot].profile)
            of_pair = found.setdefault(pair, {})
            of_pair[use] = of_pair.get(use, 0) + flow.bytes

    def _use_of(self, flow: Moved, of_class: ClassUse, profile: Profile) -> _FlowUse:
        outward, inward = flow.flows  # each equals a FlowId
        known = self._live.get(cast(FlowId, outward)) or self._live.get(cast(FlowId, inward))
        names = self._names(profile)
        seen = () if known is None else known.observations
        hosts = [names.of(observation.host) for observation in seen if observation.host is not None]
        recognised = () if known is None else known.services
        services = [*(service for host in hosts for service in host.services), *recognised]
        kinds_of = self._world().catalogue.kinds_of
        kinds = (*(host.kinds for host in hosts), *map(kinds_of, recognised))
        limited = (service for service in services if f"service:{service}" in of_class.gates)
        return _FlowUse(
            is_left_out(hosts, of_class),
            of_class.kinds.union(*kinds),
            next(limited, services[0] if services else None),
        )

    def _names(self, profile: Profile) -> HostUses:
        world = self._world()
        if world is not self._cached_world:
            self._hosts, self._cached_world = {}, world
        known = self._hosts.get(profile.id)
        if known is None:
            known = self._hosts[profile.id] = HostUses(self._profiles[profile.id], world)
        return known

    def _ledger(self, profile: str) -> Ledger:
        known = self._ledgers.get(profile)
        if known is None:
            thresholds = own_thresholds(self._world().catalogue)
            known = self._ledgers[profile] = Ledger(0, thresholds)
        return known

    def close(self, minute: int) -> list[UseRecord]:
        """End a minute and return its records, one for each child and use. A child's devices share them."""
        found: dict[UseRecord, None] = {}
        before, self._ledgers = self._ledgers, {}
        for key, ledger in before.items():
            for entry in ledger.close(minute):
                found[UseRecord(entry.minute, key, entry.gate)] = None
            # The next minute starts with a new ledger, which has the present thresholds.
            self._ledger(key).restore((), ledger.moving(), ledger.closed)
        return list(found)


def _uses(use: _FlowUse, level: int) -> Iterable[str]:
    """Yield the keys that store a use: ALL, its categories or OTHER, and from VISITS_LEVEL on its service."""
    yield ALL
    yield from (CATEGORY + kind for kind in use.kinds) if use.kinds else (OTHER,)
    if use.service is not None and level >= VISITS_LEVEL:
        yield SERVICE + use.service
