"""Detects devices that changed their MAC address, and MAC addresses that two devices use.

It asks the guardians about them. Until they answer, the likely owner's rules apply. It handles the
inventory's events, outside of the packet path. New devices are examined at most once a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.control.schema import values_of
from gateway.core.loop import Timer
from gateway.features.devices.arrivals import DeviceArrivals
from gateway.features.devices.known_traits import KnownTraits
from gateway.features.devices.look_queue import LookQueue
from gateway.features.devices.questions import DeviceQuestions
from gateway.household.context import Effects, HomeContext
from gateway.household.file_history import PROGRAM
from gateway.household.slot_assignment import ADULT, ADULT_GUEST, PLAIN_PLACES, PRESENT
from gateway.lan.inventory import (
    AddressContested,
    DeviceAppeared,
    DeviceFound,
    DeviceGone,
    DeviceReturned,
    Inventory,
    TraitsChanged,
)
from gateway.policy.identity.copies import QUIET
from gateway.policy.identity.questions import (
    KEPT,
    Ask,
    IdentityQuestion,
    KnownDevice,
    Recognition,
    recognise,
)
from gateway.policy.identity.sharing import temporary_profiles
from gateway.policy.identity.traits import Sign, Traits
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.devices import DeviceTable
from gateway.store.tables.questions import QuestionTable
from gateway.store.tables.sharing import DeviceUseTable

RETRY_SECONDS = 1.0  # between two looks at new devices: silent devices are probed meanwhile
RETRY_FOR = timedelta(seconds=30)  # by then it is known which devices are silent; a busy kernel takes ten
HELD = timedelta(seconds=3)  # a new device's first DHCP request comes within this time
HELD_AT_MOST = timedelta(seconds=10)  # if it stays unknown whether a silent device has left
PERIOD = 60.0  # seconds between two looks for questions that are over
TOGETHER_SECONDS = 10.0  # devices that were heard within this time are present at the same time
FORGOTTEN = timedelta(days=7)  # a question about a new device ends after such an absence


class Identities:
    """Asks guardians about the owner of a new or suspicious device, and ends questions that are over.

    Suspicious: it may be a known one with another address, or a copy of its address.
    ``transaction``: all writes to the store inside of it reach the disk together, or none does.
    """

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        inventory: Inventory,
        devices: DeviceTable,
        uses: DeviceUseTable,
        questions: QuestionTable,
        audit: RecordAudit,
        transaction: Callable[[], AbstractContextManager[None]],
        device_questions: DeviceQuestions,
    ) -> None:
        self._home = home
        self._effects = effects
        self._inventory = inventory
        self._devices = devices
        self._uses = uses
        self._questions = questions
        self._audit = audit
        self._transaction = transaction
        self._device_questions = device_questions
        self._arrivals = DeviceArrivals(home.loop.now, devices.all())
        self._look_queue = LookQueue(home.loop, self._look)
        self._known_traits = KnownTraits(questions)
        self._retry: Timer | None = None
        self._over_timer = home.loop.call_later(PERIOD, self._over)
        home.bus.subscribe(DeviceAppeared, self._appeared)
        home.bus.subscribe(TraitsChanged, self._changed_traits)
        home.bus.subscribe(DeviceGone, self._gone)
        home.bus.subscribe(DeviceReturned, self._returned)
        home.bus.subscribe(DeviceFound, self._found)
        home.bus.subscribe(AddressContested, self._contested)

    # Events of the inventory.

    def _appeared(self, event: DeviceAppeared) -> None:
        if not self._trusted(event.mac):
            self._comes(event.mac, new=True)

    def _changed_traits(self, event: TraitsChanged) -> None:
        before, after, mac = event.before, event.after, event.after.mac
        if not self._trusted(mac):
            if self._arrivals.has_come(mac) or mac in self._questions.all():
                self._look_queue.at(mac)
            return
        if self._carries(mac) or self._changed(before, after):
            self._effects.regroup()

    def _gone(self, event: DeviceGone) -> None:
        mac = event.mac
        if self._trusted(mac) or self._stands_in(mac):
            self._arrivals.went(mac)
            self._look_at_recent()

    def _returned(self, event: DeviceReturned) -> None:
        mac = event.mac
        apart = self._arrivals.back(mac)
        if not self._trusted(mac):
            self._comes(mac, new=False)
        elif apart is not None:
            self._known_traits.came_back(mac, self._elapsed(), apart)

    def _found(self, event: DeviceFound) -> None:
        mac = event.mac
        if not self._trusted(mac) and not self._inventory.is_examined(mac):
            self._comes(mac, new=False)

    def _comes(self, mac: str, *, new: bool) -> None:
        """Queue a device that arrived and that no guardian has assigned, to be examined.

        One that was here before is examined too: a child may have prepared another MAC address earlier.
        """
        self._arrivals.came(mac, new=new)
        self._look_queue.at(mac)
        if self._retry is None:
            self._retry = self._home.loop.call_later(RETRY_SECONDS, self._look_again)

    def answered(self, mac: str) -> None:
        """End the question about a device, because a guardian has assigned it or confirmed its owner.

        A question about a repeater or a taken IP address stays stored as settled, so that it is not asked
        again. Traits that raised a suspicion count as the device's own from now on.
        """
        question = self._questions.drop(mac)
        if question is not None and question.ask in KEPT:
            self._put(replace(question, settled=True, signs=(), profile=""))
        elif question is not None and question.face is not None:
            self._known_traits.trust(mac, question.face)
        self._arrivals.settled(mac)
        self._inventory.set_examined(mac)

    def _look_again(self) -> None:
        self._retry = None
        recent = self._arrivals.lately(RETRY_FOR)
        for mac in recent:
            self._look_queue.at(mac)
        if recent:
            self._retry = self._home.loop.call_later(RETRY_SECONDS, self._look_again)

    def _look_at_recent(self) -> None:
        for mac in self._arrivals.lately():
            self._look_queue.at(mac)

    # New devices.

    def _look(self, macs: Sequence[str]) -> None:
        with self._transaction():
            changed = [self._check_new_device(mac) for mac in macs]
        for mac in macs:
            if self._is_clear(mac):
                self._inventory.set_examined(mac)
        if any(changed):
            self._effects.regroup()

    def _is_clear(self, mac: str) -> bool:
        """Return whether enough is known of a new device to end its examination.

        It is unclear in the first seconds (HELD), and while a child's device that was present when the new
        one came may have left: the new one may be that device with another address. After HELD_AT_MOST it is
        always clear.
        """
        here_for = self._arrivals.here_for(mac)
        if here_for is None or here_for >= HELD_AT_MOST:
            return True
        if here_for < HELD:
            return False
        family = (device for device in self._candidates(mac) if device.owner.is_child)
        return not any(self._may_have_left(device.traits.mac, here_for) for device in family)

    def _may_have_left(self, mac: str, within: timedelta) -> bool:
        """Return whether a device was silent for the time ``within``, but is not known to be missing yet."""
        inventory = self._inventory
        silent = inventory.silence(mac) >= within.total_seconds()
        return silent and inventory.online(mac) and not inventory.missing(mac)

    def _trusted(self, mac: str) -> bool:
        """Return whether the device is assigned, or was there at the first setup.

        If so, another device may copy its MAC address to get its rules. An adult guest's device counts, a
        filtered guest's does not.
        """
        places = (*PLAIN_PLACES, PRESENT, ADULT_GUEST)
        return mac in self._home.rules.household.named or self._place(mac) in places

    def _place(self, mac: str) -> str:
        device = self._devices.all().get(mac)
        return "" if device is None else device.place

    def _check_new_device(self, mac: str) -> bool:
        """Create or update the question about a new device, and publish it.

        Return whether other rules apply to the device from now on.
        """
        if self._trusted(mac) or self._place(mac):
            return False
        known = self._questions.all().get(mac)
        if known is not None and known.settled:
            return False
        traits = self._inventory.traits(mac) or Traits(mac)
        found = recognise(traits, self._candidates(mac))
        question = self._question(mac, found, known, self._home.now())
        if known is None and question.ask is Ask.NEW and not self._arrivals.is_new(mac):
            return False  # guardians are not asked again about a device that comes every week
        if known is not None and known == replace(question, signs=known.signs):
            if question != known:
                self._questions.note(question)
            return False
        if not self._put(question):
            return question.ask is Ask.AGAIN and self._questions.hold(question)
        self._report(question)
        return question.profile != ("" if known is None else known.profile)

    def _question(
        self, mac: str, found: Recognition, known: IdentityQuestion | None, now: datetime
    ) -> IdentityQuestion:
        """Return the question to ask about a new device, from what it was recognised as (``found``).

        An earlier recognition in ``known`` is kept: the device may have changed its traits on purpose.
        """
        at = now if known is None else known.at
        kept = Recognition() if known is None else Recognition(known.known, known.profile, known.signs)
        if not (found.known or found.profile) or (kept.known and not found.known):
            found = Recognition(kept.known, kept.profile or found.profile, kept.signs)
        found = found._replace(profile=self._younger(kept.profile, found.profile))
        adult = known is not None and known.adult
        if self._inventory.behind(mac):
            return IdentityQuestion(mac, Ask.REPEATER, at, found.profile, found.known, adult=adult)
        ask = Ask.AGAIN if found.known or found.profile else Ask.NEW
        return IdentityQuestion(mac, ask, at, found.profile, found.known, found.signs, adult=adult)

    def _younger(self, first: str, second: str) -> str:
        profiles = self._home.rules.household.profiles
        known = [profiles[profile_id] for profile_id in (first, second) if profile_id in profiles]
        return min(known, key=lambda profile: profile.band.rank).id if known else ""

    def _candidates(self, new_mac: str) -> Iterator[KnownDevice]:
        """Yield the known devices that the new device may be, under another MAC address.

        These are assigned devices, and new devices that may be a child's. The latter are included so that two
        changes of the address do not help more than one.
        """
        household, devices = self._home.rules.household, self._devices.all()
        lent_now = temporary_profiles(household, self._uses.all().values())
        for mac in household.named | lent_now.keys():
            owner, device = lent_now.get(mac) or household.owner_of(mac), devices.get(mac)
            traits = self._inventory.traits(mac)
            if owner is not None and (device is not None or traits is not None):
                name = "" if device is None else device.name
                yield KnownDevice(traits or Traits(mac, name), owner, self._gone_for(mac, new_mac))
        for mac, question in self._questions.all().items():
            owner = household.profiles.get(question.profile)
            if mac != new_mac and owner is not None and self._stands_in(mac):
                traits = self._inventory.traits(mac) or Traits(mac)
                yield KnownDevice(traits, owner, self._gone_for(mac, new_mac), question.known)

    def _stands_in(self, mac: str) -> bool:
        """Return whether an open question about a new device names a profile that may own it."""
        known = self._questions.all().get(mac)
        return known is not None and known.about_new_device and bool(known.profile)

    def _gone_for(self, mac: str, new_mac: str) -> timedelta | None:
        last, unseen = self._devices.last_seen(mac), self._inventory.silence(mac) == float("inf")
        silent = self._home.now() - last if unseen and last is not None else None
        return self._arrivals.gone_for(mac, new_mac, missing=self._inventory.missing(mac), silent=silent)

    # Assigned addresses.

    def _carries(self, mac: str) -> bool:
        """Ask about an assigned device that forwards for others, as a repeater does.

        Return whether the question is new. A copied address can be made to look like a repeater, so the
        strictest rules apply until an answer.
        """
        known = self._questions.all().get(mac)
        if not self._inventory.behind(mac) or (known is not None and known.ask is Ask.REPEATER):
            return False
        question = IdentityQuestion(mac, Ask.REPEATER, self._home.now(), signs=(Sign.CARRIES,))
        self._put(question)
        self._report(question)
        return True

    def _changed(self, before: Traits, after: Traits) -> bool:
        """Ask about a MAC address if its new traits suggest another host.

        Return whether the question is new.
        """
        mac, now = after.mac, self._home.now()
        known = self._questions.all().get(mac)
        if known is not None and known.ask is Ask.REPEATER:
            return False  # a repeater shows the traits of the devices behind it
        if known is not None and known.ask is Ask.ADDRESS:
            known = None  # a suspicion that changes its rules replaces it
        signs = self._known_traits.suspicion(before, after, self._elapsed())
        if not signs:
            if known is not None and known.back is None:
                self._questions.note(replace(known, back=now))
            return False
        face = self._known_traits.merge_foreign_traits(mac, None if known is None else known.face, after)
        question = IdentityQuestion(mac, Ask.COPY, now, signs=signs, face=face)
        if known is not None:
            self._questions.note(replace(question, at=known.at, settled=known.settled))
            return False
        self._put(question)
        self._report(question)
        return True

    def _contested(self, event: AddressContested) -> None:
        """Ask about an adult's device if a device that is no adult's uses its IP address while it is present.

        No rules change: those of each device follow its MAC address.
        """
        mac, other, now = event.first, event.second, self._home.now()
        known = self._questions.all().get(mac)
        if not self._is_adults(mac) or self._is_adults(other):
            return
        if known is not None and known.ask is not Ask.ADDRESS:
            return  # the guardians are already asked about its owner
        if known is not None and (known.known == other or not known.settled):
            # No further question: a sender can write any MAC address.
            self._questions.note(replace(known, back=now))
            return
        question = IdentityQuestion(mac, Ask.ADDRESS, now, known=other, back=now)
        self._put(question)
        self._report(question)

    def _is_adults(self, mac: str) -> bool:
        household = self._home.rules.household
        if mac in temporary_profiles(household, self._uses.all().values()):
            return False
        owner = household.owner_of(mac)
        if owner is None:
            return self._place(mac) == ADULT
        return not (owner.is_child or owner.built_in)

    def _over(self) -> None:
        """End suspicions that are over, and questions about new devices that were absent for FORGOTTEN.

        Also store small changes of traits that have lasted, record which devices are present together, and
        end the examination of new devices. Repeat every PERIOD seconds.
        """
        now = self._home.now()
        ended = [
            question
            for mac, question in self._questions.all().items()
            if (question.about_new_device and self._unseen(mac, now))
            or self._known_traits.is_over(question, now)
            or (question.ask is Ask.ADDRESS and question.back is not None and question.back + QUIET <= now)
        ]
        for question in ended:
            self._questions.drop(question.mac)
            if question.silent:
                continue
            self._audit(f"{question.ask} over", question.mac, by=PROGRAM, at=now)
            self._home.publish("identity", mac=question.mac, ask=question.ask, what="over")
        self._questions.flush()
        if ended:
            self._effects.regroup()
        elapsed = self._elapsed()
        for mac in self._known_traits.due(elapsed):
            traits = self._inventory.traits(mac)
            if traits is not None:
                self._known_traits.suspicion(traits, traits, elapsed)
        self._record_presence()
        for mac in self._inventory.macs():
            if self._inventory.online(mac) and not self._trusted(mac) and self._is_clear(mac):
                self._inventory.set_examined(mac)  # some were never looked at in a flood of invented ones
        self._over_timer = self._home.loop.call_later(PERIOD, self._over)

    def _record_presence(self) -> None:
        here = [mac for mac in self._inventory.macs() if self._inventory.silence(mac) <= TOGETHER_SECONDS]
        named = self._home.rules.household.named
        new = (mac for mac in here if self._arrivals.has_come(mac))
        self._arrivals.record_presence(new, [mac for mac in here if mac in named])

    def _elapsed(self) -> timedelta:
        return timedelta(seconds=self._home.loop.now())

    def _unseen(self, mac: str, now: datetime) -> bool:
        last = None if self._inventory.online(mac) else self._devices.last_seen(mac)
        return last is not None and last + FORGOTTEN <= now

    def _put(self, question: IdentityQuestion) -> bool:
        return self._questions.put(question, self._devices.last_seen, self._home.now())

    def _report(self, question: IdentityQuestion) -> None:
        """Publish a question as an event, and write an audit line, except for a new device."""
        described = self._device_questions.describe(question)
        if question.ask is not Ask.NEW:
            words = question.mac, question.known, question.profile, *question.signs
            detail = " ".join(word for word in words if word)
            self._audit(f"device {question.ask}", detail, by=PROGRAM, at=self._home.now())
        self._home.publish("identity", what="asked", **values_of(described))

    def close(self) -> None:
        self._over_timer.cancel()
        self._look_queue.close()
        if self._retry is not None:
            self._retry.cancel()
