"""Settings that children of 16 and 17 make for themselves. Written to disk before they are confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gateway.policy.profile.self_set import OwnSetting
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import DurableWriter, NewAuditLine, audit_line, moment, table_snapshot, unix

COLUMNS = "profile, key, said, at"
_PUT = f"INSERT OR REPLACE INTO self_set ({COLUMNS}) VALUES (?, ?, ?, ?)"
PROFILES = 64  # as many as there can be profiles


class SelfSetTable:
    """Stores the bedtime and limits that each child set for itself, by profile id.

    `policy.profile.self_set` limits their number.
    """

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        self._choices: dict[str, tuple[OwnSetting, ...]] = {}
        for who, key, said, at in database.rows(f"SELECT {COLUMNS} FROM self_set ORDER BY at, key"):
            self._choices[who] = (*self.of(who), OwnSetting(key, said, moment(at)))

    def all(self) -> Mapping[str, tuple[OwnSetting, ...]]:
        return self._choices

    def of(self, profile: str) -> tuple[OwnSetting, ...]:
        return self._choices.get(profile, ())

    def put(
        self,
        profile: str,
        choices: tuple[OwnSetting, ...],
        *,
        audit_text: str,
        by: str,
        at: datetime,
        origin: str = "",
    ) -> None:
        """Replace all settings that a child made for itself, with an audit line. Written immediately.

        ``choices``: the new ones; empty removes all. ``audit_text``: the detail of the audit line.
        """
        audit = audit_line(at, by, "self set", f"{profile}: {audit_text}", origin)
        self._replace(profile, choices, audit)
        for gone in list(self._choices)[:-PROFILES]:  # drop the longest unchanged, of deleted profiles
            self.forget(gone)

    def forget(self, profile: str) -> None:
        """Delete the settings that a child made for itself, without an audit line."""
        if profile in self._choices:
            self._replace(profile, ())

    def _replace(
        self, profile: str, choices: tuple[OwnSetting, ...], audit: NewAuditLine | None = None
    ) -> None:
        self._choices.pop(profile, None)
        if choices:
            self._choices[profile] = choices
        self._writer.save(
            Statement("DELETE FROM self_set WHERE profile = ?", [(profile,)]),
            Statement(_PUT, _rows(profile, choices)),
            audit=audit,
        )

    def _snapshot(self) -> list[Statement]:
        rows = [row for profile, choices in self._choices.items() for row in _rows(profile, choices)]
        return table_snapshot("self_set", COLUMNS, rows)


def _rows(profile: str, choices: tuple[OwnSetting, ...]) -> list[tuple[object, ...]]:
    return [(profile, choice.key, choice.said, unix(choice.at)) for choice in choices]
