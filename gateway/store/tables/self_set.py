"""What children of 16 and 17 set for themselves, on the disk before anybody is told that it holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gateway.policy.profile.self_set import Choice
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import Keeper, audit_line, moment, table_snapshot, unix

COLUMNS = "profile, key, said, at"
_PUT = f"INSERT OR REPLACE INTO self_set ({COLUMNS}) VALUES (?, ?, ?, ?)"
PROFILES = 64  # as many as there may be


class SelfSets:
    """By a profile's id; `policy.selfset` bounds how many each has."""

    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
        self._choices: dict[str, tuple[Choice, ...]] = {}
        for who, key, said, at in database.rows(f"SELECT {COLUMNS} FROM self_set ORDER BY at, key"):
            self._choices[who] = (*self.of(who), Choice(key, said, moment(at)))

    def all(self) -> Mapping[str, tuple[Choice, ...]]:
        return self._choices

    def of(self, profile: str) -> tuple[Choice, ...]:
        return self._choices.get(profile, ())

    def put(
        self, profile: str, choices: tuple[Choice, ...], *, told: str, by: str, at: datetime, origin: str = ""
    ) -> None:
        """All that a child has set. ``told``: as the audit says it."""
        audit = audit_line(at, by, "self set", f"{profile}: {told}", origin)
        self._replace(profile, choices, audit)
        for gone in list(self._choices)[:-PROFILES]:  # of profiles that are gone: the longest unchanged
            self.forget(gone)

    def forget(self, profile: str) -> None:
        """Without a word in the audit: nobody turned it off."""
        if profile in self._choices:
            self._replace(profile, ())

    def _replace(self, profile: str, choices: tuple[Choice, ...], audit: Statement | None = None) -> None:
        self._choices.pop(profile, None)
        if choices:
            self._choices[profile] = choices
        self._keeper.save(
            Statement("DELETE FROM self_set WHERE profile = ?", [(profile,)]),
            Statement(_PUT, _rows(profile, choices)),
            audit=audit,
        )

    def _snapshot(self) -> list[Statement]:
        rows = [row for profile, choices in self._choices.items() for row in _rows(profile, choices)]
        return table_snapshot("self_set", COLUMNS, rows)


def _rows(profile: str, choices: tuple[Choice, ...]) -> list[tuple[object, ...]]:
    return [(profile, one.key, one.said, unix(one.at)) for one in choices]
