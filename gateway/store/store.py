"""The store of the daemon: all state that must survive a restart.

A change of a table waits for one disk write, `purge` and `erase` for several. Disk errors of changes are not
raised: the store keeps unwritten state in memory up to its limits, logs the error once, and reports it in
``problems``. StoreError is raised by `erase`, by reads and writes of the history and the minutes of past
days, and by reads of other data that is only on the disk: audit lines, sightings and former addresses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from gateway.core.bus import Bus
from gateway.policy.profile.rules import SERVICE
from gateway.policy.requests.requests import kept
from gateway.policy.time.clock_changes import Jump
from gateway.policy.time.limit_periods import MOST_DAYS
from gateway.policy.time.schedule import Calendar
from gateway.store.database import SIDE_FILES, Database, Statement, StoreError, Trouble, remove_broken_copies
from gateway.store.durable_writes import DurableWriter
from gateway.store.events import EventWriter
from gateway.store.flash_wear import OFTEN, Wear
from gateway.store.stored_detail import COUNTS_DAYS, NAMES_DAYS
from gateway.store.tables.adult_proofs import AdultProofTable
from gateway.store.tables.agreements import AgreementTable
from gateway.store.tables.alerts import AlertTable
from gateway.store.tables.attempts import AttemptTable
from gateway.store.tables.audit import AuditTable
from gateway.store.tables.bypass_cards import BypassCardTable
from gateway.store.tables.day_totals import DayTotalTable
from gateway.store.tables.device_marks import DeviceMarkTable
from gateway.store.tables.device_notes import ADDRESSES_DAYS, DeviceNoteTable
from gateway.store.tables.devices import UNSEEN, DeviceTable
from gateway.store.tables.grants import GrantTable
from gateway.store.tables.growing import AgeTransitionTable
from gateway.store.tables.held_bands import HeldBandTable
from gateway.store.tables.history import HistoryTable
from gateway.store.tables.pauses import DOUBT, InForce, PauseTable
from gateway.store.tables.people import AccountTable
from gateway.store.tables.push_subscriptions import PushTable
from gateway.store.tables.questions import QuestionTable
from gateway.store.tables.requests import RequestTable
from gateway.store.tables.self_set import SelfSetTable
from gateway.store.tables.sharing import DeviceUseTable, PinTable
from gateway.store.tables.sightings import SightingTable
from gateway.store.tables.slots import SlotTable
from gateway.store.tables.tickets import TicketTable

ONE_DAY = timedelta(days=1)
AUDIT_DAYS = 365
BAD_VALUES = (ValueError, OverflowError, KeyError, TypeError)  # raised for a value that damage has changed
AUDIT_ROWS = 2000  # of one author: what a child does in a flood displaces no guardian's lines
PURGE_ROWS = 500  # rows in one call, so that the event loop is not blocked for long

_BEYOND_AUDIT = (
    "rowid IN (SELECT rowid FROM (SELECT rowid, row_number() OVER "
    "(PARTITION BY who ORDER BY at DESC, rowid DESC) AS place FROM audit) WHERE place > ?)"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ActivityErased:
    """Event: a profile's stored activity is erased. Subscribers erase their own copies of it.

    Always erased are the names of sites and the minutes by service, of all days.
    """

    profile: str
    past: bool  # also all minutes of past days, and those by category of the current day
    running: bool  # also the current day's minutes by time rule, which the limits use


def _family_day(now: datetime) -> date:
    """Return the date of the family's day that begins at 04:00, the default, in the time zone of ``now``."""
    return Calendar(now.tzinfo or UTC).family_day(now)


