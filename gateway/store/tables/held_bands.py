"""The highest age group of each child so far: a lower one set later must not enable more logging again."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.age.bands import AgeBand
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, table_snapshot

HELD_LIMIT = 64  # as many as there can be profiles, and as a backup holds


class HeldBandTable:
    """Stores the highest age group that each profile has had so far, by profile id.

    A lower one that is set later must not enable more logging. An entry stays when its profile is
    deleted, since the profile may be restored; beyond HELD_LIMIT, `drop_old` deletes such entries.
    """

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        known = {band.value: band for band in AgeBand}
        rows = database.rows("SELECT profile, band FROM bands")
        # The last used is last: at each change of the rules, `hold` is called for all profiles.
        self._held = {profile: known[band] for profile, band in rows if band in known}

    def all(self) -> Mapping[str, AgeBand]:
        return self._held

    def hold(self, profile: str, band: AgeBand) -> AgeBand:
        """Store the present age group of a profile if it is the highest so far. Return the highest one."""
        before = self._held.pop(profile, None)
        if before is not None and band <= before:
            self._held[profile] = before
            return before
        self._held[profile] = band
        self._writer.save(
            Statement("INSERT OR REPLACE INTO bands (profile, band) VALUES (?, ?)", [(profile, band.value)])
        )
        return band

    def drop_old(self) -> None:
        """Delete all but the HELD_LIMIT entries that were used last."""
        gone = list(self._held)[:-HELD_LIMIT]
        for profile in gone:
            del self._held[profile]
        if gone:
            rows = [(profile,) for profile in gone]
            self._writer.save(Statement("DELETE FROM bands WHERE profile = ?", rows))

    def _snapshot(self) -> list[Statement]:
        rows = [(profile, band.value) for profile, band in self._held.items()]
        return table_snapshot("bands", "profile, band", list(rows))
