"""Which device is whose now, and the subject that the packet path has for each slot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from gateway.daemon.grouping import Grouping
from gateway.daemon.minutes import Minutes, Uncounted
from gateway.daemon.strangers import Keys, Wanted, Where
from gateway.path.addresses import AddressBook, DeviceAddresses, DeviceServices, ServiceBook
from gateway.path.nameaddresses import DeviceNames, NameBook
from gateway.path.subject import Subject, unwanted_by
from gateway.policy.decide import Judge
from gateway.policy.household import Household
from gateway.policy.joint import JointJudge
from gateway.policy.macs import parse_mac
from gateway.policy.profile import Profile
from gateway.policy.schedule import Calendar
from gateway.policy.sentence import GUARDIAN
from gateway.policy.situation import FOREVER, PLAIN, Grant, Situation
from gateway.policy.values import Decision, Observation
from gateway.policy.world import World
from gateway.store.given import Given, Kind
from gateway.store.state import InForce
from gateway.store.store import Store

EVERYONE = 0  # the slot of devices that have none
CONSOLE = "console"  # who changes something on the command line, unless a name is given


@dataclass(slots=True)
class Member:
    """One slot: its devices, the profile that holds for them, and their situation."""

    slot: int
    macs: tuple[str, ...]
    profile: Profile
    judge: Judge
    addresses: DeviceAddresses
    services: DeviceServices
    names: DeviceNames | None = None  # None: no rule of the profile asks which name gave an address
    quarantined: bool = False
    situation: Situation = PLAIN
    asked: bool = False  # somebody is asked about it: it is treated as the profile's, and may be another's
    beside: Member | None = None  # what would hold without the question
    _of_running: tuple[Situation, Situation] = (PLAIN, PLAIN)  # a situation, and what it is to such flows

    @property
    def asks_for_names(self) -> bool:
        return self.names is not None or (self.beside is not None and self.beside.names is not None)

    def decide(self, seen: Observation, at: datetime) -> Decision:
        return self.judge.decide(seen, self.situation, at)

    def decide_running(self, seen: Observation, at: datetime) -> Decision:
        """Of a flow that passed when it began: an answer that has lapsed meanwhile ends it not."""
        situation = self._running()
        if isinstance(self.judge, JointJudge) and self.beside is not None:
            return self.judge.both(seen, situation, self.beside._running(), at)
        return self.judge.decide(seen, situation, at)

    def _running(self) -> Situation:
        situation = self.situation
        if self.names is None:
            return situation
        if self._of_running[0] is not situation:
            self._of_running = situation, replace(situation, resolved=self.names.of_running())
        return self._of_running[1]


class Family:
    """Members by slot, rebuilt when a rule file, a list, or a device's place changes."""

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
    ) -> None:
        self.members: dict[int, Member] = {}
        self.subjects: dict[int, Subject] = {}
        self.plain: tuple[str, ...] = ()  # MACs that are never filtered
        self.minutes: Minutes = Uncounted()
        self.unknown: int | None = None  # slot of MACs that nobody named; None: they are not filtered
        self.strangers: dict[str, int | None] = {}  # the same on interfaces with a default of their own
        self._where = where
        self._store = store
        self._book = book
        self._services = services
        self._names = names
        self._clock_known = clock_known
        self._now = now
        self._class_number = class_number
        self._calendar = Calendar(UTC)

    def rebuild(self, household: Household, world: World, calendar: Calendar, at: datetime) -> None:
        """Make members of all devices. Raises StoreError when there are more than slots."""
        judges: list[Judge] = []
        self._calendar = calendar

        def judge(profile: Profile) -> Judge:
            """One for all devices of a profile; one that is managed has a profile of its own."""
            known = next((one for one in judges if one.profile is profile), None)
            if known is None:
                known = Judge(profile, world, calendar)
                judges.append(known)
            return known

        def made(slot: int, one: Wanted, profile: Profile, beside: Member | None = None) -> Member:
            addresses = DeviceAddresses(self._book, slot, self._now)
            services, names = DeviceServices(self._services, slot), self._names_of(slot, profile)
            if beside is None:
                mine = judge(profile)
            else:
                mine = JointJudge(profile, world, calendar, beside.judge, lambda: beside.situation)
            new = Member(slot, one.macs, profile, mine, addresses, services, names, one.quarantined)
            new.asked, new.beside = one.asked, beside
            return new

        wanted, self.plain, keys = self._wanted(household, at)
        in_use = [one.key for one in wanted]
        members: dict[int, Member] = {}
        numbers: dict[str | None, int] = {}
        for one in wanted:
            slot = self._store.slot(one.key, now=int(at.timestamp()), in_use=in_use)
            numbers[one.key] = slot
            beside = None if one.beside is None else made(slot, one, one.beside)
            members[slot] = made(slot, one, one.profile, beside)
        self.unknown = numbers.get(keys[None])
        self.strangers = {name: numbers.get(key) for name, key in keys.items() if name is not None}
        self.members = members
        if self._names is not None:
            self._names.watch(slot for slot, one in members.items() if one.asks_for_names)
        self.subjects.clear()
        self.subjects[EVERYONE] = self._everyone(judge(household.home))
        for slot, member in members.items():
            number = partial(self._class_number, slot)
            name, running = member.profile.name, member.decide_running
            both = (member.profile,) if member.beside is None else (member.profile, member.beside.profile)
            self.subjects[slot] = Subject(slot, name, member.decide, number, running, unwanted_by(*both))

    def _names_of(self, slot: int, profile: Profile) -> DeviceNames | None:
        """None: no rule of the profile asks which name gave an address."""
        if self._names is None or not profile.filtered:
            return None
        return DeviceNames(self._names, slot, self._now)

    def _everyone(self, judge: Judge) -> Subject:
        def decide(seen: Observation, at: datetime) -> Decision:
            return judge.decide(seen, PLAIN, at)

        return Subject(EVERYONE, judge.profile.name, decide, partial(self._class_number, EVERYONE))

    def _wanted(self, household: Household, at: datetime) -> tuple[list[Wanted], tuple[str, ...], Keys]:
        """What each slot shall be, the MACs without one, and whose slot strangers have."""
        force = self._in_force(at)
        who = {*(one.who for one in force.pauses), *(one.who for one in force.given)}
        alone = sorted({*(one for one in who if parse_mac(one) is not None), *household.config.managed})
        devices, questions = self._store.devices.all(), self._store.questions.all()
        return Grouping(household, devices, questions, alone, at, self._where).wanted()

    def situate(self, at: datetime) -> frozenset[int]:
        """Take in pauses, grants, `off` and minutes as they are now; the slots for which that changed much.

        Each minute that is used makes another situation, and most of them change nothing.
        """
        changed = set()
        for slot, member in self.members.items():
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
        """What held for a member at a moment that is over, as far as it is kept."""
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
        return replace(self._situation(member, at, force), day=day, used=used)

    def _situation(self, member: Member, at: datetime, force: InForce | None = None) -> Situation:
        force = force or self._in_force(at)
        names = {member.profile.id, *member.macs}
        if member.profile.is_child:
            names.add("all")
        pauses = [pause for pause in force.pauses if pause.who in names]
        given = [one for one in force.given if one.who in names]
        counted, used = self.minutes.used(member.profile.id)
        known = self._clock_known()
        today = self._calendar.family_day(at) if known or counted is None else counted
        longest = max(pauses, key=lambda pause: pause.until or FOREVER, default=None)
        return replace(
            member.situation,
            quarantined=member.quarantined,
            clock_known=known,
            portal=not member.profile.rules.portal.isdisjoint(member.macs),
            paused_until=None if longest is None else longest.until or FOREVER,
            paused_by="family" if longest is None else _owner(longest.by),
            off_until=None if force.off is None else force.off.until or FOREVER,
            off_by="family" if force.off is None else _owner(force.off.by),
            grants=tuple(
                Grant(one.gate, one.until, one.service, _giver(one), one.boundary, one.sure)
                for one in given
                if one.until is not None
            ),
            used=dict(used) if counted == today else {},
            bonus=_bonus(given),
            day=today,
            allowed=tuple((one.entry, one.until) for one in force.openings if one.who in names),
            addresses=member.addresses,
            resolved=member.names,
            recent=member.services,
        )

    def stand_in(self, profile: Profile, world: World, calendar: Calendar, at: datetime) -> Member:
        """A member for a profile as such, or for a device that has no slot; it gets none."""
        addresses = DeviceAddresses(self._book, EVERYONE, self._now)
        known = (one.judge for one in self.members.values() if one.profile is profile)
        judge = next(known, None) or Judge(profile, world, calendar)
        member = Member(EVERYONE, (), profile, judge, addresses, DeviceServices(self._services, EVERYONE))
        member.situation = self._situation(member, at)
        return member

    def slots_of(self, who: str) -> frozenset[int]:
        """Slots of a profile's id, or of a MAC; not those of devices that may be another's."""
        return frozenset(
            slot
            for slot, one in self.members.items()
            if (who == one.profile.id and not one.asked) or who in one.macs
        )

    def member_of(self, mac: str, interface: str | None = None) -> Member | None:
        """The member that a MAC belongs to; None: it is not filtered. A stranger's depends on the
        ``interface``; without one, on that where it was seen last.
        """
        for member in self.members.values():
            if mac in member.macs:
                return member
        slot = self.strangers.get(interface or self._where(mac) or "", self.unknown)
        return None if mac in self.plain or slot is None else self.members[slot]


def _bonus(given: Iterable[Given]) -> dict[str, int]:
    """Minutes beyond the limits of the day, by gate."""
    found: dict[str, int] = {}
    for one in given:
        if one.until is None:
            found[one.gate] = found.get(one.gate, 0) + one.minutes
    return found


def _giver(one: Given) -> str:
    """A landing, a code and what is granted by itself are nobody's word of today."""
    return _owner(one.by) if one.kind in (Kind.GRANT, Kind.REQUEST) else "family"


def _owner(by: str) -> str:
    """Who a decision names: a guardian, or the family where nobody gave a name."""
    return "family" if by == CONSOLE else f"{GUARDIAN}:{by}"
