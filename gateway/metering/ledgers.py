"""Counts the used minutes of time limits by profile, device and day, in memory and in one file per day.

A time limit is identified by its time rule, called gate in the code: ``internet``, ``play`` or
``service:youtube``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from gateway.household.context import HomeContext
from gateway.household.members import CountedMinute, UsedMinute
from gateway.household.rule_book import RuleBook
from gateway.policy.names.services import DEFAULT_THRESHOLD, Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL, SERVICE, VISITS_LEVEL
from gateway.policy.time.ledger import CountReason, Ledger, LedgerEntry, Move
from gateway.policy.time.limit_periods import DAY, LONGER_PERIODS
from gateway.policy.time.schedule import limit_on
from gateway.store.flash_wear import Wear
from gateway.store.minutes_file import (
    FOLDER,
    ClockRecord,
    MinuteFlag,
    MinuteRecord,
    MinutesFile,
    Record,
    UseRecord,
    spent,
)
from gateway.store.store import ActivityErased, Store
from gateway.store.tables.day_totals import TotalsByDay
from gateway.store.tables.history import uses

MINUTE = 60
MOST_TOTALS = 16  # cached totals of past days: one a period, and those of questions about other days
NOTHING: Mapping[str, int] = {}

_Key = tuple[str, str, str, str | None]  # profile, device, gate, service


class Ledgers:
    """Keeps one ledger for each profile: the minutes that its devices used of each time limit today.

    ``catalogue``: the services, with the bytes per minute from which on a minute counts.
    """

    def __init__(
        self,
        file: MinutesFile,
        catalogue: Callable[[], Catalogue],
        kept: Callable[[date], TotalsByDay] = lambda first: {},  # noqa: ARG005
    ) -> None:
        """Start without counted minutes; `open` reads those of the day.

        ``kept``: returns the totals that are stored for limits of longer periods, from a day on, by day,
        profile and limit.
        """
        self._file = file
        self._catalogue = catalogue
        self._kept = kept
        self._before: dict[tuple[date, date], TotalsByDay] = {}  # totals from a day up to before another
        self._profiles: Mapping[str, Profile] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._day: date | None = None
        self._found: dict[str, _Past] = {}  # content of the day's file, by profile
        self._moving: dict[_Key, int] = {}  # bytes of the current minute
        self._written: dict[_Key, int] = {}  # the part of them that is in the file
        self._grown: set[_Key] = set()  # keys whose growth has to be written
        self._clock: ClockRecord | None = None  # the last clock record in the file

    @property
    def day(self) -> date | None:
        return self._day

    @property
    def in_force(self) -> bool:
        """Return whether any profile has a ledger."""
        return bool(self._profiles)

    def last_clock(self) -> ClockRecord | None:
        return self._file.last_clock()

    def _make(self, profile: Profile) -> Ledger:
        return Ledger(profile.rules.linger.value // timedelta(minutes=1), own_thresholds(self._catalogue()))

    def _grain(self, service: str | None) -> int:
        """Return how many new bytes of a minute may wait in memory: a sixth of the service's threshold.

        A kill of the daemon loses at most so many bytes of each service and limit.
        """
        known = self._catalogue().services.get(service) if service is not None else None
        return (DEFAULT_THRESHOLD if known is None else known.threshold) // 6

    def keep(self, profiles: Iterable[Profile]) -> None:
        """Replace the profiles that have ledgers. Profiles that remain keep their counted minutes.

        A new one starts with those that the day's file has of it.
        """
        before, self._profiles = self._profiles, {profile.id: profile for profile in profiles}
        for key, profile in self._profiles.items():
            old = self._ledgers.get(key)
            if old is not None and before.get(key) is profile:
                continue
            new = self._ledgers[key] = self._make(profile)
            if old is not None:
                new.restore(old.entries(), old.moving(), old.closed)
            elif key in self._found:
                past = self._found.pop(key)
                new.restore(past.counted, past.moving, past.closed)

    def open(self, day: date, minute: int) -> None:
        """Open the file of a day, and restore its counted minutes.

        ``minute``: the number of the current minute, from `MinuteClock`. Call `keep` afterwards if the
        profiles changed.
        """
        turned = {key: ledger.turned() for key, ledger in self._ledgers.items()} if self._day else {}
        records = self._file.open(day)
        self._found = _past_minutes(records, minute)
        clocks = [record for record in records if isinstance(record, ClockRecord)]
        self._clock = clocks[-1] if clocks else None
        self._ledgers = {key: ledger for key, ledger in turned.items() if key not in self._found}
        if self._day is None:
            for key, past in self._found.items():
                for move in past.moving:
                    if move.minute == minute:
                        self._moving[key, move.device, move.gate, move.service] = move.moved
            self._written = dict(self._moving)
        else:  # the file of the new day has no record of the current minute
            self._written = {}
            self._grown = set(self._moving)
        self._day = day
        self.forget_totals()
        self.keep(self._profiles.values())

    def move(
        self, profile: str, device: str, gate: str, moved: int, minute: int, service: str | None
    ) -> None:
        """Add ``moved`` bytes to the current minute of a device and limit.

        ``service``: None if unknown. Does nothing for a profile without a ledger.
        """
        ledger = self._ledgers.get(profile)
        if ledger is None:
            return
        ledger.move(minute, device, gate, moved, service)
        key = (profile, device, gate, service)
        total = self._moving[key] = self._moving.get(key, 0) + moved
        if total - self._written.get(key, 0) > self._grain(service):
            self._grown.add(key)

    def close(
        self,
        minute: int,
        clock: ClockRecord,
        now: float,
        uses: Iterable[UseRecord] = (),
        is_blocked: Callable[[str, str, str], bool] = lambda *_: False,
    ) -> bool:
        """End a minute and write its records. Return whether it counted for a limit.

        ``clock``: the record of the minute. ``uses``: minutes by category, written after the counted minutes.
        ``is_blocked`` returns whether a profile's device is blocked for what a limit counts (`Ledger.close`).
        """
        records: list[Record] = []
        for key, ledger in self._ledgers.items():
            for entry in ledger.close(minute, partial(is_blocked, key)):
                why = MinuteFlag.COUNTED | (
                    MinuteFlag.LINGER if entry.why is CountReason.LINGER else MinuteFlag.NOTHING
                )
                service = self._storable_service(key, entry.service)
                records.append(
                    MinuteRecord(entry.minute, key, entry.device, entry.gate, entry.moved, service, why)
                )
        self._moving, self._written, self._grown = {}, {}, set()
        self._append([*records, *uses], clock, now)
        return bool(records)

    def write(self, clock: ClockRecord, now: float, *, force: bool = False) -> None:
        """Write new bytes of the current minute to the day's file, and sync the file if that is due.

        ``clock``: the record of the current minute. ``now``: seconds of the event loop. ``force``: also write
        amounts that are smaller than `_grain`.
        """
        records: list[Record] = []
        if force:
            self._grown |= {key for key, size in self._moving.items() if size != self._written.get(key)}
        for key in self._grown:
            size = self._written[key] = self._moving[key]
            service = self._storable_service(*key[::3])
            records.append(MinuteRecord(clock.minute, *key[:3], size, service, MinuteFlag.OPEN))
        self._grown.clear()
        self._append(records, clock, now)
        self._file.sync(now)

    def _storable_service(self, profile: str, service: str | None) -> str | None:
        """Return ``service``, or None if the profile's log level stores no services."""
        known = self._profiles.get(profile)
        return service if known is not None and known.rules.log_level else None

    def _append(self, records: list[Record], clock: ClockRecord, now: float) -> None:
        if not records:
            return
        if self._clock is None or self._clock.minute != clock.minute:
            self._clock = clock
            records.insert(0, clock)
        self._file.append(records, now)

    def used(self, profile_id: str) -> tuple[date | None, Mapping[str, int]]:
        """Return today's date (None until counting starts), and the minutes a profile used today by limit."""
        ledger = self._ledgers.get(profile_id)
        return self._day, NOTHING if ledger is None else ledger.used()

    def used_between(self, profile_id: str, first: date, end: date) -> Mapping[str, int]:
        """Return a profile's used minutes by limit, from the day ``first`` up to the day before ``end``."""
        today = self._day is not None and first <= self._day < end
        found = Counter(self.used(profile_id)[1] if today else NOTHING)
        for (_, _, gate), minutes in self.past_totals(profile_id, first, end).items():
            found[gate] += minutes
        return found

    def past_totals(self, profile_id: str, first: date, end: date | None = None) -> TotalsByDay:
        """Return a profile's used minutes by (day, profile, limit), from ``first`` up to before ``end``.

        At most up to yesterday, which is the default.
        """
        last = min(end or self._day or first, self._day or first)
        if (first, last) not in self._before:
            if len(self._before) >= MOST_TOTALS:
                self._before.clear()
            self._before[first, last] = self._read_totals(first, last)
        return {key: total for key, total in self._before[first, last].items() if key[1] == profile_id}

    def forget_totals(self) -> None:
        """Drop the cached minute totals of past days: some were erased, or the day has changed."""
        self._before = {}

    def _read_totals(self, first: date, last: date) -> TotalsByDay:
        """Return the used minutes by (day, profile, limit), from the day ``first`` up to before ``last``.

        They come from the files of the days, and from the database for what the files have no more.
        """
        day = first
        found = {key: value for key, value in self._kept(first).items() if key[0] < last}
        while day < last:
            for (profile, gate), minutes in spent(self._file.details(day)).items():
                found[day, profile, gate] = max(minutes, found.get((day, profile, gate), 0))
            day += DAY
        return found

    def used_on(self, profile_id: str) -> Mapping[str, Mapping[str, int]]:
        """Return the minutes that a profile used today, by device and limit, in the order of first use.

        A device is a MAC address, or ``slot N`` for several with one slot. Several devices may have the same
        minute.
        """
        ledger = self._ledgers.get(profile_id)
        return {} if ledger is None else {device: ledger.used_on(device) for device in ledger.devices()}

    def entries(self, profile_id: str, day: date) -> tuple[CountedMinute, ...]:
        """Return a profile's counted minutes on a day of the last week; empty if its log level is 0."""
        known = self._profiles.get(profile_id)
        if known is not None and not known.rules.log_level:
            return ()
        return tuple(self._entries(profile_id, day))

    def _entries(self, profile_id: str, day: date) -> Iterator[CountedMinute]:
        shift = 0
        for record in self._file.details(day):
            if isinstance(record, ClockRecord):
                shift = record.wall - record.minute
            elif (
                isinstance(record, MinuteRecord)
                and record.profile == profile_id
                and record.why & MinuteFlag.COUNTED
            ):
                at = datetime.fromtimestamp((record.minute + shift) * MINUTE, UTC)
                why = CountReason.LINGER if record.why & MinuteFlag.LINGER else CountReason.MOVED
                yield CountedMinute(at, record.device, record.gate, record.bytes, record.service, why)

    def uses(self, profile_id: str, day: date) -> tuple[UsedMinute, ...]:
        """Return a profile's minutes on a day of the last week by category and service, limited or not."""
        return tuple(self._uses(profile_id, day))

    def _uses(self, profile_id: str, day: date) -> Iterator[UsedMinute]:
        shift = 0
        for record in self._file.details(day):
            if isinstance(record, ClockRecord):
                shift = record.wall - record.minute
            elif isinstance(record, UseRecord) and record.profile == profile_id:
                yield UsedMinute(datetime.fromtimestamp((record.minute + shift) * MINUTE, UTC), record.use)

    def tidy(self) -> None:
        """Store the totals of past days in the database, and delete the files of days older than a week.

        The file of the last past day stays until the day changes again.
        """
        if self._day is not None:
            self._file.tidy(self._day)

    def problems(self) -> list[str]:
        """Return one line for each reason why minutes cannot be stored."""
        return self._file.problems()

    def close_file(self) -> None:
        self._file.close()


