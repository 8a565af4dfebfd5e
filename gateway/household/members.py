"""The members of the household: the devices, rules and situation of each slot.

A slot is the number by which the kernel and the packet path identify a group of devices with the same rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import Enum
from functools import partial
from typing import Protocol

from gateway.household.slot_assignment import DesiredSlot, InterfaceOf, SlotAssignment, UnassignedKeys
from gateway.path.addresses import (
    AddressBook,
    AnsweredNames,
    DeviceAddresses,
    DeviceServices,
    NameBook,
    ServiceBook,
)
from gateway.path.subject import Decide, Subject, unwanted_by
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.combined import CombinedJudge
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.explanation import GUARDIAN
from gateway.policy.judge.world import World
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import Profile
from gateway.policy.time.ledger import CountReason
from gateway.policy.time.limit_periods import LONGER_PERIODS, LimitPeriod
from gateway.policy.time.schedule import Calendar, limits_on
from gateway.policy.time.time_rules import FOREVER, PLAIN, ActiveRepair, GateOpening, Situation
from gateway.policy.values import Decision, Observation
from gateway.store.store import Store
from gateway.store.tables.grants import GrantKind, GrantRow
from gateway.store.tables.pauses import InForce

EVERYONE = 0  # the slot number of devices that have no slot
CONSOLE = "console"  # author of a change on the command line, unless a name is given
ROUTER = "router"  # author of a change in LuCI
PROVIDER = "provider"  # author of a stop of the filter by the internet provider
BY_GUARDIANS = (
    GrantKind.GRANT,
    GrantKind.REQUEST,
)  # a child takes the other kinds itself, such as "Finish my game" or a code


@dataclass(frozen=True, slots=True)
class CountedMinute:
    """A minute that counted for a limit."""

    at: datetime  # its start by the household's clock, in UTC
    device: str  # MAC
    gate: str  # the target of the limit, such as ``play`` or ``service:youtube``
    bytes: int  # of the device's traffic in it
    service: str | None  # None: unknown
    why: CountReason


@dataclass(frozen=True, slots=True)
class UsedMinute:
    """A minute in which a category or service was used, with or without a time limit."""

    at: datetime  # its start, in UTC
    use: str  # a category or service: a key of `store.tables.history`


class MinuteLedgers(Protocol):
    """Returns the used minutes of a profile. `gateway.metering.ledgers.Ledgers` implements it."""

    def used(self, profile_id: str) -> tuple[date | None, Mapping[str, int]]:
        """Return today's date (None until counting starts), and the minutes used today by limit."""
        ...

    def used_between(self, profile_id: str, first: date, end: date) -> Mapping[str, int]:
        """Return the minutes used from the day ``first`` up to the day before ``end``, by limit."""
        ...

    def used_on(self, profile_id: str) -> Mapping[str, Mapping[str, int]]:
        """Return the minutes used today, by MAC address and limit, in the order of first use."""
        ...

    def entries(self, profile_id: str, day: date) -> Sequence[CountedMinute]:
        """Return the minutes of a day that counted for a limit, in order.

        Empty if the profile's log level is 0, or for a day of which no details are stored any more.
        """
        ...

    def uses(self, profile_id: str, day: date) -> Sequence[UsedMinute]:
        """Return the minutes of a day by category and service; empty if that day's log level stores none."""
        ...


class NoMinutes:
    """Returns no used minutes, in place of ledgers where nothing is counted."""

    def used(self, profile_id: str) -> tuple[date | None, Mapping[str, int]]:  # noqa: ARG002
        return None, {}

    def used_between(self, profile_id: str, first: date, end: date) -> Mapping[str, int]:  # noqa: ARG002
        return {}

    def used_on(self, profile_id: str) -> Mapping[str, Mapping[str, int]]:  # noqa: ARG002
        return {}

    def entries(self, profile_id: str, day: date) -> Sequence[CountedMinute]:  # noqa: ARG002
        return ()

    def uses(self, profile_id: str, day: date) -> Sequence[UsedMinute]:  # noqa: ARG002
        return ()


