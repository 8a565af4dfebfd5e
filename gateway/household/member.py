"""One slot: whose devices it has, by which rules, and how things stand for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.household.unassigned import Wanted
from gateway.path.addresses import AddressBook, DeviceAddresses, DeviceServices, ServiceBook
from gateway.path.name_addresses import DeviceNames, NameBook
from gateway.policy.judge.combined import JointJudge
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.world import World
from gateway.policy.profile.profile import Profile
from gateway.policy.time.schedule import Calendar
from gateway.policy.time.situation import FOREVER, PLAIN, Situation
from gateway.policy.values import Decision, Observation


@dataclass(slots=True)
class Worn:
    """The rules of somebody that an audit's device wears."""

    who: str  # a profile's id, or the MAC of a device
    mac: str  # of the audit's device
    slot: int
    paused: bool = False  # as by a guardian, this one device alone

    def of(self, situation: Situation) -> Situation:
        """What holds for ``who``, with time set aside: at bedtime all is closed, which tells nothing."""
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
    """One slot: its devices, the profile that holds for them, and their situation."""

    slot: int
    macs: tuple[str, ...]
    profile: Profile
    judge: Judge
    addresses: DeviceAddresses
    services: DeviceServices
    names: DeviceNames | None = None  # None: nothing of it is filtered
    quarantined: bool = False
    situation: Situation = PLAIN
    asked: bool = False  # somebody is asked about it: it is treated as the profile's, and may be another's
    beside: Member | None = None  # what would hold without the question
    worn: Worn | None = None  # it is an audit's device, and nobody's
    _of_running: tuple[Situation, Situation] = (PLAIN, PLAIN)  # a situation, and what it is to such flows

    @property
    def keeps_names(self) -> bool:
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
            self._of_running = situation, replace(situation, resolved=self.names.for_running_flows())
        return self._of_running[1]


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
        """None: nothing of it is filtered."""
        if self.names is None or not profile.filtered:
            return None
        return DeviceNames(self.names, slot, self._now)


class Maker:
    """Makes members by the rules as they are now."""

    def __init__(self, world: World, calendar: Calendar, books: SlotBooks) -> None:
        self._world = world
        self._calendar = calendar
        self._books = books
        self._judges: list[Judge] = []

    def judge(self, profile: Profile) -> Judge:
        """One for all devices of a profile; one that is managed has a profile of its own."""
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
            judge = JointJudge(profile, self._world, self._calendar, beside.judge, situation)
        known = books.addresses_of(slot), books.services_of(slot), books.names_of(slot, profile)
        made = Member(slot, one.macs, profile, judge, *known, one.quarantined)
        made.asked, made.beside = one.asked, beside
        return made
