"""The members of a household: devices, rules and situation of each slot, and its packet path subject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Protocol

from gateway.household.grouping import Grouping, Keys, Wanted, Where
from gateway.path.addresses import (
    AddressBook,
    DeviceAddresses,
    DeviceNames,
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
from gateway.policy.time.ledger import Why
from gateway.policy.time.schedule import DAY, Calendar, week_limits
from gateway.policy.time.standing import FOREVER, PLAIN, Grant, Lesson, Situation
from gateway.policy.values import Decision, Observation
from gateway.store.store import Store
from gateway.store.tables.grants import Given, GrantKind
from gateway.store.tables.pauses import InForce

EVERYONE = 0  # the slot of devices without one
CONSOLE = "console"  # changes on the command line, unless a name is given
ROUTER = "router"  # changes on the router's own pages: LuCI
BY_GUARDIANS = (GrantKind.GRANT, GrantKind.REQUEST)  # not what a child takes: "Finish my game", a code


@dataclass(frozen=True, slots=True)
class CountedMinute:
    """A minute that counted for a limit, as shown to the person who used it."""

    at: datetime  # when it began, in UTC, by the family's clock
    device: str  # MAC
    gate: str
    bytes: int
    service: str | None  # None: unknown
    why: Why


@dataclass(frozen=True, slots=True)
class UsedMinute:
    """A minute that is stored by category, with or without a limit."""

    at: datetime  # when it began, in UTC
    use: str  # as in `store.tables.history`


class Minutes(Protocol):
    """The ledgers of used minutes."""

    def used(self, profile_id: str) -> tuple[date | None, Mapping[str, int]]:
        """Return the family's day, and the minutes used in it by gate."""
        ...

    def used_since(self, profile_id: str, first: date) -> Mapping[str, int]:
        """Return the whole minutes spent from the day ``first`` up to the family's day, by limit gate."""
        ...

    def used_on(self, profile_id: str) -> Mapping[str, Mapping[str, int]]:
        """Return the minutes of that day by device and gate, in the order of first use."""
        ...

    def entries(self, profile_id: str, day: date) -> Sequence[CountedMinute]:
        """Return the minutes of a day that counted, in order."""
        ...

    def uses(self, profile_id: str, day: date) -> Sequence[UsedMinute]:
        """Return the minutes of a day by category, if the log level of that day stores them."""
        ...


class Uncounted:
    """Counts no minutes."""

    def used(self, profile_id: str) -> tuple[date | None, Mapping[str, int]]:  # noqa: ARG002
        return None, {}

    def used_since(self, profile_id: str, first: date) -> Mapping[str, int]:  # noqa: ARG002
        return {}

    def used_on(self, profile_id: str) -> Mapping[str, Mapping[str, int]]:  # noqa: ARG002
        return {}

    def entries(self, profile_id: str, day: date) -> Sequence[CountedMinute]:  # noqa: ARG002
        return ()

    def uses(self, profile_id: str, day: date) -> Sequence[UsedMinute]:  # noqa: ARG002
        return ()


@dataclass(slots=True)
class Worn:
    """The rules of a profile or device that a filter test's device has for a while."""

    who: str  # a profile's id, or the MAC address of a device
    mac: str  # of the test's device
    slot: int
    paused: bool = False  # by a guardian, only this device

    def of(self, situation: Situation) -> Situation:
        """Return the situation of ``who`` without schedules: at bedtime everything is blocked, and a test
        shows nothing.
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
    """One slot: its devices, the profile that applies to them, and their situation."""

    slot: int
    macs: tuple[str, ...]
    profile: Profile
    judge: Judge
    addresses: DeviceAddresses
    services: DeviceServices
    names: DeviceNames | None = None  # None: it is not filtered
    quarantined: bool = False
    situation: Situation = PLAIN
    asked: bool = False  # it has an open question: it may belong to another profile
    beside: Member | None = None  # its rules without the question
    worn: Worn | None = None  # it is a filter test's device, without an owner
    _of_running: tuple[Situation, Situation] = (PLAIN, PLAIN)  # a situation, and its form for running flows

    @property
    def keeps_names(self) -> bool:
        return self.names is not None or (self.beside is not None and self.beside.names is not None)

    def decide(self, seen: Observation, at: datetime) -> Decision:
        return self.judge.decide(seen, self.situation, at)

    def decide_running(self, seen: Observation, at: datetime) -> Decision:
        """Judge a running flow. A DNS answer that has expired since it began does not end it."""
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


class Teaching(Protocol):
    """The lessons of the feature that repairs broken sites."""

    def lesson_of(self, member: Member) -> Lesson | None:
        """Return the lesson that runs on the member's device; None if there is none."""
        ...

    def decide_of(self, member: Member) -> Decide:
        """Return the member's ``decide``; during a lesson one that also records what is blocked."""
        ...


