"""The whole store: the daemon makes one and tells it everything that must outlive it.

Nothing here waits for more than one disk write, and no trouble of the disk is ever raised into the event
loop: what cannot be written is kept in memory as far as its limits allow, said once in the log, and shown
by ``problems``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from gateway.core.bus import Bus
from gateway.policy.requests.requests import kept
from gateway.policy.time.clock_changes import Jump
from gateway.store.database import SIDE_FILES, Database, Statement, StoreError, Trouble, remove_broken_copies
from gateway.store.durable_writes import Keeper
from gateway.store.events import EventWriter
from gateway.store.flash_wear import OFTEN, Wear
from gateway.store.stored_detail import family_day
from gateway.store.tables.adult_proofs import AdultProofs
from gateway.store.tables.agreements import Agreements
from gateway.store.tables.alerts import AlertBook
from gateway.store.tables.bypass_cards import WayCards
from gateway.store.tables.day_totals import DayTotals
from gateway.store.tables.device_marks import Marks
from gateway.store.tables.device_notes import ADDRESSES_DAYS, DeviceNotes
from gateway.store.tables.devices import Devices
from gateway.store.tables.grants import Gifts
from gateway.store.tables.growing import Growing
from gateway.store.tables.held_bands import HeldBands
from gateway.store.tables.history import SERVICE, History
from gateway.store.tables.pauses import InForce, State
from gateway.store.tables.people import People
from gateway.store.tables.questions import Questions
from gateway.store.tables.requests import Requests
from gateway.store.tables.self_set import SelfSets
from gateway.store.tables.sharing import Pins, Uses
from gateway.store.tables.sightings import Sights
from gateway.store.tables.slots import Numbers
from gateway.store.tables.tickets import Tickets

DAY_STARTS = timedelta(hours=4)
ONE_DAY = timedelta(days=1)
NAMES_DAYS = 7  # how long names of sites are kept
COUNTS_DAYS = 30
AUDIT_DAYS = 365
PURGE_ROWS = 500  # rows a call, so that the event loop is never held up for long

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ActivityErased:
    """A person's activity was erased from the database. Subscribers erase what they keep outside of it."""

    profile: str
    past: bool  # of days that are over
    running: bool  # of the running day, by whose minutes limits are applied