@dataclass(slots=True)
class ProbeAssignment:
    """The test device of a filter test, and the profile or device whose rules apply to it."""

    who: str  # a profile id, or the MAC address of a device
    mac: str  # of the test device
    slot: int  # of the test device
    paused: bool = False  # the test pauses its own device

    def of(self, situation: Situation) -> Situation:
        """Return ``situation`` for the test device, without time rules, pauses, grants and used minutes.

        During bedtime everything is blocked, and a test would find nothing out. Quarantine and a switched-off
        filter are ignored too. Only the test's own pause is kept.
        """
        return replace(
            situation,
            timeless=True,
            quarantined=False,
            paused_until=FOREVER if self.paused else None,
            paused_by="family",
            off_until=None,
            off_by="family",
            grants=(),
            used={},
            bonus={},
        )


@dataclass(slots=True)
class Member:
    """The devices of one slot (a number for a group of devices with the same rules), and their rules.

    ``judge`` makes the decisions from the profile and the situation: pauses, extra time, used
    minutes etc.
    """

    slot: int
    macs: tuple[str, ...]
    profile: Profile
    judge: Judge
    addresses: DeviceAddresses
    services: DeviceServices
    names: AnsweredNames | None = None  # None: the slot is not filtered
    quarantined: bool = False
    situation: Situation = PLAIN
    asked: bool = False  # it has an open question: it may belong to another profile
    beside: Member | None = None  # the same devices with their rules without the question; both apply
    probe: ProbeAssignment | None = None  # set for the device of a filter test
    _of_running: tuple[Situation, Situation] = (
        PLAIN,
        PLAIN,
    )  # a situation, and its variant for running flows

    @property
    def is_arriving(self) -> bool:
        """Return True for the slot of unassigned devices that are not examined yet.

        They use no child's minutes.
        """
        return self.asked and not self.macs

    @property
    def keeps_names(self) -> bool:
        """Return whether the names that the slot's devices resolve are stored by address."""
        return self.names is not None or (self.beside is not None and self.beside.names is not None)

    def decide(self, seen: Observation, at: datetime) -> Decision:
        return self.judge.decide(seen, self.situation, at)

    def decide_running(self, seen: Observation, at: datetime) -> Decision:
        """Return the decision about a flow that runs already: names from expired DNS answers still count.

        If the slot has an open question about its owner, the rules of both possible profiles apply.
        """
        situation = self._running()
        if isinstance(self.judge, CombinedJudge) and self.beside is not None:
            return self.judge.both(seen, situation, self.beside._running(), at)
        return self.judge.decide(seen, situation, at)

    def _running(self) -> Situation:
        situation = self.situation
        if self.names is None:
            return situation
        if self._of_running[0] is not situation:
            self._of_running = situation, replace(situation, resolved=self.names.for_running_flows())
        return self._of_running[1]


class RunningRepairs(Protocol):
    """The interface to the running site repairs: which one a device has, and how it decides.

    In a site repair, a broken site works for a while, and the hosts that it needs are recorded.
    """

    def repair_of(self, member: Member) -> ActiveRepair | None:
        """Return the site repair that runs on a slot's device, or None.

        In one, the unknown parts of a broken site are open for some minutes.
        """
        ...

    def decide_of(self, member: Member) -> Decide:
        """Return the function that decides about the traffic of a slot's devices (the member).

        During a site repair it also records the names that the repair opens or that stay blocked.
        """
        ...


class NoSiteRepairs:
    """The interface to site repairs where none can run: devices get the usual decisions."""

    def repair_of(self, member: Member) -> ActiveRepair | None:  # noqa: ARG002
        return None

    def decide_of(self, member: Member) -> Decide:
        return member.decide


class SlotLookups:
    """Returns the DNS addresses, services and names that are stored for each slot."""

    def __init__(
        self, addresses: AddressBook, services: ServiceBook, names: NameBook | None, now: Callable[[], float]
    ) -> None:
        self._addresses = addresses
        self._services = services
        self.names = names
        self._now = now

    def addresses_of(self, slot: int) -> DeviceAddresses:
        return DeviceAddresses(self._addresses, slot, self._now)

    def services_of(self, slot: int) -> DeviceServices:
        return DeviceServices(self._services, slot)

    def names_of(self, slot: int, profile: Profile) -> AnsweredNames | None:
        """Return the names that a slot's devices have resolved, by address.

        None if ``profile`` is not filtered, or if no names are stored.
        """
        if self.names is None or not profile.filtered:
            return None
        return AnsweredNames(self.names, slot, self._now)


