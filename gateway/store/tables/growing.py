"""Each child's latest step into the next age band, on the disk before anybody is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gateway.age.bands import Band
from gateway.policy.profile.growing import Step, StepState
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import (
    Keeper,
    audit_line,
    moment,
    moment_or_none,
    table_snapshot,
    unix,
    unix_or_none,
)

COLUMNS = (
    "profile, name, band, month, since, seen, state, until, reason, put_off_by, taken, by, undo, revision"
)
_PUT = f"INSERT OR REPLACE INTO growing ({COLUMNS}) VALUES ({', '.join('?' * 14)})"


class Growing:
    """By a profile's id: as many as there are profiles."""

    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
        self._steps = {
            one.profile: one for one in map(_read, database.rows(f"SELECT {COLUMNS} FROM growing"))
        }

    def all(self) -> Mapping[str, Step]:
        return self._steps

    def of(self, profile: str) -> Step | None:
        return self._steps.get(profile)

    def put(
        self, step: Step, what: str = "", *, by: str = "", at: datetime | None = None, origin: str = ""
    ) -> None:
        """``what``: as the audit calls it; empty where it says nothing. It never has the reason."""
        self._steps[step.profile] = step
        told = f"{step.profile}: {step.band.value} → {step.then.value}"
        audit = audit_line(at, by, what, told, origin) if what and at is not None else None
        self._keeper.save(Statement(_PUT, [_row(step)]), audit=audit)

    def drop(self, profile: str) -> None:
        if self._steps.pop(profile, None) is not None:
            self._keeper.save(Statement("DELETE FROM growing WHERE profile = ?", [(profile,)]))

    def change(self, change: Callable[[Step], Step]) -> None:
        """All of them at once."""
        before = self._steps
        self._steps = {profile: change(one) for profile, one in before.items()}
        if self._steps != before:
            self._keeper.save(*self._snapshot())

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("growing", COLUMNS, [_row(one) for one in self._steps.values()])


def _row(one: Step) -> tuple[object, ...]:
    return (
        one.profile, one.name, one.band.value, one.month, unix(one.since), unix(one.seen), one.state.value,
        one.until, one.reason, one.put_off_by, unix_or_none(one.taken), one.by, one.undo, one.revision,
    )  # fmt: skip


def _read(row: tuple[Any, ...]) -> Step:
    profile, name, band, month, since, seen, state, until, reason, put_off_by, taken, *rest = row
    return Step(
        profile, name, Band(band), month, moment(since), moment(seen), StepState(state), until, reason,
        put_off_by, moment_or_none(taken), *rest,
    )  # fmt: skip