class NoLessons:
    """Has no lessons."""

    def lesson_of(self, member: Member) -> Lesson | None:  # noqa: ARG002
        return None

    def decide_of(self, member: Member) -> Decide:
        return member.decide


class SlotBooks:
    """What is known of the addresses of each slot."""

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

    def names_of(self, slot: int, profile: Profile) -> DeviceNames | None:
        """Return the names of a slot's addresses; None if it is not filtered."""
        if self.names is None or not profile.filtered:
            return None
        return DeviceNames(self.names, slot, self._now)


class Maker:
    """Makes members by the current rules."""

    def __init__(self, world: World, calendar: Calendar, books: SlotBooks) -> None:
        self._world = world
        self._calendar = calendar
        self._books = books
        self._judges: list[Judge] = []

    def judge(self, profile: Profile) -> Judge:
        """Return the judge of a profile: one for all its devices. A managed device has a profile of its
        own.
        """
        known = next((judge for judge in self._judges if judge.profile is profile), None)
        if known is None:
            known = Judge(profile, self._world, self._calendar)
            self._judges.append(known)
        return known

    def member(self, slot: int, one: Wanted) -> Member:
        beside = None if one.beside is None else self._made(slot, one, one.beside)
        return self._made(slot, one, one.profile, beside)

    def _made(self, slot: int, one: Wanted, profile: Profile, beside: Member | None = None) -> Member:
        books = self._books
        if beside is None:
            judge = self.judge(profile)
        else:
            situation = lambda: beside.situation  # noqa: E731
            judge = CombinedJudge(profile, self._world, self._calendar, beside.judge, situation)
        known = books.addresses_of(slot), books.services_of(slot), books.names_of(slot, profile)
        made = Member(slot, one.macs, profile, judge, *known, one.quarantined)
        made.asked, made.beside = one.asked, beside
        return made