class MemberFactory:
    """Creates the members: the devices, judge and situation of one slot each, from the current rules."""

    def __init__(self, world: World, calendar: Calendar, books: SlotLookups) -> None:
        self._world = world
        self._calendar = calendar
        self._books = books
        self._judges: list[Judge] = []

    def judge(self, profile: Profile) -> Judge:
        """Return the judge, which makes a profile's decisions. Devices with the same profile object share it.

        A device under `managed` in qalqan.yaml has a profile object of its own.
        """
        known = next((judge for judge in self._judges if judge.profile is profile), None)
        if known is None:
            known = Judge(profile, self._world, self._calendar)
            self._judges.append(known)
        return known

    def member(self, slot: int, desired: DesiredSlot) -> Member:
        """Return a new member (the devices of ``slot`` with their judge) as ``desired`` describes it.

        It has the default situation, without pauses, grants and used minutes.
        """
        beside = None if desired.beside is None else self._member(slot, desired, desired.beside)
        return self._member(slot, desired, desired.profile, beside)

    def _member(
        self, slot: int, desired: DesiredSlot, profile: Profile, beside: Member | None = None
    ) -> Member:
        books = self._books
        if beside is None:
            judge = self.judge(profile)
        else:
            situation = lambda: beside.situation  # noqa: E731
            judge = CombinedJudge(profile, self._world, self._calendar, beside.judge, situation)
        known = books.addresses_of(slot), books.services_of(slot), books.names_of(slot, profile)
        member = Member(slot, desired.macs, profile, judge, *known, desired.quarantined)
        member.asked, member.beside = desired.asked, beside
        return member


class SlotChange(Enum):
    """The change of a slot after the devices were assigned again."""

    DEVICE = "device"  # another device, or group of devices
    PERSON = "person"  # the same device, with another profile


