"""Which devices are one, and which address two share: asks the family, and says whose rules hold meanwhile.

Told by the inventory; nothing of it happens while a packet waits. What strangers cause is done once a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.daemon.devices.comings import Comings
from gateway.daemon.devices.faces import Faces
from gateway.daemon.devices.grouping import PLAIN_PLACES
from gateway.daemon.devices.looks import Looks
from gateway.daemon.devices.strangers import VISITOR
from gateway.daemon.files.steps import PROGRAM
from gateway.daemon.verbs.asking import Asking
from gateway.home.device_events import (
    DeviceAppeared,
    DeviceFound,
    DeviceGone,
    DeviceReturned,
    TraitsChanged,
)
from gateway.home.inventory import Inventory
from gateway.policy.identity import Sign, Traits
from gateway.policy.questions import Absent, Ask, Question, Recognised, recognise
from gateway.policy.sharing import lent

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon
    from gateway.loop import Timer

AGAIN = 3.0  # seconds until newcomers are looked at again: devices that should be there are asked meanwhile
AGAIN_FOR = timedelta(seconds=30)  # by then, those that do not answer are known: a busy kernel takes ten
PERIOD = 60.0  # seconds between looks for what is over
BESIDE = 10.0  # seconds within which devices that were heard are there together
FORGOTTEN = timedelta(days=7)  # nobody asks about a stranger who was not here for so long


class Identities:
    def __init__(self, daemon: Daemon, inventory: Inventory) -> None:
        self._daemon = daemon
        self._inventory = inventory
        self._comings = Comings(daemon.loop.now, daemon.store.devices.all())
        self._newcomers = Looks(daemon.loop, self._look)
        self._faces = Faces(daemon.store.questions)
        self.asking = Asking(daemon)
        self._second: Timer | None = None
        self._over_timer = daemon.loop.call_later(PERIOD, self._over)
        daemon.bus.subscribe(DeviceAppeared, self._appeared)
        daemon.bus.subscribe(TraitsChanged, self._changed_traits)
        daemon.bus.subscribe(DeviceGone, self._gone)
        daemon.bus.subscribe(DeviceReturned, self._returned)
        daemon.bus.subscribe(DeviceFound, self._found)

    # Events of the inventory.

    def _appeared(self, event: DeviceAppeared) -> None:
        mac = event.mac
        if not self._trusted(mac):
            self._comes(mac, new=True)

    def _changed_traits(self, event: TraitsChanged) -> None:
        before, after, mac = event.before, event.after, event.after.mac
        if not self._trusted(mac):
            if self._comings.has_come(mac) or mac in self._daemon.store.questions.all():
                self._newcomers.at(mac)
            return
        if self._carries(mac) or self._changed(before, after):
            self._daemon.reassign()

    def _gone(self, event: DeviceGone) -> None:
        mac = event.mac
        if self._trusted(mac) or self._stands_in(mac):
            self._comings.went(mac)
            self._look_at_recent()

    def _returned(self, event: DeviceReturned) -> None:
        mac = event.mac
        apart = self._comings.back(mac)
        if not self._trusted(mac):
            self._comes(mac, new=False)
        elif apart is not None:
            self._faces.came_back(mac, self._elapsed(), apart)

    def _found(self, event: DeviceFound) -> None:
        mac = event.mac
        if not self._trusted(mac) and not self._comings.was_here(mac):
            self._comes(mac, new=False)

    def _comes(self, mac: str, *, new: bool) -> None:
        """A stranger: for the first time, or again. A child may have kept an address of its own for that."""
        self._comings.came(mac, new=new)
        self._newcomers.at(mac)
        if self._second is None:
            self._second = self._daemon.loop.call_later(AGAIN, self._look_again)

    def answered(self, mac: str) -> None:
        """Somebody said whose it is: what it looks like now is what it looks like."""
        questions = self._daemon.store.questions
        known = questions.drop(mac)
        if known is not None and known.ask is Ask.REPEATER:
            self._put(replace(known, settled=True, signs=(), profile=""))
        elif known is not None and known.face is not None:
            self._faces.trust(mac, known.face)
        self._comings.settled(mac)

    def _look_again(self) -> None:
        self._second = None
        recent = self._comings.lately(AGAIN_FOR)
        for mac in recent:
            self._newcomers.at(mac)
        if recent:
            self._second = self._daemon.loop.call_later(AGAIN, self._look_again)

    def _look_at_recent(self) -> None:
        for mac in self._comings.lately():
            self._newcomers.at(mac)

    # Newcomers.

    def _look(self, macs: Sequence[str]) -> None:
        with self._daemon.store.together():
            changed = [self._newcomer(mac) for mac in macs]
        if any(changed):
            self._daemon.reassign()

    def _trusted(self, mac: str) -> bool:
        """Whether the family has said whose it is, so that its address is worth a copy."""
        places = (*PLAIN_PLACES, VISITOR)
        return mac in self._daemon.rules.household.named or self._place(mac) in places

    def _place(self, mac: str) -> str:
        device = self._daemon.store.devices.all().get(mac)
        return "" if device is None else device.place

    def _newcomer(self, mac: str) -> bool:
        """Ask whose it is; whether other rules hold for it meanwhile than before."""
        if self._trusted(mac) or self._place(mac):
            return False
        known = self._daemon.store.questions.all().get(mac)
        if known is not None and known.settled:
            return False
        now = self._daemon.clock.now()
        traits = self._inventory.traits(mac) or Traits(mac)
        found = recognise(traits, self._family(mac))
        asked = self._asked(mac, found, known, now)
        if known is None and asked.ask is Ask.NEW and not self._comings.is_new(mac):
            return False  # who comes every week is not asked about every week
        if known is not None and known == replace(asked, signs=known.signs):
            if asked != known:
                self._daemon.store.questions.note(asked)
            return False
        if not self._put(asked):
            return asked.ask is Ask.AGAIN and self._daemon.store.questions.hold(asked)
        self._tell(asked)
        return asked.profile != ("" if known is None else known.profile)

    def _asked(self, mac: str, found: Recognised, known: Question | None, now: datetime) -> Question:
        """What was recognised once stays so: its device may well come back to look like another."""
        at = now if known is None else known.at
        kept = Recognised() if known is None else Recognised(known.known, known.profile, known.signs)
        if not (found.known or found.profile) or (kept.known and not found.known):
            found = Recognised(kept.known, kept.profile or found.profile, kept.signs)
        found = found._replace(profile=self._younger(kept.profile, found.profile))
        adult = known is not None and known.adult
        if self._inventory.behind(mac):
            return Question(mac, Ask.REPEATER, at, found.profile, found.known, adult=adult)
        ask = Ask.AGAIN if found.known or found.profile else Ask.NEW
        return Question(mac, ask, at, found.profile, found.known, found.signs, adult=adult)

    def _younger(self, one: str, other: str) -> str:
        profiles = self._daemon.rules.household.profiles
        known = [profiles[each] for each in (one, other) if each in profiles]
        return min(known, key=lambda each: each.band.rank).id if known else ""

    def _family(self, newcomer: str) -> Iterator[Absent]:
        """Each device that the family has named and that was here before; and those that may be a child's, so
        that who changes its address twice is as far as who does it once.
        """
        household, devices = self._daemon.rules.household, self._daemon.store.devices.all()
        lent_now = lent(household, self._daemon.store.uses.all().values())
        for mac in household.named | lent_now.keys():
            owner, device = lent_now.get(mac) or household.owner_of(mac), devices.get(mac)
            traits = self._inventory.traits(mac)
            if owner is not None and (device is not None or traits is not None):
                name = "" if device is None else device.name
                yield Absent(traits or Traits(mac, name), owner, self._gone_for(mac, newcomer))
        for mac, question in self._daemon.store.questions.all().items():
            owner = household.profiles.get(question.profile)
            if mac != newcomer and owner is not None and self._stands_in(mac):
                traits = self._inventory.traits(mac) or Traits(mac)
                yield Absent(traits, owner, self._gone_for(mac, newcomer), question.known)

    def _stands_in(self, mac: str) -> bool:
        """Whether a child's rules hold for a stranger, since it may be the child's."""
        known = self._daemon.store.questions.all().get(mac)
        return known is not None and known.about_stranger and bool(known.profile)

    def _gone_for(self, mac: str, newcomer: str) -> timedelta | None:
        last, unseen = self._last_seen(mac), self._inventory.silence(mac) == float("inf")
        silent = self._daemon.clock.now() - last if unseen and last is not None else None
        return self._comings.gone_for(mac, newcomer, missing=self._inventory.missing(mac), silent=silent)

    # Addresses that the family has named.

    def _carries(self, mac: str) -> bool:
        """Whether others' questions come through it of a sudden. Anybody can pretend that who has copied an
        address, so it is no excuse until somebody says that it is a repeater.
        """
        known = self._daemon.store.questions.all().get(mac)
        if not self._inventory.behind(mac) or (known is not None and known.ask is Ask.REPEATER):
            return False
        asked = Question(mac, Ask.REPEATER, self._daemon.clock.now(), signs=(Sign.CARRIES,))
        self._put(asked)
        self._tell(asked)
        return True

    def _changed(self, before: Traits, after: Traits) -> bool:
        """Whether other rules hold, since another host may have its address."""
        mac, now = after.mac, self._daemon.clock.now()
        known = self._daemon.store.questions.all().get(mac)
        if known is not None and known.ask is Ask.REPEATER:
            return False  # what is behind it looks as it looks
        signs = self._faces.suspicion(before, after, self._elapsed())
        if not signs:
            if known is not None and known.back is None:
                self._daemon.store.questions.note(replace(known, back=now))
            return False
        face = self._faces.strange(mac, None if known is None else known.face, after)
        asked = Question(mac, Ask.COPY, now, signs=signs, face=face)
        if known is not None:
            self._daemon.store.questions.note(replace(asked, at=known.at, settled=known.settled))
            return False
        self._put(asked)
        self._tell(asked)
        return True

    def _over(self) -> None:
        """What ends by itself: a suspicion, and questions about strangers who do not come back."""
        now, ended = self._daemon.clock.now(), []
        for mac, one in self._daemon.store.questions.all().items():
            if (one.about_stranger and self._unseen(mac, now)) or self._faces.is_over(one, now):
                ended.append(one)
        for one in ended:
            self._daemon.store.questions.drop(one.mac)
            if one.silent:
                continue
            self._daemon.store.audit(f"{one.ask} over", one.mac, by=PROGRAM, at=now)
            self._daemon.control.publish("identity", mac=one.mac, ask=one.ask, what="over")
        self._daemon.store.questions.flush()
        if ended:
            self._daemon.reassign()
        elapsed = self._elapsed()
        for mac in self._faces.due(elapsed):
            traits = self._inventory.traits(mac)
            if traits is not None:
                self._faces.suspicion(traits, traits, elapsed)
        self._note_together()
        self._over_timer = self._daemon.loop.call_later(PERIOD, self._over)

    def _note_together(self) -> None:
        here = [mac for mac in self._inventory.macs() if self._inventory.silence(mac) <= BESIDE]
        named = self._daemon.rules.household.named
        strangers = (mac for mac in here if self._comings.has_come(mac))
        self._comings.together(strangers, [mac for mac in here if mac in named])

    def _elapsed(self) -> timedelta:
        return timedelta(seconds=self._daemon.loop.now())

    def _unseen(self, mac: str, now: datetime) -> bool:
        last = None if self._inventory.online(mac) else self._last_seen(mac)
        return last is not None and last + FORGOTTEN <= now

    def _last_seen(self, mac: str) -> datetime | None:
        device = self._daemon.store.devices.all().get(mac)
        return None if device is None else device.last_seen

    def _put(self, one: Question) -> bool:
        return self._daemon.store.questions.put(one, self._last_seen, self._daemon.clock.now())

    def _tell(self, one: Question) -> None:
        """Whoever listens, and the audit: of mere newcomers the list of devices says when they came."""
        daemon = self._daemon
        told = self.asking.describe(one)
        if one.ask is not Ask.NEW:
            detail = " ".join(part for part in (one.mac, one.known, one.profile, *one.signs) if part)
            daemon.store.audit(f"device {one.ask}", detail, by=PROGRAM, at=daemon.clock.now())
        daemon.control.publish("identity", what="asked", **told)

    def close(self) -> None:
        self._over_timer.cancel()
        self._newcomers.close()
        if self._second is not None:
            self._second.cancel()