def ledgers(home: HomeContext, store: Store, wear: Wear) -> Ledgers:
    """Return the ledgers, with files in the state folder. They erase minutes when activity is erased."""
    rules = home.rules
    file = MinutesFile(
        Path(rules.household.config.state) / FOLDER,
        lambda day, records: fold(day, records, store, rules),
        sync_every=wear.sync_every,
    )

    books = Ledgers(file, lambda: rules.world.catalogue, store.minutes.kept_for_limits)

    def erase(event: ActivityErased) -> None:
        if event.running:
            store.minutes.drop_for_limits(event.profile)
        elif event.past and books.day is not None:
            first = min(rules.calendar.first_day(period, books.day) for period in LONGER_PERIODS)
            keep_for_limits(books.past_totals(event.profile, first), store, rules)
        books.forget_totals()
        file.erase(event.profile, past=event.past, running=event.running)

    home.bus.subscribe(ActivityErased, erase)
    return books


def fold(day: date, records: Sequence[Record], store: Store, rules: RuleBook) -> None:
    """Store the minutes of a past day by limit, category and service, as far as each log level allows.

    Limits and categories from KINDS_LEVEL on, services from NAMES_LEVEL on, those without a limit
    from VISITS_LEVEL on. Minutes that a limit of a longer period than a day counts are stored at every level.
    """
    levels = {child.id: child.rules.log_level for child in rules.household.children}
    logged = {key for key, level in levels.items() if level >= KINDS_LEVEL}
    totals = spent(records)
    store.minutes.keep(day, {key: minutes for key, minutes in totals.items() if key[0] in logged})
    keep_for_limits({(day, *key): minutes for key, minutes in totals.items()}, store, rules)
    kept = [
        record
        for record in records
        if not (isinstance(record, UseRecord) and record.use.startswith(SERVICE))
        or levels.get(record.profile, 0) >= VISITS_LEVEL
    ]
    found = uses(kept, rules.world.catalogue.kinds_of)
    store.history.keep(
        day,
        {
            (profile, use): minutes
            for (profile, use), minutes in found.items()
            if levels.get(profile, 0) >= (NAMES_LEVEL if use.startswith(SERVICE) else KINDS_LEVEL)
        },
    )


