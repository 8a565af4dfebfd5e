"""Collects filter decisions about connections and DNS queries in memory, and stores them in batches.

The packet path only adds to a dictionary; the daemon's timer calls ``flush``. Equal decisions within a batch
become one row with a count, so forty DNS queries of one page for one name are one row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from gateway.policy.values import Decision, Proto
from gateway.store.database import Database, Statement, StoreError
from gateway.store.flash_wear import Wear
from gateway.store.stored_detail import StoredDetail, detail

# Of rows in memory, and of daily counts: together about 1.5 MB. The oldest are dropped and counted.
PENDING_LIMIT = 4096

log = logging.getLogger(__name__)

Key = tuple[str, str, str, str, str, str, str, str]  # profile device host proto verdict reason rule owner
CountKey = tuple[str, str, str, str]  # day profile category verdict


@dataclass(slots=True)
class Seen:
    """The first and last time of equal filter decisions in Unix seconds, and how many there were.

    An attempt is a burst of tries to reach one host. ``attempts``: how many attempts by a person
    began with these decisions; ``background``: how many that a device made without a person.
    """

    first: int
    last: int
    times: int
    attempts: int
    background: int


@dataclass(slots=True)
class DayCount:
    """The number of decisions of a day in one category, and of the attempts that began with them.

    ``attempts``: by a person; ``background``: by a device without a person.
    """

    times: int = 0
    attempts: int = 0
    background: int = 0


class EventWriter:
    """Collects the filter decisions that each profile's log level allows to store; `flush` writes them.

    ``dropped``: the number of decisions lost because more than PENDING_LIMIT rows waited.
    """

    def __init__(self, database: Database, *, family_day: Callable[[datetime], date], wear: Wear) -> None:
        self._database = database
        self._family_day = family_day
        self._flush_every, self._flush_count = wear.flush_every, wear.flush_count
        self._rows: dict[Key, Seen] = {}
        self._counts: dict[CountKey, DayCount] = {}
        self._oldest: float | None = None  # when the batch began, by the clock of flush
        self._silenced = False  # a failure was logged and has not ended
        self._today = (-1.0, "")  # the minute of the latest decision, since 1970, and its day
        self.dropped = 0

    def record(
        self,
        decision: Decision,
        *,
        host: str | None,
        proto: Proto,
        profile: str,
        device: str,
        level: int,
        category: str,
        at: datetime,
        count: int = 1,
        attempts: int | None = None,
        background: int = 0,
    ) -> None:
        """Add a decision to the pending batch: its daily count, and host and device if ``level`` allows it.

        ``profile`` is an id, ``device`` a MAC address, ``level`` the log level (0 to 3; 0: nothing is
        added but the household's total of names blocked for everyone), ``category`` the key of the
        daily count, ``at`` an aware local time, ``count`` the number of equal decisions.
        ``attempts``: how many attempts by a person began with them (None: ``count``);
        ``background``: how many that the device made without a person.
        """
        attempts = count if attempts is None else attempts
        kept = detail(level, decision.reason, decision.verdict)
        if kept is StoredDetail.NOTHING:
            return
        # A StrEnum is a string already, and ``.value`` costs a call.
        verdict = decision.verdict
        day = self._day(at)
        person, group = (profile, category) if kept >= StoredDetail.COUNT else ("", decision.reason)
        total = (day, person, group, verdict)
        counted = self._counts.get(total)
        if counted is None:
            counted = self._counts[total] = DayCount()
        counted.times += count
        counted.attempts += attempts
        counted.background += background
        if kept is StoredDetail.NAME:
            reason, rule, owner = decision.reason, decision.rule, decision.owner
            key = (profile, device, host or "", proto, verdict, reason, rule, owner)
            second = int(at.timestamp())
            self._add(key, Seen(second, second, count, attempts, background))
        if len(self._rows) > PENDING_LIMIT or len(self._counts) > PENDING_LIMIT:
            self._make_room()

    def _day(self, at: datetime) -> str:
        """Return the family's day at a time, as an ISO 8601 date. The result is cached for a minute."""
        minute = at.timestamp() // 60
        if minute != self._today[0]:
            self._today = minute, self._family_day(at).isoformat()
        return self._today[1]

    def _add(self, key: Key, new: Seen) -> None:
        seen = self._rows.setdefault(key, new)
        if seen is not new:
            seen.last = max(seen.last, new.last)
            seen.times += new.times
            seen.attempts += new.attempts
            seen.background += new.background

    def _make_room(self) -> None:
        while len(self._rows) > PENDING_LIMIT:
            self.dropped += self._rows.pop(next(iter(self._rows))).times
        while len(self._counts) > PENDING_LIMIT:
            self.dropped += self._counts.pop(next(iter(self._counts))).times

    @property
    def pending(self) -> int:
        return len(self._rows) + len(self._counts)

    def flush(self, now: float, *, force: bool = False) -> None:
        """Write the pending decisions to the database if they are many or have waited long, or if ``force``.

        `Wear` has both limits. ``now`` is the loop's clock, in seconds. If the disk fails, the error
        is logged and the decisions stay pending; nothing is raised.
        """
        if not self.pending:
            self._oldest = None
            return
        if self._oldest is None:
            self._oldest = now
        if not force and self.pending < self._flush_count and now - self._oldest < self._flush_every:
            return
        try:
            self._database.write(self._statements(), durable=False)
        except StoreError as error:
            self._oldest = now  # retry after a whole interval
            if not self._silenced:
                log.error("%s. Keeping the last %d decisions in memory", error, PENDING_LIMIT)
            self._silenced = True
            return
        if self._silenced:
            log.warning("%s: writable again; %d decisions were dropped", self._database.path, self.dropped)
        self._silenced = False
        self._oldest = None
        self._rows.clear()
        self._counts.clear()

    def _statements(self) -> list[Statement]:
        rows = [
            (*map(str, key), seen.first, seen.last, seen.times, seen.attempts, seen.background)
            for key, seen in self._rows.items()
        ]
        counts = [
            (*map(str, key), found.times, found.attempts, found.background)
            for key, found in self._counts.items()
        ]
        return [
            Statement(
                "INSERT INTO decisions (profile, device, host, proto, verdict, reason, rule, owner,"
                " first, last, times, attempts, background) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            ),
            Statement(
                "INSERT INTO counts (day, profile, category, verdict, times, attempts, background)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (day, profile, category, verdict) DO UPDATE SET times = times + excluded.times,"
                " attempts = attempts + excluded.attempts, background = background + excluded.background",
                counts,
            ),
        ]

    def forget(self, profile: str, *, counts: bool = False) -> None:
        """Drop a profile's pending decisions, which are not on the disk yet.

        ``counts``: also its pending daily counts.
        """
        self._rows = {key: seen for key, seen in self._rows.items() if key[0] != profile}
        if counts:
            self._counts = {key: times for key, times in self._counts.items() if key[1] != profile}