class Store:
    """Gives access to the daemon's state in the SQLite file at ``path``, by a table object for each kind.

    Creates a missing file and replaces a damaged one. On a full or read-only disk, or with a file
    of a newer version, changes stay in memory. Raises StoreError if it cannot be opened for another
    reason.
    """

    def __init__(
        self,
        path: Path,
        *,
        family_day: Callable[[datetime], date] = _family_day,
        wear: Wear = OFTEN,
        bus: Bus | None = None,
        named: Callable[[str], bool] = lambda mac: False,  # noqa: ARG005
        clock_trusted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Open the database and load its tables.

        ``family_day``: returns the date of the family's day at a time. ``wear``: how often data that
        can wait is written. ``bus`` gets the events. ``named`` returns whether the
        family's files list a MAC address: such a device is never evicted. ``clock_trusted`` returns
        whether the system clock is known to be correct.
        """
        self._database = Database(path)
        self.today = family_day
        self._bus = bus or Bus()
        try:
            loaded = _load(self._database, self._bus, named, clock_trusted)
        except BaseException:
            self._database.close()
            raise
        self._writer, self.pauses, self.slots = loaded.writer, loaded.pauses, loaded.slots
        self.devices, self.grants, self.sightings = loaded.devices, loaded.grants, loaded.sightings
        self.requests, self.tickets = loaded.requests, loaded.tickets
        self.questions, self.bypass_cards, self.marks = loaded.questions, loaded.bypass_cards, loaded.marks
        self.notes, self.people, self.agreements = loaded.notes, loaded.people, loaded.agreements
        self.uses, self.pins, self.proofs = loaded.uses, loaded.pins, loaded.proofs
        self.alerts, self.growing, self.self_set = loaded.alerts, loaded.growing, loaded.self_set
        self.attempts, self.push = loaded.attempts, loaded.push
        self.audit = AuditTable(self._database, self._writer)
        self.minutes, self.history = DayTotalTable(self._database), HistoryTable(self._database)
        self.events = EventWriter(self._database, family_day=family_day, wear=wear)

        self.transaction = self._writer.transaction
        self.classes, self.class_number = self.slots.classes, self.slots.class_number
        self.keep_classes = self.slots.keep_classes
        self.held_bands = loaded.held_bands

    def state(self, now: datetime, today: date | None = None) -> InForce:
        """Return what is in force at ``now``: pauses, extra time, opened sites, and the switch `off`.

        The switch, of a guardian or the provider, turns filtering off; None if it is not on.
        ``now`` is an aware time, ``today`` the date of its family's day (None: computed).
        """
        given, openings = self.grants.in_force(now, today or self.today(now))
        return replace(self.pauses.in_force(now), given=given, openings=openings)

    def shift(self, jump: Jump) -> bool:
        """Adjust the stored times of this store's tables after a change of the clock, in one transaction.

        A clock change neither adds nor removes time, and ended periods stay ended (see
        gateway.policy.time.clock_changes). If a trusted clock went forward by a day or more, `purge`
        erases nothing for a day, and no age group changes automatically. Requests, adult proofs, age
        transitions and temporary users of devices are not adjusted here. Return whether any device's
        temporary place (such as guest) or its end changed.
        """
        with self.transaction():
            self.pauses.shift(jump)
            if jump.was_known and jump.size >= ONE_DAY:
                until = jump.after + ONE_DAY
                self.pauses.doubt_clock(at=jump.after, until=until, clock_trusted=jump.known)
            elif jump.size <= -ONE_DAY:
                self.pauses.end_doubt()
            self.grants.shift(jump)
            self.tickets.shift(jump)
            self.questions.shift(jump)
            self.people.shift(jump)
            self.attempts.shift(jump)
            return self.devices.shift(jump)

    def flush(self, now: float, *, force: bool = False) -> None:
        """Write the pending filter decisions if they are due or ``force``.

        Before that, write state that the disk did not take earlier, if it can be written again. Also
        empty the write-ahead log, if another process prevented that after an erasure.
        Call it about once a second. ``now`` is the loop's clock in seconds. Disk errors are not
        raised: `problems` reports them.
        """
        with suppress(StoreError):  # the next call tries again
            self._database.reopen()
            self._database.finish_tidy()
        self._writer.catch_up()
        self.events.flush(now, force=force)

    def flush_devices(self) -> None:
        """Write changes that can wait, such as the last-seen times of devices, sessions and slots.

        Call it every few minutes, to save writes.
        """
        with self.transaction():
            self.devices.flush()
            self.questions.flush()
            self.bypass_cards.flush()
            self.sightings.flush()
            self.notes.flush()
            self.people.flush()
            self.slots.flush()

    def purge(self, now: datetime) -> bool:
        """Erase rows past their retention. Return True if there are more: then call again soon.

        Otherwise, call it after ``Wear.purge_every`` seconds. Erases nothing for a day after a
        trusted clock went forward by a day or more, also after a restart, since it may be set back.
        A disk error is logged; the result is then False.
        """
        if self.pauses.switch(DOUBT, now) is not None:
            return False
        today = self.today(now)
        names = int((now - timedelta(days=NAMES_DAYS)).timestamp())
        audit = int((now - timedelta(days=AUDIT_DAYS)).timestamp())
        addresses = int((now - timedelta(days=ADDRESSES_DAYS)).timestamp())
        counts = (today - timedelta(days=COUNTS_DAYS)).isoformat()
        # Erase everything before ``tidy``: until then erased rows are still in the write-ahead log.
        self.bypass_cards.drop_old(today - timedelta(days=NAMES_DAYS))
        self.pauses.drop_old(now)
        self.people.drop_old(now)
        self.grants.drop_old(now, today - timedelta(days=COUNTS_DAYS))
        self.requests.keep(kept(self.requests.all(), now))
        self.held_bands.drop_old()
        self.tickets.drop_old(now)
        self.attempts.drop_old(now - ONE_DAY)
        self.devices.drop_unseen(now - UNSEEN)
        self.notes.tidy(self.devices.all())
        try:
            more = self._erase("decisions", "last < ?", (names,))
            more |= self._erase("counts", "day < ?", (counts,))
            more |= self._erase("minutes", "day < ?", (counts,))
            more |= self._erase("week_minutes", "day <= ?", ((today - timedelta(MOST_DAYS)).isoformat(),))
            more |= self._erase("uses", "day < ?", (counts,))
            services = (today - timedelta(days=NAMES_DAYS)).isoformat()
            more |= self._erase("uses", "day < ? AND use LIKE ?", (services, f"{SERVICE}%"))
            more |= self._erase("audit", "at < ?", (audit,))
            more |= self._erase("audit", _BEYOND_AUDIT, (AUDIT_ROWS,))
            more |= self._erase("addresses", "last < ?", (addresses,))
            if not more:
                self._database.tidy()
            remove_broken_copies(self._database.path, now - timedelta(days=NAMES_DAYS))
        except StoreError as error:
            log.error("%s. Old rows stay until the file can be written", error)
            more = False
        return more

    def _erase(self, table: str, where: str, values: tuple[object, ...]) -> bool:
        """Delete up to PURGE_ROWS rows of ``table`` that match ``where``. Return True if more may match."""
        old = self._database.rows(f"SELECT rowid FROM {table} WHERE {where} LIMIT {PURGE_ROWS}", values)
        if old:
            self._database.write([Statement(f"DELETE FROM {table} WHERE rowid = ?", old)], durable=False)
        return len(old) == PURGE_ROWS

    def erase(self, profile: str, *, counts: bool = False, running: bool = False) -> None:
        """Erase a profile's names of sites, its notices about bypass methods, and its minutes by service.

        ``counts``: also its counts by category, and its minutes by category and time rule, except
        the current day's by time rule, which the limits use. With ``running`` too, also these.
        Deletes all copies of damaged database files, which contain such names. While another process
        reads the database, the erased data stays in the write-ahead log; `flush` empties it later.
        Raises StoreError.
        """
        self.events.forget(profile, counts=counts)
        self.bypass_cards.drop(lambda card: card.profile == profile)
        try:
            self._bus.publish(ActivityErased(profile, past=counts, running=running))
        finally:  # erase the rest too if a subscriber's file cannot be written
            self.history.erase(profile, counts=counts)
            self._database.tidy()
            remove_broken_copies(self._database.path)  # one person's names cannot be removed from them

    def forget_profile(self, profile: str) -> None:
        """Delete what is stored under a profile's id, except activity: a new profile may get the same id.

        It deletes the PIN, self-set times, agreement, push subscriptions, requests, extra time, opened
        sites, codes, pauses, and uses of shared devices. An adult's device that was handed over stays
        so until a guardian takes it back.
        """
        with self.transaction():
            for table in (self.pins, self.self_set, self.agreements, self.push):
                table.forget(profile)
            self.requests.keep([request for request in self.requests.all() if request.who != profile])
            self.grants.drop_of((profile,))
            self.tickets.drop_of(profile)
            self.pauses.drop_of((profile,))
            self.uses.drop_where(lambda use: use.who == profile and not use.handed)

    def erase_child(self, profile: str, macs: Collection[str]) -> None:
        """Erase the stored data of a child that has become an adult, beyond recovery from the file.

        That is the data of `forget_profile`, hand-overs of devices, the times of actions that are
        limited per day, details of audit lines, notices about bypass methods and the whole history; and
        the extra time and pauses of its devices ``macs``. It may be repeated. Raises StoreError.
        """
        with self.transaction():
            self.forget_profile(profile)
            self.grants.drop_of(macs)
            self.pauses.drop_of(macs)
            self.uses.drop_where(lambda use: use.who == profile)
            self.attempts.drop_of(profile)
            self.audit.blank(profile, macs)
        self.erase(profile, counts=True, running=True)

    @property
    def is_newer(self) -> bool:
        """Return whether a newer version of Qalqan wrote the file. It stays unchanged; state is in memory."""
        refused = self._database.refused
        return refused is not None and refused.trouble is Trouble.NEWER

    def problems(self) -> list[str]:
        """Return a sentence for each problem of the store, for `status`; empty if there is none.

        Problems are a file of a newer version, an unwritable disk, dropped decisions or audit
        lines, and a damaged file that was replaced while the program ran.
        """
        found = []
        if self.is_newer:
            meanwhile = "Meanwhile changes of accounts, devices and times are lost at a restart."
            found.append(f"{self._database.refused}. {meanwhile}")
        elif self._writer.behind or self._database.refused is not None:
            why = f" ({self._database.refused})" if self._database.refused is not None else ""
            found.append(
                f"The disk cannot be written{why}: changes since then apply, but a restart would lose them."
            )
        if self.events.dropped:
            found.append(f"{self.events.dropped} decisions were dropped from the log.")
        if self._writer.audit_lost:
            found.append(f"{self._writer.audit_lost} audit lines were dropped.")
        if self._database.renewals:
            found.append(
                "The database was damaged and has been replaced while the filter ran. The rules apply; "
                "activity and audit entries of before may be missing."
            )
        return found

    def figures(self) -> Mapping[str, int]:
        """Return numbers for `status --json`: rows that wait, dropped decisions, and bytes on disk.

        ``renewals``: how often a damaged file was replaced since the start.
        """
        return {
            "pending": self.events.pending,
            "dropped": self.events.dropped,
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
        """Write everything pending and close the file."""
        self.flush_devices()
        self.flush(0.0, force=True)
        self._database.close()


@dataclass(frozen=True, slots=True)
class _Loaded:
    writer: DurableWriter
    pauses: PauseTable
    slots: SlotTable
    devices: DeviceTable
    held_bands: HeldBandTable
    questions: QuestionTable
    grants: GrantTable
    requests: RequestTable
    tickets: TicketTable
    sightings: SightingTable
    bypass_cards: BypassCardTable
    notes: DeviceNoteTable
    uses: DeviceUseTable
    pins: PinTable
    alerts: AlertTable
    marks: DeviceMarkTable
    people: AccountTable
    growing: AgeTransitionTable
    proofs: AdultProofTable
    self_set: SelfSetTable
    agreements: AgreementTable
    attempts: AttemptTable
    push: PushTable


def _is_kept(named: Callable[[str], bool], notes: DeviceNoteTable, mac: str) -> bool:
    return named(mac) or mac in notes.labels()


def _load(
    database: Database, bus: Bus, named: Callable[[str], bool], clock_trusted: Callable[[], bool]
) -> _Loaded:
    """Return all tables, loaded from the database.

    If a read finds damage, the file is replaced by one with the salvaged rows; if it finds a value that no
    table accepts, by an empty one. The next try loads the new file. The error of the third try is raised,
    and so is any other StoreError.
    """
    for last in (False, False, True):
        writer = DurableWriter(database)
        try:
            notes = DeviceNoteTable(database, writer)
            return _Loaded(
                writer,
                PauseTable(database, writer),
                SlotTable(database, writer),
                DeviceTable(database, writer, partial(_is_kept, named, notes)),
                HeldBandTable(database, writer),
                QuestionTable(database, writer, clock_trusted),
                GrantTable(database, writer),
                RequestTable(database, writer),
                TicketTable(database, writer),
                SightingTable(database, writer, bus),
                BypassCardTable(database, writer),
                notes,
                DeviceUseTable(database, writer),
                PinTable(database, writer),
                AlertTable(database, writer),
                DeviceMarkTable(database, writer),
                AccountTable(database, writer, bus),
                AgeTransitionTable(database, writer),
                AdultProofTable(database, writer),
                SelfSetTable(database, writer),
                AgreementTable(database, writer),
                AttemptTable(database, writer),
                PushTable(database, writer),
            )
        except StoreError as error:
            if last or error.trouble is not Trouble.BROKEN:
                raise
        except BAD_VALUES as error:
            if last:
                raise
            log.error("%s: a stored value cannot be read: %s", database.path, error)
            database.renew(salvage=False)
    raise AssertionError