class Store:
    """``path`` is made when missing and replaced when broken; raises StoreError when neither works."""

    def __init__(
        self,
        path: Path,
        *,
        day_starts: timedelta = DAY_STARTS,
        wear: Wear = OFTEN,
        bus: Bus | None = None,
        named: Callable[[str], bool] = lambda mac: False,  # noqa: ARG005
        clock_trusted: Callable[[], bool] = lambda: True,
    ) -> None:
        """``named``: whether the family's files name a MAC address. Such a device never makes room."""
        self._database = Database(path)
        self._day_starts = day_starts
        self._bus = bus or Bus()
        try:
            loaded = _load(self._database, self._bus, named, clock_trusted)
        except BaseException:
            self._database.close()
            raise
        self._keeper, self.settings, self.numbers = loaded.keeper, loaded.settings, loaded.numbers
        self.devices, self.gifts, self.sights = loaded.devices, loaded.gifts, loaded.sights
        self.requests, self.tickets = loaded.requests, loaded.tickets
        self.questions, self.way_cards, self.marks = loaded.questions, loaded.way_cards, loaded.marks
        self.notes, self.people, self.agreements = loaded.notes, loaded.people, loaded.agreements
        self.uses, self.pins, self.proofs = loaded.uses, loaded.pins, loaded.proofs
        self.alerts, self.growing, self.self_set = loaded.alerts, loaded.growing, loaded.self_set
        self.minutes, self.history = DayTotals(self._database), History(self._database)
        self._doubted: datetime | None = None  # until when the clock may turn out to be wrong
        self._events = EventWriter(self._database, day_starts=day_starts, wear=wear)

        self.record, self.together = self._events.record, self._keeper.together
        self.pause, self.resume = self.settings.pause, self.settings.resume
        self.off, self.on = self.settings.off, self.settings.on
        self.end_pauses, self.blank_audit = self.settings.drop_of, self.settings.blank
        self.audit = self.settings.audit
        self.audit_lines, self.auditors = self.settings.audit_lines, self.settings.auditors
        self.guardians, self.keep_guardian = loaded.people.guardians, loaded.people.keep_guardian
        self.forget_slot = self.numbers.forget_slot
        self.slots, self.slot = self.numbers.slots, self.numbers.slot
        self.lend_slot, self.give_slot_back = self.numbers.lend, self.numbers.give_back
        self.classes, self.class_number = self.numbers.classes, self.numbers.class_number
        self.keep_classes = self.numbers.keep_classes
        self.hold_band, self.held_bands = loaded.held.hold, loaded.held.all

    def state(self, now: datetime, today: date | None = None) -> InForce:
        """Pauses, `off`, extra time and opened sites in force at ``now``: aware, and local where ``today``,
        the family's day, is not told.
        """
        given, openings = self.gifts.in_force(now, today or self.today(now))
        return replace(self.settings.in_force(now), given=given, openings=openings)

    def today(self, now: datetime) -> date:
        return family_day(now, self._day_starts)

    def shift(self, jump: Jump) -> bool:
        """The clock jumped, or became known: move all that is kept, at once and as one. Whether a device's
        place begins or ends.

        As much is left of it as was, and what has ended stays ended; gateway.policy.time.clock_changes has
        the rules.
        """
        self._doubted = jump.after + ONE_DAY if jump.was_known and jump.size >= ONE_DAY else None
        with self.together():
            self.settings.shift(jump)
            self.gifts.shift(jump)
            self.tickets.shift(jump)
            self.questions.shift(jump)
            self.people.shift(jump)
            return self.devices.shift(jump)

    def flush(self, now: float, *, force: bool = False) -> None:
        """Call it about once a second. ``now`` is the loop's clock."""
        self._keeper.catch_up()
        self._events.flush(now, force=force)

    def flush_devices(self) -> None:
        """Call it every few minutes: being seen is not worth a write each time."""
        with self.together():
            self.devices.flush()
            self.questions.flush()
            self.way_cards.flush()
            self.sights.flush()
            self.notes.flush()
            self.people.flush()
            self.numbers.flush()

    def purge(self, now: datetime) -> bool:
        """Erase what is older than it may get. True while there is more: call again soon, else in an hour.

        Nothing for a day after the clock was set a day ahead or more: it may be put back.
        """
        if self._doubted is not None and now < self._doubted:
            return False
        today = self.today(now)
        names = int((now - timedelta(days=NAMES_DAYS)).timestamp())
        audit = int((now - timedelta(days=AUDIT_DAYS)).timestamp())
        addresses = int((now - timedelta(days=ADDRESSES_DAYS)).timestamp())
        counts = (today - timedelta(days=COUNTS_DAYS)).isoformat()
        # All before the file is tidied: until then what was erased is still in the write-ahead log.
        self.way_cards.drop_old(today - timedelta(days=NAMES_DAYS))
        self.settings.drop_old(now)
        self.people.drop_old(now)
        self.gifts.drop_old(now, today - timedelta(days=COUNTS_DAYS))
        self.requests.keep(kept(self.requests.all(), now))
        self.tickets.drop_old(now)
        self.notes.tidy(self.devices.all())
        try:
            more = self._erase("decisions", "last < ?", (names,))
            more |= self._erase("counts", "day < ?", (counts,))
            more |= self._erase("minutes", "day < ?", (counts,))
            more |= self._erase("week_minutes", "day <= ?", ((today - timedelta(days=7)).isoformat(),))
            more |= self._erase("uses", "day < ?", (counts,))
            services = (today - timedelta(days=NAMES_DAYS)).isoformat()
            more |= self._erase("uses", "day < ? AND use LIKE ?", (services, f"{SERVICE}%"))
            more |= self._erase("audit", "at < ?", (audit,))
            more |= self._erase("addresses", "last < ?", (addresses,))
            if not more:
                self._database.tidy()
            remove_broken_copies(self._database.path, now - timedelta(days=NAMES_DAYS))
        except StoreError as error:
            log.error("%s; old lines stay until it can be written", error)
            more = False
        return more

    def _erase(self, table: str, where: str, values: tuple[object, ...]) -> bool:
        """Erase up to PURGE_ROWS rows; True when there may be more."""
        old = self._database.rows(f"SELECT rowid FROM {table} WHERE {where} LIMIT {PURGE_ROWS}", values)
        if old:
            self._database.write([Statement(f"DELETE FROM {table} WHERE rowid = ?", old)], durable=False)
        return len(old) == PURGE_ROWS

    def erase(self, profile: str, *, counts: bool = False, running: bool = False) -> None:
        """Erase one person's names of sites now, and for which services its minutes went; how much of what
        kind stays, unless ``counts`` go too. Minutes of the running day, by which limits go, stay but for
        ``running``. Raises StoreError.
        """
        self._events.forget(profile, counts=counts)
        self.way_cards.drop(lambda one: one.profile == profile)
        self._bus.publish(ActivityErased(profile, past=counts, running=running))
        self.history.erase(profile, counts=counts)
        self._database.tidy()
        remove_broken_copies(self._database.path)  # nobody can take one person's names out of them

    def problems(self) -> list[str]:
        """Sentences for `status`; empty when all is well."""
        found = []
        if self._keeper.behind:
            found.append(
                "The disk takes no writes: what was set since holds, but would not survive a restart."
            )
        if self._events.dropped:
            found.append(f"{self._events.dropped} decisions found no room in the log.")
        if self._keeper.audit_lost:
            found.append(f"{self._keeper.audit_lost} audit lines found no room.")
        return found

    def figures(self) -> Mapping[str, int]:
        """For `status --json`."""
        return {
            "pending": self._events.pending,
            "dropped": self._events.dropped,
            "renewals": self._database.renewals,
            "bytes": sum(
                file.stat().st_size
                for file in (
                    self._database.path,
                    *(self._database.path.with_name(self._database.path.name + end) for end in SIDE_FILES),
                )
                if file.exists()
            ),
        }

    def close(self) -> None:
        """Write what waits, and let go of the file."""
        self.flush_devices()
        self.flush(0.0, force=True)
        self._database.close()


