"""Used minutes of past days by time rule (gate): for the activity pages, and for limits of longer periods."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from gateway.store.database import Database, Statement

TotalsByDay = Mapping[tuple[date, str, str], int]
"""Minutes by day, profile id and time rule (gate)."""


class DayTotalTable:
    """Stores the used minutes of past days by profile and time rule (gate). Methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, day: date, totals: Mapping[tuple[str, str], int]) -> None:
        """Replace the stored minutes of a day by ``totals``, by profile and time rule (gate)."""
        rows = [(day.isoformat(), profile, gate, count) for (profile, gate), count in totals.items()]
        self._database.write(
            [
                Statement("DELETE FROM minutes WHERE day = ?", [(day.isoformat(),)]),
                Statement("INSERT INTO minutes (day, profile, gate, minutes) VALUES (?, ?, ?, ?)", rows),
            ],
            durable=True,
        )

    def of(self, profile: str, first: date) -> Mapping[tuple[date, str], int]:
        """Return the used minutes of a profile by day and time rule (gate), from the day ``first`` on."""
        rows = self._database.rows(
            "SELECT day, gate, minutes FROM minutes WHERE profile = ? AND day >= ? ORDER BY day, gate",
            (profile, first.isoformat()),
        )
        return {(date.fromisoformat(day), gate): minutes for day, gate, minutes in rows}

    def keep_for_limits(self, totals: TotalsByDay) -> None:
        """Store minutes that limits of longer periods than a day need, whatever is erased of their days.

        They are kept in a table of their own (`kept_for_limits`), and replace those of the same day,
        profile and time rule (gate).
        """
        rows = [(day.isoformat(), profile, gate, minutes) for (day, profile, gate), minutes in totals.items()]
        insert = "INSERT OR REPLACE INTO week_minutes (day, profile, gate, minutes) VALUES (?, ?, ?, ?)"
        self._database.write([Statement(insert, rows)], durable=True)

    def kept_for_limits(self, first: date) -> TotalsByDay:
        """Return the minutes that `keep_for_limits` stored, from the day ``first`` on."""
        rows = self._database.rows(
            "SELECT day, profile, gate, minutes FROM week_minutes WHERE day >= ?", (first.isoformat(),)
        )
        return {(date.fromisoformat(day), profile, gate): minutes for day, profile, gate, minutes in rows}

    def drop_for_limits(self, profile: str) -> None:
        self._database.write(
            [Statement("DELETE FROM week_minutes WHERE profile = ?", [(profile,)])], durable=True
        )
