"""The highest age band that each child ever held: a younger one must not bring back more log."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.age.bands import Band
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import Keeper, table_snapshot


class HeldBands:
    """By a profile's id; kept when the profile is gone, since it may come back."""

    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
        known = {band.value: band for band in Band}
        rows = database.rows("SELECT profile, band FROM bands")
        self._held = {profile: known[band] for profile, band in rows if band in known}

    def all(self) -> Mapping[str, Band]:
        return self._held

    def hold(self, profile: str, band: Band) -> Band:
        """Note that a profile has a band now; the highest that it ever had. Written at once where it rose."""
        before = self._held.get(profile)
        if before is not None and band <= before:
            return before
        self._held[profile] = band
        self._keeper.save(Statement("INSERT OR REPLACE INTO bands VALUES (?, ?)", [(profile, band.value)]))
        return band

    def _snapshot(self) -> list[Statement]:
        rows = [(profile, band.value) for profile, band in self._held.items()]
        return table_snapshot("bands", "profile, band", list(rows))
