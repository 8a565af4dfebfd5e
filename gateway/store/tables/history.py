"""Activity of past days: minutes by service and category, attempts by category, and host names.

``stored_detail.detail`` decides which attempts and host names are written, gateway.metering.ledgers which
minutes. The features decide who may see which part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from gateway.policy.profile.rules import CATEGORY, SERVICE
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import moment, unix
from gateway.store.minutes_file import ClockRecord, MinuteFlag, Record, UseRecord

ALL = "all"  # any minute in which anything counted
OTHER = "other"  # counted minutes without a known service
NAMES_LIMIT = 2000  # most names in one answer; the latest ones
SAMPLE = "sample history"  # audit verb: earlier history is sample data

Uses = Mapping[tuple[str, str], int]
"""Minutes by profile and use: `service:x`, `category:x`, ALL or OTHER."""


def uses(records: Iterable[Record], kinds: Callable[[str], Iterable[str]]) -> Uses:
    """Return the number of minutes by profile and use: ``service:x``, ``category:x``, ALL or OTHER.

    ALL: any counted minute; OTHER: those without a known service. A minute counts once, for any
    number of devices and limits. ``kinds`` returns the categories of a service.
    """
    minutes: dict[tuple[str, str], set[int]] = {}
    for record in records:
        if isinstance(record, ClockRecord):
            continue
        found: tuple[str, ...] = ()
        if isinstance(record, UseRecord):
            found = (record.use,)
        elif record.why & MinuteFlag.COUNTED:
            found = (ALL, *((OTHER,) if record.service is None else named(record.service, kinds)))
        for use in found:
            minutes.setdefault((record.profile, use), set()).add(record.minute)
    return {key: len(found) for key, found in minutes.items()}


def named(service: str, kinds: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """Return the keys of a service in `Uses`: ``service:x``, and ``category:x`` for each category of it."""
    return (SERVICE + service, *(CATEGORY + kind for kind in kinds(service)))


@dataclass(frozen=True, slots=True)
class Name:
    """A host name with one reason why it was blocked or allowed, how often, and when first and last.

    ``host`` is empty if the connection named none. ``times``: decisions. ``attempts``: bursts of tries
    by a person (features/activity/attempts.py). ``background``: attempts that devices made without a
    person.
    """

    host: str
    reason: str
    rule: str
    owner: str
    times: int
    first: datetime
    last: datetime
    attempts: int
    background: int


@dataclass(frozen=True, slots=True)
class Count:
    day: date
    category: str  # `category:x`, `service:x`, or a reason
    refused: int  # blocked attempts by a person
    background: int  # blocked attempts that devices made without a person
    opened: int  # decisions that did not block


class HistoryTable:
    """Stores each profile's minutes of past days by use (`Uses`), and reads past activity.

    It also reads and erases the daily counts and host names that `EventWriter` stored, and erases the minutes
    by time rule. Methods raise StoreError.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, day: date, found: Uses) -> None:
        """Replace the stored minutes of a day by ``found``, by profile and use (service or category)."""
        rows = [(day.isoformat(), profile, use, count) for (profile, use), count in found.items()]
        self._database.write(
            [
                Statement("DELETE FROM uses WHERE day = ?", [(day.isoformat(),)]),
                Statement("INSERT INTO uses (day, profile, use, minutes) VALUES (?, ?, ?, ?)", rows),
            ],
            durable=True,
        )

    def of(self, profile: str, first: date, last: date) -> Mapping[date, Mapping[str, int]]:
        """Return the minutes of a profile by day and use (service or category).

        The days are from ``first`` to ``last`` inclusive.
        """
        rows = self._database.rows(
            "SELECT day, use, minutes FROM uses WHERE profile = ? AND day BETWEEN ? AND ?",
            (profile, first.isoformat(), last.isoformat()),
        )
        found: dict[date, dict[str, int]] = {}
        for day, use, minutes in rows:
            found.setdefault(date.fromisoformat(day), {})[use] = minutes
        return found

    def counts(self, profile: str, first: date, last: date) -> list[Count]:
        """Return a `Count` for each day and category of a profile: blocked attempts and allowed decisions.

        The days are from ``first`` to ``last`` inclusive.
        """
        rows = self._database.rows(
            "SELECT day, category, sum(CASE verdict WHEN 'block' THEN attempts ELSE 0 END),"
            " sum(CASE verdict WHEN 'block' THEN background ELSE 0 END),"
            " sum(CASE verdict WHEN 'block' THEN 0 ELSE times END) FROM counts"
            " WHERE profile = ? AND day BETWEEN ? AND ? GROUP BY day, category ORDER BY day",
            (profile, first.isoformat(), last.isoformat()),
        )
        return [Count(date.fromisoformat(day), *rest) for day, *rest in rows]

    def home_total(self, day: date, reason: str) -> int:
        """Return the household's total of attempts on a day that were decided for ``reason``.

        The total has only attempts that are stored without a person, such as names blocked for
        everyone.
        """
        rows = self._database.rows(
            "SELECT sum(attempts + background) FROM counts WHERE profile = '' AND day = ? AND category = ?",
            (day.isoformat(), reason),
        )
        return sum(attempts or 0 for (attempts,) in rows)

    def names(self, profile: str, since: datetime, until: datetime, *, refused: bool) -> list[Name]:
        """Return blocked (``refused``) or else not blocked host names of a profile, with reasons and counts.

        The latest are first, at most NAMES_LIMIT. Stored rows count as a whole, if their last decision is
        from ``since`` to before ``until``. Decisions that wait in `EventWriter` are left out.
        """
        sign = "=" if refused else "!="
        rows = self._database.rows(
            f"SELECT host, reason, rule, owner, sum(times), min(first), max(last) AS latest,"
            f" sum(attempts), sum(background) FROM decisions"
            f" WHERE profile = ? AND last >= ? AND last < ? AND verdict {sign} 'block'"
            f" GROUP BY host, reason, rule, owner ORDER BY latest DESC LIMIT {NAMES_LIMIT}",
            (profile, unix(since), unix(until)),
        )
        return [
            Name(host, reason, rule, owner, times, moment(first), moment(last), attempts, background)
            for host, reason, rule, owner, times, first, last, attempts, background in rows
        ]

    def sample_until(self) -> datetime | None:
        """Return until when the history is invented sample data; None if there is none."""
        rows = self._database.rows("SELECT max(at) FROM audit WHERE what = ?", (SAMPLE,))
        return None if rows[0][0] is None else moment(rows[0][0])

    def erase(self, profile: str, *, counts: bool) -> None:
        """Erase a profile's stored host names, and its minutes of past days by service.

        With ``counts`` also its daily counts, and its minutes of past days by category and time
        rule.
        """
        whole = ("decisions", "counts", "minutes", "uses") if counts else ("decisions",)
        statements = [Statement(f"DELETE FROM {table} WHERE profile = ?", [(profile,)]) for table in whole]
        services = "DELETE FROM uses WHERE profile = ? AND use LIKE ?"
        statements.append(Statement(services, [(profile, f"{SERVICE}%")]))
        self._database.write(statements, durable=True)