def keep_for_limits(totals: TotalsByDay, store: Store, rules: RuleBook) -> None:
    """Store those of the minutes by day, profile and limit that a limit of a longer period than a day counts.

    The files of the days do not last as long as a period may, and may be erased.
    """

    def counts(day: date, profile_id: str, gate: str) -> bool:
        profile = rules.household.find(profile_id)
        if profile is None:
            return False
        limits = (limit_on(profile.rules, gate, day, rules.calendar, period) for period in LONGER_PERIODS)
        return any(limit is not None for limit in limits)

    needed = {key: minutes for key, minutes in totals.items() if counts(*key)}
    if needed:
        store.minutes.keep_for_limits(needed)


def own_thresholds(catalogue: Catalogue) -> Mapping[str, int]:
    """Return the thresholds, in bytes per minute, of services that differ from the default."""
    services = catalogue.services.values()
    return {service.id: service.threshold for service in services if service.threshold != DEFAULT_THRESHOLD}


@dataclass(frozen=True, slots=True)
class _Past:
    """The minutes of one profile in the file of a day, from which its ledger is restored."""

    counted: tuple[LedgerEntry, ...]
    moving: tuple[Move, ...]
    closed: int | None  # the last finished minute; None: none is known


def _past_minutes(records: Iterable[Record], minute: int) -> dict[str, _Past]:
    counted: dict[str, list[LedgerEntry]] = {}
    moving: dict[str, dict[tuple[int, str, str, str | None], Move]] = {}
    for record in records:
        if not isinstance(record, MinuteRecord):
            continue
        if record.why & MinuteFlag.COUNTED:
            why = CountReason.LINGER if record.why & MinuteFlag.LINGER else CountReason.MOVED
            entry = LedgerEntry(record.minute, record.device, record.gate, record.bytes, record.service, why)
            counted.setdefault(record.profile, []).append(entry)
        else:
            move = Move(record.minute, record.device, record.gate, record.bytes, record.service)
            moving.setdefault(record.profile, {})[move.minute, move.device, move.gate, move.service] = move
    return {
        profile: _past(counted.get(profile, []), moving.get(profile, {}).values(), minute)
        for profile in counted.keys() | moving.keys()
    }


def _past(counted: list[LedgerEntry], moving: Iterable[Move], minute: int) -> _Past:
    """Return the stored minutes of one profile, from which its ledger is restored.

    ``minute``: the current minute. Of the minutes that did not count, only the last one is kept: it may not
    be over yet.
    """
    closed = max((entry.minute for entry in counted), default=None)
    moving = tuple(moving)
    last = max((move.minute for move in moving), default=minute)
    left = tuple(move for move in moving if move.minute == last and (closed is None or closed < last))
    return _Past(tuple(counted), left, last - 1 if left else closed)
