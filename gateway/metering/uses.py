"""Minutes by category, of children whose log level stores them, with or without a limit.

They use the thresholds of a ledger, without lingering, and for all devices of the child together. They close
nothing, cause no warning and use no limit. Stored is only that such a minute was, and its category.
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
from gateway.policy.profile.rules import KINDS_LEVEL, VISITS_LEVEL
from gateway.policy.time.ledger import Ledger
from gateway.policy.time.uses import ClassUse, HostUses, class_use, is_left_out
from gateway.store.minutes_file import CATEGORY, SERVICE, UseRecord
from gateway.store.tables.history import ALL, OTHER


class _Of(NamedTuple):
    """The owner of a flow's bytes."""

    left_out: bool
    kinds: frozenset[str]
    service: str | None  # None: no service


class Uses:
    """The current minute by profile: past minutes are in the day's file."""

    def __init__(self, live: LiveFlows, world: Callable[[], World]) -> None:
        self._live = live
        self._world = world
        self._of_world: World | None = None  # the world whose names are cached
        self._profiles: Mapping[str, Profile] = {}
        self._hosts: dict[str, HostUses] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._classes: dict[Pair, ClassUse] = {}
        self._rest: dict[Pair, _Of] = {}  # bytes of a class that no connection explains

    def keep(self, profiles: Iterable[Profile]) -> bool:
        """Store minutes of these profiles, if they are children with such a log level. Returns whether there
        are any.
        """
        before = self._profiles
        self._profiles = {
            one.id: one for one in profiles if one.is_child and one.rules.log_level >= KINDS_LEVEL
        }
        for key in before:
            if self._profiles.get(key) is not before[key]:
                self._hosts.pop(key, None)
            if key not in self._profiles:
                self._ledgers.pop(key, None)
        self.forget()
        return bool(self._profiles)

    def forget(self) -> None:
        """Forget classes and slots, which have changed hands."""
        self._classes, self._rest = {}, {}

    def learn(self, pair: Pair, profile: Profile, gates: frozenset[str]) -> None:
        """Note the profile and gates of a member's class."""
        known = class_use(profile, gates) if profile.id in self._profiles else None
        if known is not None:
            self._classes[pair] = known
            self._rest[pair] = _Of(left_out=False, kinds=known.kinds, service=None)

    def keeps(self, pair: Pair) -> bool:
        """Whether bytes of such a class make a minute that is stored."""
        return pair in self._classes

    def move(
        self,
        moved: Iterable[tuple[Pair, int]],
        flows: Iterable[Moved],
        members: Mapping[int, Member],
        minute: int,
    ) -> None:
        """Divide the bytes of classes in the current minute among the uses of their connections."""
        known = self._by_kind(flows, members)
        # First combine what has the same categories: a device has many classes.
        sums: dict[tuple[int, _Of], int] = {}
        for pair, total in moved:
            named = known.get(pair)
            for of, size in ((None, total),) if named is None else shares(total, named):
                key = pair[0], self._rest[pair] if of is None else of
                sums[key] = sums.get(key, 0) + size
        for (slot, of), size in sums.items():
            if of.left_out:
                continue
            member = members[slot]
            device = member.macs[0] if len(member.macs) == 1 else f"slot {member.slot}"
            ledger = self._ledger(member.profile.id)
            for use in _uses(of, self._profiles[member.profile.id].rules.log_level):
                ledger.move(minute, device, use, size, of.service)

    def _by_kind(
        self, flows: Iterable[Moved], members: Mapping[int, Member]
    ) -> Mapping[Pair, Mapping[_Of, int]]:
        found: dict[Pair, dict[_Of, int]] = {}
        for one in flows:
            pair = one.slot, one.class_number
            of_class = self._classes.get(pair)
            if of_class is None:
                continue
            of = self._of(one, of_class, members[one.slot].profile)
            of_pair = found.setdefault(pair, {})
            of_pair[of] = of_pair.get(of, 0) + one.bytes
        return found

    def _of(self, flow: Moved, of_class: ClassUse, profile: Profile) -> _Of:
        outward, inward = flow.flows  # each equals a FlowId
        known = self._live.get(cast(FlowId, outward)) or self._live.get(cast(FlowId, inward))
        names = self._names(profile)
        seen = () if known is None else known.observations
        hosts = [names.of(one.host) for one in seen if one.host is not None]
        services = [service for one in hosts for service in one.services]
        limited = (one for one in services if f"service:{one}" in of_class.gates)
        return _Of(
            is_left_out(hosts, of_class),
            of_class.kinds.union(*(one.kinds for one in hosts)),
            next(limited, services[0] if services else None),
        )

    def _names(self, profile: Profile) -> HostUses:
        world = self._world()
        if world is not self._of_world:
            self._hosts, self._of_world = {}, world
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
        """End a minute and return its records, each once for all devices of a child."""
        found: dict[UseRecord, None] = {}
        before, self._ledgers = self._ledgers, {}
        for key, ledger in before.items():
            for one in ledger.close(minute):
                found[UseRecord(one.minute, key, one.gate)] = None
            # The next minute starts empty, with the thresholds of that time.
            self._ledger(key).restore((), ledger.moving(), ledger.closed)
        return list(found)


def _uses(of: _Of, level: int) -> Iterable[str]:
    yield ALL
    yield from (CATEGORY + one for one in of.kinds) if of.kinds else (OTHER,)
    if of.service is not None and level >= VISITS_LEVEL:
        yield SERVICE + of.service