class Family:
    """Stores the member of each slot: a group of devices, their profile, judge and situation.

    `rebuild` replaces all members, after a rule file, a list or the owner of a device changed.
    ``class_number`` returns the number of a slot's combination of time rules. ``examined``: MAC
    addresses that were compared with the family's devices; None: devices are not examined.
    """

    def __init__(
        self,
        store: Store,
        book: AddressBook,
        services: ServiceBook,
        now: Callable[[], float],
        class_number: Callable[[int, frozenset[str]], int],
        *,
        names: NameBook | None = None,
        clock_known: Callable[[], bool] = lambda: True,
        interface_of: InterfaceOf = lambda _: None,
        examined: Set[str] | None = None,
        minutes: MinuteLedgers | None = None,
        repairs: RunningRepairs | None = None,
    ) -> None:
        self.members: dict[int, Member] = {}
        self._of_mac: dict[str, Member] = {}
        self.probe_member: Member | None = None  # the device of a filter test; nothing about it is stored
        self.everybody: dict[int, Member] = {}  # members, and the device of a filter test
        self.subjects: dict[int, Subject] = {}
        self.plain: tuple[str, ...] = ()  # MAC addresses that are never filtered
        self.opened: Mapping[
            str, str
        ] = {}  # opened by an adult's proof: MAC address → profile without the proof
        self.minutes: MinuteLedgers = minutes or NoMinutes()
        self._repairs: RunningRepairs = repairs or NoSiteRepairs()
        self.unknown: int | None = None  # slot of unassigned devices; None: they are not filtered
        self.unassigned: dict[
            str, int | None
        ] = {}  # slot of unassigned devices by interface, for interfaces with a setting of their own
        self.arriving: dict[str | None, int | None] = {
            None: None
        }  # slot of unassigned devices that are not examined yet, by interface; None: any other
        self.apart: frozenset[str] = frozenset()  # MAC addresses whose rules depend on their interface
        self._interface_of = interface_of
        self._examined = examined
        self._store = store
        self._books = SlotLookups(book, services, names, now)
        self._clock_known = clock_known
        self._class_number = class_number
        self._calendar = Calendar(UTC)
        self._probe: ProbeAssignment | None = None
        self._owners: dict[int, tuple[str, str]] = {}  # slot → its latest key and profile id

    def rebuild(
        self, household: Household, world: World, calendar: Calendar, at: datetime
    ) -> dict[int, SlotChange]:
        """Assign all devices to slots, and create the members of the slots from these rules.

        Return the slots that have another device or another profile than before.

        Raises:
            StoreError: more slots are needed than exist.
        """
        self._calendar = calendar
        factory = MemberFactory(world, calendar, self._books)
        desired_slots, self.plain, keys = self._desired_slots(household, at)
        in_use = [desired.key for desired in desired_slots]
        numbers: dict[str | None, int] = {}
        members: dict[int, Member] = {}
        for desired in desired_slots:
            slot = self._store.slots.assign(desired.key, now=int(at.timestamp()), in_use=in_use)
            numbers[desired.key] = slot
            members[slot] = factory.member(slot, desired)
        self.unknown = numbers.get(keys.examined[None])
        self.unassigned = {name: numbers.get(key) for name, key in keys.examined.items() if name is not None}
        self.arriving = {name: numbers.get(key) for name, key in keys.arriving.items()}
        self.members = members
        self._of_mac = {mac: member for member in members.values() for mac in member.macs}
        self.subjects.clear()
        self.subjects[EVERYONE] = self._everyone(factory.judge(household.home))
        for member in members.values():
            self.renew_subject(member)
        self._rebuild_probe(household, world)
        owners = {numbers[desired.key]: (desired.key, desired.profile.id) for desired in desired_slots}
        changes = {}
        for slot, (key, profile) in owners.items():
            before_key, before_profile = self._owners.get(slot, (key, profile))
            if key != before_key:
                changes[slot] = SlotChange.DEVICE
            elif profile != before_profile:
                changes[slot] = SlotChange.PERSON
        self._owners.update(owners)  # a slot without a device now may be given to another later
        return changes

    def assign_probe(
        self, probe: ProbeAssignment, household: Household, world: World, at: datetime
    ) -> Member | None:
        """Apply the rules that ``probe`` names to the device of a filter test, until `release_probe`.

        Return its member. None if those rules do not exist or filter nothing, if they are those of a
        device in quarantine, or if the test's MAC address is that of a known device.
        """
        self._probe = probe
        self._rebuild_probe(household, world)
        self.situate(at)
        return self.probe_member

    def release_probe(self) -> None:
        """Remove the device of the filter test."""
        if self.probe_member is not None:
            self.subjects.pop(self.probe_member.slot, None)
        self.probe_member = self._probe = None
        self._update_slots()

    def _rebuild_probe(self, household: Household, world: World) -> None:
        """Rebuild the member of the test device from changed rules.

        Remove it if its rules no longer exist, or if its MAC address has an owner now.
        """
        probe = self._probe
        source = None if probe is None or self._is_known(probe.mac) else self._source(probe.who, household)
        self.probe_member = None
        if probe is not None and source is not None:
            desired = source._replace(key=probe.mac, macs=(probe.mac,))
            # The test device has judges of its own: those of the family cache earlier decisions.
            self.probe_member = MemberFactory(world, self._calendar, self._books).member(probe.slot, desired)
            for member in filter(None, (self.probe_member, self.probe_member.beside)):
                member.probe = probe
            self.renew_subject(self.probe_member)
        self._update_slots()

    def _is_known(self, mac: str) -> bool:
        return mac in self._of_mac or mac in self.plain

    def _source(self, who: str, household: Household) -> DesiredSlot | None:
        """Return a DesiredSlot with the rules of ``who``, a profile id or a MAC address.

        None if there is no such profile or filtered device, if the profile filters nothing, or if the device
        is in quarantine.
        """
        if parse_mac(who) is None:
            profile = household.find(who)
            return None if profile is None or not profile.filtered else DesiredSlot(who, (), profile)
        member = self.member_of(who)
        if member is None or member.quarantined:
            return None
        beside = None if member.beside is None else member.beside.profile
        return DesiredSlot(who, member.macs, member.profile, asked=member.asked, beside=beside)

    def _update_slots(self) -> None:
        """Update ``everybody`` (members and test device), and the slots of which DNS names are stored."""
        slots = (*self.members.values(), self.probe_member)
        self.everybody = {member.slot: member for member in slots if member is not None}
        if self._books.names is not None:
            self._books.names.watch(slot for slot, member in self.everybody.items() if member.keeps_names)

    def renew_subject(self, member: Member) -> None:
        """Replace the object in ``subjects`` by which the packet path judges the traffic of a member's slot.

        It has the member's present rules and its site repair, if one runs.
        """
        slot, profile, beside = member.slot, member.profile, member.beside
        decide, number = self._repairs.decide_of(member), partial(self._class_number, slot)
        unwanted = unwanted_by(profile, *(() if beside is None else (beside.profile,)))
        running = member.decide_running
        shared = len(member.macs) != 1  # unassigned devices are not listed
        self.subjects[slot] = Subject(slot, profile.name, decide, number, running, unwanted, shared)

    def _everyone(self, judge: Judge) -> Subject:
        def decide(seen: Observation, at: datetime) -> Decision:
            return judge.decide(seen, PLAIN, at)

        number = partial(self._class_number, EVERYONE)
        return Subject(EVERYONE, judge.profile.name, decide, number, shared=True)

    def _desired_slots(
        self, household: Household, at: datetime
    ) -> tuple[list[DesiredSlot], tuple[str, ...], UnassignedKeys]:
        """Return the desired slots, the unfiltered MAC addresses, and the slot keys of unassigned devices.

        Also sets ``opened`` (devices opened by an adult's proof) and ``apart`` (devices whose rules
        depend on their LAN interface).
        """
        force = self._in_force(at)
        subjects = {*(pause.who for pause in force.pauses), *(given.who for given in force.given)}
        macs = (who for who in subjects if parse_mac(who) is not None)
        alone = sorted({*macs, *household.config.managed})
        devices, questions = self._store.devices.all(), self._store.questions.all()
        self.apart = frozenset((*alone, *questions, *self._store.uses.all())) - household.named
        uses = self._store.uses.all()
        proofs = self._store.proofs.held(at, known=self._clock_known())
        grouping = SlotAssignment(household, devices, questions, alone, at, self._interface_of, uses, proofs)
        self.opened = grouping.opened
        return grouping.desired_slots(examines=self._examined is not None)

    def situate(self, at: datetime) -> frozenset[int]:
        """Compute each member's situation again: pauses, grants, used minutes, a switched-off filter etc.

        Return the slots for which a changed situation may have changed a decision; each used minute changes
        a situation, but few change a decision. Slots for which only the time has changed are not returned.
        """
        changed = set()
        for slot, member in self.everybody.items():
            situation, beside = self._situation(member, at), member.beside
            other = None if beside is None else self._situation(beside, at)
            if situation == member.situation and (beside is None or other == beside.situation):
                continue
            before = member.judge.standing(member.situation, at)
            member.situation = situation
            if beside is not None and other is not None:
                beside.situation = other
            if not before.agrees(member.judge.standing(situation, at)):
                changed.add(slot)
        return frozenset(changed)

    def _in_force(self, at: datetime) -> InForce:
        return self._store.state(at, self._calendar.family_day(at))

    def held(self, member: Member, at: datetime) -> Situation:
        """Return the situation of a member (slot) at a past moment, from what is still stored.

        That is pauses, grants, used minutes, opened sites and a switched-off filter. Minutes that are not
        stored in detail (`MinuteLedgers.entries`) do not count as used.
        """
        force, day = self._in_force(at), self._calendar.family_day(at)
        off = force.off
        force = InForce(
            tuple(pause for pause in force.pauses if pause.since <= at),
            off if off is not None and off.since <= at else None,
            tuple(given for given in force.given if given.at <= at),
            tuple(opening for opening in force.openings if opening.at <= at),
        )
        entries = self.minutes.entries(member.profile.id, day)
        minutes = {(entry.gate, entry.at) for entry in entries if entry.at < at}
        used = Counter(gate for gate, _ in minutes)
        return replace(self._situation(member, at, force), day=day, used=used, repair=None)

    def judged(self, member: Member, at: datetime) -> tuple[Judge, Situation]:
        """Return the Judge of a member, and its situation (pauses, grants, used minutes) at a past moment."""
        judge = member.judge
        if isinstance(judge, CombinedJudge) and member.beside is not None:
            judge = judge.as_of(self.held(member.beside, at))
        return judge, self.held(member, at)

    def unused(self, member: Member, at: datetime) -> Situation:
        """Return a member's situation as guardians' settings alone make it.

        It has no used minutes, and no grants that the child took itself.
        """
        force = self._in_force(at)
        by_guardians = tuple(given for given in force.given if given.kind in BY_GUARDIANS and given.at <= at)
        found = self._situation(member, at, replace(force, given=by_guardians), BY_GUARDIANS)
        return replace(found, used={}, earlier_used={})

    def _situation(
        self,
        member: Member,
        at: datetime,
        force: InForce | None = None,
        kinds: Collection[GrantKind] = tuple(GrantKind),
    ) -> Situation:
        """Return a member's situation: pauses, grants, used minutes and other state that decisions depend on.

        ``force``: the pauses and grants to use; None: the stored ones at ``at``. ``kinds``: the
        kinds of grants whose extra minutes of earlier days count.
        """
        force = force or self._in_force(at)
        probe = member.probe
        macs = member.macs if probe is None else (probe.who,)
        names = {member.profile.id, *macs}
        if member.profile.is_child:
            names.add("all")
        pauses = [pause for pause in force.pauses if pause.who in names]
        granted = [given for given in force.given if given.who in names]
        counted, used = self.minutes.used(member.profile.id)
        known = self._clock_known()
        today = self._calendar.family_day(at) if known or counted is None else counted
        earlier_used, earlier_bonus = self._earlier(member, names, today, kinds)
        longest = max(pauses, key=lambda pause: pause.until or FOREVER, default=None)
        found = replace(
            member.situation,
            quarantined=member.quarantined,
            clock_known=known,
            portal=not (member.profile.rules.portal | self._store.marks.no_mobile_data).isdisjoint(macs),
            paused_until=None if longest is None else longest.until or FOREVER,
            paused_by="family" if longest is None else owner(longest.by),
            off_until=None if force.off is None else force.off.ends,
            off_by="family" if force.off is None else owner(force.off.by),
            grants=tuple(
                GateOpening(
                    given.gate, given.until, given.service, giver(given), given.boundary, given.clock_trusted
                )
                for given in granted
                if given.until is not None
            ),
            used=dict(used) if counted == today else {},
            bonus=bonus(granted),
            earlier_used=earlier_used,
            earlier_bonus=earlier_bonus,
            day=today,
            allowed=tuple(
                (opening.entry, opening.until) for opening in force.openings if opening.who in names
            ),
            repair=self._repairs.repair_of(member),
            addresses=member.addresses,
            resolved=member.names,
            recent=member.services,
        )
        return found if probe is None else probe.of(found)

    def _earlier(
        self, member: Member, names: Collection[str], today: date, kinds: Collection[GrantKind]
    ) -> tuple[Mapping[LimitPeriod, Mapping[str, int]], Mapping[LimitPeriod, Mapping[str, int]]]:
        """Return the used and the extra minutes of the earlier days of each period, by limit.

        Extra minutes are those of grants of these ``kinds``. Periods without a limit are left out.
        """
        used: dict[LimitPeriod, Mapping[str, int]] = {}
        extra: dict[LimitPeriod, Mapping[str, int]] = {}
        for period in LONGER_PERIODS:
            if limits_on(member.profile.rules, today, self._calendar, period):
                first = self._calendar.first_day(period, today)
                used[period] = self.minutes.used_between(member.profile.id, first, today)
                extra[period] = bonus(
                    given
                    for given in self._store.grants.given(names)
                    if first <= given.day < today and not given.ended and given.kind in kinds
                )
        return used, extra

    def stand_in(self, profile: Profile, world: World, calendar: Calendar, at: datetime) -> Member:
        """Return a new member without devices and slot, with these rules and its situation at ``at``."""
        known = (member.judge for member in self.members.values() if member.profile is profile)
        judge = next(known, None) or Judge(profile, world, calendar)
        books = self._books
        member = Member(
            EVERYONE, (), profile, judge, books.addresses_of(EVERYONE), books.services_of(EVERYONE)
        )
        member.situation = self._situation(member, at)
        return member

    def slots_of(self, who: str) -> frozenset[int]:
        """Return the slots in which a profile (by id) or a device (by MAC address) is.

        A slot is the number of a group of devices with the same rules. Those of a profile with an
        open question are left out: their devices may belong to another profile.
        """
        return frozenset(
            slot
            for slot, member in self.members.items()
            if (who == member.profile.id and not member.asked) or who in member.macs
        )

    def profiles_in_use(self) -> tuple[Profile, ...]:
        """Return the profiles that devices have now, one for each profile id.

        A device with an open question about its owner has a changed copy of a profile, which is
        returned only if no other device has the profile. Devices that are not examined yet do not
        count.
        """
        members = sorted(self.members.values(), key=lambda member: not member.asked)
        found = {member.profile.id: member.profile for member in members if not member.is_arriving}
        return tuple(found.values())

    def slots_of_device(self, mac: str) -> frozenset[int]:
        """Return the slot of a filtered device; empty if it is not filtered.

        For an unassigned device, also the slot that it has until it is examined.
        """
        member = self.member_of(mac)
        if member is None:
            return frozenset()
        if self._examined is None or self._is_known(mac):
            return frozenset({member.slot})
        first = self.arriving.get(self._interface_of(mac), self.arriving[None])
        return frozenset({member.slot, first or member.slot})

    def member_of(self, mac: str, interface: str | None = None) -> Member | None:
        """Return the member (slot with devices and rules) that filters a MAC address; None if unfiltered.

        The rules of an unassigned device depend on ``interface``, by default the one where it was
        last seen.
        """
        member = self._of_mac.get(mac)
        if member is not None:
            return member
        slot = self.unassigned.get(interface or self._interface_of(mac) or "", self.unknown)
        return None if mac in self.plain or slot is None else self.members[slot]

    def slot_of(self, mac: str, interface: str | None = None) -> int:
        """Return the slot of a MAC address, including the device of a filter test; 0 if it has none.

        An unassigned device that is not examined yet has the slot of such devices on its interface.
        """
        if self.probe_member is not None and mac in self.probe_member.macs:
            return self.probe_member.slot
        if self._examined is None or mac in self._examined or self._is_known(mac):
            member = self.member_of(mac, interface)
            return 0 if member is None else member.slot
        return self.arriving.get(interface or self._interface_of(mac), self.arriving[None]) or 0

    def examined(self) -> tuple[str, ...]:
        """Return the MAC addresses of the examined devices without an owner, sorted.

        Empty if devices that are not examined yet have the same slots as these.
        """
        same = all(
            slot == self.unassigned.get(name or "", self.unknown) for name, slot in self.arriving.items()
        )
        if self._examined is None or same:
            return ()
        return tuple(mac for mac in sorted(self._examined) if not self._is_known(mac))


def bonus(given: Iterable[GrantRow]) -> dict[str, int]:
    """Return the extra minutes by limit: the sum of grants that have no end."""
    found: dict[str, int] = {}
    for grant in given:
        if grant.until is None:
            found[grant.gate] = found.get(grant.gate, 0) + grant.minutes
    return found


def giver(given: GrantRow) -> str:
    """Return who gave extra time, as named in a decision: ``guardian:NAME``, or ``family``.

    It is ``family`` if the child took it itself, or no guardian is named.
    """
    return owner(given.by) if given.kind in BY_GUARDIANS else "family"


def owner(by: str) -> str:
    """Return the author of a change as named in a decision: ``guardian:NAME``.

    ``family`` if it was made at the command line without a name, on the router or by the provider.
    """
    return "family" if by in (CONSOLE, ROUTER, PROVIDER) else f"{GUARDIAN}:{by}"
