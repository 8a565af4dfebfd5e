"""The highest age group of each child so far: a lower one set later must not enable more logging again."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.age.bands import AgeBand
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, table_snapshot


class HeldBandTable:
    """Stores the highest age group that each profile has had so far, by profile id.

    A lower one that is set later must not enable more logging. An entry stays when its profile is
    deleted, since the profile may be restored.
    """

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        known = {band.value: band for band in AgeBand}
        rows = database.rows("SELECT profile, band FROM bands")
        self._held = {profile: known[band] for profile, band in rows if band in known}

    def all(self) -> Mapping[str, AgeBand]:
        return self._held

    def hold(self, profile: str, band: AgeBand) -> AgeBand:
        """Store the present age group of a profile if it is the highest so far. Return the highest one."""
        before = self._held.get(profile)
        if before is not None and band <= before:
            return before
        self._held[profile] = band
        self._writer.save(
            Statement("INSERT OR REPLACE INTO bands (profile, band) VALUES (?, ?)", [(profile, band.value)])
        )
        return band

    def _snapshot(self) -> list[Statement]:
        rows = [(profile, band.value) for profile, band in self._held.items()]
        return table_snapshot("bands", "profile, band", list(rows))
