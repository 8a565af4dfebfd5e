"""Used minutes of past days, by profile and limit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from gateway.store.database import Database, Statement


class DayTotals:
    """Totals of past days. Methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, day: date, totals: Mapping[tuple[str, str], int]) -> None:
        """Replace the totals of a day, by profile and gate, in minutes."""
        rows = [(day.isoformat(), profile, gate, count) for (profile, gate), count in totals.items()]
        self._database.write(
            [
                Statement("DELETE FROM minutes WHERE day = ?", [(day.isoformat(),)]),
                Statement("INSERT INTO minutes VALUES (?, ?, ?, ?)", rows),
            ],
            durable=True,
        )

    def of(self, profile: str, first: date) -> Mapping[tuple[date, str], int]:
        """Return minutes by day and gate, from the ``first`` day on."""
        rows = self._database.rows(
            "SELECT day, gate, minutes FROM minutes WHERE profile = ? AND day >= ? ORDER BY day, gate",
            (profile, first.isoformat()),
        )
        return {(date.fromisoformat(day), gate): minutes for day, gate, minutes in rows}