@dataclass(frozen=True, slots=True)
class _Loaded:
    keeper: Keeper
    settings: State
    numbers: Numbers
    devices: Devices
    held: HeldBands
    questions: Questions
    gifts: Gifts
    requests: Requests
    tickets: Tickets
    sights: Sights
    way_cards: WayCards
    notes: DeviceNotes
    uses: Uses
    pins: Pins
    alerts: AlertBook
    marks: Marks
    people: People
    growing: Growing
    proofs: AdultProofs
    self_set: SelfSets
    agreements: Agreements


def _is_kept(named: Callable[[str], bool], notes: DeviceNotes, mac: str) -> bool:
    return named(mac) or mac in notes.labels()


def _load(
    database: Database, bus: Bus, named: Callable[[str], bool], clock_trusted: Callable[[], bool]
) -> _Loaded:
    """Reading finds damage too; the file has been replaced by then, so a second try reads the fresh one."""
    for last in (False, True):
        keeper = Keeper(database)
        try:
            notes = DeviceNotes(database, keeper)
            return _Loaded(
                keeper,
                State(database, keeper),
                Numbers(database, keeper),
                Devices(database, keeper, partial(_is_kept, named, notes)),
                HeldBands(database, keeper),
                Questions(database, keeper, clock_trusted),
                Gifts(database, keeper),
                Requests(database, keeper),
                Tickets(database, keeper),
                Sights(database, keeper, bus),
                WayCards(database, keeper),
                notes,
                Uses(database, keeper),
                Pins(database, keeper),
                AlertBook(database, keeper),
                Marks(database, keeper),
                People(database, keeper, bus),
                Growing(database, keeper),
                AdultProofs(database, keeper),
                SelfSets(database, keeper),
                Agreements(database, keeper),
            )
        except StoreError as error:
            if last or error.trouble is not Trouble.BROKEN:
                raise
    raise AssertionError
