"""What persons did on days that are over: for which services and kinds their minutes went, what was refused.

What may be kept at all is said by ``levels.detail`` as it is written; who may be told what of it is the
daemon's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from gateway.store.database import Database, Statement
from gateway.store.durable_writes import moment, unix
from gateway.store.minute_records import ClockRecord, Record, UseRecord, Why

SERVICE, CATEGORY = "service:", "category:"
ALL = "all"  # any minute in which anything counted
OTHER = "other"  # minutes of which nobody knows whose bytes they were
NAMES_LIMIT = 2000  # different names that one answer is made of; the latest
SAMPLE = "sample history"  # how the audit says that what lies before it is made up

Uses = Mapping[tuple[str, str], int]
"""Minutes by profile and use: `service:x`, `category:x`, ALL or OTHER."""


def uses(records: Iterable[Record], kinds: Callable[[str], Iterable[str]]) -> Uses:
    """Each minute once, whatever the number of devices and limits, and whether a limit or its kind alone had
    it counted. ``kinds``: categories of a service.
    """
    minutes: dict[tuple[str, str], set[int]] = {}
    for one in records:
        if isinstance(one, ClockRecord):
            continue
        found: tuple[str, ...] = ()
        if isinstance(one, UseRecord):
            found = (one.use,)
        elif one.why & Why.COUNTED:
            found = (ALL, *((OTHER,) if one.service is None else named(one.service, kinds)))
        for use in found:
            minutes.setdefault((one.profile, use), set()).add(one.minute)
    return {key: len(found) for key, found in minutes.items()}


def named(service: str, kinds: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """A service as a use, and the kinds that it is of."""
    return (SERVICE + service, *(CATEGORY + kind for kind in kinds(service)))


@dataclass(frozen=True, slots=True)
class Name:
    """One site, and one reason for which it was refused, or open."""

    host: str
    reason: str
    rule: str
    owner: str
    times: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Count:
    day: date
    category: str  # `category:x`, `service:x`, or a reason
    refused: int
    opened: int


class History:
    """Methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, day: date, found: Uses) -> None:
        """All of a day; what was known of it before is replaced."""
        rows = [(day.isoformat(), profile, use, count) for (profile, use), count in found.items()]
        self._database.write(
            [
                Statement("DELETE FROM uses WHERE day = ?", [(day.isoformat(),)]),
                Statement("INSERT INTO uses VALUES (?, ?, ?, ?)", rows),
            ],
            durable=True,
        )

    def of(self, profile: str, first: date, last: date) -> Mapping[date, Mapping[str, int]]:
        """Minutes by day and use; both days included."""
        rows = self._database.rows(
            "SELECT day, use, minutes FROM uses WHERE profile = ? AND day BETWEEN ? AND ?",
            (profile, first.isoformat(), last.isoformat()),
        )
        found: dict[date, dict[str, int]] = {}
        for day, use, minutes in rows:
            found.setdefault(date.fromisoformat(day), {})[use] = minutes
        return found

    def counts(self, profile: str, first: date, last: date) -> list[Count]:
        """By day and kind."""
        rows = self._database.rows(
            "SELECT day, category, sum(CASE verdict WHEN 'block' THEN times ELSE 0 END),"
            " sum(CASE verdict WHEN 'block' THEN 0 ELSE times END) FROM counts"
            " WHERE profile = ? AND day BETWEEN ? AND ? GROUP BY day, category ORDER BY day",
            (profile, first.isoformat(), last.isoformat()),
        )
        return [Count(date.fromisoformat(day), *rest) for day, *rest in rows]

    def home_total(self, day: date, reason: str) -> int:
        """How often it was met in the whole home that day: of what nobody's own count has."""
        rows = self._database.rows(
            "SELECT sum(times) FROM counts WHERE profile = '' AND day = ? AND category = ?",
            (day.isoformat(), reason),
        )
        return sum(times or 0 for (times,) in rows)

    def names(self, profile: str, since: datetime, until: datetime, *, refused: bool) -> list[Name]:
        """Names and why, the latest first; ``until`` is not included."""
        sign = "=" if refused else "!="
        rows = self._database.rows(
            f"SELECT host, reason, rule, owner, sum(times), min(first), max(last) AS latest FROM decisions"
            f" WHERE profile = ? AND last >= ? AND last < ? AND verdict {sign} 'block'"
            f" GROUP BY host, reason, rule, owner ORDER BY latest DESC LIMIT {NAMES_LIMIT}",
            (profile, unix(since), unix(until)),
        )
        return [
            Name(host, reason, rule, owner, times, moment(first), moment(last))
            for host, reason, rule, owner, times, first, last in rows
        ]

    def sample_until(self) -> datetime | None:
        """What lies before it was made up, to be looked at."""
        rows = self._database.rows("SELECT max(at) FROM audit WHERE what = ?", (SAMPLE,))
        return None if rows[0][0] is None else moment(rows[0][0])

    def erase(self, profile: str, *, counts: bool) -> None:
        """One person's names of sites and services; with ``counts`` how much of what kind as well."""
        whole = ("decisions", "counts", "minutes", "uses") if counts else ("decisions",)
        statements = [Statement(f"DELETE FROM {table} WHERE profile = ?", [(profile,)]) for table in whole]
        services = "DELETE FROM uses WHERE profile = ? AND use LIKE ?"
        statements.append(Statement(services, [(profile, f"{SERVICE}%")]))
        self._database.write(statements, durable=True)
