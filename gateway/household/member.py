"""One slot: its devices, rules and situation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.household.unassigned import Wanted
from gateway.path.addresses import (
    AddressBook,
    DeviceAddresses,
    DeviceNames,
    DeviceServices,
    NameBook,
    ServiceBook,
)
from gateway.policy.judge.combined import CombinedJudge
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.world import World
from gateway.policy.profile.profile import Profile
from gateway.policy.time.schedule import Calendar
from gateway.policy.time.standing import FOREVER, PLAIN, Situation
from gateway.policy.values import Decision, Observation


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