class Family:
    """Members by slot, rebuilt when a rule file, a list or a device's place changes."""

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
        where: Where = lambda _: None,
        minutes: Minutes | None = None,
        teaching: Teaching | None = None,
    ) -> None:
        self.members: dict[int, Member] = {}
        self.worn: Member | None = None  # a filter test's device, no member: nothing is stored
        self.everybody: dict[int, Member] = {}  # members, and the filter test's device
        self.subjects: dict[int, Subject] = {}
        self.plain: tuple[str, ...] = ()  # MAC addresses that are never filtered
        self.opened: Mapping[str, str] = {}  # those opened by an adult's proof: their owners otherwise
        self.minutes: Minutes = minutes or Uncounted()
        self._teaching: Teaching = teaching or NoLessons()
        self.unknown: int | None = None  # slot of unassigned devices; None: they are not filtered
        self.strangers: dict[str, int | None] = {}  # the same by interface, if it has its own default
        self.apart: frozenset[str] = frozenset()  # MAC addresses whose rules depend on their interface
        self._where = where
        self._store = store
        self._books = SlotBooks(book, services, names, now)
        self._clock_known = clock_known
        self._class_number = class_number
        self._calendar = Calendar(UTC)
        self._worn: Worn | None = None

    def rebuild(self, household: Household, world: World, calendar: Calendar, at: datetime) -> None:
        """Make the members of all devices. Raises StoreError if there are more than slots."""
        self._calendar = calendar
        make = Maker(world, calendar, self._books)
        wanted, self.plain, keys = self._wanted(household, at)
        in_use = [one.key for one in wanted]
        numbers: dict[str | None, int] = {}
        members: dict[int, Member] = {}
        for one in wanted:
            slot = self._store.slot(one.key, now=int(at.timestamp()), in_use=in_use)
            numbers[one.key] = slot
            members[slot] = make.member(slot, one)
        self.unknown = numbers.get(keys[None])
        self.strangers = {name: numbers.get(key) for name, key in keys.items() if name is not None}
        self.members = members
        self.subjects.clear()
        self.subjects[EVERYONE] = self._everyone(make.judge(household.home))
        for member in members.values():
            self._put_subject(member)
        self._dress(household, world)

    def wear(self, worn: Worn, household: Household, world: World, at: datetime) -> Member | None:
        """Give a filter test's device the rules of ``worn`` until ``take_off``. Returns None if that is
        impossible.
        """
        self._worn = worn
        self._dress(household, world)
        self.situate(at)
        return self.worn

    def take_off(self) -> None:
        if self.worn is not None:
            self.subjects.pop(self.worn.slot, None)
        self.worn = self._worn = None
        self._take_stock()

    def _dress(self, household: Household, world: World) -> None:
        """Rebuild the filter test's device by changed rules.

        Remove it if its rules do not exist any more, or its MAC address has an owner now.
        """
        worn = self._worn
        source = None if worn is None or self._is_known(worn.mac) else self._source(worn.who, household)
        self.worn = None
        if worn is not None and source is not None:
            like = source._replace(key=worn.mac, macs=(worn.mac,))
            # Judges of its own: those of the family cache earlier decisions.
            self.worn = Maker(world, self._calendar, self._books).member(worn.slot, like)
            for one in filter(None, (self.worn, self.worn.beside)):
                one.worn = worn
            self._put_subject(self.worn)
        self._take_stock()

    def _is_known(self, mac: str) -> bool:
        return mac in self.plain or any(mac in one.macs for one in self.members.values())

    def _source(self, who: str, household: Household) -> Wanted | None:
        """Return the slot whose rules a profile's devices, or a device, have."""
        if parse_mac(who) is None:
            profile = household.find(who)
            return None if profile is None or not profile.filtered else Wanted(who, (), profile)
        member = self.member_of(who)
        if member is None or member.quarantined:
            return None
        beside = None if member.beside is None else member.beside.profile
        return Wanted(who, member.macs, member.profile, asked=member.asked, beside=beside)

    def _take_stock(self) -> None:
        """Update all members with a slot, and the slots for which names of addresses are stored."""
        self.everybody = {one.slot: one for one in (*self.members.values(), self.worn) if one is not None}
        if self._books.names is not None:
            self._books.names.watch(slot for slot, one in self.everybody.items() if one.keeps_names)

    def _put_subject(self, member: Member) -> None:
        slot, profile, beside = member.slot, member.profile, member.beside
        decide, number = self._teaching.decide_of(member), partial(self._class_number, slot)
        unwanted = unwanted_by(profile, *(() if beside is None else (beside.profile,)))
        running = member.decide_running
        self.subjects[slot] = Subject(slot, profile.name, decide, number, running, unwanted)

    def _everyone(self, judge: Judge) -> Subject:
        def decide(seen: Observation, at: datetime) -> Decision:
            return judge.decide(seen, PLAIN, at)

        return Subject(EVERYONE, judge.profile.name, decide, partial(self._class_number, EVERYONE))

    def _wanted(self, household: Household, at: datetime) -> tuple[list[Wanted], tuple[str, ...], Keys]:
        """Return the desired slots, the MAC addresses without one, and the slots of unassigned devices."""
        force = self._in_force(at)
        who = {*(one.who for one in force.pauses), *(one.who for one in force.given)}
        alone = sorted({*(one for one in who if parse_mac(one) is not None), *household.config.managed})
        devices, questions = self._store.devices.all(), self._store.questions.all()
        self.apart = frozenset((*alone, *questions, *self._store.uses.all())) - household.named
        uses = self._store.uses.all()
        proofs = self._store.proofs.held(at, known=self._clock_known())
        grouping = Grouping(household, devices, questions, alone, at, self._where, uses, proofs)
        self.opened = grouping.opened
        return grouping.wanted()

    def situate(self, at: datetime) -> frozenset[int]:
        """Update situations by pauses, grants, `off` and minutes. Return the slots whose situation changed
        notably.

        Each used minute makes another situation, and most of them change nothing.
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
        """Return a member's situation at a past moment, as far as it is stored."""
        force, day = self._in_force(at), self._calendar.family_day(at)
        off = force.off
        force = InForce(
            tuple(one for one in force.pauses if one.since <= at),
            off if off is not None and off.since <= at else None,
            tuple(one for one in force.given if one.at <= at),
            tuple(one for one in force.openings if one.at <= at),
        )
        minutes = {(one.gate, one.at) for one in self.minutes.entries(member.profile.id, day) if one.at < at}
        used = Counter(gate for gate, _ in minutes)
        found = replace(self._situation(member, at, force), day=day, used=used, lesson=None)
        if not week_limits(member.profile.rules):
            return found
        week_used, earlier = Counter(used), self._calendar.first_of_week(day)
        while earlier < day:
            entries = self.minutes.entries(member.profile.id, earlier)
            week_used.update(gate for gate, _ in {(one.gate, one.at) for one in entries})
            earlier += DAY
        return replace(found, week_used=week_used)

    def judged(self, member: Member, at: datetime) -> tuple[Judge, Situation]:
        """Return a member's judge and situation at a past moment."""
        judge = member.judge
        if isinstance(judge, CombinedJudge) and member.beside is not None:
            judge = judge.as_of(self.held(member.beside, at))
        return judge, self.held(member, at)

    def unused(self, member: Member, at: datetime) -> Situation:
        """Return the situation by the guardians' settings alone, without use and without what the child
        took.
        """
        force = self._in_force(at)
        given = tuple(one for one in force.given if one.kind in BY_GUARDIANS and one.at <= at)
        found = self._situation(member, at, replace(force, given=given), BY_GUARDIANS)
        return replace(found, used={}, week_used={})

    def _situation(
        self,
        member: Member,
        at: datetime,
        force: InForce | None = None,
        kinds: Collection[GrantKind] = tuple(GrantKind),
    ) -> Situation:
        """``kinds``: what may have given the extra minutes of earlier days of the week."""
        force = force or self._in_force(at)
        worn = member.worn
        macs = member.macs if worn is None else (worn.who,)
        names = {member.profile.id, *macs}
        if member.profile.is_child:
            names.add("all")
        pauses = [pause for pause in force.pauses if pause.who in names]
        given = [one for one in force.given if one.who in names]
        counted, used = self.minutes.used(member.profile.id)
        known = self._clock_known()
        today = self._calendar.family_day(at) if known or counted is None else counted
        week_used, week_bonus = self._week(member, names, today, kinds)
        longest = max(pauses, key=lambda pause: pause.until or FOREVER, default=None)
        found = replace(
            member.situation,
            quarantined=member.quarantined,
            clock_known=known,
            portal=not (member.profile.rules.portal | self._store.marks.no_mobile_data).isdisjoint(macs),
            paused_until=None if longest is None else longest.until or FOREVER,
            paused_by="family" if longest is None else owner(longest.by),
            off_until=None if force.off is None else force.off.until or FOREVER,
            off_by="family" if force.off is None else owner(force.off.by),
            grants=tuple(
                Grant(one.gate, one.until, one.service, giver(one), one.boundary, one.sure)
                for one in given
                if one.until is not None
            ),
            used=dict(used) if counted == today else {},
            bonus=bonus(given),
            week_used=week_used,
            week_bonus=bonus([*given, *week_bonus]),
            day=today,
            allowed=tuple((one.entry, one.until) for one in force.openings if one.who in names),
            lesson=self._teaching.lesson_of(member),
            addresses=member.addresses,
            resolved=member.names,
            recent=member.services,
        )
        return found if worn is None else worn.of(found)

    def _week(
        self, member: Member, names: Collection[str], today: date, kinds: Collection[GrantKind]
    ) -> tuple[Mapping[str, int], list[Given]]:
        """Return the minutes used in the week of ``today``, and what was given on its earlier days."""
        if not week_limits(member.profile.rules):
            return {}, []
        first = self._calendar.first_of_week(today)
        given = [
            one
            for one in self._store.gifts.given(names)
            if first <= one.day < today and one.until is None and not one.ended and one.kind in kinds
        ]
        return self.minutes.used_since(member.profile.id, first), given

    def stand_in(self, profile: Profile, world: World, calendar: Calendar, at: datetime) -> Member:
        """Return a member for a profile, or for a device without a slot; it gets no slot."""
        known = (one.judge for one in self.members.values() if one.profile is profile)
        judge = next(known, None) or Judge(profile, world, calendar)
        books = self._books
        member = Member(
            EVERYONE, (), profile, judge, books.addresses_of(EVERYONE), books.services_of(EVERYONE)
        )
        member.situation = self._situation(member, at)
        return member

    def slots_of(self, who: str) -> frozenset[int]:
        """Return the slots of a profile's id or a MAC address, without devices that may belong to another."""
        return frozenset(
            slot
            for slot, one in self.members.items()
            if (who == one.profile.id and not one.asked) or who in one.macs
        )

    def member_of(self, mac: str, interface: str | None = None) -> Member | None:
        """Return the member of a MAC address; None if it is not filtered.

        For an unassigned device it depends on ``interface``, by default the one where it was seen last.
        """
        for member in self.members.values():
            if mac in member.macs:
                return member
        slot = self.strangers.get(interface or self._where(mac) or "", self.unknown)
        return None if mac in self.plain or slot is None else self.members[slot]

    def slot_of(self, mac: str, interface: str | None = None) -> int:
        """Return the slot of a MAC address, also for a filter test's device; 0 if it has none."""
        if self.worn is not None and mac in self.worn.macs:
            return self.worn.slot
        member = self.member_of(mac, interface)
        return 0 if member is None else member.slot


def bonus(given: Iterable[Given]) -> dict[str, int]:
    """Return the minutes beyond today's limits, by gate."""
    found: dict[str, int] = {}
    for grant in given:
        if grant.until is None:
            found[grant.gate] = found.get(grant.gate, 0) + grant.minutes
    return found


def giver(one: Given) -> str:
    """Return the owner of a grant: the guardian who gave it, else the family, as for a code."""
    return owner(one.by) if one.kind in BY_GUARDIANS else "family"


def owner(by: str) -> str:
    """Return the owner that a decision names: a guardian, or the family if no name is known."""
    return "family" if by in (CONSOLE, ROUTER) else f"{GUARDIAN}:{by}"
