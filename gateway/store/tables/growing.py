"""Each child's latest transition to the next age group. Written to disk before it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gateway.age.bands import AgeBand
from gateway.policy.profile.age_transitions import LastTransition, TransitionState
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import (
    DurableWriter,
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


class AgeTransitionTable:
    """Stores each child's latest change to the next age group, by profile id.

    It is proposed, postponed or done. It does not change the rules.
    """

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        self._steps = {
            step.profile: step for step in map(_read, database.rows(f"SELECT {COLUMNS} FROM growing"))
        }

    def all(self) -> Mapping[str, LastTransition]:
        return self._steps

    def of(self, profile: str) -> LastTransition | None:
        return self._steps.get(profile)

    def put(
        self,
        step: LastTransition,
        what: str = "",
        *,
        by: str = "",
        at: datetime | None = None,
        origin: str = "",
    ) -> None:
        """Store the state of a child's change to the next age group, in place of the earlier one.

        ``what`` is the verb of the audit line, which omits the reason; empty, or without ``at``: no
        line.
        """
        self._steps[step.profile] = step
        detail = f"{step.profile}: {step.band.value} → {step.then.value}"
        audit = audit_line(at, by, what, detail, origin) if what and at is not None else None
        self._writer.save(Statement(_PUT, [_row(step)]), audit=audit)

    def drop(self, profile: str) -> None:
        if self._steps.pop(profile, None) is not None:
            self._writer.save(Statement("DELETE FROM growing WHERE profile = ?", [(profile,)]))

    def change(self, change: Callable[[LastTransition], LastTransition]) -> None:
        """Replace each child's age transition by ``change(transition)``, in one write."""
        before = self._steps
        self._steps = {profile: change(step) for profile, step in before.items()}
        if self._steps != before:
            self._writer.save(*self._snapshot())

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("growing", COLUMNS, [_row(step) for step in self._steps.values()])


def _row(step: LastTransition) -> tuple[object, ...]:
    return (
        step.profile, step.name, step.band.value, step.month, unix(step.since), unix(step.seen),
        step.state.value,
        step.until, step.reason, step.put_off_by, unix_or_none(step.taken), step.by, step.undo, step.revision,
    )  # fmt: skip


def _read(row: tuple[Any, ...]) -> LastTransition:
    profile, name, band, month, since, seen, state, until, reason, put_off_by, taken, *rest = row
    return LastTransition(
        profile, name, AgeBand(band), month, moment(since), moment(seen), TransitionState(state), until,
        reason, put_off_by, moment_or_none(taken), *rest,
    )  # fmt: skip
